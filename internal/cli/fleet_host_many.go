package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"muster/api"
)

// editArgs are one host, or none where a query says which.
func editArgs(cmd *cobra.Command, args []string) error {
	if cmd.Flags().Changed("to") {
		return cobra.NoArgs(cmd, args)
	}
	return cobra.ExactArgs(1)(cmd, args)
}

// ofOneHost refuses flags that many hosts cannot share.
func ofOneHost(cmd *cobra.Command) error {
	for _, one := range []string{"name", "install", "remove-package", "forbid", "allow"} {
		if cmd.Flags().Changed(one) {
			return usagef("--%s is for one host, not for those of --to", one)
		}
	}
	return nil
}

// editMany edits the hosts that a query finds: those that were shown, or none.
func (a *app) editMany(ctx context.Context, query string, e api.HostEdit) error {
	return a.as(func(p *api.PersonClient) error {
		c := api.HostsChange{Query: &query, Edit: e, Preview: true}
		would, err := p.ChangeHosts(ctx, c)
		if err != nil {
			return err
		}
		if would.Changed == 0 {
			return a.answer(would, func() error { return a.printChanged(&would) })
		}
		if !a.json {
			if err := a.printChanged(&would); err != nil {
				return err
			}
		}
		if err := a.confirm(fmt.Sprintf("Change %s?", count(would.Changed, "host"))); err != nil {
			return err
		}
		c.Preview, c.Expect = false, &would.HostSet
		done, err := p.ChangeHosts(ctx, c)
		if err != nil {
			return err
		}
		return a.answer(done, func() error {
			a.talk("changed %s", count(done.Changed, "host"))
			return nil
		})
	})
}

// manyShown is how many of the hosts that change are named.
const manyShown = 20

// printChanged tells how many hosts change, and names the first, and who may not be
// changed.
func (a *app) printChanged(c *api.HostsChanged) error {
	a.print("%s: %d change, %d are so already, %d may not be changed", count(c.Count, "host"), c.Changed, c.Unchanged, c.Refused)
	rows, named := []string{}, map[api.ChangeOutcome]int{}
	for _, h := range c.Hosts {
		if named[h.Outcome]++; h.Outcome == api.Unchanged || named[h.Outcome] > manyShown {
			continue
		}
		rows = append(rows, row("  "+h.Name, h.ID, h.Why))
	}
	if named[api.Changed] > manyShown || named[api.NotLet] > manyShown {
		rows = append(rows, "  ...")
	}
	return a.table(rows)
}
