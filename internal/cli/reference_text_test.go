package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commandReference is the manual of every verb as one Markdown document, made from
// the same text as --help: docs/reference/cli.md.
func commandReference() string {
	var b strings.Builder
	b.WriteString("# Command line\n\nWritten by the program; do not edit. `go test ./internal/cli -update` writes it anew.\n")
	root := new(app).command()
	fmt.Fprintf(&b, "\n%s\n\nExit codes: %s.\n", root.Long, exitText)
	b.WriteString("\n| variable | meaning |\n| --- | --- |\n")
	for _, v := range environment {
		fmt.Fprintf(&b, "| `%s` | %s |\n", v.name, v.text)
	}
	section(&b, root)
	return b.String()
}

func section(b *strings.Builder, cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s.\n", sub.CommandPath(), strings.TrimSuffix(sub.Short, "."))
		if !sub.HasSubCommands() {
			fmt.Fprintf(b, "\n```\n%s\n```\n", sub.UseLine())
		}
		if sub.Long != "" {
			fmt.Fprintf(b, "\n%s\n", sub.Long)
		}
		flags(b, sub)
		if sub.Example != "" {
			fmt.Fprintf(b, "\n```\n%s\n```\n", sub.Example)
		}
		section(b, sub)
	}
}

// flags lists the options of a verb. Defaults that depend on the machine are
// left out: the document must be the same everywhere.
func flags(b *strings.Builder, cmd *cobra.Command) {
	var rows []string
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := strings.TrimSpace("--" + f.Name + " " + value)
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s |", strings.ReplaceAll(name, "|", "\\|"), strings.ReplaceAll(usage, "|", "\\|")))
	})
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n| option | meaning |\n| --- | --- |\n%s\n", strings.Join(rows, "\n"))
	}
}
