package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"muster/internal/durable"
)

func manCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "man [--dir DIR]",
		Short:   "Write the manual pages",
		Long:    "Write a manual page (man(7)) for every verb, from the same text as --help.",
		Example: "  muster man --dir /usr/local/share/man/man1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			n, err := writeMan(cmd.Root(), dir)
			a.talk("%s written to %s", count(n, "page"), dir)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "man", "folder for the pages")
	return cmd
}

func writeMan(cmd *cobra.Command, dir string) (int, error) {
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
	var disk *durable.Disk
	if err := disk.WriteFile(filepath.Join(dir, name), []byte(manPage(cmd)), 0o644); err != nil {
		return 0, err
	}
	n := 1
	for _, sub := range cmd.Commands() {
		if sub.Hidden || sub.Name() == "help" {
			continue
		}
		m, err := writeMan(sub, dir)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// manPage is the page of one verb in the macros of man(7).
func manPage(cmd *cobra.Command) string {
	var b strings.Builder
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"muster %s\" \"muster\"\n", strings.ToUpper(name), Version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", name, roff(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(cmd.UseLine()))
	if text := cmd.Long; text != "" {
		fmt.Fprintf(&b, ".SH DESCRIPTION\n.nf\n%s\n.fi\n", roff(text))
	}
	if subs := cmd.Commands(); len(subs) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range subs {
			if !sub.Hidden {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(sub.Name()), roff(sub.Short))
			}
		}
	}
	b.WriteString(".SH OPTIONS\n")
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { manFlag(&b, f) })
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { manFlag(&b, f) })
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	fmt.Fprintf(&b, ".SH EXIT STATUS\n%s.\n", roff(exitText))
	if !cmd.HasParent() {
		b.WriteString(".SH ENVIRONMENT\n")
		for _, v := range environment {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", v.name, roff(v.text))
		}
	} else {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", strings.ReplaceAll(roff(cmd.Parent().CommandPath()), " ", `\-`))
	}
	return b.String()
}

func manFlag(b *strings.Builder, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	name := strings.TrimSpace("--" + f.Name + " " + value)
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(name), roff(usage))
}

// roff escapes what the formatter would take for something else.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
