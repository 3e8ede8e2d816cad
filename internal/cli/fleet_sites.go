package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
)

func sitesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sites",
		Short: "Look at sites whose hosts report without an agent",
		Long: `A site is a place whose hosts report their packages without an agent of muster: by
muster-report, by a shell script, by a client of Pakiti or by an agent of GLPI. The
server knows what each of them has, had on any day, and what changed.

You see the sites that your rights name ('muster rights add ... --hosts site:NIKHEF').
Hosts under agents are no part of a site: 'muster hosts' lists them.`,
		Example: `  muster sites add NIKHEF --note 'grid cluster'
  muster sites key add NIKHEF > nikhef.key
  muster sites status
  muster sites hosts NIKHEF --silent 2d
  muster sites diff NIKHEF --from 7d`,
	}
	cmd.AddCommand(sitesListCommand(a), sitesStatusCommand(a), sitesShowCommand(a), sitesHostsCommand(a), sitesHostCommand(a),
		sitesPackagesCommand(a), sitesDiffCommand(a), sitesHistoryCommand(a),
		sitesAddCommand(a), sitesEditCommand(a), sitesKeyCommand(a), sitesForgetCommand(a), sitesRemoveCommand(a))
	return cmd
}

func sitesListCommand(a *app) *cobra.Command {
	var csv bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the sites that you may see",
		Example: "  muster sites list\n  muster sites list --csv > sites.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.SitePage, error) { return p.Sites(cmd.Context()) })
			if err != nil {
				return err
			}
			s := a.sheet(csv, "no sites: 'muster sites add NAME' makes one", "site", "hosts", "open", "since", "note")
			for _, one := range page.Sites {
				s.add(one.Name, strconv.FormatInt(one.Hosts, 10), yes(one.Open), s.time(one.Created, ""), one.Note)
			}
			return s.print(page.Sites)
		},
	}
	csvFlag(cmd, &csv)
	return cmd
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func sitesStatusCommand(a *app) *cobra.Command {
	var csv bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how sites stand: their hosts by the worst advisory that concerns them",
		Long: `Show how sites stand: how many hosts each has, and how many of them by the worst of
the advisories that concern them. Ignored ones do not count. "exploited" are hosts with
one that is known to be exploited, whatever its severity; of those "not covered" nothing
is known, as no list of advisories speaks of what they run. Hosts under agents (site ""
in CSV and JSON) are shown to those who may see all hosts.`,
		Example: "  muster sites status\n  muster sites status --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.SiteCountsPage, error) { return siteStandings(cmd.Context(), p) })
			if err != nil {
				return err
			}
			s := a.sheet(csv, "no sites: 'muster sites add NAME' makes one", "site", "hosts", "exploited", "critical", "high", "medium", "low", "other", "none", "not covered")
			for i := range page.Sites {
				s.add(standing(&page.Sites[i], csv)...)
			}
			return s.print(page)
		},
	}
	csvFlag(cmd, &csv)
	return cmd
}

// siteStandings has a row for every site, also for those of which nothing is counted
// yet: their hosts have not reported, or were not held against advisories.
func siteStandings(ctx context.Context, p *api.PersonClient) (api.SiteCountsPage, error) {
	sites, err := p.Sites(ctx)
	if err != nil {
		return api.SiteCountsPage{}, err
	}
	page, err := p.AdvisoryCounts(ctx)
	if err != nil {
		return page, err
	}
	for i := range sites.Sites {
		s := &sites.Sites[i]
		if !slices.ContainsFunc(page.Sites, func(c api.SiteCounts) bool { return c.Site == s.Name }) {
			page.Sites = append(page.Sites, api.SiteCounts{Site: s.Name, Hosts: s.Hosts})
		}
	}
	slices.SortFunc(page.Sites, func(x, y api.SiteCounts) int { return cmp.Compare(x.Site, y.Site) })
	return page, nil
}

func standing(c *api.SiteCounts, csv bool) []string {
	w, cells := &c.Worst, []string{siteOr(c.Site, csv)}
	for _, n := range []int64{c.Hosts, w.Exploited, w.Critical, w.High, w.Medium, w.Low, w.Negligible + w.Unknown, w.None, w.Uncovered} {
		cells = append(cells, strconv.FormatInt(n, 10))
	}
	return cells
}

func sitesShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show SITE",
		Short: "Show a site: who may report for it, its quotas, and how it stands",
		Long: `Show a site: who may report for it, what it may store, and how it stands. Keys are
shown to those who may administer.`,
		Example: "  muster sites show NIKHEF",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.showSite(cmd.Context(), args[0]) },
	}
}

// siteFact is the JSON form of a site.
type siteFact struct {
	api.SiteDetail
	Standing *api.SiteCounts `json:"standing,omitempty"`
}

func (a *app) showSite(ctx context.Context, name string) error {
	var f siteFact
	err := a.as(func(p *api.PersonClient) (err error) {
		if f.SiteDetail, err = p.Site(ctx, name); err != nil {
			return siteHint(err)
		}
		page, err := p.AdvisoryCounts(ctx)
		for i := range page.Sites {
			if page.Sites[i].Site == f.Name {
				f.Standing = &page.Sites[i]
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.answer(f, func() error { return a.printSite(&f) })
}

func (a *app) printSite(f *siteFact) error {
	open := "no: reports need a key or a certificate of the site"
	if f.Open {
		open = "yes, from " + cmp.Or(strings.Join(f.Addresses, ", "), "anywhere")
	}
	for _, l := range [][2]string{{"name", f.Name}, {"note", f.Note}, {"since", stamp(f.Created)}, {"hosts", strconv.FormatInt(f.Hosts, 10)}, {"open", open},
		{"forget", spell(f.Forget, "never", "hosts that are silent for %s")}, {"past", spell(f.Past, "kept for ever", "kept for %s")}, {"quota", quotaText(&f.Quota)}, {"standing", standingText(f.Standing)}} {
		if l[1] != "" {
			a.print("%-8s %s", l[0], l[1])
		}
	}
	if len(f.Keys) == 0 {
		return nil
	}
	a.print("")
	rows := []string{"KEY\tMADE\tBY\tEXPIRES\tCERTIFICATE\tNOTE"}
	for _, k := range f.Keys {
		rows = append(rows, row(k.ID, stamp(k.Created), k.By, stampOr(k.Expires, "never"), k.Certificate, k.Note))
	}
	return a.table(rows)
}

// spell is a number of seconds in words, with one for none.
func spell(seconds int64, none, format string) string {
	if seconds <= 0 {
		return none
	}
	d := time.Duration(seconds) * time.Second
	text := d.String()
	if d%day == 0 {
		text = count(int(d/day), "day")
	}
	return strings.ReplaceAll(format, "%s", text)
}

func quotaText(q *api.SiteQuota) string {
	var parts []string
	for _, b := range []struct {
		n    int64
		what string
	}{{q.Hosts, "hosts"}, {q.Reports, "reports a day"}, {q.Bytes, "bytes a day"}, {q.Packages, "new packages a day"}} {
		if b.n > 0 {
			parts = append(parts, strconv.FormatInt(b.n, 10)+" "+b.what)
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "that of the server")
}

// standingText says in a line how a site stands.
func standingText(c *api.SiteCounts) string {
	if c == nil {
		return ""
	}
	text := countsText(&c.Advisories)
	if n := c.Worst.Uncovered; n > 0 {
		text += "; not covered: " + count(int(n), "host")
	}
	return text
}

// countsText says counts of advisories, the worst first.
func countsText(c *api.AdvisoryCounts) string {
	text := count(int(c.Total()), "advisory")
	if c.Total() != 1 {
		text = strconv.FormatInt(c.Total(), 10) + " advisories"
	}
	var parts []string
	for _, b := range []struct {
		n    int64
		what string
	}{{c.Exploited, "exploited"}, {c.Critical, "critical"}, {c.High, "high"}, {c.Medium, "medium"}, {c.Low, "low"}, {c.Negligible, "negligible"}, {c.Unknown, "of unknown severity"},
		{c.Fixable, "with a fix"}, {c.Ignored, "ignored beside them"}} {
		if b.n > 0 {
			parts = append(parts, strconv.FormatInt(b.n, 10)+" "+b.what)
		}
	}
	if len(parts) == 0 {
		return text
	}
	return text + ": " + strings.Join(parts, ", ")
}

// siteHint says where names of sites stand.
func siteHint(err error) error {
	if muster.KindOf(err) == muster.NotFound && muster.HintOf(err) == "" {
		return muster.WithHint(err, "muster sites list")
	}
	return err
}
