package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
)

func hostCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "host",
		Short: "Show, accept, edit and forget a host",
		Long: `A host is named by its id, the start of its id, or its name where only one has
it.`,
		Example: "  muster host show pc-12\n  muster host edit pc-12 --unit paris/lab --add-group editors",
	}
	cmd.AddCommand(hostShowCommand(a), hostStateCommand(a, "approve", api.Accepted), hostStateCommand(a, "refuse", api.Refused),
		hostEditCommand(a), hostForgetCommand(a))
	return cmd
}

func hostShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show HOST",
		Short:   "Show what the server knows of a host",
		Example: "  muster host show pc-12",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.host(args[0], func(p *api.PersonClient) (api.HostDetail, error) { return p.Host(cmd.Context(), args[0]) })
		},
	}
}

// host does something to a host and shows what it is then.
func (a *app) host(name string, do func(*api.PersonClient) (api.HostDetail, error)) error {
	d, err := asPerson(a, do)
	if muster.KindOf(err) == muster.NotFound && muster.HintOf(err) == "" {
		return muster.WithHint(err, "muster hosts %s", name)
	}
	if err != nil {
		return err
	}
	return a.answer(d, func() error { return a.printHost(&d) })
}

func (a *app) printHost(d *api.HostDetail) error {
	rows := []string{row("id", d.ID), row("name", d.Name)}
	add := func(label, value string) {
		if value != "" {
			rows = append(rows, row(label, value))
		}
	}
	add("fqdn", d.FQDN)
	add("state", string(d.State))
	add("status", hostStatus(d.Host))
	add("problem", d.Problem)
	for _, alarm := range d.Alarms {
		add("alarm", alarm)
	}
	add("system", strings.TrimSpace(hostSystem(d.Host)+" "+d.Arch))
	add("machine", strings.TrimSpace(d.Facts.Serial+" "+d.Facts.Hardware))
	add("address", d.Address)
	add("agent", d.Agent)
	add("seen", a.seen(d.Seen))
	add("enrolled", stamp(d.Enrolled))
	add("certificate", "until "+stamp(d.Expires)+", key "+short(d.Key))
	add("units", strings.Join(d.Units, " / "))
	add("groups", strings.Join(d.Groups, ", "))
	add("directory", strings.Join(d.Directory, ", "))
	add("inventory", stamp(d.Inventory))
	if s := d.Summary; s != nil && s.Postponed != "" {
		add("waits for", s.Postponed+", at most until "+stamp(s.Until))
	}
	if err := a.table(rows); err != nil || len(d.Installed) == 0 {
		return err
	}
	rows = []string{"\nPACKAGE\tVERSION\tSTATUS\tASSIGNED BY"}
	for _, p := range d.Installed {
		version := p.Version
		if p.Available != "" && p.Available != p.Version {
			version = strings.TrimPrefix(version+" -> "+p.Available, " -> ")
		}
		note := p.By
		if p.Error != "" {
			note = strings.TrimPrefix(note+": "+p.Error, ": ")
		}
		name := p.Name
		if p.Root != "" {
			name += " in " + p.Root
		}
		rows = append(rows, row(name, version, string(p.Status), note))
	}
	return a.table(rows)
}

func stamp(t int64) string {
	if t == 0 {
		return "never"
	}
	return when(time.Unix(t, 0))
}

// short is the beginning of a fingerprint.
func short(s string) string {
	if len(s) > 16 {
		return s[:16]
	}
	return s
}

func hostStateCommand(a *app, verb string, to api.State) *cobra.Command {
	help := map[string]string{
		"approve": "Accept a host that waits, or that two machines claimed to be",
		"refuse":  "Have a host wait no longer: it is not let in",
	}
	return &cobra.Command{
		Use:     verb + " HOST...",
		Short:   help[verb],
		Example: "  muster hosts state:pending\n  muster host " + verb + " pc-12",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, name := range args {
					d, err := p.EditHost(cmd.Context(), name, api.HostEdit{State: &to, Wake: true})
					if err != nil {
						return err
					}
					a.talk("%s (%s): %s", d.Name, d.ID, d.State)
				}
				return nil
			})
		},
	}
}

func hostEditCommand(a *app) *cobra.Command {
	var e api.HostEdit
	var name, unit, to string
	var s assignment
	cmd := &cobra.Command{
		Use:   "edit HOST | --to QUERY",
		Short: "Change a host's name, unit and groups, and what it should have",
		Long: `Change what the server keeps of a host: the name that people see, the
organisational unit, the groups. What units and groups mean for the host's
packages stands in signed packages of their names.

What this host alone should have is signed with your key: a package of kind host
that is named by the host's id.

With --to the unit and the groups of all hosts change that a query finds: it shows
how many these are, asks, and changes those, or none if they are others by then.`,
		Example: `  muster host edit pc-12 --unit paris/lab
  muster host edit pc-12 --add-group editors --remove-group trial
  muster host edit --to 'name:lab-*' --unit paris/lab
  muster host edit pc-12 --install 'age>=1.3' --forbid telnet --key alice.key`,
		Args: editArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("name") {
				e.Name = &name
			}
			if cmd.Flags().Changed("unit") {
				e.Unit = &unit
			}
			e.Wake = true
			if cmd.Flags().Changed("to") {
				if err := ofOneHost(cmd); err != nil {
					return err
				}
				return a.editMany(cmd.Context(), to, e)
			}
			return a.host(args[0], func(p *api.PersonClient) (api.HostDetail, error) {
				if err := a.assignHost(cmd.Context(), p, args[0], s); err != nil {
					return api.HostDetail{}, err
				}
				return p.EditHost(cmd.Context(), args[0], e)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "name that people see")
	f.StringVar(&unit, "unit", "", "organisational unit, outermost first: paris/lab; empty for none")
	f.StringSliceVar(&e.AddGroups, "add-group", nil, "put the host into this group")
	f.StringSliceVar(&e.RemoveGroups, "remove-group", nil, "take the host out of this group")
	f.StringVar(&to, "to", "", "change the hosts that this query finds")
	a.confirmFlag(f)
	s.flags(cmd)
	cmd.MarkFlagsOneRequired("name", "unit", "add-group", "remove-group", "install", "remove-package", "forbid", "allow")
	return cmd
}

// assignHost changes what one host should have, where s says so.
func (a *app) assignHost(ctx context.Context, p *api.PersonClient, name string, s assignment) error {
	if !s.Given() {
		return nil
	}
	d, err := p.Host(ctx, name)
	if err != nil {
		return err
	}
	f, err := a.assign(ctx, p, muster.Host, d.ID, "What "+d.Name+" should have", s)
	if err == nil && !a.json {
		a.printAssigned(f)
	}
	return err
}

func hostForgetCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget HOST...",
		Short: "Remove hosts and all that is known of them",
		Long: `Remove hosts, with their inventory and its history. A host that still runs is
refused from then on, and has to join anew.`,
		Example: "  muster host forget pc-12 --yes",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.forget(cmd.Context(), args) },
	}
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) forget(ctx context.Context, names []string) error {
	return a.as(func(p *api.PersonClient) error {
		for _, name := range names {
			d, err := p.Host(ctx, name)
			if err != nil {
				return err
			}
			if err := a.confirm(fmt.Sprintf("Forget %s (%s) and its history?", api.Legible(d.Name), d.ID)); err != nil {
				return err
			}
			if err := p.ForgetHost(ctx, d.ID); err != nil {
				return err
			}
			a.talk("forgot %s (%s)", d.Name, d.ID)
		}
		return nil
	})
}
