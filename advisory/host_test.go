package advisory

import (
	"strings"
	"testing"
	"time"

	"muster/sitereport"
)

// A host of Debian 12 with two kernels, a package of pkgsrc and one of rpm.
func testHost() Host {
	p := func(manager, name, version, source string) sitereport.Package {
		return sitereport.Package{Manager: manager, Name: name, Version: version, Arch: "amd64", Source: source}
	}
	return Host{
		System: sitereport.System{ID: "debian", Version: "12", Kernel: "6.1.0-27-amd64"},
		Site:   "LYON",
		Packages: []sitereport.Package{
			p("dpkg", "example", "1.4.2-1", ""),
			p("dpkg", "libexample1", "1.4.2-1", "example"),
			p("dpkg", "linux-image-6.1.0-26-amd64", "6.1.112-1", "linux-signed-amd64"),
			p("dpkg", "linux-image-6.1.0-27-amd64", "6.1.115-1", "linux-signed-amd64"),
			p("dpkg", "linux-libc-dev", "6.1.115-1", "linux"),
			p("pkgsrc", "example", "1.0", ""),
			p("rpm", "example", "1.0-1", ""),
		},
	}
}

func testIndex(t *testing.T) *Index {
	all := importing(t, Debian, "debian.json").all
	all = append(all,
		&Advisory{ID: "pkgsrc-1", Affected: []Affected{{Ecosystem: "pkgsrc", Name: "example", Binary: true, Ranges: []Range{{Fixed: "2.0"}}}}},
		&Advisory{ID: "gone", Withdrawn: 1, Affected: []Affected{{Ecosystem: "debian", Release: "12", Name: "example"}}},
		&Advisory{ID: "both", Affected: []Affected{
			{Ecosystem: "debian", Release: "12", Name: "example", Ranges: []Range{{Fixed: "2"}}},
			{Ecosystem: "debian", Release: "12", Name: "example", Binary: true, Ranges: []Range{{Fixed: "3"}}}}})
	return indexOf(all...)
}

func shown(all []Finding) string {
	var words []string
	for _, f := range all {
		words = append(words, f.Package.Manager+"/"+f.Package.Name+":"+f.Advisory.ID)
	}
	return sorted(words)
}

// TestMatchAll judges a host as a whole.
func TestMatchAll(t *testing.T) {
	list, err := ParseIgnores([]byte("- {id: CVE-2011-3374, reason: not so bad}\n- {id: both, package: libexample1, site: LYON, reason: x, until: 2026-01-01}\n"))
	if err != nil {
		t.Fatal(err)
	}
	before := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	found := MatchAll(nil, testHost(), testIndex(t), list, before)
	if !found.Platform.Known || found.Platform.Release != "12" {
		t.Errorf("platform %+v", found.Platform)
	}
	want := strings.Join([]string{
		"dpkg/example:CVE-2026-1001", "dpkg/example:TEMP-0000000-1A2B3C", "dpkg/example:both",
		"dpkg/libexample1:CVE-2026-1001", "dpkg/libexample1:TEMP-0000000-1A2B3C",
		"dpkg/linux-image-6.1.0-27-amd64:CVE-2026-1001", "pkgsrc/example:pkgsrc-1"}, " ")
	if got := shown(found.Open); got != want {
		t.Errorf("open are %s, want %s", got, want)
	}
	if got, want := shown(found.Idle), "dpkg/linux-image-6.1.0-26-amd64:CVE-2026-1001 dpkg/linux-libc-dev:CVE-2026-1001"; got != want {
		t.Errorf("idle are %s, want %s", got, want)
	}
	var ignored []Finding
	for _, i := range found.Ignored {
		ignored = append(ignored, i.Finding)
		if i.Why.Reason == "" {
			t.Errorf("%+v is ignored without a reason", i)
		}
	}
	if got, want := shown(ignored), "dpkg/example:CVE-2011-3374 dpkg/libexample1:CVE-2011-3374 dpkg/libexample1:both"; got != want {
		t.Errorf("ignored are %s, want %s", got, want)
	}
	later := MatchAll(nil, testHost(), testIndex(t), list, before.AddDate(0, 0, 1))
	if len(later.Open) != len(found.Open)+1 || len(later.Ignored) != len(found.Ignored)-1 {
		t.Errorf("a day later %d are open and %d ignored", len(later.Open), len(later.Ignored))
	}
}

// TestMatchAllUnknown: of a system that no table has, nothing is said.
func TestMatchAllUnknown(t *testing.T) {
	h := testHost()
	h.System.ID = "plan9"
	found := MatchAll(nil, h, testIndex(t), nil, time.Time{})
	if found.Platform.Known || shown(found.Open) != "pkgsrc/example:pkgsrc-1" {
		t.Errorf("%+v", found)
	}
}

// TestIndexAgrees: for every package and row an index says what Match says.
func TestIndexAgrees(t *testing.T) {
	x := testIndex(t)
	h := testHost()
	p := platform(t, "debian", "12")
	n := 0
	for _, pkg := range h.Packages {
		for _, f := range matches(x, p, pkg) {
			n++
			if fixed, hit := Match(p, pkg, f.Affected); !hit || fixed != f.Fixed {
				t.Errorf("%s of %s: %q, %v; the index says %q", f.Advisory.ID, pkg.Name, fixed, hit, f.Fixed)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d findings", n)
	}
	if advisories, rows := x.Len(); advisories != 5 || rows != 14 {
		t.Errorf("%d advisories, %d rows", advisories, rows)
	}
}

// TestIndexOnce: an advisory that speaks of a package several times affects it once.
func TestIndexOnce(t *testing.T) {
	row := Affected{Ecosystem: "redhat", Release: "9", Name: "example", Binary: true, Ranges: []Range{{Fixed: "2-1"}}}
	arch, other, source, again := row, row, row, row
	arch.Arch, other.Arch = "x86_64", "aarch64"
	source.Binary = false
	again.Ranges = []Range{{Fixed: "3-1"}}
	x := indexOf(
		&Advisory{ID: "b", Affected: []Affected{row}},
		&Advisory{ID: "a", Affected: []Affected{row, row, arch, other, source, again}})
	if _, rows := x.Len(); rows != 6 {
		t.Errorf("%d rows", rows)
	}
	p := platform(t, "redhat", "9")
	for version, want := range map[string]string{"1-1": "a b", "2-1": "a", "3-1": ""} {
		var ids []string
		for _, f := range matches(x, p, sitereport.Package{Manager: "rpm", Name: "example", Version: version, Arch: "x86_64"}) {
			ids = append(ids, f.Advisory.ID)
		}
		if got := sorted(ids); got != want {
			t.Errorf("example %s: %q, want %q", version, got, want)
		}
	}
}

// TestIndexPatterns: names that are patterns are found beside those that look like it.
func TestIndexPatterns(t *testing.T) {
	row := Affected{Ecosystem: "pkgsrc", Name: "py*-example", Binary: true}
	glob := row
	glob.Glob = true
	first := glob
	first.Name = "*-example"
	x := indexOf(&Advisory{ID: "literal", Affected: []Affected{row}}, &Advisory{ID: "pattern", Affected: []Affected{glob}}, &Advisory{ID: "first", Affected: []Affected{first}})
	p := platform(t, "pkgsrc", "")
	for name, want := range map[string]string{"py311-example": "first pattern", "py*-example": "first literal pattern", "x-example": "first", "py-example-x": ""} {
		var ids []string
		for _, f := range matches(x, p, sitereport.Package{Manager: "pkgsrc", Name: name, Version: "1"}) {
			ids = append(ids, f.Advisory.ID)
		}
		if got := sorted(ids); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
