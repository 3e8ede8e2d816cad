package rollout

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/control"
)

const example = `package: age
version: 1.3-1
from: 1.2-1
start: 2026-11-21T20:00:00Z
return: yes
reason: security fix

ring: pilot
group: it
query: os:debian seen>7d
soak: 12h
max-errors: 0

ring: early
percent: 12.5
soak: 1d
success: 99
at-least: 50

ring: all
percent: 100
`

func parse(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Parse("age-1.3-1", text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParse(t *testing.T) {
	d := parse(t, example)
	start := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	if d.ID != "age-1.3-1" || d.Package != "age" || d.From != "1.2-1" || !d.Return || !d.Start.Equal(start) || d.State != Running {
		t.Errorf("%+v", d)
	}
	want := Ring{Name: "early", Percent: 12_50, Soak: 24 * time.Hour, Success: 99_00, AtLeast: 50_00, MaxErrors: -1, MaxErrorRate: 10_00, After: 10}
	if d.Rings[1] != want || d.Rings[0].MaxErrors != 0 || d.Rings[0].Query != "os:debian seen>7d" {
		t.Errorf("%+v", d.Rings)
	}
	again, err := Read(d.ID, d.Policy())
	if err != nil || !reflect.DeepEqual(d, again) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{"package: age\n", "", `line 1: field "package"`},
		{"version: 1.3-1", "version: 1/3", `line 2: field "version"`},
		{"from: 1.2-1\n", "", `field "from": missing`},
		{"from: 1.2-1", "from: 1.3-1", "line 3"},
		{"start: 2026-11-21T20:00:00Z\n", "", `field "start"`},
		{"start: 2026-11-21T20:00:00Z", "start: tomorrow", "line 4"},
		{"return: yes", "return: maybe", "neither yes nor no"},
		{"reason: security fix", "state: paused", "none of running, aborted, completed"},
		{"reason: security fix", "gates: 3", "unknown field"},
		{"ring: pilot", "ring: early", `line 14: field "ring": "early" stands twice`},
		{"ring: pilot", "rink: pilot", `field "rink": unknown field`},
		{"percent: 12.5", "percent: 12.50", "line 15"},
		{"percent: 12.5", "percent: 100.1", "up to 100"},
		{"percent: 12.5\n", "", "line 14"},
		{"percent: 100\n", "percent: 99\n", "who is in no ring"},
		{"percent: 100\n", "percent: 12\n", "less than the 12.5"},
		{"soak: 12h", "soak: 60w", "no time span"},
		{"soak: 12h", "soak: -1h", "no time span"},
		{"max-errors: 0", "max-errors: -2", "not from -1"},
		{"max-errors: 0", "after: 0", "not from 1"},
		{"group: it", "group: A", "capital"},
	} {
		_, err := Parse("x", strings.Replace(example, test.old, test.new, 1))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q for %q: %v, want %q", test.new, test.old, err, test.want)
		}
	}
	if _, err := Parse("x", example+strings.Repeat("\nring: x\npercent: 100\n", MaxRings)); err == nil {
		t.Error("too many rings are accepted")
	}
}

// at is a time after the start of the example.
func at(after time.Duration) time.Time {
	return time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC).Add(after)
}

// someone returns a host that is in that ring of the example.
func someone(t testing.TB, d *Document, ring int) Host {
	for n := range 10000 {
		h := Host{ID: fmt.Sprint("host", n)}
		if ring == 1 {
			h.Groups = []string{"other", "it"}
		}
		if d.Place(h) == ring {
			return h
		}
	}
	t.Fatalf("nobody is in ring %d", ring)
	return Host{}
}

func TestDecide(t *testing.T) {
	gate := func(s State, ring int) *Gate { return &Gate{State: s, Ring: ring, Since: at(0).Unix()} }
	for _, test := range []struct {
		name  string
		state State
		back  bool
		ring  int // of the host
		gate  *Gate
		after time.Duration
		want  Action
	}{
		{"no gate", Running, true, 1, nil, 1000 * time.Hour, Hold},
		{"no ring is open", Running, true, 1, gate(Running, 0), 1000 * time.Hour, Hold},
		{"its ring is open", Running, true, 1, gate(Running, 1), 0, Take},
		{"before the start", Running, true, 1, gate(Running, 3), -time.Second, Hold},
		{"a ring after is not", Running, true, 2, gate(Running, 1), 1000 * time.Hour, Hold},
		{"hostile: early gate", Running, true, 2, gate(Running, 3), 12*time.Hour - time.Second, Hold},
		{"the soak is over", Running, true, 2, gate(Running, 3), 12 * time.Hour, Take},
		{"hostile: early end", Running, true, 3, gate(Completed, 3), 36*time.Hour - time.Second, Hold},
		{"completed", Running, true, 3, gate(Completed, 0), 36 * time.Hour, Take},
		{"paused", Running, true, 1, gate(Paused, 3), 1000 * time.Hour, Hold},
		{"halted", Running, true, 1, gate(Halted, 3), 1000 * time.Hour, Hold},
		{"aborted by the gate alone", Running, true, 1, gate(Aborted, 3), 1000 * time.Hour, Hold},
		{"hostile: unknown state", Running, true, 1, gate("open", 3), 1000 * time.Hour, Hold},
		{"aborted by a person", Aborted, true, 3, gate(Completed, 3), 0, Return},
		{"aborted, staying", Aborted, false, 3, gate(Completed, 3), 1000 * time.Hour, Hold},
		{"completed by a person", Completed, true, 3, nil, 0, Take},
	} {
		d := parse(t, example)
		d.State, d.Return = test.state, test.back
		got := d.Decide(test.gate, someone(t, d, test.ring), at(test.after))
		if got.Action != test.want || got.Ring != test.ring || got.Why == "" {
			t.Errorf("%s: %+v, want %s", test.name, got, test.want)
		}
	}
}

// A rollout that is no longer listed holds exactly as long as the most open gate.
func TestForgotten(t *testing.T) {
	d := parse(t, example)
	h := someone(t, d, 3)
	if got := d.Forgotten(h, at(36*time.Hour-time.Second)); got.Action != Hold {
		t.Errorf("before its time: %+v", got)
	}
	if got := d.Forgotten(h, at(36*time.Hour)); got.Action != Take {
		t.Errorf("after its time: %+v", got)
	}
	if d.State = Aborted; d.Forgotten(h, at(1000*time.Hour)).Action != Return {
		t.Error("an abort is forgotten")
	}
}

func TestPlace(t *testing.T) {
	d := parse(t, example)
	asked := ""
	h := Host{ID: "x", Matches: func(q string) bool { asked += q; return q == "os:debian seen>7d" }}
	if got := d.Place(h); got != 1 || asked != "os:debian seen>7d" {
		t.Errorf("ring %d after asking %q", got, asked)
	}
}

// Ten thousand hosts fall into rings as the percentages say, within four standard
// deviations, and two rollouts mix them differently.
func TestPercentages(t *testing.T) {
	const hosts = 10_000
	for _, percent := range []Share{50, 1_00, 10_00, 50_00} {
		d := &Document{ID: "r1", Rings: []Ring{{Percent: percent}, {Percent: Whole}}}
		other := &Document{ID: "r2", Rings: d.Rings}
		in, both := 0, 0
		for n := range hosts {
			h := Host{ID: fmt.Sprintf("00000000-0000-4000-8000-%012x", n)}
			if d.Place(h) == 1 {
				in++
				if other.Place(h) == 1 {
					both++
				}
			}
		}
		within := func(what string, got int, share float64) {
			if far := math.Abs(float64(got) - hosts*share); far > 4*math.Sqrt(hosts*share*(1-share)) {
				t.Errorf("%s: %d of %d %s", percent, got, hosts, what)
			}
		}
		p := float64(percent) / float64(Whole)
		within("are in the ring", in, p)
		within("are in it in both rollouts", both, p*p)
	}
}

// Buckets are part of the format.
func TestBucket(t *testing.T) {
	for _, test := range []struct {
		host, rollout string
		want          int
	}{
		{"00000000-0000-4000-8000-000000000001", "age-1.3-1", 407},
		{"00000000-0000-4000-8000-000000000002", "age-1.3-1", 4163},
		{"h", "r", 8783},
	} {
		if got := Bucket(test.host, test.rollout); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

// documents draws documents that are right.
var documents = rapid.Custom(func(t *rapid.T) *Document {
	d := &Document{ID: "r", Package: "p", Version: "2", From: "1", State: Running, Start: at(0), Return: rapid.Bool().Draw(t, "return")}
	n := rapid.IntRange(1, 6).Draw(t, "rings")
	var percent Share
	for i := range n {
		percent += Share(rapid.IntRange(0, int(Whole-percent)).Draw(t, "percent"))
		r := Ring{Name: fmt.Sprint("r", i), Percent: percent, Group: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "group"),
			Soak:    time.Duration(rapid.IntRange(0, 100).Draw(t, "soak")) * time.Hour,
			Success: Share(rapid.IntRange(0, int(Whole)).Draw(t, "success")), AtLeast: Share(rapid.IntRange(0, int(Whole)).Draw(t, "at-least")),
			MaxErrors: rapid.IntRange(-1, 20).Draw(t, "max-errors"), MaxErrorRate: Share(rapid.IntRange(0, int(Whole)).Draw(t, "rate")),
			After: rapid.IntRange(1, 30).Draw(t, "after")}
		if percent == 0 {
			r.Group = "a"
		}
		if i == n-1 {
			r.Percent = Whole
		}
		d.Rings = append(d.Rings, r)
	}
	return d
})

var gates = rapid.Custom(func(t *rapid.T) *Gate {
	return &Gate{State: rapid.SampledFrom([]State{Running, Paused, Halted, Aborted, Completed}).Draw(t, "state"), Ring: rapid.IntRange(0, 7).Draw(t, "ring")}
})

var people = rapid.Custom(func(t *rapid.T) Host {
	return Host{ID: rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "id"), Groups: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2).Draw(t, "groups")}
})

// Who is in ring n is in n+1: who may take with n rings open may with n+1. Later is
// never worse, and no gate opens a ring before its time.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, g, h := documents.Draw(t, "document"), gates.Draw(t, "gate"), people.Draw(t, "host")
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		now := at(time.Duration(rapid.IntRange(-10, 700).Draw(t, "hours")) * time.Hour)
		got := d.Decide(g, h, now)
		if got.Action == Take {
			if now.Before(d.Opens(got.Ring)) {
				t.Fatalf("%+v takes before its time", got)
			}
			more := *g
			more.Ring++
			if d.Decide(&more, h, now).Action != Take || d.Decide(g, h, now.Add(time.Hour)).Action != Take || d.Forgotten(h, now).Action != Take {
				t.Fatal("what a host may take, it may not with more rings open, later, or with the rollout gone")
			}
		}
		if got.Action == Return {
			t.Fatal("a host goes back without the word of a person")
		}
	})
}

func TestJudge(t *testing.T) {
	d := parse(t, example)
	for _, test := range []struct {
		ring  int
		c     Counts
		after time.Duration // since the ring was opened
		want  Step
	}{
		{0, Counts{}, -time.Second, Wait},
		{0, Counts{}, 0, Open},
		{1, Counts{10, 10, 0}, 12*time.Hour - 1, Wait},
		{1, Counts{10, 10, 0}, 12 * time.Hour, Open},
		{1, Counts{10, 9, 1}, 0, Halt},                // max-errors: 0
		{1, Counts{10, 7, 0}, 100 * time.Hour, Wait},  // at-least 80
		{1, Counts{10, 8, 0}, 100 * time.Hour, Open},  //
		{1, Counts{0, 0, 0}, 12 * time.Hour, Open},    // nobody is in it
		{2, Counts{10, 8, 1}, 100 * time.Hour, Wait},  // success 99, nine reported
		{2, Counts{10, 8, 2}, 0, Halt},                // 20 % of ten
		{2, Counts{10, 9, 1}, 0, Wait},                // 10 % is not more than 10 %
		{2, Counts{200, 99, 1}, 24 * time.Hour, Open}, // half reported, 99 % of these well
		{2, Counts{201, 99, 1}, 24 * time.Hour, Wait},
		{3, Counts{100, 80, 0}, 0, Complete},
		{3, Counts{100, 60, 20}, 0, Halt},
	} {
		counts := make([]Counts, 3) // nobody is in the others
		counts[max(test.ring, 1)-1] = test.c
		got := d.Judge(test.ring, counts, at(0), at(test.after))
		if got.Step != test.want || got.Why == "" {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}

// Each ring is held to its own limits by its own hosts.
func TestJudgeEachRing(t *testing.T) {
	d := parse(t, example)
	d.Rings[0].MaxErrors, d.Rings[0].MaxErrorRate = 5, Whole
	d.Rings[1].MaxErrors = 0
	for _, test := range []struct {
		name string
		c    []Counts
		want Step
	}{
		{"many that did well before hide nobody", []Counts{{3000, 3000, 0}, {100, 0, 100}}, Halt},
		{"what was tolerated before is not held against it", []Counts{{3000, 2997, 3}, {100, 100, 0}}, Open},
		{"a ring before fails late", []Counts{{3000, 2994, 6}, {100, 100, 0}}, Halt},
		{"many before do not report for it", []Counts{{3000, 3000, 0}, {100, 10, 0}}, Wait},
		{"a ring that is not open yet does not count", []Counts{{10, 10, 0}, {100, 100, 0}, {100, 0, 100}}, Open},
	} {
		if got := d.Judge(2, test.c, at(0), at(100*time.Hour)); got.Step != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// A package that is new to all is not rolled out before somebody is to have it.
func TestJudgeFirstInstallation(t *testing.T) {
	d := parse(t, example)
	d.From = ""
	for _, ring := range []int{1, 3} {
		if got := d.Judge(ring, make([]Counts, 3), at(0), at(1000*time.Hour)); got.Step != Wait {
			t.Errorf("%d: %+v", ring, got)
		}
	}
	if got := d.Judge(2, []Counts{{1, 1, 0}, {}}, at(0), at(1000*time.Hour)); got.Step != Open {
		t.Errorf("%+v", got)
	}
}

// More failures never have a rollout go on that fewer would stop, and nothing
// goes on while a ring soaks.
func TestJudgeIsCautious(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := documents.Draw(t, "document")
		ring := rapid.IntRange(1, len(d.Rings)).Draw(t, "ring")
		hosts := rapid.IntRange(0, 1000).Draw(t, "hosts")
		done := rapid.IntRange(0, hosts).Draw(t, "done")
		c := Counts{hosts, done, rapid.IntRange(0, hosts-done).Draw(t, "failed")}
		soak := d.Rings[ring-1].Soak
		after := time.Duration(rapid.IntRange(0, 120).Draw(t, "hours")) * time.Hour
		judge := func(c Counts) Verdict {
			return d.Judge(ring, append(make([]Counts, ring-1), c), at(0), at(after))
		}
		got := judge(c)
		if (got.Step == Open || got.Step == Complete) && after < soak {
			t.Fatalf("%+v after %s of %s", got, after, soak)
		}
		if got.Step == Halt && c.Done > 0 && judge(Counts{hosts, c.Done - 1, c.Failed + 1}).Step != Halt {
			t.Fatal("one more failure ends the halt")
		}
	})
}

func TestFieldError(t *testing.T) {
	_, err := Parse("x", strings.Replace(example, "soak: 1d", "soak: soon", 1))
	var wrong *FieldError
	if !errors.As(err, &wrong) || wrong.Stanza != 2 || wrong.Field != "soak" {
		t.Errorf("%v", err)
	}
}

// FuzzDocument: what is accepted is right, and prints as what reads the same.
func FuzzDocument(f *testing.F) {
	f.Add(example)
	f.Add("package: a\nversion: 1\nstart: 2026-11-21T20:00:00Z\nstate: completed\n\nring: a\nmax-errors: 3\npercent: 100\nsoak: 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse("r", text)
		if err != nil {
			return
		}
		if err := d.Check(); err != nil {
			t.Fatalf("%q is accepted: %v", text, err)
		}
		again, err := Parse("r", d.String())
		if err != nil || !reflect.DeepEqual(d, again) {
			t.Fatalf("%q\nprints as\n%s\nwhich is %+v, %v", text, d, again, err)
		}
		if again, err = Read("r", d.Policy()); err != nil || !reflect.DeepEqual(d, again) {
			t.Fatalf("%q\nhas the policy %v\nwhich is %+v, %v", text, d.Policy(), again, err)
		}
	})
}

// A package of a rollout says the same in its control as in its policy.
func TestOfPackage(t *testing.T) {
	d := parse(t, example)
	c := d.Control("1")
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if name, v, err := About(&c); err != nil || name != "age" || v != "1.3-1" {
		t.Errorf("about %s %s, %v", name, v, err)
	}
	if got, err := OfPackage(&c, d.Policy()); err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("%+v, %v", got, err)
	}
	other := *d
	other.Version = "1.3-2"
	if _, err := OfPackage(&c, other.Policy()); err == nil {
		t.Error("a document about another version is accepted")
	}
	for _, depends := range []string{"", "age", "age (>= 1.3-1)", "age (= 1.3-1), b (= 1)", "age (= 1.3-1) | b (= 1)"} {
		c.Depends = nil
		for part := range strings.SplitSeq(depends, ", ") {
			if dep, err := control.ParseDependency(part); err == nil {
				c.Depends = append(c.Depends, dep)
			}
		}
		if _, _, err := About(&c); err == nil {
			t.Errorf("%q is about something", depends)
		}
	}
}

// Versions that differ have ids that do, whatever of them fits into a name.
func TestNewID(t *testing.T) {
	if got := NewID("age", "1.3-1"); got != "rollout-age-1.3-1" {
		t.Error(got)
	}
	seen := map[string]string{}
	long := strings.Repeat("9", 300)
	for _, v := range []string{"1.3-1", "1.3_1", "1:3-1", "1-3-1", "1.3-RC", "1.3-rc", "1:2_RC~3", long, long + "9", long[:118], long[:112]} {
		id := NewID("age", v)
		if err := control.CheckName(id); err != nil {
			t.Error(err)
		}
		if was, ok := seen[id]; ok {
			t.Errorf("%.20q and %.20q are both %q", was, v, id)
		}
		if seen[id] = v; id != NewID("age", v) {
			t.Errorf("%q differs from time to time", id)
		}
	}
}
