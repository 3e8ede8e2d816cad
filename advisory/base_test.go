package advisory

import (
	"testing"
	"time"

	"muster/sitereport"
)

// TestBase: FreeBSD itself is judged like a package.
func TestBase(t *testing.T) {
	for _, c := range []struct{ id, name, kernel, want string }{
		{"freebsd", "FreeBSD 14.1-RELEASE-p5", "14.1-RELEASE-p4", "FreeBSD 14.1_5 FreeBSD-kernel 14.1_4"},
		{"freebsd", "FreeBSD 14.1-RELEASE", "14.1-RELEASE", "FreeBSD 14.1 FreeBSD-kernel 14.1"},
		{"", "FreeBSD 13.3-RELEASE-p8", "13.3-RELEASE-p8", "FreeBSD 13.3_8 FreeBSD-kernel 13.3_8"},
		{"freebsd", "FreeBSD 15.0-CURRENT", "15.0-CURRENT", ""},
		{"freebsd", "", "14.1-RELEASE-p4", "FreeBSD-kernel 14.1_4"},
		{"freebsd", "FreeBSD 14.1-RELEASE-px", "14.1-RELEASE-", ""},
		{"debian", "Debian GNU/Linux 12 (bookworm)", "6.1.0-28-amd64", ""},
	} {
		got := ""
		for _, p := range Base(sitereport.System{ID: c.id, Name: c.name, Kernel: c.kernel}) {
			got += " " + p.Name + " " + p.Version
		}
		if got != c.want && got != " "+c.want {
			t.Errorf("%q %q %q: %q, want %q", c.id, c.name, c.kernel, got, c.want)
		}
	}
}

// TestMatchAllBase: a host of FreeBSD is affected by what is wrong with the system.
func TestMatchAllBase(t *testing.T) {
	x := indexOf(&Advisory{ID: "FreeBSD-SA-26:01", Affected: []Affected{
		{Ecosystem: "freebsd", Name: "FreeBSD-kernel", Binary: true, Ranges: []Range{{Introduced: "14.1", Fixed: "14.1_5"}, {Introduced: "14.0", Fixed: "14.0_9"}}}}})
	h := Host{System: sitereport.System{ID: "freebsd", Version: "14.1", Name: "FreeBSD 14.1-RELEASE-p5", Kernel: "14.1-RELEASE-p4"}}
	found := MatchAll(nil, h, x, nil, time.Time{})
	if len(found.Open) != 1 || found.Open[0].Fixed != "14.1_5" {
		t.Errorf("%+v", found.Open)
	}
	h.System.Kernel = "14.1-RELEASE-p5"
	if found = MatchAll(nil, h, x, nil, time.Time{}); len(found.Open) != 0 {
		t.Errorf("%+v", found.Open)
	}
}
