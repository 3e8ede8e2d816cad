package advisories

import (
	"testing"

	"muster/api"
	"muster/internal/db/dbtest"
	"muster/sitereport"
)

// TestReplacedKernel: what is found in a kernel that was replaced in place counts until
// the next boot, wherever it is asked.
func TestReplacedKernel(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON")
	kernel := func(running string) (host int64) {
		return w.reportOf("LYON", "a", said{id: "arch", kernel: running}, []sitereport.Package{{Manager: "pacman", Name: "linux", Version: "6.10.6.arch1-1", Arch: "x86_64"}})
	}
	h := kernel("6.10.5-arch1-1")
	w.bring("arch", "arch", `[{"name":"AVG-1","packages":["linux"],"status":"Fixed","severity":"High","type":"unknown","affected":"6.10.1.arch1-1","fixed":"6.10.9.arch1-1","issues":["CVE-2026-1"],"advisories":[]}]`)
	for running, want := range map[string]int{"6.10.5-arch1-1": 1, "6.6.46-1-lts": 0} {
		kernel(running)
		w.follow()
		if got := len(w.found(nil, h, api.FindingQuery{})); got != want {
			t.Errorf("%s: %d findings, want %d", running, got, want)
		}
		hosts, err := w.Holders(t.Context(), nil, "CVE-2026-1", "", 0)
		check(t, err)
		if len(hosts.Hosts) != want {
			t.Errorf("%s: %d holders, want %d", running, len(hosts.Hosts), want)
		}
	}
}
