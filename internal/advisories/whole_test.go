package advisories

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/advisory"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/sites"
	"muster/sitereport"
)

// dump is all that follows from sources, hosts and what is ignored, by names rather than
// numbers, and without what is of the past.
func (w *world) dump() []string {
	w.t.Helper()
	var out []string
	row := func(what, query string, n int) {
		err := w.DB.Read(w.t.Context(), func(tx *db.Tx) error {
			return tx.Each(query, nil, func(scan db.Scan) error {
				values, into := make([]string, n), make([]any, n)
				for i := range values {
					into[i] = &values[i]
				}
				err := scan(into...)
				out = append(out, what+" "+strings.Join(values, "|"))
				return err
			})
		})
		check(w.t, err)
	}
	const id = " JOIN advisories_advisory a ON a.num = x.advisory JOIN advisories_source s ON s.num = a.source"
	row("finding", "SELECT x.known, s.name, a.id, x.fixed, x.status, x.severity, x.exploited FROM advisories_finding x"+id, 7)
	row("row", "SELECT known, name FROM advisories_row", 2)
	row("host", "SELECT h.host, g.site, g.state, g.hosts, g.severity, g.exploited, g.apart, g.platform, g.os, g.counts FROM advisories_host h JOIN advisories_group g ON g.num = h.grp", 10)
	row("kernel", "SELECT known FROM advisories_kernel", 1)
	row("group", "SELECT g.site, g.state, g.hosts, g.severity, g.counts FROM advisories_group g", 5)
	row("site", "SELECT x.site, s.name, a.id, x.mark, x.hosts FROM advisories_site x"+id, 5)
	row("all", "SELECT s.name, a.id, x.mark, x.hosts FROM advisories_all x"+id, 4)
	row("total", "SELECT whole, site, mark, advisories FROM advisories_total", 4)
	row("untold", "SELECT x.site, s.name, a.id FROM advisories_untold x"+id, 3)
	row("told", "SELECT x.site, s.name, a.id FROM advisories_told x"+id, 3)
	row("dirty", "SELECT known FROM advisories_dirty", 1)
	row("stale", "SELECT num FROM advisories_group WHERE stale = 1", 1)
	row("dead", "SELECT advisory FROM advisories_version WHERE died <> 0", 1)
	row("behind", "SELECT name FROM advisories_source WHERE matched <> generation", 1)
	row("loose", "SELECT f.advisory FROM advisories_affected f LEFT JOIN advisories_version v ON v.advisory = f.advisory AND v.born = f.born WHERE v.advisory IS NULL", 1)
	slices.Sort(out)
	w.sumsHold()
	return out
}

// sumsHold holds sums that grow with each change against what they are of.
func (w *world) sumsHold() {
	w.t.Helper()
	all, err := w.sites.Sites(w.t.Context())
	check(w.t, err)
	see := []string{""} // of all sites, so that each is gone through
	for _, s := range all {
		see = append(see, s.Name)
	}
	for _, q := range []api.FindingQuery{{}, {Severity: "high"}, {Exploited: true}, {Fixable: true}} {
		sums, err := w.SiteFindings(w.t.Context(), nil, "", q)
		check(w.t, err)
		rows, err := w.SiteFindings(w.t.Context(), see, "", q)
		check(w.t, err)
		if a, b := jsonOf(w.t, sums), jsonOf(w.t, rows); a != b {
			w.t.Errorf("of all sites %+v:\n%s\nadded up\n%s", q, a, b)
		}
	}
	sums, err := w.Standing(w.t.Context(), nil)
	check(w.t, err)
	rows, err := w.Standing(w.t.Context(), see)
	check(w.t, err)
	if sums.All != rows.All {
		w.t.Errorf("all sites stand %+v, added up %+v", sums.All, rows.All)
	}
	for _, s := range sums.Sites {
		one, err := w.Standing(w.t.Context(), []string{s.Site})
		check(w.t, err)
		if s != one.Sites[0] || s.Advisories != one.All.Advisories {
			w.t.Errorf("site %q stands %+v, added up %+v", s.Site, s, one)
		}
	}
}

// A content of a source, to be brought in anew.
type brought struct{ source, form, text string }

// anew computes everything from nothing, in a database of its own.
func (w *world) anew(all []brought) *world {
	w.t.Helper()
	d := dbtest.SQLite(w.t)
	fresh := &world{t: w.t, sites: w.sites, now: w.now}
	var err error
	fresh.Advisories, err = Open(w.t.Context(), Config{DB: d, Dictionary: w.sites, Fleet: w.sites, Folder: w.t.TempDir(), Now: func() time.Time { return w.now }})
	check(w.t, err)
	list, err := w.Ignored(w.t.Context(), nil)
	check(w.t, err)
	for _, e := range slices.Backward(list.Ignored) {
		if !e.Over {
			_, err := fresh.Ignore(w.t.Context(), e.By, e)
			check(w.t, err)
		}
	}
	for _, b := range all {
		fresh.bring(b.source, b.form, b.text)
	}
	fresh.follow()
	return fresh
}

// sameAs compares what follows from everything in both worlds.
func (w *world) sameAs(other *world, when string) {
	w.t.Helper()
	got, want := w.dump(), other.dump()
	for _, l := range got {
		if !slices.Contains(want, l) {
			w.t.Errorf("%s: too much: %s", when, l)
		}
	}
	for _, l := range want {
		if !slices.Contains(got, l) {
			w.t.Errorf("%s: missing: %s", when, l)
		}
	}
}

// A play is a random sequence of what can happen.
type play struct {
	*world
	r       *rand.Rand
	kept    map[string]brought
	agents  map[int64]bool
	hosts   []int64
	ignored int
}

var playSites = []string{"LYON", "NIKHEF", "PIC"}

func newPlay(w *world, seed uint64) *play {
	w.site(playSites...)
	return &play{world: w, r: rand.New(rand.NewPCG(seed, 1)), kept: map[string]brought{}}
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

// lines are random ones of a tracker.
func (p *play) lines() (all []string) {
	for range p.r.IntN(12) {
		all = append(all, fmt.Sprintf("%s CVE-%d %s %s %s", pick(p.r, []string{"openssl", "curl", "linux", "bash", "zlib"}), p.r.IntN(9), pick(p.r, []string{"bookworm", "bullseye"}),
			pick(p.r, []string{"-", "2", "3", "0"}), pick(p.r, []string{"low", "medium", "high", "unimportant"})))
	}
	return all
}

// osv is a document about Debian that has CVEs for aliases.
func (p *play) osv() string {
	return fmt.Sprintf(`{"id":"DSA-%d","modified":"2026-01-0%dT00:00:00Z","upstream":["CVE-%d","CVE-%d"],"affected":[{"package":{"ecosystem":"Debian:12","name":"%s"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"%d"}]}]}]}`,
		p.r.IntN(2), 1+p.r.IntN(9), p.r.IntN(4), p.r.IntN(4), pick(p.r, []string{"openssl", "zlib"}), 1+p.r.IntN(4))
}

func (p *play) packages() []string {
	var all []string
	for _, n := range []string{"libssl3 %d openssl %d", "openssl %d", "curl %d", "bash %d", "zlib1g %d zlib %d", "linux-image-6.1.0-25-amd64 %d linux-signed-amd64 %d", "linux-image-6.1.0-28-amd64 %d linux-signed-amd64 %d"} {
		if v := p.r.IntN(4); v > 0 {
			all = append(all, strings.ReplaceAll(n, "%d", fmt.Sprint(v)))
		}
	}
	return all
}

func (p *play) step() error {
	p.pass(time.Duration(p.r.IntN(3600)) * time.Second)
	ctx := p.t.Context()
	switch n := p.r.IntN(20); {
	case n < 9:
		s := said{version: pick(p.r, []string{"11", "12", "12", "12"}), id: pick(p.r, []string{"debian", "debian", "debian", "plan9"}), kernel: pick(p.r, []string{"6.1.0-25-amd64", "6.1.0-28-amd64", ""})}
		site := pick(p.r, append(playSites, ""))
		name := fmt.Sprintf("host%d", p.r.IntN(4))
		if site == "" {
			s.agent = name
		}
		p.hosts = append(p.hosts, p.report(site, name, s, p.packages()...))
	case n < 12:
		return p.put(brought{"tracker", "debian", tracker(p.lines()...)})
	case n == 12:
		return p.put(brought{"osv", "osv", p.osv()})
	case n == 13:
		return p.put(brought{"kev", "kev", fmt.Sprintf(`{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2026-1%d","vulnerabilityName":"x","dateAdded":"2026-01-01"},{"cveID":"CVE-%d","vulnerabilityName":"y","dateAdded":"2026-01-01"}]}`, p.r.IntN(3), p.r.IntN(9))})
	case n < 16:
		e := api.AdvisoryIgnore{Reason: fmt.Sprint("reason ", p.ignored), Site: pick(p.r, append(playSites, "", "")), Platform: pick(p.r, []string{"", "", "debian 12"})}
		e.Advisory = pick(p.r, []string{"", fmt.Sprint("CVE-", p.r.IntN(9)), fmt.Sprint("DSA-", p.r.IntN(2))})
		if e.Advisory == "" || p.r.IntN(3) == 0 {
			e.Package = pick(p.r, []string{"curl", "openssl", "z*"})
		}
		if p.r.IntN(2) == 0 {
			e.Expires = p.now.Unix() + 1 + p.r.Int64N(20_000)
		}
		p.ignored++
		_, err := p.Ignore(ctx, "eve", e)
		return err
	case n == 16:
		list, err := p.Ignored(ctx, nil)
		if err != nil || len(list.Ignored) == 0 {
			return err
		}
		return p.Unignore(ctx, pick(p.r, list.Ignored).Number)
	case n == 17 && len(p.hosts) > 0:
		if err := p.sites.Forget(ctx, p.now, pick(p.r, p.hosts)); err != nil && !strings.Contains(err.Error(), "no host") {
			return err
		}
	default:
		return p.Follow(ctx)
	}
	return nil
}

// put imports, and notes what counts from then on.
func (p *play) put(b brought) error {
	_, err := p.Import(p.t.Context(), ImportOptions{Source: b.source, Form: b.form, Shrink: true}, strings.NewReader(b.text))
	if err == nil || errors.Is(err, errBroken) { // it may count, though it was not told
		p.kept[b.source] = b
	}
	return err
}

func (p *play) all() (all []brought) {
	for _, b := range p.kept {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b brought) int { return cmp.Compare(a.source, b.source) })
	return all
}

// naive holds every host against all documents, as package advisory does it.
func (p *play) naive() {
	p.t.Helper()
	b := advisory.NewBuilder()
	exploited := map[string]bool{}
	for _, doc := range p.all() {
		read := map[string]advisory.Importer{"debian": advisory.Debian, "osv": advisory.OSV}[doc.form]
		if doc.form == "kev" {
			c, err := advisory.ParseKEV(strings.NewReader(doc.text), advisory.Options{})
			check(p.t, err)
			for id := range c.Entries {
				exploited[id] = true
			}
			continue
		}
		check(p.t, read(strings.NewReader(doc.text), advisory.Options{Name: doc.source}, func(a *advisory.Advisory) error { b.Add(a); return nil }))
	}
	x := b.Index()
	var list advisory.Ignores
	ignored, err := p.Ignored(p.t.Context(), nil)
	check(p.t, err)
	for _, e := range slices.Backward(ignored.Ignored) {
		if !e.Over {
			list = append(list, advisory.Ignore{ID: e.Advisory, Package: e.Package, Platform: e.Platform, Site: e.Site, Reason: e.Reason})
		}
	}
	hosts, err := p.sites.Hosts(p.t.Context(), sites.Filter{}, sites.Page{})
	check(p.t, err)
	for _, h := range hosts {
		known, h, err := p.sites.HostPackages(p.t.Context(), h.ID, 0)
		check(p.t, err)
		var packages []sitereport.Package
		for _, k := range known {
			packages = append(packages, k.Package)
		}
		found := advisory.MatchAll(nil, advisory.Host{System: h.System, Site: h.Site, Packages: packages}, x, list, p.now)
		want := map[string]bool{}
		add := func(f *advisory.Finding, reason string) {
			mark := ""
			if exploited[f.Advisory.ID] || slices.ContainsFunc(f.Advisory.Aliases, func(n string) bool { return exploited[n] }) {
				mark = "!"
			}
			want[fmt.Sprintf("%s %s %s %s%s%s", f.Advisory.ID, f.Package.Name, f.Package.Version, f.Fixed, mark, reason)] = true
		}
		for i := range found.Open {
			add(&found.Open[i], "")
		}
		for i := range found.Ignored {
			add(&found.Ignored[i].Finding, found.Ignored[i].Why.Reason)
		}
		p.sameFindings(h, packages, want)
	}
}

// sameFindings holds both ways to ask, of the host and of its packages, against want.
func (p *play) sameFindings(h sites.Host, packages []sitereport.Package, want map[string]bool) {
	p.t.Helper()
	kept, err := p.HostFindings(p.t.Context(), nil, h.ID, api.FindingQuery{Ignored: true, Limit: 1000})
	check(p.t, err)
	checked, err := p.Check(p.t.Context(), h.Site, h.System, packages, api.FindingQuery{Ignored: true, Limit: 1000})
	check(p.t, err)
	counts, err := p.HostCounts(p.t.Context(), nil, []int64{h.ID})
	check(p.t, err)
	checked.Counts.Packages = kept.Counts.Packages
	if kept.Counts != checked.Counts || kept.Counts != counts[h.ID] {
		p.t.Errorf("%s %s: counts %+v, of the report %+v, kept %+v", h.Site, h.Name, kept.Counts, checked.Counts, counts[h.ID])
	}
	for _, all := range [][]api.Finding{kept.Findings, checked.Findings} {
		got := map[string]bool{}
		for _, f := range all {
			s := fmt.Sprintf("%s %s %s %s", f.Advisory.ID, f.Package, f.Version, f.Fixed)
			if f.Advisory.Exploited {
				s += "!"
			}
			if f.Ignored != nil {
				s += f.Ignored.Reason
			}
			got[s] = true
		}
		for s := range got {
			if !want[s] {
				p.t.Errorf("%s %s: found too much: %s", h.Site, h.Name, s)
			}
		}
		for s := range want {
			if !got[s] {
				p.t.Errorf("%s %s: not found: %s", h.Site, h.Name, s)
			}
		}
	}
}

// TestWhole holds what follows step by step from random reports, imports, withdrawals
// and what is ignored against a computation from nothing, and against package advisory
// holding each host against everything.
func TestWhole(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := newPlay(newWorld(t, dbtest.SQLite(t)), seed)
			for i := range 90 {
				check(t, p.step())
				if i%30 == 29 {
					p.follow()
					p.sameAs(p.anew(p.all()), fmt.Sprint("after step ", i))
					p.naive()
				}
				if t.Failed() {
					t.FailNow()
				}
			}
		})
	}
}

// TestWholeOnServers does the same, shorter, on the other engines.
func TestWholeOnServers(t *testing.T) {
	dbtest.Servers(t, func(t *testing.T, dsn string, _ db.Driver) {
		p := newPlay(newWorld(t, dbtest.Open(t, dsn)), 77)
		for range 80 {
			check(t, p.step())
		}
		p.follow()
		p.sameAs(p.anew(p.all()), "at the end")
		p.naive()
	})
}

var errBroken = errors.New("the process ends here")

// TestEndsAnywhere has the process end before and after each of its writes. Another one
// goes on, and what is there in the end is as if nothing had happened.
func TestEndsAnywhere(t *testing.T) {
	for seed := range uint64(4) {
		p := newPlay(newWorld(t, dbtest.SQLite(t)), 100+seed)
		for range 80 {
			left, after := p.r.IntN(8), p.r.IntN(2) == 0
			p.broken = func(done bool) error {
				if done != after {
					return nil
				}
				if left--; left < 0 {
					return errBroken
				}
				return nil
			}
			err := p.step()
			if p.r.IntN(2) == 0 && err == nil {
				err = p.put(brought{"tracker", "debian", tracker(p.lines()...)})
			}
			if err == nil {
				continue
			}
			if !errors.Is(err, errBroken) {
				t.Fatal(err)
			}
			p.reopen()
		}
		p.broken = nil
		for _, b := range p.all() {
			check(t, p.put(b))
		}
		p.follow()
		p.sameAs(p.anew(p.all()), fmt.Sprint("seed ", seed))
		p.naive()
	}
}

// reopen is another process, once the first does not answer for it any more.
func (p *play) reopen() {
	p.t.Helper()
	p.pass(hold + time.Second)
	var err error
	now := p.world
	p.Advisories, err = Open(p.t.Context(), Config{DB: p.DB, Dictionary: p.sites, Fleet: p.sites, Folder: p.Folder, Now: func() time.Time { return now.now }})
	check(p.t, err)
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	check(t, err)
	return string(b)
}
