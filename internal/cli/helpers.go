package cli

import (
	"fmt"
	"strings"

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
those that have the word in name or summary. What only build() of a recipe can call is in
docs/reference/recipes.md.`,
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
	var found, exact []helperFact
	for _, h := range script.Helpers() {
		f := helperFact{h.Topic(), h.Name, h.Signature(), h.Summary, h.Text, h.Example, h.Platforms}
		if h.Name == word {
			exact = append(exact, f)
		}
		if strings.Contains(h.Name, word) || strings.Contains(strings.ToLower(h.Summary), strings.ToLower(word)) {
			found = append(found, f)
		}
	}
	if exact != nil {
		found = exact
	}
	if found == nil {
		return muster.WithHint(muster.Errorf(muster.NotFound, "there is no helper with %q", word), "muster help helpers lists all")
	}
	return a.answer(found, func() error {
		if exact != nil || len(found) == 1 {
			a.printHelper(&found[0])
			return nil
		}
		topic := ""
		for _, f := range found {
			if f.Topic != topic {
				topic = f.Topic
				a.print("\n%s", topic)
			}
			a.print("  %-28s %s", f.Name, f.Summary)
		}
		return nil
	})
}

func (a *app) printHelper(f *helperFact) {
	a.print("%s\n\n%s", f.Signature, f.Summary)
	if f.Text != "" {
		a.print("\n%s", f.Text)
	}
	if len(f.Platforms) > 0 {
		a.print("\nOn: %s", strings.Join(f.Platforms, ", "))
	}
	if f.Example != "" {
		fmt.Fprintln(a.out, "\nExample:")
		indent(a.out, "  ", f.Example)
	}
}
