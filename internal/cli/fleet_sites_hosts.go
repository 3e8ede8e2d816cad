package cli

import (
	"cmp"
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
)

type siteHostsOptions struct {
	api.SiteHostQuery
	silent string
	limit  int
	csv    bool
}

func sitesHostsCommand(a *app) *cobra.Command {
	var o siteHostsOptions
	cmd := &cobra.Command{
		Use:   "hosts SITE",
		Short: "List the hosts of a site",
		Example: `  muster sites hosts NIKHEF
  muster sites hosts NIKHEF --system 'debian 12' --tag worker
  muster sites hosts NIKHEF --silent 2d --csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.siteHosts(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Text, "text", "", "only those with this in the name")
	f.StringVar(&o.Tag, "tag", "", "only those that report this tag")
	f.StringVar(&o.System, "system", "", "only those of this system: debian, 'debian 12'")
	f.StringVar(&o.silent, "silent", "", "only those of which nothing was heard since: 2026-11-21, 7d")
	f.BoolVar(&o.Gone, "gone", false, "also those that are forgotten")
	f.IntVar(&o.limit, "limit", 0, "at most so many (default: all)")
	csvFlag(cmd, &o.csv)
	return cmd
}

func (a *app) siteHosts(ctx context.Context, site string, o siteHostsOptions) (err error) {
	if o.Silent, err = a.dateOr(o.silent); err != nil {
		return err
	}
	hosts, err := asPerson(a, func(p *api.PersonClient) ([]api.SiteHost, error) {
		return pages(o.limit, 5000, func(cursor string, n int) ([]api.SiteHost, string, error) {
			q := o.SiteHostQuery
			q.Cursor, q.Limit = cursor, n
			page, err := p.SiteHosts(ctx, site, q)
			return page.Hosts, page.Next, siteHint(err)
		})
	})
	if err != nil {
		return err
	}
	s := a.sheet(o.csv, "no hosts", "host", "tag", "system", "kernel", "packages", "seen", "reports", "form")
	for i := range hosts {
		h := &hosts[i]
		seen := s.ago(h.Last)
		if h.Gone > 0 && !o.csv {
			seen += ", forgotten"
		}
		s.add(h.Name, h.Tag, s.brief(siteSystem(h)), h.Kernel, strconv.Itoa(h.Packages), seen, strconv.FormatInt(h.Reports, 10), h.Form)
	}
	return s.print(hosts)
}

func siteSystem(h *api.SiteHost) string { return cmp.Or(h.System, h.OSName) }

func sitesHostCommand(a *app) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "host SITE HOST",
		Short: "Show a host of a site, what is found on it, and what it was",
		Long: `Show a host of a site, the advisories that concern it, the worst first, and what it
was in time: each state with when it was first and last reported. Between two states
nothing is known.`,
		Example: "  muster sites host NIKHEF node17.example.org",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.siteHost(cmd.Context(), args[0], args[1], limit)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most so many findings; 0: all")
	return cmd
}

// siteHostFact is the JSON form of a host of a site.
type siteHostFact struct {
	api.SiteHostDetail
	Found api.FindingPage `json:"found"`
}

func (a *app) siteHost(ctx context.Context, site, host string, limit int) error {
	var f siteHostFact
	err := a.as(func(p *api.PersonClient) (err error) {
		if f.SiteHostDetail, err = p.SiteHost(ctx, site, host); err != nil {
			return siteHostHint(err, site)
		}
		f.Found, err = hostFindings(ctx, p, site, host, api.FindingQuery{}, limit)
		return err
	})
	if err != nil {
		return err
	}
	return a.answer(f, func() error { return a.printSiteHost(&f) })
}

func siteHostHint(err error, site string) error {
	if muster.KindOf(err) == muster.NotFound && muster.HintOf(err) == "" {
		return muster.WithHint(err, "muster sites hosts %s, or muster sites list", site)
	}
	return err
}

// hostFindings asks for all findings on a host, as far as limit.
func hostFindings(ctx context.Context, p *api.PersonClient, site, host string, q api.FindingQuery, limit int) (out api.FindingPage, err error) {
	out.Findings, err = pages(limit, 1000, func(cursor string, n int) ([]api.Finding, string, error) {
		q.Cursor, q.Limit = cursor, n
		page, err := p.SiteHostFindings(ctx, site, host, q)
		out.Counts, out.Next, out.Release = page.Counts, page.Next, page.Release
		return page.Findings, page.Next, siteHostHint(err, site)
	})
	return out, err
}

// foundText counts what is found on a host. Nothing found where no list speaks of what it
// runs is no good news, and does not look like it.
func foundText(f *api.FindingPage) string {
	if f.Release == nil || f.Release.Covered {
		return countsText(&f.Counts)
	}
	return countsText(&f.Counts) + "; not covered: no list of advisories speaks of " + releaseText(f.Release)
}

// hostSupport says until when what a host runs is supported; "" where that is not known.
func hostSupport(r *api.ReleaseSupport) string {
	switch {
	case r == nil || r.State == api.SupportUnknown:
		return ""
	case r.Ends == 0:
		return supportText(r)
	case r.State == api.Unsupported:
		return "ended on " + time10(lastDay(r))
	}
	return supportText(r) + ", until " + time10(lastDay(r))
}

func (a *app) printSiteHost(f *siteHostFact) error {
	gone := ""
	if f.Gone > 0 {
		gone = "since " + stamp(f.Gone)
	}
	for _, l := range [][2]string{{"name", f.Name}, {"site", f.Site}, {"tag", f.Tag}, {"system", siteSystem(&f.SiteHost)}, {"arch", f.Arch}, {"kernel", f.Kernel},
		{"packages", strconv.Itoa(f.Packages)}, {"first", stamp(f.First)}, {"seen", stamp(f.Last)}, {"changed", stamp(f.Changed)},
		{"reports", strconv.FormatInt(f.Reports, 10) + " (" + f.Form + ", from " + f.Address + ")"}, {"forgotten", gone}, {"support", hostSupport(f.Found.Release)}, {"found", foundText(&f.Found)}} {
		if l[1] != "" {
			a.print("%-9s %s", l[0], l[1])
		}
	}
	if len(f.Found.Findings) > 0 {
		a.print("")
		if err := a.findingSheet(f.Found.Findings, false).print(nil); err != nil {
			return err
		}
	}
	if f.Found.Next != "" {
		a.talk("there are more: muster sites host %s %s --limit 0", f.Site, f.Name)
	}
	a.print("")
	rows := []string{"FROM\tUNTIL\tLAST REPORTED\tSYSTEM\tKERNEL"}
	for _, s := range f.States {
		rows = append(rows, row(stamp(s.From), stampOr(s.Until, "now"), stamp(s.Seen), s.System, s.Kernel))
	}
	return a.table(rows)
}

func sitesForgetCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget SITE HOST...",
		Short: "Forget hosts that are no more",
		Long: `Forget hosts that are no more: they do not count, and are listed only with --gone.
What they were stays in the history. One that reports again is known again.`,
		Example: "  muster sites forget NIKHEF node17.example.org",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, host := range args[1:] {
					if err := p.ForgetSiteHost(cmd.Context(), args[0], host); err != nil {
						return siteHostHint(err, args[0])
					}
					a.talk("forgot %s", host)
				}
				return nil
			})
		},
	}
	return cmd
}
