package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"muster/api"
	"muster/version"
)

func versionsCommand(a *app) *cobra.Command {
	since, table := "30d", false
	cmd := &cobra.Command{
		Use:   "versions [PACKAGE]...",
		Short: "Show on how many hosts the versions of packages were, day by day",
		Long: `Show on how many hosts the versions of packages of muster were, by days of the last
year. The server counts packages that people chose ('versions add'), those of rollouts
that go on, and those that most hosts have.`,
		Example: "  muster versions age --since 90d\n  muster versions --csv > versions.csv\n  muster versions add age",
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := a.date(since)
			if err != nil {
				return err
			}
			return a.versions(cmd.Context(), api.SpreadQuery{Packages: args, From: from}, table)
		},
	}
	cmd.Flags().StringVar(&since, "since", since, "since this date, or 7d")
	cmd.Flags().BoolVar(&table, "csv", false, "print comma-separated values (RFC 4180)")
	cmd.AddCommand(versionsChooseCommand(a, "add", "Have the server count the versions of packages", (*api.PersonClient).CountVersions),
		versionsChooseCommand(a, "remove", "Have the server count the versions of packages no more", (*api.PersonClient).LeaveVersions))
	return cmd
}

func versionsChooseCommand(a *app, verb, short string, choose func(*api.PersonClient, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " PACKAGE...",
		Short:   short,
		Example: "  muster versions " + verb + " age",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, name := range args {
					if err := choose(p, cmd.Context(), name); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (a *app) versions(ctx context.Context, q api.SpreadQuery, table bool) error {
	out, err := asPerson(a, func(p *api.PersonClient) (api.Spread, error) { return p.Versions(ctx, q) })
	if err != nil {
		return err
	}
	rows := versionRows(out)
	if table {
		w := a.csv()
		w.Row("package", "day", "version", "hosts") //nolint:errcheck // End has it
		for _, r := range rows {
			w.Row(r...) //nolint:errcheck // End has it
		}
		return w.End()
	}
	return a.answer(out, func() error {
		if len(rows) == 0 {
			a.talk("nothing was counted yet: the server counts once an hour")
			return nil
		}
		lines := []string{"PACKAGE\tDAY\tVERSION\tHOSTS"}
		for _, r := range rows {
			lines = append(lines, row(r...))
		}
		return a.table(lines)
	})
}

// versionRows has a row for each version of each day, the newest version first.
func versionRows(s api.Spread) (rows [][]string) {
	for _, p := range s.Packages {
		for _, d := range p.Days {
			day := time.Unix(d.Time, 0).UTC().Format(time.DateOnly)
			for _, v := range slices.SortedFunc(maps.Keys(d.Versions), func(x, y string) int { return cmp.Or(version.Dpkg(y, x), cmp.Compare(x, y)) }) {
				rows = append(rows, []string{p.Package, day, v, strconv.Itoa(d.Versions[v])})
			}
			if d.Others > 0 {
				rows = append(rows, []string{p.Package, day, "others", strconv.Itoa(d.Others)})
			}
		}
	}
	return rows
}
