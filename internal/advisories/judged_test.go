package advisories

import (
	"cmp"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/advisory"
	"muster/advisory/systems"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/sites"
	"muster/sitereport"
)

// ownRows are rows of a configuration: names decide where they do not otherwise.
const ownRows = `id,version,name,ecosystem,release
debian,12,Parrot *,ubuntu,24.04
plan9,{a},Ninth {a},arch,
plan9,{a},,debian,{a}
`

// systemsOf are what systems say of themselves that fit the rows of a table, one row after
// the other: with the numbers that the rows want, and with names that they do not.
func systemsOf(t *testing.T, table string) (all []sitereport.System) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(table))
	r.Comment = '#'
	rows, err := r.ReadAll()
	check(t, err)
	fill := strings.NewReplacer("{a}", "12", "{b}", "4", "{c}", "3", "*", "some words")
	for _, row := range rows[1:] {
		s := sitereport.System{ID: row[0], Version: fill.Replace(row[1]), Name: fill.Replace(row[2]), Arch: "x86_64"}
		all = append(all, s)
		if row[0] == "" {
			continue
		}
		for _, name := range []string{"", "Something Else 7 (Flavour)", "Debian GNU/Linux 13 (trixie)"} {
			s.Name = name
			all = append(all, s)
		}
	}
	return all
}

// strangeSystems are of no row, or have what Base and kernels want.
func strangeSystems() []sitereport.System {
	return []sitereport.System{
		{}, {Name: "nobody knows it"}, {ID: "debian"}, {ID: "debian", Version: "12", Name: "Parrot Security 6"}, {ID: "DEBIAN", Version: "12"}, {ID: "debian", Version: "12", Kernel: "6.1.0-28-amd64"},
		{ID: "debian", Version: "12", Kernel: "6.1.0-27-amd64"}, {ID: "debian", Name: "Debian GNU/Linux trixie/sid"}, {ID: "centos", Version: "8", Name: "CentOS Linux 8"}, {ID: "centos", Version: "8", Name: "CentOS Stream 8"},
		{ID: "openeuler", Version: "22.03", Name: "openEuler 22.03 (LTS-SP3)"}, {ID: "openeuler", Version: "22.03", Name: "openEuler 22.03 (LTS)"},
		{ID: "freebsd", Version: "14.1", Name: "FreeBSD 14.1-RELEASE-p2", Kernel: "14.1-RELEASE-p1"}, {ID: "freebsd", Version: "14.1", Name: "FreeBSD 14.1-RELEASE-p9", Kernel: "14.1-RELEASE-p9"},
		{Name: "FreeBSD 14.1-RELEASE", Kernel: "14.1-RELEASE"}, {ID: "arch", Kernel: "6.10.5-arch1-1"}, {ID: "alpine", Version: "3.20.1", Kernel: "6.6.30-0-lts"},
	}
}

// judgedPackages are some of a manager, kernels among them.
func judgedPackages(r *rand.Rand, manager string) (all []sitereport.Package) {
	add := func(name, version, source string) {
		all = append(all, sitereport.Package{Manager: manager, Name: name, Version: version, Arch: pick(r, []string{"x86_64", "amd64", "noarch"}), Source: source})
	}
	for _, n := range []string{"openssl", "libssl3 openssl", "curl", "zlib1g zlib", "python3"} {
		name, source, _ := strings.Cut(n, " ")
		if r.IntN(4) > 0 {
			add(name, pick(r, []string{"1", "2", "3", "4"}), source)
		}
	}
	if r.IntN(2) == 0 {
		switch manager {
		case "dpkg":
			add("linux-image-6.1.0-25-amd64", "2", "linux-signed-amd64")
			add("linux-image-6.1.0-28-amd64", "3", "linux-signed-amd64")
		case "pacman":
			add("linux", "6.10.6.arch1-1", "")
		case "apk":
			add("linux-lts", "6.6.34-r1", "linux-lts")
		case "rpm":
			add("kernel-core", "5.14.0-427.el9", "kernel")
		}
	}
	return all
}

// judgedAdvisories speak of each platform that some systems are, and of its ecosystem:
// of sources and packages, in several rows, with severities, fixes and statuses that differ.
func judgedAdvisories(r *rand.Rand, platforms []advisory.Platform) (all []*advisory.Advisory) {
	for _, p := range platforms {
		for i := range 4 {
			a := &advisory.Advisory{ID: fmt.Sprintf("%s-%s-%d", p.Ecosystem, p.Release, i), Source: "test", Severity: advisory.Severity(r.IntN(6))}
			for range 1 + r.IntN(3) {
				row := advisory.Affected{Ecosystem: p.Ecosystem, Release: pick(r, []string{p.Release, p.Release, ""}), Name: pick(r, []string{"openssl", "libssl3", "curl", "zlib", "python3", "linux", "kernel", "linux-lts", "FreeBSD", "FreeBSD-kernel"}),
					Binary: r.IntN(2) == 0, Severity: advisory.Severity(r.IntN(6)), Status: pick(r, []string{"", "", advisory.StatusNoDSA, advisory.StatusUnimportant}), FixElsewhere: r.IntN(5) == 0}
				if strings.HasPrefix(row.Name, "FreeBSD") {
					row.Binary = true
				}
				if r.IntN(8) == 0 {
					row.Name, row.Glob = "*l*", true
				}
				if r.IntN(12) > 0 {
					row.Ranges = []advisory.Range{{Fixed: pick(r, []string{"2", "3", "6.10.6.arch1-1", "14.1_3"})}}
				}
				a.Affected = append(a.Affected, row)
			}
			all = append(all, a)
		}
	}
	return all
}

// readPlain is a form of advisories as they are.
func readPlain(in *os.File, o advisory.Options, f func(entryOf) error) error {
	var all []*advisory.Advisory
	err := json.NewDecoder(in).Decode(&all)
	for _, a := range all {
		if err == nil {
			err = f(entryOf{advisory: a})
		}
	}
	return err
}

// TestJudged: what a report of any system is taken for and judged by here is what package
// advisory says of the report itself: rows of the dictionary know all that decides.
func TestJudged(t *testing.T) {
	forms["plain"] = readPlain
	t.Cleanup(func() { delete(forms, "plain") })
	builtin, err := os.ReadFile("../../advisory/systems/systems.csv")
	check(t, err)
	own, err := systems.Builtin().Extend(strings.NewReader(ownRows))
	check(t, err)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, c := range []struct {
			name  string
			table *systems.Table
			of    []sitereport.System
		}{
			{"builtin", systems.Builtin(), slices.Concat(systemsOf(t, string(builtin)), strangeSystems())},
			{"own", own, slices.Concat(systemsOf(t, ownRows), strangeSystems())},
		} {
			w := newWorld(t, d, func(o *Config) { o.Systems, o.Mapping = c.table, c.name })
			j := judging{world: w, name: c.name, r: rand.New(rand.NewPCG(5, 6)), holders: map[string][]string{}, unmapped: map[api.UnmappedSystem]int64{}}
			j.run(c.of)
		}
	})
}

// A judging holds the server against package advisory.
type judging struct {
	*world
	name  string
	r     *rand.Rand
	index *advisory.Index

	holders  map[string][]string // hosts, by advisory
	unmapped map[api.UnmappedSystem]int64
	standing api.HostCounts
}

func (j *judging) run(of []sitereport.System) {
	t := j.t
	j.site("LYON")
	platforms := map[string]advisory.Platform{}
	for _, s := range of {
		if p := j.Systems.Of(s.ID, s.Version, s.Name); p.Known && p.Ecosystem != "rocky" && p.Ecosystem != "centos-stream" { // of those no list speaks
			platforms[platformName(p)] = p
		}
	}
	platforms["pkgsrc"] = j.Systems.Ecosystem("pkgsrc", "")
	all := judgedAdvisories(j.r, slices.Collect(func(yield func(advisory.Platform) bool) {
		for _, k := range slices.Sorted(maps.Keys(platforms)) {
			if !yield(platforms[k]) {
				return
			}
		}
	}))
	j.bring("plain", "plain", jsonOf(t, all))
	j.r.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] }) // which order does not count
	b := advisory.NewBuilder()
	for _, a := range all {
		b.Add(a)
	}
	j.index = b.Index()
	j.pass(2 * lookEach * time.Second) // so that all hosts are gone through
	reports := make([]*sitereport.Report, len(of))
	hosts := make([]int64, len(of))
	for i, s := range of {
		reports[i] = j.reportOf(fmt.Sprintf("%s-%04d", j.name, i), s)
		out, err := j.sites.Take(t.Context(), j.now, reports[i], sites.Sender{Proven: "LYON", Form: "native"})
		check(t, err)
		hosts[i] = out.Host
	}
	j.follow()
	for i, r := range reports {
		j.one(r, hosts[i])
	}
	j.together()
	for _, h := range hosts {
		check(t, j.sites.Forget(t.Context(), j.now, h))
	}
}

func (j *judging) reportOf(name string, s sitereport.System) *sitereport.Report {
	p := j.Systems.Of(s.ID, s.Version, s.Name)
	r := &sitereport.Report{Host: name, Site: "LYON", Time: j.now.Unix(), Nonce: hex.EncodeToString(fmt.Appendf(nil, "%16.16s", name)), System: s}
	r.Packages = judgedPackages(j.r, cmp.Or(p.Manager, "dpkg"))
	if j.r.IntN(3) == 0 {
		r.Packages = append(r.Packages, judgedPackages(j.r, "pkgsrc")...)
	}
	r.Packages = sitereport.SortPackages(r.Packages)
	return r
}

// one holds the findings of a host against those of its report.
func (j *judging) one(r *sitereport.Report, host int64) {
	t, s, name := j.t, r.System, r.Host
	p := j.Systems.Of(s.ID, s.Version, s.Name)
	found := advisory.MatchAll(j.Systems, advisory.Host{System: s, Site: "LYON", Packages: r.Packages}, j.index, nil, j.now)
	var want []string
	worst := advisory.Severity(-1)
	for _, f := range found.Open {
		want = append(want, fmt.Sprintf("%s: %s %s fixed %q %s %s %q", f.Advisory.ID, f.Package.Name, f.Package.Version, f.Fixed, f.Severity(), f.Affected.Status, f.Note))
		worst = max(worst, f.Severity())
		if !slices.Contains(j.holders[f.Advisory.ID], name) {
			j.holders[f.Advisory.ID] = append(j.holders[f.Advisory.ID], name)
		}
	}
	slices.Sort(want)
	what := fmt.Sprintf("%q %q %q %q", s.ID, s.Version, s.Name, s.Kernel)
	kept, err := j.HostFindings(t.Context(), nil, host, api.FindingQuery{Limit: 1000})
	check(t, err)
	same(t, what+", kept", judgedWords(kept.Findings), want)
	checked, err := j.Check(t.Context(), "LYON", s, r.Packages, api.FindingQuery{Limit: 1000})
	check(t, err)
	same(t, what+", checked", judgedWords(checked.Findings), want)
	if a, b := jsonOf(t, kept.Release), jsonOf(t, checked.Release); a != b {
		t.Errorf("%s: release %s, checked %s", what, a, b)
	}
	if kept.Release.Platform != platformName(p) {
		t.Errorf("%s: it is taken for %q, and is %q", what, kept.Release.Platform, platformName(p))
	}
	counts, err := j.HostCounts(t.Context(), nil, []int64{host})
	check(t, err)
	if counts[host] != kept.Counts {
		t.Errorf("%s: counts %+v, kept %+v", what, counts[host], kept.Counts)
	}
	if !p.Known {
		j.unmapped[api.UnmappedSystem{ID: s.ID, Version: s.Version, Name: s.Name}]++
	}
	switch {
	case worst >= 0:
		*j.standing.Of(worst.String())++
	case kept.Release.Covered:
		j.standing.None++
	default:
		j.standing.Uncovered++
	}
}

// together holds what is said of all hosts against what was said of each.
func (j *judging) together() {
	t := j.t
	for id, want := range j.holders {
		hosts, err := j.AllHolders(t.Context(), nil, id)
		check(t, err)
		var got []string
		for _, h := range hosts {
			got = append(got, h.Name)
		}
		same(t, "hosts of "+id, got, want)
	}
	for _, u := range j.unseen.list() {
		n := u.Hosts
		if u.Hosts = 0; j.unmapped[u] != n {
			t.Errorf("%+v: %d hosts are listed, want %d", u, n, j.unmapped[u])
		}
		delete(j.unmapped, u)
	}
	for u := range j.unmapped {
		t.Errorf("%+v is not listed", u)
	}
	now, err := j.Standing(t.Context(), nil)
	check(t, err)
	if now.All.Worst != j.standing {
		t.Errorf("hosts stand %+v, want %+v", now.All.Worst, j.standing)
	}
	if j.name == "builtin" && (j.standing.None == 0 || j.standing.Uncovered == 0 || j.standing.High == 0) {
		t.Errorf("hosts that are clean, not covered or affected are missing: %+v", j.standing)
	}
}

func judgedWords(all []api.Finding) (out []string) {
	for _, f := range all {
		out = append(out, fmt.Sprintf("%s: %s %s fixed %q %s %s %q", f.Advisory.ID, f.Package, f.Version, f.Fixed, f.Severity, f.Status, f.Note))
	}
	slices.Sort(out)
	return out
}
