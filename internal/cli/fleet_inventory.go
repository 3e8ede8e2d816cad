package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/api"
	"muster/inventory"
)

func inventoryCommand(a *app) *cobra.Command {
	var at, diff string
	var sections []string
	cmd := &cobra.Command{
		Use:   "inventory HOST [--at DATE|--diff DATE]",
		Short: "Show what a host is and has, or had",
		Long: `Show what a host is and has, as it told the server, now or at a date; or what
changed since a date. Dates are 2026-11-21, 2026-11-21T15:04 or such as 7d for a
week ago. 'muster collect' shows the same on the host itself.`,
		Example: "  muster inventory pc-12\n  muster inventory pc-12 --at 2026-10-01 --section packages\n  muster inventory pc-12 --diff 7d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if diff != "" {
				return a.inventoryDiff(cmd.Context(), args[0], diff)
			}
			return a.hostInventory(cmd.Context(), args[0], at, sections)
		},
	}
	f := cmd.Flags()
	f.StringVar(&at, "at", "", "as it was at this date")
	f.StringVar(&diff, "diff", "", "what changed since this date")
	f.StringArrayVar(&sections, "section", nil, "only this section; may be given several times")
	cmd.MarkFlagsMutuallyExclusive("at", "diff")
	cmd.MarkFlagsMutuallyExclusive("section", "diff")
	return cmd
}

// date reads a date that a person wrote, in the local zone.
func (a *app) date(s string) (int64, error) {
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t.Unix(), nil
		}
	}
	d, err := parseDays(s)
	if err != nil || d == 0 {
		return 0, usagef("%q is no date such as 2026-11-21, 2026-11-21T15:04 or 7d", s)
	}
	return a.now().Add(-d).Unix(), nil
}

func (a *app) hostInventory(ctx context.Context, host, at string, sections []string) (err error) {
	var when int64
	if at != "" {
		if when, err = a.date(at); err != nil {
			return err
		}
	}
	data, err := asPerson(a, func(p *api.PersonClient) ([]byte, error) { return p.HostInventory(ctx, host, when) })
	if err != nil {
		return err
	}
	doc, err := inventory.Parse(data)
	if err != nil {
		return err
	}
	if doc, err = only(doc, sections); err != nil {
		return err
	}
	f := &inventoryFact{Document: doc, Failures: map[string]string{}}
	if f.Hashes, err = doc.Hashes(); err != nil {
		return err
	}
	f.Set = f.Hashes.Set()
	return a.answer(f, func() error { return a.printInventory(f, len(sections) > 0) })
}

// only is the document with the named sections alone.
func only(doc *inventory.Document, sections []string) (*inventory.Document, error) {
	if len(sections) == 0 {
		return doc, nil
	}
	out := inventory.New()
	for _, s := range sections {
		if s == "packages" {
			out.Packages = doc.Packages
		} else if !out.Keep(doc, s) {
			return nil, usagef("there is no section %q; there are %s", s, strings.Join(sectionNames(), ", "))
		}
	}
	return out, nil
}

func (a *app) inventoryDiff(ctx context.Context, host, since string) error {
	from, err := a.date(since)
	if err != nil {
		return err
	}
	page, err := asPerson(a, func(p *api.PersonClient) (api.HistoryPage, error) { return p.HostDiff(ctx, host, from, 0) })
	if err != nil {
		return err
	}
	return a.answer(page.Changes, func() error {
		if len(page.Changes) == 0 {
			a.talk("nothing has changed")
		}
		return a.table(historyRows(page.Changes, false))
	})
}

// historyRows are lines for people, with the time and the host where it matters.
func historyRows(changes []api.HistoryChange, all bool) []string {
	var rows []string
	for _, c := range changes {
		what, versions := c.Software, strings.TrimPrefix(c.From+" -> "+c.To, " -> ")
		if c.To == "" {
			versions = c.From
		}
		if what == "" {
			what, versions = c.Section, sectionChange(c)
		}
		cells := []string{c.Op, what, versions, strings.TrimPrefix(c.Section, "packages.")}
		if all {
			cells = append([]string{stamp(c.Time), c.Name}, cells...)
		}
		rows = append(rows, row(cells...))
	}
	return rows
}

// sectionChange says which members of a section changed.
func sectionChange(c api.HistoryChange) string {
	var before, after map[string]json.RawMessage
	if json.Unmarshal(c.Before, &before) != nil && json.Unmarshal(c.After, &after) != nil {
		return ""
	}
	json.Unmarshal(c.After, &after)
	var names []string
	for name, value := range after {
		if string(before[name]) != string(value) {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			names = append(names, name)
		}
	}
	return strings.Join(slices.Sorted(slices.Values(names)), ", ")
}

// softwareOptions say what software to show, and whether as it came and went.
type softwareOptions struct {
	name, host, since string
	history           bool
	limit             int
}

func softwareCommand(a *app) *cobra.Command {
	var o softwareOptions
	cmd := &cobra.Command{
		Use:   "software [NAME[<VERSION]] [--history]",
		Short: "List the software that hosts have, or how it came and went",
		Long: `List the software that hosts have, with how many have it: that of every package
manager, not only of muster. With --history, when it was installed, removed or
changed its version, the newest first, as the hosts' inventories told.`,
		Example: "  muster software openssl\n  muster software 'openssl<3.0.2' --json\n  muster software openssl --history --since 30d",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = strings.Join(args, "")
			if o.history || o.host != "" || o.since != "" {
				return a.softwareHistory(cmd.Context(), o)
			}
			return a.software(cmd.Context(), o.name, o.limit)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.history, "history", false, "how it came and went")
	f.StringVar(&o.host, "host", "", "history of this host alone")
	f.StringVar(&o.since, "since", "", "history since this date, or 7d")
	f.IntVar(&o.limit, "limit", 200, "at most so many")
	return cmd
}

func (a *app) softwareHistory(ctx context.Context, o softwareOptions) (err error) {
	q := api.HistoryQuery{Software: o.name, Host: o.host, Limit: o.limit}
	if o.since != "" {
		if q.From, err = a.date(o.since); err != nil {
			return err
		}
	}
	page, err := asPerson(a, func(p *api.PersonClient) (api.HistoryPage, error) { return p.History(ctx, q) })
	if err != nil {
		return err
	}
	return a.answer(page, func() error {
		if len(page.Changes) == 0 {
			a.talk("nothing has changed")
		}
		return a.table(historyRows(page.Changes, true))
	})
}

func (a *app) software(ctx context.Context, q string, limit int) error {
	page, err := asPerson(a, func(p *api.PersonClient) (api.SoftwarePage, error) { return p.Software(ctx, q, "", limit) })
	if err != nil {
		return err
	}
	return a.answer(page, func() error {
		if len(page.Software) == 0 {
			a.talk("no host has it")
			return nil
		}
		rows := []string{"NAME\tVERSION\tARCH\tSOURCE\tHOSTS"}
		for _, s := range page.Software {
			rows = append(rows, row(s.Name, s.Version, s.Arch, s.Source, count(s.Hosts, "host")))
		}
		if page.Next != "" {
			a.talk("there is more: --limit")
		}
		return a.table(rows)
	})
}
