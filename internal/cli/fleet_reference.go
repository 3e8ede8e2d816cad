package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/reference"
)

func referenceCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reference",
		Short: "Say which versions hosts should have, and see who is behind",
		Long: `A reference is a list of wanted versions: written by hand (YAML, or CSV of a
spreadsheet), taken from the indexes of repositories, or from a host that is the model
for others. The server holds all hosts against it, those of sites and those under
agents; 'muster reference compare FILE' needs no server.

docs/reference-versions.md has examples, docs/formats/reference.md the whole format.`,
		Example: `  muster reference compare baseline.yaml
  muster reference import baseline baseline.yaml
  muster reference compare baseline --by site
  muster reference compare baseline --site NIKHEF --verdict behind --csv`,
	}
	cmd.AddCommand(referenceListCommand(a), referenceShowCommand(a), referenceImportCommand(a), referenceCompareCommand(a),
		referenceTrendCommand(a), referencePatchedCommand(a), referenceRemoveCommand(a))
	return cmd
}

func referenceListCommand(a *app) *cobra.Command {
	var csv bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the references of the server",
		Example: "  muster reference list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.ReferencePage, error) { return p.References(cmd.Context()) })
			if err != nil {
				return err
			}
			s := a.sheet(csv, "no references: 'muster reference import NAME FILE' brings one", "name", "packages", "for", "until", "changed", "by", "note")
			for i := range page.References {
				r := &page.References[i]
				s.add(r.Name, strconv.Itoa(r.Packages), scopeText(r), s.time(r.Until, ""), s.time(r.Changed, ""), r.By, s.cut(r.Note))
			}
			return s.print(page.References)
		},
	}
	csvFlag(cmd, &csv)
	return cmd
}

// scopeText says whom a list is for.
func scopeText(r *api.Reference) string {
	var parts []string
	for _, words := range [][]string{r.Systems, r.Tags, r.Sites} {
		if len(words) > 0 {
			parts = append(parts, strings.Join(words, ", "))
		}
	}
	if len(parts) == 0 {
		return "all hosts"
	}
	return strings.Join(parts, "; ")
}

func referenceShowCommand(a *app) *cobra.Command {
	var revision int64
	var history bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a reference as it was written, or its changes",
		Long: `Print a reference as it was written: what 'muster reference import' takes again. With
--history its changes, with --revision what it said then.`,
		Example: "  muster reference show baseline > baseline.yaml\n  muster reference show baseline --history\n  muster reference show baseline --revision 3",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := asPerson(a, func(p *api.PersonClient) (api.ReferenceDetail, error) {
				d, err := p.Reference(cmd.Context(), args[0], revision)
				return d, referenceHint(err)
			})
			if err != nil {
				return err
			}
			if history {
				return a.referenceHistory(&d)
			}
			return a.answer(d, func() error {
				lines(a.out, d.Text)
				for _, u := range d.Unresolved {
					a.talk("the newest version of %s is wanted, and not known: %s does not have it", u, d.NewestOf)
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.Int64Var(&revision, "revision", 0, "as it was at this change (default: the newest)")
	f.BoolVar(&history, "history", false, "its changes, with who made them")
	return cmd
}

func (a *app) referenceHistory(d *api.ReferenceDetail) error {
	s := a.sheet(false, "it never changed", "revision", "time", "by", "packages", "note")
	for _, r := range d.Revisions {
		note := ""
		if r.Removed {
			note = "removed"
		}
		s.add(strconv.FormatInt(r.Revision, 10), s.time(r.Time, ""), r.By, strconv.Itoa(r.Packages), note)
	}
	return s.print(d.Revisions)
}

func referenceHint(err error) error {
	if muster.KindOf(err) == muster.NotFound && muster.HintOf(err) == "" {
		return muster.WithHint(err, "muster reference list")
	}
	return err
}

func referenceRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME...",
		Short:   "Take references away",
		Long:    "Take references away. What they said, and how hosts stood to them, stays to be read.",
		Example: "  muster reference remove baseline-2025",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, name := range args {
					if err := p.RemoveReference(cmd.Context(), name); err != nil {
						return referenceHint(err)
					}
					a.talk("removed reference %s", name)
				}
				return nil
			})
		},
	}
}

func referenceTrendCommand(a *app) *cobra.Command {
	var from, to, site string
	var csv bool
	cmd := &cobra.Command{
		Use:   "trend NAME",
		Short: "Show how sites stood to a reference day by day",
		Long: `Show how sites stood to a reference at the end of each day on which that changed;
between two days it stayed as it was. The counts are of rows of the list.`,
		Example: "  muster reference trend baseline --from 90d\n  muster reference trend baseline --site NIKHEF --csv > trend.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			only := cmd.Flags().Changed("site")
			since, err := a.date(from)
			if err != nil {
				return err
			}
			until, err := a.dateOr(to)
			if err != nil {
				return err
			}
			t, err := asPerson(a, func(p *api.PersonClient) (api.ReferenceDays, error) {
				t, err := p.ReferenceTrend(cmd.Context(), args[0], since, until)
				return t, referenceHint(err)
			})
			if err != nil {
				return err
			}
			if only {
				t.Days = slices.DeleteFunc(t.Days, func(d api.ReferenceDay) bool { return d.Site != site })
			}
			s := a.sheet(csv, "nothing is known of these days", append([]string{"day", "site", "hosts", "fit"}, countHead...)...)
			for _, d := range t.Days {
				s.add(append([]string{d.Day, siteOr(d.Site, csv), strconv.FormatInt(d.Hosts, 10), strconv.FormatInt(d.Fit, 10)}, countCells(&d.Counts)...)...)
			}
			return s.print(t)
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "30d", "since: 2026-11-21, 7d")
	f.StringVar(&to, "to", "", "until (default: today)")
	f.StringVar(&site, "site", "", "only this site; '' are the hosts under agents")
	csvFlag(cmd, &csv)
	return cmd
}

// siteOr names the hosts under agents, which have no site.
func siteOr(site string, csv bool) string {
	if site == "" && !csv {
		return "(under agents)"
	}
	return site
}

// countHead and countCells are the columns of counts.
var countHead = []string{"behind", "equal", "ahead", "missing", "unexpected", "unfit"}

func countCells(c *api.ReferenceCounts) (cells []string) {
	for _, n := range []int64{c.Behind, c.Equal, c.Ahead, c.Missing, c.Unexpected, c.Unfit} {
		cells = append(cells, strconv.FormatInt(n, 10))
	}
	return cells
}

func referencePatchedCommand(a *app) *cobra.Command {
	var q api.PatchedQuery
	var from string
	var csv bool
	cmd := &cobra.Command{
		Use:   "patched PACKAGE --want WISH --from DATE",
		Short: "Show how fast a version came to the hosts that have a package",
		Long: `Show, day by day since a version could be had, how many of the hosts that had the
package had this version or a later one as the wish says, had removed the package, had
fallen silent, or were left. PACKAGE is the name of a package, or source:NAME for all
that is built from it.`,
		Example: "  muster reference patched openssl --want '>= 3.0.17-1~deb12u3' --from 2026-11-01 --days 14\n  muster reference patched source:glibc --want '>= 2.36-9+deb12u10' --from 30d --site NIKHEF",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			q.Name = args[0]
			if q.From, err = a.date(from); err != nil {
				return err
			}
			got, err := asPerson(a, func(p *api.PersonClient) (api.ReferencePatching, error) { return p.Patched(cmd.Context(), q) })
			if err != nil {
				return err
			}
			s := a.sheet(csv, "no host had it", "day", "date", "hosts", "done", "gone", "silent", "left", "share")
			for _, d := range got.Days {
				s.add(strconv.Itoa(d.Day), s.day(d.Time), strconv.Itoa(d.Hosts), strconv.Itoa(d.Done), strconv.Itoa(d.Gone), strconv.Itoa(d.Silent), strconv.Itoa(d.Left), share(d.Done, d.Hosts))
			}
			return s.print(got)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Want, "want", "", "what counts as patched: '>= 3.0.17-1~deb12u3'")
	f.StringVar(&from, "from", "", "since when it can be had: 2026-11-01, 30d")
	f.IntVar(&q.Days, "days", 30, "for so many days")
	f.StringVar(&q.Manager, "manager", "", "only of this package manager: "+strings.Join(reference.Managers, ", "))
	f.StringVar(&q.Arch, "arch", "", "only for this architecture")
	f.StringSliceVar(&q.Systems, "system", nil, "only on these systems: debian:12")
	f.StringSliceVar(&q.Sites, "site", nil, "only at these sites")
	csvFlag(cmd, &csv)
	cmd.RegisterFlagCompletionFunc("manager", matching(words(reference.Managers...))) //nolint:errcheck // the flag is there
	cmd.MarkFlagRequired("want")
	cmd.MarkFlagRequired("from")
	return cmd
}

func share(done, of int) string {
	if of == 0 {
		return ""
	}
	return strconv.FormatFloat(100*float64(done)/float64(of), 'f', 1, 64) + "%"
}

// comparePages asks for a comparison, page after page as far as limit (0: to the end).
func comparePages(ctx context.Context, p *api.PersonClient, name string, q api.ReferenceQuery, limit int) (out api.ReferenceComparison, err error) {
	for n := 0; ; {
		if q.Limit = 500; limit > 0 {
			q.Limit = min(q.Limit, limit-n)
		}
		page, err := p.CompareReference(ctx, name, q)
		if err != nil {
			return out, referenceHint(err)
		}
		hosts, sites, packages := out.ByHost, out.BySite, out.ByPackage
		out = page
		out.ByHost, out.BySite, out.ByPackage = append(hosts, page.ByHost...), append(sites, page.BySite...), append(packages, page.ByPackage...)
		n = len(out.ByHost) + len(out.BySite) + len(out.ByPackage)
		if q.Cursor = page.Next; page.Next == "" || limit > 0 && n >= limit {
			return out, nil
		}
	}
}
