package cli

import (
	"github.com/spf13/cobra"

	"muster/api"
)

func unitsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the units, how many hosts are in each, and which package says what they should have",
		Example: "  muster units list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.UnitPage, error) { return p.Units(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(page.Units, func() error {
				if len(page.Units) == 0 {
					a.talk("no units")
					return nil
				}
				rows := []string{"UNIT\tHOSTS\tPACKAGE"}
				for _, u := range page.Units {
					name := "-"
					if u.Signed {
						name = u.Package
					}
					rows = append(rows, row(u.Path, count(u.Hosts, "host"), name))
				}
				return a.table(rows)
			})
		},
	}
}
