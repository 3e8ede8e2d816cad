package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/script"
)

// helpersCommand is "muster help helpers": documentation that the program
// itself holds.
func helpersCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "helpers [NAME|WORD]",
		Short: "The functions that package actions can call",
		Long: `List the functions that actions.star can call, or show the one of that name, or
those that have the word in name, summary or topic. What only build() of a recipe
can call is in docs/reference/recipes.md.`,
		Example: "  muster help helpers\n  muster help helpers inifile_writestring",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.helpers(strings.Join(args, ""))
		},
	}
}

// helperFact is the JSON form of a helper.
type helperFact struct {
	Topic     string   `json:"topic"`
	Name      string   `json:"name"`
	Signature string   `json:"signature"`
	Summary   string   `json:"summary"`
	Text      string   `json:"text,omitempty"`
	Example   string   `json:"example,omitempty"`
	Platforms []string `json:"platforms,omitempty"`
}

func (a *app) helpers(word string) error {
	found, exact := findHelpers(word)
	if found == nil {
		return muster.WithHint(muster.Errorf(muster.NotFound, "there is no helper with %q", word), "muster help helpers")
	}
	return a.answer(found, func() error {
		if exact {
			a.printHelper(&found[0])
		} else {
			a.printTopics(found)
		}
		return nil
	})
}

// findHelpers returns the helper of that name, or those that have the word in
// what is said of them, in any case.
func findHelpers(word string) (found []helperFact, exact bool) {
	word = strings.ToLower(word)
	for _, h := range script.Helpers() {
		f := helperFact{h.Topic(), h.Name, h.Signature(), h.Summary, h.Text, h.Example, h.Platforms}
		if strings.ToLower(h.Name) == word {
			return []helperFact{f}, true
		}
		if strings.Contains(strings.ToLower(strings.Join([]string{h.Name, h.Summary, h.WAPT, f.Topic}, "\n")), word) {
			found = append(found, f)
		}
	}
	return found, len(found) == 1
}

func (a *app) printTopics(found []helperFact) {
	for i, f := range found {
		if i == 0 || f.Topic != found[i-1].Topic {
			if i > 0 {
				a.print("")
			}
			a.print("%s", f.Topic)
		}
		a.print("  %-28s %s", f.Name, f.Summary)
	}
}

func (a *app) printHelper(f *helperFact) {
	lines(a.out, fold(f.Signature, 78)+"\n\n"+strings.ToUpper(f.Summary[:1])+f.Summary[1:]+".")
	if f.Text != "" {
		lines(a.out, "\n"+fold(f.Text, 78))
	}
	if len(f.Platforms) > 0 {
		a.print("\nOn %s only.", strings.Join(f.Platforms, ", "))
	}
	if f.Example != "" {
		fmt.Fprintln(a.out, "\nExample:")
		indent(a.out, "  ", f.Example)
	}
}

// fold breaks lines at spaces so that they fit into so many columns.
func fold(text string, columns int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > columns:
			b.WriteString("\n")
			column = 0
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
