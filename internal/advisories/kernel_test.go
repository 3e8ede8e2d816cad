package advisories

import (
	"fmt"
	"slices"
	"testing"

	"muster/advisory"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/sitereport"
)

// TestKernels: what is found in kernels is the same wherever it is asked: on the host's
// page, in counts, among the hosts that an advisory concerns, in mail and in a check.
func TestKernels(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("LYON")
		w.bring("arch", "arch", `[
			{"name":"AVG-1","packages":["linux"],"status":"Fixed","severity":"High","type":"unknown","affected":"6.10.1.arch1-1","fixed":"6.10.9.arch1-1","issues":["CVE-2026-1"],"advisories":[]},
			{"name":"AVG-2","packages":["linux"],"status":"Fixed","severity":"High","type":"unknown","affected":"6.10.1.arch1-1","fixed":"6.10.6.arch1-1","issues":["CVE-2026-2"],"advisories":[]}]`)
		w.bring("debian", "debian", tracker("linux CVE-2026-1 bookworm 6.1.112-1 high", "linux CVE-2026-2 bookworm 6.1.200-1 high", "linux CVE-2026-1 trixie 6.12.44-1 high", "linux CVE-2026-2 trixie 6.12.47-1 high"))
		const old, new = "linux-image-6.1.0-25-amd64 6.1.106-1 linux-signed-amd64 6.1.106+1", "linux-image-6.1.0-28-amd64 6.1.119-1 linux-signed-amd64 6.1.119+1"
		arch := []sitereport.Package{{Manager: "pacman", Name: "linux", Version: "6.10.6.arch1-1", Arch: "x86_64"}}
		for i, c := range []struct {
			said     said
			packages []sitereport.Package
			one, two bool // CVE-2026-1 and -2 count
		}{
			{said{id: "arch", kernel: "6.10.6-arch1-1"}, arch, true, false},
			{said{id: "arch", kernel: "6.10.5-arch1-1"}, arch, true, true}, // replaced, and not booted yet
			{said{id: "arch", kernel: "6.10.9-custom"}, arch, true, false}, // built by hand
			{said{kernel: "6.1.0-28-amd64"}, []sitereport.Package{pkg(old), pkg(new)}, false, true},
			{said{kernel: "6.1.0-25-amd64"}, []sitereport.Package{pkg(old), pkg(new)}, true, true},
			{said{kernel: "6.1.0-26-amd64"}, []sitereport.Package{pkg(old), pkg(new)}, true, true}, // removed: none is idle
			{said{kernel: "6.1.0-26-amd64"}, []sitereport.Package{pkg(new)}, false, true},
			{said{kernel: "6.18.1-host"}, []sitereport.Package{pkg("linux-libc-dev 6.1.106-1 linux 6.1.106-1")}, false, false}, // a container
			{said{version: "13", kernel: "6.12.43+deb13-amd64"}, []sitereport.Package{pkg("linux-image-6.12.48+deb13-amd64 6.12.48-1 linux-signed-amd64 6.12.48+1")}, true, true},
			{said{version: "13", kernel: "6.12.46+deb13-amd64"}, []sitereport.Package{pkg("linux-image-6.12.48+deb13-amd64 6.12.48-1 linux-signed-amd64 6.12.48+1")}, false, true},
			{said{version: "13", kernel: "6.12.48+deb13-amd64"}, []sitereport.Package{pkg("linux-image-6.12.48+deb13-amd64 6.12.48-1 linux-signed-amd64 6.12.48+1")}, false, false},
		} {
			name := fmt.Sprintf("host%d", i)
			mark, err := w.Newest(t.Context())
			check(t, err)
			h := w.reportOf("LYON", name, c.said, c.packages)
			w.follow()
			w.sameKernels(name, h, c.said, c.packages, mark, map[string]bool{"CVE-2026-1": c.one, "CVE-2026-2": c.two})
			check(t, w.sites.Forget(t.Context(), w.now, h))
			w.follow()
		}
	})
}

func (w *world) sameKernels(name string, host int64, s said, packages []sitereport.Package, mark int64, want map[string]bool) {
	w.t.Helper()
	page, err := w.HostFindings(w.t.Context(), nil, host, api.FindingQuery{})
	check(w.t, err)
	counts, err := w.HostCounts(w.t.Context(), nil, []int64{host})
	check(w.t, err)
	if counts[host] != page.Counts {
		w.t.Errorf("%s: counts %+v, and %+v", name, counts[host], page.Counts)
	}
	version := s.version
	if s.id == "" {
		s.id = "debian"
		if version == "" {
			version = "12"
		}
	}
	checked, err := w.Check(w.t.Context(), "LYON", sitereport.System{ID: s.id, Version: version, Kernel: s.kernel}, packages, api.FindingQuery{})
	check(w.t, err)
	if checked.Counts.High != page.Counts.High {
		w.t.Errorf("%s: checked %+v, not %+v", name, checked.Counts, page.Counts)
	}
	recent, _, err := w.Recent(w.t.Context(), nil, mark, 100)
	check(w.t, err)
	for cve, is := range want {
		has := func(f api.Finding) bool { return f.Advisory.ID == cve || slices.Contains(f.Advisory.Aliases, cve) }
		if got := slices.ContainsFunc(page.Findings, has); got != is {
			w.t.Errorf("%s: %s on its page: %v, want %v", name, cve, got, is)
		}
		hosts, err := w.Holders(w.t.Context(), nil, cve, "", 0)
		check(w.t, err)
		if got := len(hosts.Hosts) > 0; got != is || is && hosts.Hosts[0].Name != name {
			w.t.Errorf("%s: hosts of %s: %+v, want %v", name, cve, hosts.Hosts, is)
		}
		if got := slices.ContainsFunc(recent, func(r api.AdvisoryRecent) bool {
			return (r.Advisory.ID == cve || slices.Contains(r.Advisory.Aliases, cve)) && r.Hosts == 1 && r.Names[0] == name
		}); got != is {
			w.t.Errorf("%s: news of %s: %v, want %v: %+v", name, cve, got, is, recent)
		}
	}
}

// TestOwnFollows: what is published about a kernel that runs and has no package is
// followed, as is what is ignored of it; and about the system of FreeBSD.
func TestOwnFollows(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON")
	document := func(fixed string) string {
		return `[{"name":"AVG-1","packages":["linux"],"status":"Fixed","severity":"High","type":"unknown","affected":"1","fixed":"` + fixed + `","issues":["CVE-2026-1"],"advisories":[]}]`
	}
	w.bring("arch", "arch", document("6.10.5.arch1-1"))
	h := w.reportOf("LYON", "a", said{id: "arch", kernel: "6.10.5-arch1-1"}, []sitereport.Package{{Manager: "pacman", Name: "linux", Version: "6.10.7.arch1-1", Arch: "x86_64"}})
	w.follow()
	expect := func(when string, want ...string) {
		t.Helper()
		w.follow()
		same(t, when, w.found(nil, h, api.FindingQuery{Ignored: true}), want)
		counts, err := w.HostCounts(t.Context(), nil, []int64{h})
		check(t, err)
		page, err := w.HostFindings(t.Context(), nil, h, api.FindingQuery{})
		check(t, err)
		if counts[h] != page.Counts {
			t.Errorf("%s: %+v, and %+v", when, counts[h], page.Counts)
		}
		w.sameAs(w.anew([]brought{{"arch", "arch", w.last}}), when)
	}
	w.last = document("6.10.5.arch1-1")
	expect("not affected")
	w.last = document("6.10.6.arch1-1")
	w.bring("arch", "arch", w.last)
	expect("affected", "AVG-1 linux 6.10.6.arch1-1 high")
	if page, err := w.HostFindings(t.Context(), nil, h, api.FindingQuery{}); err != nil || page.Findings[0].Version != "6.10.5-arch1-1" || page.Findings[0].Note != advisory.NoteRuns {
		t.Errorf("%+v %v", page, err)
	}
	_, err := w.Ignore(t.Context(), "eve", api.AdvisoryIgnore{Advisory: "CVE-2026-1", Reason: "r"})
	check(t, err)
	expect("ignored", "AVG-1 linux 6.10.6.arch1-1 high (r)")
}
