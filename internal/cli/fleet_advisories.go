package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
)

func advisoriesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "advisories",
		Short: "Find what is known to be vulnerable, on a server's hosts or on this one",
		Long: `Advisories are published vulnerabilities; a finding is one of them in a package that a
host has. The server holds what the hosts of sites report against the advisories that
it was given; 'muster advisories match --advisories FILE' needs no server.`,
		Example: `  muster advisories import debian tracker.json
  muster advisories list --severity high --fixable
  muster advisories hosts CVE-2026-1001
  muster advisories support
  muster advisories match --advisories tracker.json`,
	}
	cmd.AddCommand(advisoriesListCommand(a), advisoriesShowCommand(a), advisoriesHostsCommand(a), advisoriesMatchCommand(a), advisoriesTrendCommand(a), advisoriesSupportCommand(a), advisoriesRemoveCommand(a),
		advisoriesImportCommand(a), advisoriesSourcesCommand(a), advisoriesIgnoreCommand(a), advisoriesIgnoresCommand(a), advisoriesUnignoreCommand(a))
	return cmd
}

// severities complete the least severity.
var severities = words("low", "medium", "high", "critical", "negligible", "unknown")

// findingFlags say which findings are asked for.
type findingFlags struct {
	api.FindingQuery
	limit int
	csv   bool
}

func (o *findingFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.Severity, "severity", "", "only these and worse: negligible, low, medium, high, critical")
	f.BoolVar(&o.Exploited, "exploited", false, "only those that are known to be exploited")
	f.BoolVar(&o.Fixable, "fixable", false, "only where a version without it can be had")
	f.BoolVar(&o.Ignored, "ignored", false, "also those that are ignored")
	f.StringVar(&o.Text, "text", "", "only with this in the name of the advisory or the package")
	f.Float64Var(&o.EPSS, "epss", 0, "only as likely to be exploited as this score of EPSS, 0 to 1, or more")
	f.StringVar(&o.Sort, "sort", "", "epss: the most likely to be exploited first (default: the worst)")
	f.IntVar(&o.limit, "limit", 100, "at most so many; 0: all")
	csvFlag(cmd, &o.csv)
	cmd.RegisterFlagCompletionFunc("severity", matching(severities)) //nolint:errcheck // the flag is there
	cmd.RegisterFlagCompletionFunc("epss", none)                     //nolint:errcheck // the flag is there
	cmd.RegisterFlagCompletionFunc("sort", matching(words("epss")))  //nolint:errcheck // the flag is there
}

func advisoriesListCommand(a *app) *cobra.Command {
	var o findingFlags
	var site, pkg string
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List advisories that concern hosts, the worst first",
		Long: `List the advisories that concern hosts that you may see, the worst first, with how many
hosts have them; or of one site. With --all also those that concern no host, the
newest first. With --package what is found in each version of it that hosts have.`,
		Example: `  muster advisories list --severity high
  muster advisories list --site NIKHEF --exploited --csv
  muster advisories list --all --text openssl
  muster advisories list --package openssl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if pkg != "" {
				return a.findingsOf(cmd.Context(), pkg, &o)
			}
			_, err := a.advisories(cmd.Context(), site, all, o)
			return err
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&site, "site", "", "only those that concern this site")
	cmd.Flags().BoolVar(&all, "all", false, "also those that concern no host")
	cmd.Flags().StringVar(&pkg, "package", "", "only what is found in this package, or in those of this source")
	cmd.MarkFlagsMutuallyExclusive("site", "all", "package")
	return cmd
}

// advisories lists advisories and returns how many there are.
func (a *app) advisories(ctx context.Context, site string, all bool, o findingFlags) (int, error) {
	more, uncovered := false, int64(0)
	found, err := asPerson(a, func(p *api.PersonClient) ([]api.Advisory, error) {
		return pages(o.limit, 1000, func(cursor string, n int) ([]api.Advisory, string, error) {
			q := o.FindingQuery
			q.Cursor, q.Limit = cursor, n
			page, err := p.Advisories(ctx, api.AdvisoryQuery{FindingQuery: q, All: all})
			if site != "" {
				page, err = p.SiteFindings(ctx, site, q)
			}
			more, uncovered = page.Next != "", page.Uncovered
			return page.Advisories, page.Next, siteHint(err)
		})
	})
	if err != nil {
		return 0, err
	}
	s := a.sheet(o.csv, "none: 'muster advisories sources' tells what is known", "advisory", "severity", "epss", "hosts", "published", "summary")
	for i := range found {
		v := &found[i]
		hosts := ""
		if v.Hosts != nil {
			hosts = strconv.FormatInt(*v.Hosts, 10)
		}
		s.add(v.ID, severityText(v.Severity, v.Exploited), epssText(v.EPSS), hosts, s.day(v.Published), s.cut(v.Summary))
	}
	if more {
		a.talk("there are more: --limit")
	}
	if uncovered > 0 {
		a.talk("not covered: no list of advisories speaks of what %s run; nothing found there says nothing. See 'muster advisories support'", count(int(uncovered), "host"))
	}
	return len(found), s.print(found)
}

// day is the day of a moment.
func (s *sheet) day(t int64) string {
	text := api.CellTime(t)
	if !s.csv && len(text) > 10 {
		text = text[:10]
	}
	return text
}

// cut keeps a text within what a line of a terminal has.
func (s *sheet) cut(text string) string {
	if r := []rune(text); !s.csv && len(r) > 70 {
		return strings.TrimSpace(string(r[:69])) + "…"
	}
	return text
}

// epssText is a score of EPSS; "" where none is known.
func epssText(score float64) string {
	if score == 0 {
		return ""
	}
	return strconv.FormatFloat(score, 'f', -1, 64)
}

func severityText(severity string, exploited bool) string {
	if exploited {
		return severity + ", exploited"
	}
	return severity
}

func advisoriesShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show ADVISORY",
		Short:   "Show an advisory: what it affects, and which sites have it",
		Long:    "Show an advisory, by its id or another of its names: what it says, which versions it\naffects, and how many hosts of which sites have it.",
		Example: "  muster advisories show CVE-2026-1001",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := asPerson(a, func(p *api.PersonClient) (api.AdvisoryDetail, error) {
				v, err := p.Advisory(cmd.Context(), args[0])
				return v, advisoryHint(err, args[0])
			})
			if err != nil {
				return err
			}
			return a.answer(v, func() error { return a.printAdvisory(&v) })
		},
	}
}

func advisoryHint(err error, id string) error {
	if muster.KindOf(err) == muster.NotFound && muster.HintOf(err) == "" {
		return muster.WithHint(err, "muster advisories list --all --text %s, or muster advisories sources", id)
	}
	return err
}

func (a *app) printAdvisory(v *api.AdvisoryDetail) error {
	withdrawn := ""
	if v.Withdrawn > 0 {
		withdrawn = stamp(v.Withdrawn)
	}
	for _, l := range [][2]string{{"id", v.ID}, {"names", strings.Join(v.Aliases, ", ")}, {"source", v.Source}, {"severity", severityText(v.Severity, v.Exploited)}, {"cvss", v.CVSS}, {"epss", epssLong(&v.Advisory)},
		{"published", api.CellTime(v.Published)}, {"modified", api.CellTime(v.Modified)}, {"withdrawn", withdrawn}, {"summary", v.Summary}, {"see", strings.Join(v.References, " ")}} {
		if l[1] != "" {
			a.print("%-9s %s", l[0], l[1])
		}
	}
	a.print("")
	rows := []string{"PACKAGE\tSYSTEM\tAFFECTED\tFIXED\tNOTE"}
	for i := range v.Affected {
		f := &v.Affected[i]
		rows = append(rows, row(affectedName(f), strings.TrimSpace(f.Ecosystem+" "+f.Release), affectedText(f), fixedText(f), strings.TrimSpace(f.Status+" "+f.Severity)))
	}
	if err := a.table(rows); err != nil {
		return err
	}
	a.print("")
	rows = []string{"SITE\tHOSTS\tSINCE"}
	for _, s := range v.Sites {
		rows = append(rows, row(siteOr(s.Site, false), strconv.FormatInt(s.Hosts, 10), stampOr(s.Since, "")))
	}
	if len(v.Sites) == 0 {
		a.talk("it concerns no host that you may see")
		return nil
	}
	return a.table(rows)
}

// epssLong says a score, and how it stands among all.
func epssLong(v *api.Advisory) string {
	if v.EPSS == 0 {
		return ""
	}
	return fmt.Sprintf("%s, higher than %.1f %% of all", epssText(v.EPSS), 100*v.Percentile)
}

func affectedName(f *api.AdvisoryAffected) string {
	name := f.Name
	if !f.Binary {
		name = "source:" + name
	}
	return strings.TrimSpace(name + " " + f.Arch + " " + f.Module)
}

// affectedText says which versions are vulnerable.
func affectedText(f *api.AdvisoryAffected) string {
	parts := append([]string{}, f.Versions...)
	for _, r := range f.Ranges {
		var bounds []string
		for _, b := range [][2]string{{">= ", r.Introduced}, {"< ", r.Fixed}, {"<= ", r.Last}} {
			if b[1] != "" {
				bounds = append(bounds, b[0]+b[1])
			}
		}
		parts = append(parts, cmp.Or(strings.Join(bounds, ", "), "all"))
	}
	if len(parts) == 0 {
		return "all"
	}
	if len(parts) > 5 {
		parts = append(parts[:5], "…")
	}
	return strings.Join(parts, " or ")
}

func fixedText(f *api.AdvisoryAffected) string {
	var parts []string
	for _, r := range f.Ranges {
		if r.Fixed != "" && len(parts) < 5 {
			parts = append(parts, r.Fixed)
		}
	}
	return strings.Join(parts, " or ")
}

func advisoriesHostsCommand(a *app) *cobra.Command {
	var csv bool
	var limit int
	cmd := &cobra.Command{
		Use:     "hosts ADVISORY",
		Short:   "List the hosts that an advisory concerns",
		Example: "  muster advisories hosts CVE-2026-1001\n  muster advisories hosts DSA-9001-1 --csv > affected.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			hosts, err := asPerson(a, func(p *api.PersonClient) ([]api.AdvisoryHost, error) {
				return pages(limit, 1000, func(cursor string, n int) ([]api.AdvisoryHost, string, error) {
					page, err := p.AdvisoryHosts(cmd.Context(), args[0], cursor, n)
					return page.Hosts, page.Next, advisoryHint(err, args[0])
				})
			})
			if err != nil {
				return err
			}
			s := a.sheet(csv, "it concerns no host that you may see", "site", "host", "tag", "system", "package", "version", "fixed", "note", "seen")
			for i := range hosts {
				h := &hosts[i]
				s.add(h.Site, h.Name, h.Tag, h.System, h.Package, h.Version, h.Fixed, h.Status, s.ago(h.Seen))
			}
			return s.print(hosts)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many (default: all)")
	csvFlag(cmd, &csv)
	return cmd
}

// findingSheet lists what is found on a host.
func (a *app) findingSheet(all []api.Finding, csv bool) *sheet {
	s := a.sheet(csv, "nothing is found", "package", "version", "advisory", "severity", "epss", "fixed", "note")
	for i := range all {
		f := &all[i]
		note := strings.TrimSpace(f.Status + " " + f.Note)
		if f.Ignored != nil {
			note = strings.TrimSpace("ignored: " + f.Ignored.Reason)
		}
		s.add(f.Package, f.Version, f.Advisory.ID, severityText(f.Severity, f.Advisory.Exploited), epssText(f.Advisory.EPSS), cmp.Or(f.Fixed, "none yet"), note)
	}
	return s
}

func advisoriesTrendCommand(a *app) *cobra.Command {
	var site, from string
	var csv bool
	cmd := &cobra.Command{
		Use:   "trend",
		Short: "Show how sites stood day by day",
		Long: `Show how many hosts a site, or all that you may see, had at the end of each day by
the worst of their advisories.`,
		Example: "  muster advisories trend --site NIKHEF --from 90d --csv > trend.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			since, err := a.date(from)
			if err != nil {
				return err
			}
			t, err := asPerson(a, func(p *api.PersonClient) (api.AdvisoryTrend, error) {
				return p.AdvisoryTrend(cmd.Context(), site, since)
			})
			if err != nil {
				return siteHint(err)
			}
			s := a.sheet(csv, "nothing is known of these days", "day", "hosts", "exploited", "critical", "high", "medium", "low", "other", "none", "not covered")
			for i := range t.Points {
				x := &t.Points[i]
				s.add(standing(&api.SiteCounts{Site: time10(x.Day), Hosts: x.Hosts, Worst: x.Worst}, csv)...)
			}
			return s.print(t)
		},
	}
	cmd.Flags().StringVar(&site, "site", "", "of this site (default: all together)")
	cmd.Flags().StringVar(&from, "from", "30d", "since: 2026-11-21, 7d")
	csvFlag(cmd, &csv)
	return cmd
}

// time10 is the day of a moment, in UTC as days are counted.
func time10(t int64) string { return api.CellTime(t)[:min(10, len(api.CellTime(t)))] }
