package cli

import (
	"github.com/spf13/cobra"

	"muster/search"
)

// queriesCommand is a page of the help: what one may search hosts by.
func queriesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "queries",
		Short:   "Show the language in which hosts are searched for",
		Example: "  muster help queries",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			lines(a.out, search.Help())
			return nil
		},
	}
}
