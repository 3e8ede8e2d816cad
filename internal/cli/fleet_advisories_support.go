package cli

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster/advisory"
	"muster/api"
	"muster/sitereport"
)

type supportOptions struct {
	api.SupportQuery
	hosts, csv bool
	limit      int
}

func advisoriesSupportCommand(a *app) *cobra.Command {
	var o supportOptions
	cmd := &cobra.Command{
		Use:   "support",
		Short: "Show until when what hosts run is supported, and which of it no list covers",
		Long: `Show which releases of systems hosts run, until when these are supported, and whether any
list of advisories speaks of them: of hosts that are not covered nothing is known, though
nothing is found on them. Below stand packages that get no security updates any more, or
only for some uses, by lists that the server has for that (docs/advisories.md).

"supported" is with what everybody has; "extended" with what is longer (LTS, ESM, ELS), often
for subscribers only; "ended" is without any; "unknown" is in no list.

With --hosts, the hosts; --state, --platform and --uncovered say which.`,
		Example: `  muster advisories support
  muster advisories support --site NIKHEF
  muster advisories support --hosts --state ended --csv > replace.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.hosts {
				return a.supportHosts(cmd.Context(), &o)
			}
			if o.State != "" || o.Platform != "" || o.Uncovered {
				return usagef("--state, --platform and --uncovered say which hosts: add --hosts")
			}
			return a.support(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Site, "site", "", "only what hosts of this site run")
	f.BoolVar(&o.hosts, "hosts", false, "list hosts")
	f.StringVar(&o.State, "state", "", "of hosts: only supported, extended, ended, not-released or unknown")
	f.StringVar(&o.Platform, "platform", "", "of hosts: only on this system, 'debian 10'")
	f.BoolVar(&o.Uncovered, "uncovered", false, "of hosts: only those that no list of advisories speaks of")
	f.IntVar(&o.limit, "limit", 0, "at most so many hosts (default: all)")
	csvFlag(cmd, &o.csv)
	cmd.RegisterFlagCompletionFunc("state", matching(words("ended", "extended", "not-released", "supported", "unknown"))) //nolint:errcheck // the flag is there
	cmd.RegisterFlagCompletionFunc("platform", none)                                                                      //nolint:errcheck // the flag is there
	return cmd
}

func (a *app) support(ctx context.Context, o *supportOptions) error {
	page, err := asPerson(a, func(p *api.PersonClient) (api.SupportPage, error) { return p.Support(ctx, o.Site) })
	if err != nil {
		return siteHint(err)
	}
	s := a.sheet(o.csv, "no hosts have reported", "system", "name", "support", "until", "hosts", "advisories")
	for i := range page.Releases {
		r := &page.Releases[i]
		s.add(releaseText(r), r.Name, supportText(r), s.day(lastDay(r)), strconv.FormatInt(r.Hosts, 10), coveredText(r))
	}
	if err := s.print(page); err != nil || a.json || o.csv {
		return err
	}
	if len(page.Packages) > 0 {
		a.print("")
		p := a.sheet(false, "", "package", "hosts", "since", "why")
		for i := range page.Packages {
			v := &page.Packages[i]
			p.add(v.ID, strconv.FormatInt(*v.Hosts, 10), p.day(v.Published), p.cut(v.Summary))
		}
		if err := p.print(nil); err != nil {
			return err
		}
	}
	if n := page.All.Uncovered; n > 0 {
		a.talk("not covered: no list of advisories speaks of what %s run; nothing found there says nothing", count(int(n), "host"))
	}
	return nil
}

func (a *app) supportHosts(ctx context.Context, o *supportOptions) error {
	hosts, err := asPerson(a, func(p *api.PersonClient) ([]api.SupportHost, error) {
		return pages(o.limit, 1000, func(cursor string, n int) ([]api.SupportHost, string, error) {
			q := o.SupportQuery
			q.Cursor, q.Limit = cursor, n
			page, err := p.SupportHosts(ctx, q)
			return page.Hosts, page.Next, siteHint(err)
		})
	})
	if err != nil {
		return err
	}
	s := a.sheet(o.csv, "there are none", "site", "host", "tag", "system", "support", "until", "advisories", "seen")
	for i := range hosts {
		h := &hosts[i]
		s.add(h.Site, h.Name, h.Tag, releaseText(&h.Release), supportText(&h.Release), s.day(lastDay(&h.Release)), coveredText(&h.Release), s.ago(h.Seen))
	}
	return s.print(hosts)
}

// lastDay is a moment of the last day with support.
func lastDay(r *api.ReleaseSupport) int64 { return max(0, r.Ends-1) }

func releaseText(r *api.ReleaseSupport) string {
	if r.Platform == "" {
		return cmp.Or(r.System, "(it does not say)")
	}
	if r.System != "" {
		return r.Platform + " (" + r.System + ")"
	}
	return r.Platform
}

// supportText says the state, and which kind of support that is where that is not what
// everybody has.
func supportText(r *api.ReleaseSupport) string {
	if r.State == api.SupportedLonger {
		return r.State + ", " + strings.TrimPrefix(r.Kind, "eol-")
	}
	return r.State
}

func coveredText(r *api.ReleaseSupport) string {
	if r.Covered {
		return "covered"
	}
	return "not covered"
}

// talkSupport says what makes the verdict about a host worth less than it looks.
func (a *app) talkSupport(r *api.ReleaseSupport) {
	name := strings.TrimSpace(releaseText(r) + " " + r.Name)
	switch r.State {
	case api.Unsupported:
		a.talk("%s has no support of any kind since %s", name, time10(r.Ends))
	case api.SupportedLonger:
		a.talk("the ordinary support of %s is over; %s ends on %s", name, strings.TrimPrefix(r.Kind, "eol-"), time10(lastDay(r)))
	}
	if !r.Covered {
		a.talk("not covered: no list of advisories speaks of %s; nothing found says nothing", name)
	}
}

// release is how the system of a report stands, by the lists that were given and those
// that come with the program.
func (l *advisoryLoader) release(found *advisory.Findings, s *sitereport.System) api.ReleaseSupport {
	out := api.ReleaseSupport{Platform: platformText(found.Platform), State: api.SupportUnknown, Covered: l.speaks}
	if !found.Platform.Known {
		out.System = cmp.Or(s.Name, strings.TrimSpace(s.ID+" "+s.Version))
		return out
	}
	if life := append(l.lives, advisory.BuiltinLives()...).Of(found.Platform, *s); life != nil {
		now := life.Support(l.a.now().Unix())
		out.System, out.Name, out.State, out.Kind, out.Ends = life.System, life.Name, now.State, now.Kind, now.End
	}
	return out
}
