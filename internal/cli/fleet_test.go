package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/control"
)

// TestStampVersion: a second edit within a second is newer all the same.
func TestStampVersion(t *testing.T) {
	a := &app{now: func() time.Time { return time.Unix(1795253888, 0) }}
	first := a.stampVersion(nil)
	second := a.stampVersion(&control.Control{Version: first})
	if first != "20261121.093808" || second != first+".1" {
		t.Errorf("%s, then %s", first, second)
	}
}

func TestDates(t *testing.T) {
	a := &app{now: func() time.Time { return time.Unix(1795253888, 0) }}
	for in, want := range map[string]int64{
		"7d":                   1795253888 - 7*86400,
		"2h":                   1795253888 - 7200,
		"2026-11-21T09:38:08Z": 1795253888,
	} {
		if got, err := a.date(in); err != nil || got != want {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "yesterday", "-3d", "7 d", "0d", "2026-13-01", "1e9d"} {
		if got, err := a.date(in); err == nil || !isUsage(err) {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
}

// TestCSVFormulas: what a host calls itself is no formula in a spreadsheet.
func TestCSVFormulas(t *testing.T) {
	var out strings.Builder
	a := &app{out: &out}
	if err := a.hostsCSV([]api.Host{{ID: "1", Name: `=HYPERLINK("http://x")`, State: api.Accepted}}, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"'=HYPERLINK(""http://x"")"`) {
		t.Error(out.String())
	}
}

func TestSectionChange(t *testing.T) {
	c := api.HistoryChange{Before: []byte(`{"kernel":"1","os":"linux"}`), After: []byte(`{"kernel":"2","name":"x","os":"linux"}`)}
	if got := sectionChange(c); got != "kernel, name" {
		t.Error(got)
	}
	if rows := historyRows([]api.HistoryChange{{Op: "changed", Section: "packages.dpkg", Software: "bash", From: "1", To: "2"}}, false); !slices.Equal(rows, []string{"changed\tbash\t1 -> 2\tdpkg"}) {
		t.Error(rows)
	}
}

// FuzzDate: what is taken for a date or a span of days is none of the odd ones that
// Sscanf would take, and lies where a person can mean it.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"7d", "2h", "2026-11-21", "2026-11-21T15:04", "never", "-1d", "0x7d", "1e9d"} {
		f.Add(s)
	}
	a := &app{now: func() time.Time { return time.Unix(1795253888, 0) }}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseDays(s)
		if err == nil && (d < 0 || d > 36500*day) && !strings.ContainsAny(s, "hms") {
			t.Errorf("%q is %v", s, d)
		}
		if err == nil && d == 0 && s != "" && s != "never" {
			t.Errorf("%q is no time at all", s)
		}
		if at, err := a.date(s); err == nil && d > 0 && at > 1795253888 {
			t.Errorf("%q is %d, in the future", s, at)
		}
	})
}

// FuzzSectionChange: whatever a server sends of a section, names of members come
// out, each once and in order.
func FuzzSectionChange(f *testing.F) {
	f.Add([]byte(`{"kernel":"1"}`), []byte(`{"kernel":"2","os":"linux"}`))
	f.Add([]byte(`[]`), []byte(`{`))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		got := sectionChange(api.HistoryChange{Before: before, After: after})
		if string(before) == string(after) && got != "" {
			t.Errorf("%q changed in %s", before, got)
		}
	})
}

// TestLogoutExpired: a session that has expired can be ended, without a server, and
// the session on another server stays the chosen one.
func TestLogoutExpired(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("MUSTER_SERVER", "https://old.example.org/")
	all := &sessions{Current: "https://new.example.org", Sessions: map[string]session{
		"https://old.example.org": {Expires: 1}, "https://new.example.org": {Expires: 1 << 40}}}
	if err := all.write(); err != nil {
		t.Fatal(err)
	}
	var talk strings.Builder
	a := &app{err: &talk, now: time.Now}
	if err := a.logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := readSessions()
	if err != nil || len(left.Sessions) != 1 || left.Current != "https://new.example.org" {
		t.Errorf("left: %+v, %v", left, err)
	}
	if err := a.logout(t.Context()); muster.KindOf(err) != muster.NotFound {
		t.Errorf("once more: %v", err)
	}
}
