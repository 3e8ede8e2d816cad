package settings

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"muster"
)

// TestDefaults holds that every default may be written, and every template read.
func TestDefaults(t *testing.T) {
	for _, s := range All() {
		if s.Default == "" {
			s.Default = nothing
		}
		if err := new(Agent).set(s.Name, s.Default); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	a := Defaults()
	if a.Update != 2*time.Hour || a.Memberships != "server" || !a.Predownload || a.Package != "muster-agent" || a.Deadline != 7*day {
		t.Errorf("%+v", a)
	}
	for _, kind := range Kinds {
		if doc, err := Parse(kind, Template(kind)); err != nil || len(doc) != 1 {
			t.Errorf("%s: %v, %v", kind, doc, err)
		}
	}
}

// TestReference holds docs/reference/settings.md to what is there.
func TestReference(t *testing.T) {
	const name = "../docs/reference/settings.md"
	if os.Getenv("MUSTER_WRITE_REFERENCE") != "" {
		if err := os.WriteFile(name, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != Reference() {
		t.Errorf("%s is stale (%v): MUSTER_WRITE_REFERENCE=1 go test ./settings", name, err)
	}
}

// TestWrong: what is wrong is refused at build, with the line and the reason.
func TestWrong(t *testing.T) {
	for _, c := range []struct {
		kind muster.Kind
		text string
		want string
	}{
		{muster.Config, "jitter: 20\nupdate-intervall: 2h\n", `line 2: field "update-intervall": unknown field; "update-interval" is one`},
		{muster.Config, "# c\n\nupdate-interval: 1m\n", `line 3: field "update-interval": 1m is out of range`},
		{muster.Config, "jitter: 101\n", `no number from 0 to 100`},
		{muster.Config, "jitter: 1\n\njitter: 2\n", `2 stanzas`},
		{muster.Config, "jitter:\n", `line 1: field "jitter" has no value`},
		{muster.Config, "predownload: true\n", `neither yes nor no`},
		{muster.Config, "bandwidth: 2MB\n", `no number of bytes`},
		{muster.Config, "bandwidth: 20G\n", `no number of bytes`},
		{muster.Config, "memberships: all\n", `none of server, none`},
		{muster.Config, "upgrade-at: 24:00\n", `no time`},
		{muster.Config, "upgrade-at: mon-xyz 03:00\n", `no day`},
		{muster.Config, "upgrade-at: 03:00,,04:00\n", `empty entry`},
		{muster.Config, "maintenance-windows: 03:00-03:00\n", `is empty`},
		{muster.Config, "maintenance-windows: 03:00\n", `no span`},
		{muster.Config, "locales: french\n", `not a word`},
		{muster.Config, "deadline: 30m\n", `out of range`},
		{muster.SelfService, "packages: x\n", `line 1: field "who": missing`},
		{muster.SelfService, "who: *\npackages: x\n\nwho: a\npackages: ../x\n", `line 5: field "packages"`},
		{muster.SelfService, "who: *\npackages: x\nkinds: config\n", `none of [base group]`},
		{muster.SelfService, "who: *\npackages: x\nmay: everything\n", `none of [install remove upgrade]`},
		{muster.WSUS, "allow: 5031356\n", `no number of an update`},
		{muster.WSUS, "classifications: secure\n", `none of [security`},
		{muster.WSUS, "delay: 8d\ndeadline: 7d\n", `before the delay is over`},
		{muster.WSUS, "default: maybe\n", `neither allow nor forbid`},
		{muster.Group, "who: *\n", `a package of kind group has no policy`},
	} {
		_, err := Parse(c.kind, c.text)
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %v, want %s", c.kind, c.text, err, c.want)
		}
	}
}

// TestResolve: later layers count, setting by setting; what is wrong is skipped.
func TestResolve(t *testing.T) {
	a, values, problems := Resolve([]Layer{
		{"agent.conf", map[string]string{"update-interval": "1h", "jitter": "5"}},
		{"config all", map[string]string{"update-interval": "3h", "from-the-future": "yes", "predownload": "perhaps"}},
		{"config paris", map[string]string{"maintenance-windows": "mon-fri 20:00-06:00", "update-interval": "4h"}},
	})
	if a.Update != 4*time.Hour || a.Jitter != 5 || len(a.Windows) != 1 || !a.Predownload {
		t.Errorf("%+v", a)
	}
	if v := values[0]; v.Name != "update-interval" || v.From != "config paris" || v.Over != "config all" || v.Value != "4h" {
		t.Errorf("%+v", v)
	}
	var wrong *Error
	if len(problems) != 2 || problems[0].From != "config all" || !errors.As(problems[1].Err, &wrong) || wrong.Field != "predownload" {
		t.Errorf("%+v", problems)
	}
}

// TestTimes holds windows and slots to the wall clock, over midnight, weeks and
// the change to summer time.
func TestTimes(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip(err)
	}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, paris)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	a, _, problems := Resolve([]Layer{{"x", map[string]string{
		"maintenance-windows": "fri 20:00-06:00, sun 00:00-24:00", "upgrade-at": "02:30, sat-mon 12:00"}}})
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	for s, want := range map[string]bool{
		"2026-11-20 19:59": false, "2026-11-20 20:00": true, "2026-11-21 05:59": true, "2026-11-21 06:00": false,
		"2026-11-22 00:00": true, "2026-11-22 23:59": true, "2026-11-23 00:00": false, "2026-11-20 03:00": false,
	} {
		if got := a.Open(at(s)); got != want {
			t.Errorf("%s: open is %v", s, got)
		}
	}
	for s, want := range map[string]string{
		"2026-11-20 02:29": "2026-11-19 02:30", "2026-11-20 13:00": "2026-11-20 02:30",
		"2026-11-21 12:00": "2026-11-21 12:00", "2026-11-24 00:10": "2026-11-23 12:00",
	} {
		if got := a.LastSlot(at(s)); !got.Equal(at(want)) {
			t.Errorf("%s: last slot is %v", s, got)
		}
	}
	if got := a.LastSlot(at("2026-03-29 04:00")); got.Hour() < 1 || got.Day() != 29 {
		t.Errorf("the skipped minute is %v", got)
	}
	if !Defaults().Open(at("2026-11-20 03:00")) || !Defaults().LastSlot(at("2026-11-20 03:00")).IsZero() {
		t.Error("without windows the agent may always, without slots there is none")
	}
}

func TestRules(t *testing.T) {
	doc, err := Parse(muster.SelfService, "who: @students, CORP\\eve\npackages: *, !secret*, secret-ok\nmay: install\n\n"+
		"who: alice\npackages: editor\n")
	if err != nil {
		t.Fatal(err)
	}
	rules, problems := ReadRules(append(doc, map[string]string{"who": "*"}), "self-service lab 1")
	if len(rules) != 2 || len(problems) != 1 {
		t.Fatalf("%v, %v", rules, problems)
	}
	bob, eve := Person{User: "bob", Groups: []string{"users", "students"}}, Person{User: `corp\EVE`, Fold: true}
	for _, c := range []struct {
		p    Person
		op   Op
		name string
		kind muster.Kind
		want bool
	}{
		{bob, Install, "game", muster.Base, true},
		{bob, Remove, "game", muster.Base, false},
		{bob, Install, "game", muster.Host, false},
		{bob, Install, "secret", muster.Base, false},
		{bob, Install, "secret-ok", muster.Base, true},
		{eve, Install, "game", muster.Group, true},
		{Person{User: `corp\EVE`}, Install, "game", muster.Base, false},
		{Person{User: "students"}, Install, "game", muster.Base, false},
		{Person{User: "alice"}, Remove, "editor", muster.Base, true},
		{Person{User: "Alice"}, Remove, "editor", muster.Base, false},
		{Person{}, Install, "game", muster.Base, false},
	} {
		if got := rules.Allow(c.p, c.op, c.name, c.kind); (got != nil) != c.want {
			t.Errorf("%+v %s %s: %v", c.p, c.op, c.name, got)
		}
	}
}

func TestJudge(t *testing.T) {
	read := func(text, from string) Updates {
		doc, err := Parse(muster.WSUS, text)
		if err != nil {
			t.Fatal(err)
		}
		rules, problems := ReadUpdates(doc, from)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return rules
	}
	rules := append(read("allow: KB5000001\nforbid: KB5000002\n", "host"),
		read("classifications: security\nforbid-classifications: driver\nseverities: critical\ndelay: 7d\ndeadline: 2w\n", "group")...)
	born := time.Date(2026, 11, 10, 18, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		u    Update
		want bool
		by   string
	}{
		{Update{KBs: []string{"KB5000001"}, Classification: "driver"}, true, "host"},
		{Update{KBs: []string{"KB5000002"}, Classification: "security"}, false, "host"},
		{Update{Classification: "security"}, true, "group"},
		{Update{Classification: "driver", Severity: "critical"}, false, "group"},
		{Update{Classification: "tool", Severity: "critical"}, true, "group"},
		{Update{Classification: "tool"}, false, "no rule"},
	} {
		c.u.Published = born
		v := rules.Judge(c.u)
		if v.Wanted != c.want || !strings.HasSuffix(v.Reason, c.by) {
			t.Errorf("%+v: %+v", c.u, v)
		}
		if c.by == "group" && c.want && (v.From != born.Add(7*day) || v.Due != born.Add(14*day)) {
			t.Errorf("%+v: %+v", c.u, v)
		}
	}
	if v := append(rules, read("default: allow\n", "all")...).Judge(Update{}); !v.Wanted {
		t.Errorf("%+v", v)
	}
}

// TestPostponeBy: who may put an upgrade off is said as in a rule, and nobody may where
// nothing is said.
func TestPostponeBy(t *testing.T) {
	alice, bob := Person{User: "alice", Groups: []string{"staff"}}, Person{User: "bob"}
	for value, want := range map[string][2]bool{"": {}, "none": {}, "bob": {false, true}, "@staff, carol": {true, false}, "*": {true, true}} {
		var all []Layer
		if value != "" {
			all = append(all, Layer{From: "test", Values: map[string]string{"postpone-by": value}})
		}
		a, _, problems := Resolve(all)
		if got := [2]bool{a.MayPostpone(alice), a.MayPostpone(bob)}; got != want || len(problems) > 0 {
			t.Errorf("%q: %v, %v", value, got, problems)
		}
	}
}
