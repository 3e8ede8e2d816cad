package advisories

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/db"
	"muster/sitereport"
)

// A release is what hosts run, as their groups keep it: whose packages they have, and
// what they call themselves.
type release struct{ platform, os string }

// release says how long something is supported, and whether it is covered.
func (x *facts) release(r release, now int64) api.ReleaseSupport {
	out := api.ReleaseSupport{Platform: r.platform, State: api.SupportUnknown, Covered: x.covers(r.platform)}
	if r.platform == "" {
		out.System = r.os
		return out
	}
	ecosystem, branch, _ := strings.Cut(r.platform, " ")
	id, _, _ := strings.Cut(r.os, " ")
	l := x.lives.Of(advisory.Platform{Ecosystem: ecosystem, Release: branch, Known: true}, sitereport.System{ID: id})
	if l == nil {
		return out
	}
	s := l.Support(now)
	out.System, out.Name, out.State, out.Kind, out.Ends = l.System, l.Name, s.State, s.Kind, s.End
	return out
}

// releaseOf is what a system runs.
func (a *Advisories) releaseOf(s *sitereport.System) release {
	return release{cut(platformName(a.Systems.Of(s.ID, s.Version, s.Name)), 110), cut(systemName(*s), maxText)}
}

// Support says how long what hosts run is supported that somebody may see, of a site or
// with "" of all, with the packages that are without support by themselves.
func (a *Advisories) Support(ctx context.Context, see []string, site string) (out api.SupportPage, err error) {
	now := a.Now().Unix()
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.SupportPage{Releases: []api.ReleaseSupport{}, Sites: []api.SupportCounts{}, Builtin: advisory.LivesAsOf}
		x, err := a.facts(tx)
		if err != nil {
			return err
		}
		of := map[api.ReleaseSupport]int64{}
		err = eachRelease(tx, see, site, func(site string, r release, hosts int64) {
			s := x.release(r, now)
			of[s] += hosts
			if n := len(out.Sites); n == 0 || out.Sites[n-1].Site != site {
				out.Sites = append(out.Sites, api.SupportCounts{Site: site})
			}
			addSupport(&out.Sites[len(out.Sites)-1], &s, hosts)
			addSupport(&out.All, &s, hosts)
		})
		for s, n := range of {
			s.Hosts = n
			out.Releases = append(out.Releases, s)
		}
		slices.SortFunc(out.Releases, compareSupport)
		if err != nil {
			return err
		}
		out.Packages, err = a.unsupported(tx, see, site)
		return err
	})
	return out, err
}

// Supported counts the hosts that somebody may see by the support of what they run.
func (a *Advisories) Supported(ctx context.Context, see []string) (out api.SupportCounts, err error) {
	now := a.Now().Unix()
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.SupportCounts{}
		x, err := a.facts(tx)
		if err != nil {
			return err
		}
		return eachRelease(tx, see, "", func(_ string, r release, hosts int64) {
			s := x.release(r, now)
			addSupport(&out, &s, hosts)
		})
	})
	return out, err
}

// eachRelease calls f with how many hosts of a site run what, by site.
func eachRelease(tx *db.Tx, see []string, site string, f func(site string, r release, hosts int64)) error {
	in, args := seeSites("site", see)
	if site != "" {
		in, args = in+" AND site = ?", append(args, site)
	}
	return tx.Each("SELECT site, platform, os, SUM(hosts) FROM advisories_group WHERE "+in+" GROUP BY site, platform, os ORDER BY site, platform, os", args, func(scan db.Scan) error {
		var name string
		var r release
		var hosts int64
		err := scan(&name, &r.platform, &r.os, &hosts)
		f(name, r, hosts)
		return err
	})
}

func addSupport(to *api.SupportCounts, s *api.ReleaseSupport, hosts int64) {
	to.Hosts += hosts
	*map[string]*int64{api.Supported: &to.Supported, api.SupportedLonger: &to.Extended, api.Unsupported: &to.Ended,
		api.NotReleased: &to.NotReleased, api.SupportUnknown: &to.Unknown}[s.State] += hosts
	if !s.Covered {
		to.Uncovered += hosts
	}
}

// states are those of support, what needs somebody first.
var states = []string{api.Unsupported, api.SupportedLonger, api.SupportUnknown, api.NotReleased, api.Supported}

// compareSupport puts first what is over, of that what is over the longest; and else what
// ends first.
func compareSupport(a, b api.ReleaseSupport) int {
	return cmp.Or(cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)), cmp.Compare(truth(a.Ends == 0), truth(b.Ends == 0)), cmp.Compare(a.Ends, b.Ends),
		strings.Compare(a.Platform, b.Platform), strings.Compare(a.System, b.System))
}

// unsupported lists the packages of hosts that lists of packages without support name.
func (a *Advisories) unsupported(tx *db.Tx, see []string, site string) ([]api.Advisory, error) {
	in, args := seeSites("x.site", see)
	if site != "" {
		in, args = in+" AND x.site = ?", append(args, site)
	}
	var all []concerned
	err := tx.Each("SELECT x.advisory, SUM(x.hosts), MAX(x.mark % 8) FROM advisories_source s JOIN advisories_advisory a ON a.source = s.num JOIN advisories_site x ON x.advisory = a.num WHERE s.form = ? AND "+in+" GROUP BY x.advisory",
		append([]any{formSupport}, args...), func(scan db.Scan) error {
			var c concerned
			err := scan(&c.num, &c.hosts, &c.mark)
			all = append(all, c)
			return err
		})
	if err != nil {
		return nil, err
	}
	page, err := a.concernedPage(tx, all, &sieve{FindingQuery: api.FindingQuery{Limit: 1000}})
	return page.Advisories, err
}

// SupportHosts lists hosts by what they run: by site, then in the order in which they were
// first heard of.
func (a *Advisories) SupportHosts(ctx context.Context, see []string, q api.SupportQuery) (out api.SupportHostPage, err error) {
	from, err := placeOf(q.Cursor)
	if err != nil {
		return out, err
	}
	if q.State != "" && !slices.Contains(states, q.State) {
		return out, muster.WithHint(muster.Errorf(muster.Invalid, "there is no state of support %.40q", q.State), "there are %s", strings.Join(states, ", "))
	}
	now := a.Now().Unix()
	var hosts []int64
	of := map[int64]api.ReleaseSupport{}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		hosts, out.Next, err = a.supportHosts(tx, see, &q, now, from, of)
		return err
	})
	out.Hosts = []api.SupportHost{}
	for _, id := range hosts {
		if err != nil {
			return out, err
		}
		_, h, e := a.Fleet.HostRows(ctx, id)
		if muster.KindOf(e) == muster.NotFound {
			continue // forgotten a moment ago
		}
		if err = e; err == nil && seen(see, h.Site) {
			out.Hosts = append(out.Hosts, api.SupportHost{ID: h.ID, Name: h.Name, Site: h.Site, Tag: h.Tag, Seen: h.Last, Release: of[id]})
		}
	}
	return out, err
}

func (a *Advisories) supportHosts(tx *db.Tx, see []string, q *api.SupportQuery, now int64, from int, of map[int64]api.ReleaseSupport) (hosts []int64, next string, err error) {
	x, err := a.facts(tx)
	if err != nil {
		return nil, "", err
	}
	in, args := seeSites("g.site", see)
	if q.Site != "" {
		in, args = in+" AND g.site = ?", append(args, q.Site)
	}
	if q.Platform != "" {
		in, args = in+" AND g.platform = ?", append(args, q.Platform)
	}
	is := map[release]api.ReleaseSupport{}
	err = tx.Each("SELECT h.host, g.platform, g.os FROM advisories_group g JOIN advisories_host h ON h.grp = g.num WHERE "+in+" ORDER BY g.site, h.host", args, func(scan db.Scan) error {
		var host int64
		var r release
		err := scan(&host, &r.platform, &r.os)
		s, known := is[r]
		if !known {
			s = x.release(r, now)
			is[r] = s
		}
		if (q.State == "" || s.State == q.State) && !(q.Uncovered && s.Covered) {
			hosts, of[host] = append(hosts, host), s
		}
		return err
	})
	hosts, next = page(hosts, from, limitOf(q.Limit))
	return hosts, next, err
}

// lapseEach is how often it is looked whether support has ended.
const lapseEach = 15 * time.Minute

// A lapse is that a release has come to a state at a site.
type lapse struct {
	site string
	release
	state string
}

// lapse tells sites of what their hosts run that its support has ended: once, as long as
// they have such hosts.
func (a *Advisories) lapse(ctx context.Context) error {
	now := a.Now()
	if !a.lapsed.IsZero() && now.Sub(a.lapsed) < lapseEach && !now.Before(a.lapsed) {
		return nil
	}
	hosts, told := map[lapse]int64{}, map[lapse]bool{}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		clear(hosts)
		clear(told)
		x, err := a.facts(tx)
		if err != nil {
			return err
		}
		err = eachRelease(tx, nil, "", func(site string, r release, n int64) {
			s := x.release(r, now.Unix())
			if s.State == api.Unsupported || s.State == api.SupportedLonger {
				hosts[lapse{site, release{r.platform, s.System}, s.State}] += n
			}
		})
		if err != nil {
			return err
		}
		return tx.Each("SELECT site, platform, os, state FROM advisories_lapse", nil, func(scan db.Scan) error {
			var l lapse
			err := scan(&l.site, &l.platform, &l.os, &l.state)
			told[l] = true
			return err
		})
	})
	if err != nil {
		return err
	}
	order := func(a, b lapse) int {
		return cmp.Or(cmp.Compare(a.site, b.site), cmp.Compare(a.platform, b.platform), cmp.Compare(a.os, b.os), cmp.Compare(a.state, b.state))
	}
	var came, went []lapse
	for _, l := range slices.SortedFunc(maps.Keys(hosts), order) {
		if !told[l] {
			came = append(came, l)
		}
	}
	for _, l := range slices.SortedFunc(maps.Keys(told), order) {
		if hosts[l] == 0 {
			went = append(went, l)
		}
	}
	if err := a.tellLapses(ctx, came, went, hosts, now.Unix()); err != nil {
		return err
	}
	a.lapsed = now
	return nil
}

// tellLapses writes events, and in the same breath that they were told.
func (a *Advisories) tellLapses(ctx context.Context, came, went []lapse, hosts map[lapse]int64, now int64) error {
	for part := range slices.Chunk(came, someIDs) {
		err := a.write(ctx, func(tx *db.Tx) error {
			first, err := tx.Next("advisories_number", "event", int64(len(part)))
			if err != nil {
				return err
			}
			var events, rows [][]any
			for i, l := range part {
				kind := api.SupportEnded
				if l.state == api.SupportedLonger {
					kind = api.SupportExtended
				}
				events = append(events, []any{first + int64(i), now, kind, l.site, 0, 0, false, 0, hosts[l], l.platform, l.os})
				rows = append(rows, []any{l.site, l.platform, l.os, l.state})
			}
			if err := tx.Insert("advisories_event", []string{"number", "happened", "kind", "site", "advisory", "severity", "exploited", "advisories", "hosts", "platform", "os"}, events); err != nil {
				return err
			}
			return tx.Insert("advisories_lapse", []string{"site", "platform", "os", "state"}, rows)
		})
		if err != nil {
			return err
		}
	}
	for part := range slices.Chunk(went, someIDs) {
		err := a.write(ctx, func(tx *db.Tx) error {
			for _, l := range part {
				if _, err := tx.Exec("DELETE FROM advisories_lapse WHERE site = ? AND platform = ? AND os = ? AND state = ?", l.site, l.platform, l.os, l.state); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dawn matches the packages whose support ended by a list since it was last looked: until
// the day that the list says, they have it.
func (a *Advisories) dawn(ctx context.Context) error {
	last, err := self[int64](ctx, a, "dawned")
	now := a.Now().Unix()
	if err != nil || now < last+int64(lapseEach/time.Second) && now/daySeconds == last/daySeconds {
		return err
	}
	names, globs := map[string]bool{}, map[string]bool{}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		clear(names)
		clear(globs)
		return tx.Each(`SELECT DISTINCT f.ecosystem, f.name FROM advisories_source s JOIN advisories_version v ON v.source = s.num
			JOIN advisories_affected f ON f.advisory = v.advisory AND f.born = v.born WHERE s.form = ? AND v.published > ? AND v.published <= ? AND `+current, []any{formSupport, last, now}, func(scan db.Scan) error {
			var ecosystem, name string
			err := scan(&ecosystem, &name)
			if names[name] = true; name == anyName {
				delete(names, name)
				globs[ecosystem] = true
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(sortedKeys(names), matchRows) {
		if err := a.matchNamed(ctx, part, nothing); err != nil {
			return err
		}
	}
	if err := a.rematchEcosystems(ctx, globs); err != nil {
		return err
	}
	return a.write(ctx, func(tx *db.Tx) error { return setSelf(tx, "dawned", now) })
}

// toCome are the advisories of packages whose support ends on a day that is to come.
func (a *Advisories) toCome(tx *db.Tx) (map[string]bool, error) {
	nums, err := numbers(tx, "SELECT v.advisory FROM advisories_source s JOIN advisories_version v ON v.source = s.num WHERE s.form = ? AND v.published > ?", formSupport, a.Now().Unix())
	out := map[string]bool{}
	for _, n := range nums {
		out[strconv.FormatInt(n, 10)] = true
	}
	return out, err
}
