package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"muster/api"
)

func sitesRemoveCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove SITE...",
		Short: "Remove sites and all that is known of their hosts",
		Long: `Remove sites: their keys, their hosts with the history of these, and what was counted and
ignored there. Hosts that still report are refused from then on. A site that is added
under the name later begins from nothing, but rights that name it hold for it again.`,
		Example: "  muster sites remove NIKHEF --yes",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.removeSites(cmd.Context(), args) },
	}
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) removeSites(ctx context.Context, names []string) error {
	return a.as(func(p *api.PersonClient) error {
		for _, name := range names {
			one, err := p.Site(ctx, name)
			if err != nil {
				return siteHint(err)
			}
			if err := a.confirm(fmt.Sprintf("Remove site %s with %s and their history?", api.Legible(one.Name), count(int(one.Hosts), "host"))); err != nil {
				return err
			}
			if err := p.RemoveSite(ctx, one.Name); err != nil {
				return siteHint(err)
			}
			a.talk("removed %s", one.Name)
		}
		return nil
	})
}
