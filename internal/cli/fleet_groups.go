package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
)

func groupsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "List, show and edit groups of hosts",
		Long: `A group is a set of hosts that people chose, or a saved search, whose members come
and go by themselves. What the hosts of a group should have stands in the signed
package of kind group of its name ('muster new --kind group').`,
		Example: `  muster groups list
  muster groups edit lab --add pc-1 --add pc-2
  muster groups edit old-ssl --query 'package:openssl<3.0.2'`,
	}
	cmd.AddCommand(groupsListCommand(a), groupsShowCommand(a), groupsEditCommand(a), groupsDeleteCommand(a))
	return cmd
}

func groupsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the groups",
		Example: "  muster groups list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.GroupPage, error) { return p.Groups(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(page.Groups, func() error {
				if len(page.Groups) == 0 {
					a.talk("no groups")
					return nil
				}
				rows := []string{"NAME\tHOSTS\tQUERY\tNOTE"}
				for _, g := range page.Groups {
					rows = append(rows, row(g.Name, count(g.Count, "host"), g.Query, g.Note))
				}
				return a.table(rows)
			})
		},
	}
}

func groupsShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show GROUP",
		Short:   "Show a group and its hosts",
		Example: "  muster groups show lab",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var g api.Group
			var hosts []api.Host
			err := a.as(func(p *api.PersonClient) (err error) {
				if g, err = p.Group(cmd.Context(), args[0]); err != nil {
					return err
				}
				hosts, err = allHosts(cmd.Context(), p, api.HostQuery{Query: "group:" + g.Name}, 0)
				return err
			})
			if err != nil {
				return err
			}
			return a.answer(g, func() error {
				if g.Query != "" {
					a.print("query: %s", g.Query)
				}
				if g.Note != "" {
					a.print("note: %s", g.Note)
				}
				var rows []string
				for _, h := range hosts {
					rows = append(rows, row(h.Name, hostStatus(h), h.ID))
				}
				if len(rows) == 0 {
					a.talk("no hosts")
				}
				return a.table(rows)
			})
		},
	}
}

type groupEdit struct {
	query, note string
	add, remove []string
	assignment
}

func groupsEditCommand(a *app) *cobra.Command {
	var e groupEdit
	cmd := &cobra.Command{
		Use:   "edit GROUP",
		Short: "Make a group, change its hosts, and what they should have",
		Long: `Make a group, or change its hosts: those that you name, or all that a search
finds. What they should have is signed with your key: the package of kind group
of the same name.`,
		Example: `  muster groups edit lab --add pc-1 --remove pc-9
  muster groups edit debian --query os:debian
  muster groups edit lab --install age --key alice.key`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.editGroup(cmd.Context(), args[0], e, cmd.Flags().Changed("note"))
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.query, "query", "", "have the group be all that this search finds")
	f.StringVar(&e.note, "note", "", "what it is for")
	f.StringSliceVar(&e.add, "add", nil, "put this host into it")
	f.StringSliceVar(&e.remove, "remove", nil, "take this host out of it")
	e.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("query", "add")
	cmd.MarkFlagsMutuallyExclusive("query", "remove")
	return cmd
}

func (a *app) editGroup(ctx context.Context, name string, e groupEdit, note bool) error {
	var g api.Group
	var made *assignedFact
	err := a.as(func(p *api.PersonClient) error {
		old, err := p.Group(ctx, name)
		if err != nil && muster.KindOf(err) != muster.NotFound {
			return err
		}
		old.Name = name
		if note {
			old.Note = e.note
		}
		if e.query != "" {
			old.Query, old.Members = e.query, nil
		}
		if len(e.add)+len(e.remove) > 0 && old.Query != "" {
			return muster.WithHint(muster.Errorf(muster.Conflict, "group %q is the search %q: its hosts come and go by themselves", name, old.Query),
				"muster groups delete %s first, or change it with --query", name)
		}
		if old.Members, err = members(ctx, p, old.Members, e); err != nil {
			return err
		}
		if e.Given() {
			if made, err = a.assign(ctx, p, muster.Group, name, "What the hosts of group "+name+" should have", e.assignment); err != nil {
				return err
			}
		}
		g, err = p.PutGroup(ctx, old)
		return err
	})
	if err != nil {
		return err
	}
	return a.answer(g, func() error {
		if made != nil {
			a.printAssigned(made)
		}
		a.print("%s: %s", g.Name, count(g.Count, "host"))
		return nil
	})
}

// members adds and removes hosts, which people name as they like.
func members(ctx context.Context, p *api.PersonClient, ids []string, e groupEdit) ([]string, error) {
	for _, name := range e.add {
		d, err := p.Host(ctx, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, d.ID) {
			ids = append(ids, d.ID)
		}
	}
	for _, name := range e.remove {
		d, err := p.Host(ctx, name)
		if err != nil {
			return nil, err
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == d.ID })
	}
	return ids, nil
}

func groupsDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "delete GROUP...",
		Short:   "Remove groups; their hosts stay",
		Long:    "Remove groups. What their packages brought leaves the hosts at their next upgrade.",
		Example: "  muster groups delete old-ssl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, name := range args {
					if err := p.DeleteGroup(cmd.Context(), name); err != nil {
						return err
					}
					a.talk("removed group %s", name)
				}
				return nil
			})
		},
	}
}
