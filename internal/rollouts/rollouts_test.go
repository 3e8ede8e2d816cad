package rollouts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/rollout"
	"muster/search"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// A host of the fleet of tests.
type host struct {
	version string // of app; "" has none
	status  muster.Status
	audit   muster.Status
	groups  []string
}

// A world is a repository, a fleet and the rollouts of both.
type world struct {
	*Rollouts
	t      *testing.T
	now    time.Time
	hosts  map[string]*host
	listed []Listed
	gates  map[string]rollout.Gate
	heads  int // that were published
	broken error
	failed []Failure
	told   []string
}

func (w *world) Find(_ context.Context, query string) (ids []string, err error) {
	q, err := search.Parse(query)
	for id, h := range w.hosts {
		if err == nil && q.Match(h, w.now) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// A host is what is known of it.
func (h *host) Number(string) (int64, bool) { return 0, false }

func (h *host) Texts(field string) []string {
	return map[string][]string{"state": {"accepted"}, "group": h.groups}[field]
}

func (h *host) Software(string) []search.Software {
	return []search.Software{{Name: "app", Version: h.version, Status: string(h.status), Audit: string(h.audit)}}
}

func (w *world) Failures(_ context.Context, since int64) ([]Failure, int64, error) {
	newest := int64(len(w.failed)) + 1
	if since == 0 {
		return nil, newest, nil
	}
	return w.failed[since-1:], newest, nil
}

type shelf struct{ w *world }

func (s shelf) Rollouts(context.Context) ([]Listed, map[string]rollout.Gate, error) {
	return s.w.listed, s.w.gates, nil
}

func (s shelf) SetGates(_ context.Context, gates map[string]rollout.Gate) error {
	if s.w.broken != nil {
		return s.w.broken
	}
	if !maps.Equal(s.w.gates, gates) {
		s.w.gates = maps.Clone(gates)
		s.w.heads++
	}
	return nil
}

// newWorld has hosts, of which the first tenth are in group pilot, all with app 1.
func newWorld(t *testing.T, d *db.DB, hosts int) *world {
	t.Helper()
	w := &world{t: t, now: start, hosts: map[string]*host{}}
	for n := range hosts {
		h := &host{version: "1"}
		if n < hosts/10 {
			h.groups = []string{"pilot"}
		}
		w.hosts[fmt.Sprintf("host-%03d", n)] = h
	}
	w.open(d)
	return w
}

func (w *world) open(d *db.DB) {
	w.t.Helper()
	var err error
	w.Rollouts, err = Open(w.t.Context(), Config{DB: d, Repository: shelf{w}, Fleet: w, Now: func() time.Time { return w.now },
		Told: func(_ context.Context, id string, s api.RolloutStep) {
			w.told = append(w.told, fmt.Sprintf("%s: %s %d", id, s.State, s.Ring))
		}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// list lists a rollout of app 2: pilot, half, all, with an hour between.
func (w *world) list(id, version string, edit func(*rollout.Document)) *rollout.Document {
	w.t.Helper()
	d := &rollout.Document{ID: id, Package: "app", Version: "2", From: "1", State: rollout.Running, Start: start}
	for name, percent := range map[string]rollout.Share{"1-pilot": 0, "2-half": 50_00, "3-all": rollout.Whole} {
		r := rollout.NewRing()
		r.Name, r.Percent, r.Soak = name, percent, time.Hour
		if percent == 0 {
			r.Group = "pilot"
		}
		d.Rings = append(d.Rings, r)
	}
	slices.SortFunc(d.Rings, func(a, b rollout.Ring) int { return strings.Compare(a.Name, b.Name) })
	if edit != nil {
		edit(d)
	}
	if err := d.Check(); err != nil {
		w.t.Fatal(err)
	}
	w.listed = append(slices.DeleteFunc(w.listed, func(l Listed) bool { return l.Document.ID == id }), Listed{version, d})
	return d
}

func (w *world) look() {
	w.t.Helper()
	if err := w.Look(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// obey has every host that the rollout lets take the version take it; those that
// bad names fail.
func (w *world) obey(d *rollout.Document, bad func(id string) bool) {
	for id, h := range w.hosts {
		gate, ok := w.gates[d.ID]
		if !ok || h.version >= d.Version || d.Decide(&gate, rollout.Host{ID: id, Groups: h.groups}, w.now).Action != rollout.Take {
			continue
		}
		if bad != nil && bad(id) {
			w.failed = append(w.failed, Failure{Host: id, Package: "app", Version: d.Version, Time: w.now.Unix(), Error: "hook failed"})
		} else {
			h.version = d.Version
		}
	}
}

func (w *world) expect(id string, state rollout.State, ring int) api.RolloutDetail {
	w.t.Helper()
	out, err := w.Detail(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	if out.State != string(state) || out.Ring != ring {
		w.t.Errorf("%s: %s, ring %d (%s; waits: %s), want %s, ring %d", id, out.State, out.Ring, out.Why, out.Waits, state, ring)
	}
	signed := slices.ContainsFunc(w.listed, func(l Listed) bool { return l.Document.ID == id && l.Document.State != rollout.Running })
	if g, ok := w.gates[id]; signed && ok {
		w.t.Errorf("%s: the gate is %+v, and nobody asks for it", id, g)
	} else if !signed && !out.Gone && (g.State != state || g.Ring != ring || g.Since != out.Since) {
		w.t.Errorf("%s: the gate is %+v, the rollout %+v", id, g, out.Rollout)
	}
	return out
}

func total(all []api.RolloutCounts) (sum rollout.Counts) {
	for _, c := range all {
		sum.Hosts, sum.Done, sum.Failed = sum.Hosts+c.Hosts, sum.Done+c.Done, sum.Failed+c.Failed
	}
	return sum
}

// TestCompletes goes the way of a version through three rings to its end, on every
// database.
func TestCompletes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		w := newWorld(t, db, 100)
		d := w.list("r", "1", nil)
		for ring := 1; ring <= 3; ring++ {
			w.look()
			w.expect("r", rollout.Running, ring)
			w.obey(d, nil)
			w.look()
			if out := w.expect("r", rollout.Running, ring); !strings.Contains(out.Waits, "watched until") {
				t.Errorf("it waits: %q", out.Waits)
			}
			w.now = w.now.Add(time.Hour)
		}
		w.look()
		out := w.expect("r", rollout.Completed, 3)
		if c := total(out.Rings); c != (rollout.Counts{Hosts: 100, Done: 100}) || out.Rings[0].Hosts != 10 || len(out.Steps) != 5 || w.heads != 4 {
			t.Errorf("%+v after %d heads", out, w.heads)
		}
		want := []string{"r: running 0", "r: running 1", "r: running 2", "r: running 3", "r: completed 3"}
		if !slices.Equal(w.told, want) {
			t.Errorf("told: %v", w.told)
		}
		first, err := w.Follow(t.Context(), 0, 2)
		rest, rerr := w.Follow(t.Context(), 2, 100)
		if n, nerr := w.Newest(t.Context()); errors.Join(err, rerr, nerr) != nil || n != 5 || len(first) != 2 || len(rest) != 3 || rest[2].ID != "r" || rest[2].State != "completed" || rest[2].Of != "2" {
			t.Errorf("%d steps: %+v, %+v, %v", n, first, rest, errors.Join(err, rerr, nerr))
		}
		w.now = w.now.Add(time.Hour)
		if w.look(); w.heads != 4 {
			t.Error("a rollout that is over makes heads")
		}
	})
}

// TestHalts has one host in ten fail: the rollout halts in the second ring, the
// others are spared, and it goes on when a person says so.
func TestHalts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		w := newWorld(t, db, 100)
		d := w.list("r", "1", func(d *rollout.Document) { d.Rings[1].MaxErrors = 2 })
		bad := func(id string) bool { return strings.HasSuffix(id, "7") && id > "host-010" }
		w.look()
		w.obey(d, bad)
		w.now = w.now.Add(time.Hour)
		w.look()
		w.expect("r", rollout.Running, 2)
		w.obey(d, bad)
		w.look()
		out := w.expect("r", rollout.Halted, 2)
		if c := total(out.Rings[:2]); c.Failed <= 2 || len(out.Failures) != c.Failed || out.Failures[0].Error != "hook failed" || !strings.Contains(out.Why, "more than 2") {
			t.Errorf("%+v", out)
		}
		before := w.heads
		w.now = w.now.Add(100 * time.Hour)
		w.obey(d, bad)
		w.look()
		if w.expect("r", rollout.Halted, 2); w.heads != before {
			t.Error("a rollout that was halted makes heads")
		}
		for id, h := range w.hosts {
			if d.Place(rollout.Host{ID: id, Groups: h.groups}) == 3 && h.version != "1" {
				t.Errorf("%s has %s", id, h.version)
			}
		}
		if out, err := w.Change(t.Context(), "alice", "r", api.RolloutChange{Do: api.RolloutResume, Why: "mended"}); err != nil || out.Steps[0].Who != "alice" {
			t.Fatalf("%+v, %v", out, err)
		}
		w.expect("r", rollout.Running, 2)
		w.obey(d, nil)
		w.now = w.now.Add(time.Hour)
		w.look()
		w.expect("r", rollout.Running, 3)
	})
}

func TestPeople(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 10)
	w.list("r", "1", nil)
	w.look()
	for _, step := range []struct {
		do    string
		kind  muster.ErrorKind
		state rollout.State
	}{
		{api.RolloutResume, muster.Conflict, rollout.Running},
		{api.RolloutPause, "", rollout.Paused},
		{api.RolloutPause, muster.Conflict, rollout.Paused},
		{"open", muster.Invalid, rollout.Paused},
		{api.RolloutResume, "", rollout.Running},
		{api.RolloutAbort, "", rollout.Aborted},
		{api.RolloutResume, muster.Conflict, rollout.Aborted},
	} {
		_, err := w.Change(t.Context(), "alice", "r", api.RolloutChange{Do: step.do})
		if muster.KindOf(err) != step.kind {
			t.Errorf("%s: %v", step.do, err)
		}
		w.expect("r", step.state, 1)
	}
	if _, err := w.Change(t.Context(), "alice", "other", api.RolloutChange{Do: api.RolloutPause}); muster.KindOf(err) != muster.NotFound {
		t.Errorf("of no rollout: %v", err)
	}
	page, err := w.List(t.Context())
	if err != nil || len(page.Rollouts) != 1 || page.Rollouts[0].ID != "r" {
		t.Errorf("%+v, %v", page, err)
	}
}

// A newer document counts: by the word of who signed it the rollout is over, or
// begins anew; one that is taken out of the repository ends.
func TestDocuments(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 10)
	w.list("r", "1", nil)
	w.look()
	w.expect("r", rollout.Running, 1)
	w.list("r", "2", func(d *rollout.Document) { d.State, d.Return = rollout.Aborted, true })
	w.look()
	w.expect("r", rollout.Aborted, 0)
	w.list("r", "3", func(d *rollout.Document) { d.Start = start.Add(time.Hour) })
	w.look()
	w.expect("r", rollout.Running, 0)
	w.list("r", "4", func(d *rollout.Document) { d.State = rollout.Completed })
	w.look()
	w.expect("r", rollout.Completed, 3)
	w.listed = nil
	if w.look(); !w.expect("r", rollout.Completed, 3).Gone {
		t.Error("it is not gone")
	}
}

// A crash between the database and the head is made up for at the next look.
func TestHeadFails(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 10)
	w.list("r", "1", nil)
	w.broken = errors.New("disk full")
	if err := w.Look(t.Context()); !errors.Is(err, w.broken) || w.heads != 0 {
		t.Errorf("%v, %d heads", err, w.heads)
	}
	w.broken = nil
	w.look()
	w.expect("r", rollout.Running, 1)
	if w.heads != 1 {
		t.Errorf("%d heads", w.heads)
	}
}

// A database that was lost takes over what the head says: nothing begins anew.
func TestDatabaseLost(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 100)
	d := w.list("r", "1", nil)
	w.look()
	w.obey(d, nil)
	w.now = w.now.Add(time.Hour)
	w.look()
	w.expect("r", rollout.Running, 2)
	w.now = w.now.Add(30 * time.Minute)
	w.open(dbtest.SQLite(t))
	w.look()
	out := w.expect("r", rollout.Running, 2)
	if out.Since != start.Add(time.Hour).Unix() || len(out.Steps) != 1 {
		t.Errorf("%+v", out)
	}
}

// A package that is new to all halts like any other when hosts cannot install it.
// Who is not to have it does not count.
func TestFirstInstallation(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 100)
	for _, h := range w.hosts {
		h.version = ""
	}
	d := w.list("r", "1", func(d *rollout.Document) { d.From = "" })
	w.look()
	w.now = w.now.Add(time.Hour)
	w.look()
	if out := w.expect("r", rollout.Running, 1); total(out.Rings).Hosts != 0 || !strings.Contains(out.Waits, "no host") {
		t.Errorf("%+v", out)
	}
	for _, h := range w.hosts {
		if h.status = muster.Postponed; len(h.groups) > 0 {
			h.status = muster.NeedInstall
		}
	}
	w.look()
	if out := w.expect("r", rollout.Running, 1); out.Rings[0].Hosts != 10 || total(out.Rings).Hosts != 100 {
		t.Errorf("%+v", out.Rings)
	}
	w.obey(d, func(id string) bool { w.hosts[id].status = muster.Error; return true })
	w.look()
	if out := w.expect("r", rollout.Halted, 1); out.Rings[0] != (api.RolloutCounts{Hosts: 10, Failed: 10}) {
		t.Errorf("%+v", out)
	}
}

// A host that has the version, and on which it does not work, failed, whatever it
// told of the change. Who resumes excuses it, until it fails anew.
func TestBroken(t *testing.T) {
	for _, test := range []struct {
		name          string
		version       string
		status, audit muster.Status
		want          api.RolloutCounts
	}{
		{"works", "2", muster.OK, muster.Warning, api.RolloutCounts{Hosts: 1, Done: 1}},
		{"does not", "2", muster.Error, "", api.RolloutCounts{Hosts: 1, Failed: 1}},
		{"says so itself", "2", muster.OK, muster.Error, api.RolloutCounts{Hosts: 1, Failed: 1}},
		{"goes back", "2", muster.NeedDowngrade, "", api.RolloutCounts{Hosts: 1}},
		{"a newer one waits", "2", muster.NeedUpgrade, "", api.RolloutCounts{Hosts: 1, Done: 1}},
		{"a newer one does not", "3", muster.Error, muster.Error, api.RolloutCounts{Hosts: 1, Done: 1}},
		{"the one before does not", "1", muster.Error, muster.Error, api.RolloutCounts{Hosts: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, dbtest.SQLite(t), 10)
			w.list("r", "1", func(d *rollout.Document) { d.Rings[0].MaxErrors = 0 })
			w.look()
			*w.hosts["host-000"] = host{test.version, test.status, test.audit, []string{"pilot"}}
			w.look()
			if test.want.Failed == 0 {
				if out := w.expect("r", rollout.Running, 1); out.Rings[0] != test.want {
					t.Errorf("%+v", out.Rings)
				}
				return
			}
			if out := w.expect("r", rollout.Halted, 1); out.Rings[0] != test.want || len(out.Failures) != 1 || !strings.Contains(out.Failures[0].Error, "app 2") {
				t.Errorf("%+v", out)
			}
			if _, err := w.Change(t.Context(), "alice", "r", api.RolloutChange{Do: api.RolloutResume}); err != nil {
				t.Fatal(err)
			}
			w.look()
			if out := w.expect("r", rollout.Running, 1); out.Rings[0] != (api.RolloutCounts{Hosts: 1}) || len(out.Failures) > 0 {
				t.Errorf("%+v", out)
			}
			w.failed = append(w.failed, Failure{"host-000", "app", "2", 1, "again"})
			w.look()
			w.expect("r", rollout.Halted, 1)
		})
	}
}

// The first host that is to have a package that is new to all is watched as long as
// was signed, however long the ring was open before.
func TestFirstHostSoaks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *db.DB) {
		w := newWorld(t, db, 100)
		for _, h := range w.hosts {
			h.version = ""
		}
		d := w.list("r", "1", func(d *rollout.Document) { d.From = "" })
		w.look()
		w.now = w.now.Add(100 * time.Hour)
		w.hosts["host-000"].status = muster.NeedInstall
		w.hosts["host-050"].status = muster.Postponed
		w.look()
		w.hosts["host-000"].version = d.Version
		w.now = w.now.Add(time.Hour - time.Second)
		w.look()
		if out := w.expect("r", rollout.Running, 1); !strings.Contains(out.Waits, "watched until") {
			t.Errorf("it waits: %q", out.Waits)
		}
		w.now = w.now.Add(time.Second)
		w.look()
		w.expect("r", rollout.Running, 2)
	})
}

// A database that is an older copy takes over what the head says since: an abort
// stays one, also where the clock was ahead when it was made.
func TestDatabaseRestored(t *testing.T) {
	for name, state := range map[string]rollout.State{"aborted": rollout.Aborted, "went on": rollout.Running} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, dbtest.SQLite(t), 100)
			w.list("r", "1", nil)
			w.look()
			w.now = w.now.Add(time.Hour)
			w.gates = map[string]rollout.Gate{"r": {State: state, Ring: 2, Since: w.now.Unix() - 60}}
			w.look()
			if out := w.expect("r", state, 2); out.Since != w.now.Unix()-60 || !strings.Contains(out.Why, "head") {
				t.Errorf("%+v", out)
			}
			w.look()
			w.expect("r", state, 2)
		})
	}
}

// A rollout that cannot be counted keeps no other from going on, nor from being
// aborted, also where nobody looks again.
func TestBadQuery(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 100)
	w.list("a", "1", func(d *rollout.Document) { d.Rings[0].Query = "((" })
	w.list("r", "1", nil)
	if err := w.Look(t.Context()); err == nil || !strings.Contains(err.Error(), `rollout "a"`) {
		t.Errorf("%v", err)
	}
	w.expect("r", rollout.Running, 1)
	if out := w.expect("a", rollout.Running, 0); !strings.Contains(out.Waits, "cannot be counted") {
		t.Errorf("%+v", out)
	}
	for _, id := range []string{"a", "r"} {
		if _, err := w.Change(t.Context(), "alice", id, api.RolloutChange{Do: api.RolloutAbort}); err != nil {
			t.Fatal(err)
		}
	}
	w.expect("a", rollout.Aborted, 0)
	w.expect("r", rollout.Aborted, 1)
}

// Nothing goes on while nobody knows which hosts failed, but an abort does.
func TestFailuresUnknown(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 10)
	w.list("r", "1", nil)
	w.Fleet = deaf{w}
	if err := w.Look(t.Context()); !errors.Is(err, errDeaf) {
		t.Errorf("%v", err)
	}
	w.expect("r", rollout.Running, 0)
}

type deaf struct{ *world }

var errDeaf = errors.New("events cannot be read")

func (deaf) Failures(context.Context, int64) ([]Failure, int64, error) { return nil, 0, errDeaf }

// Where the clock goes back, what a person did last counts.
func TestClockBack(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 10)
	w.list("r", "1", nil)
	w.now = start.Add(time.Hour)
	w.look()
	w.now = start
	if _, err := w.Change(t.Context(), "alice", "r", api.RolloutChange{Do: api.RolloutAbort}); err != nil {
		t.Fatal(err)
	}
	w.look()
	w.expect("r", rollout.Aborted, 1)
}

// An older document never counts again: neither its state nor its rings.
func TestOlderDocument(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 10)
	w.list("r", "2", func(d *rollout.Document) { d.State = rollout.Aborted })
	w.look()
	w.now = w.now.Add(time.Hour)
	w.list("r", "1", nil)
	w.look()
	w.expect("r", rollout.Aborted, 0)
	w.listed = nil
	w.look()
	w.list("r", "1", nil)
	w.look()
	w.expect("r", rollout.Aborted, 0)
	w.list("r", "3", func(d *rollout.Document) { d.Start = w.now.Add(time.Hour) })
	w.look()
	w.now = w.now.Add(time.Hour)
	w.list("r", "1", func(d *rollout.Document) { d.Rings[0].Soak = 0 })
	w.look()
	if out := w.expect("r", rollout.Running, 0); !strings.Contains(out.Waits, "version 3 of it counts") {
		t.Errorf("%+v", out)
	}
}

// Of two servers on one database that look at once, one takes each step.
func TestTwoServers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 10)
		w.list("r", "1", func(d *rollout.Document) {
			for i := range d.Rings {
				d.Rings[i].Soak, d.Rings[i].AtLeast = 0, 0
			}
		})
		one := w.Rollouts
		w.open(d)
		two := w.Rollouts
		errs := make(chan error, 2)
		var told [2]int
		for i, r := range []*Rollouts{one, two} {
			r.Told = func(context.Context, string, api.RolloutStep) { told[i]++ }
			r.Repository = shelf{&world{t: t, listed: w.listed}}
			go func() { errs <- r.Look(context.Background()) }()
		}
		if err := errors.Join(<-errs, <-errs); err != nil {
			t.Fatal(err)
		}
		out, err := one.Detail(t.Context(), "r")
		if err != nil || len(out.Steps) != 5 || told[0]+told[1] != 5 || out.State != string(rollout.Completed) {
			t.Errorf("%d steps, told %v: %+v, %v", len(out.Steps), told, out, err)
		}
	})
}

// A failure is the rollout's of that version only, and counts once; a host that
// succeeded after is done.
func TestFailures(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 20)
	w.list("r", "1", func(d *rollout.Document) { d.Rings[0].MaxErrors = 2 })
	w.look()
	w.failed = append(w.failed, Failure{"host-000", "app", "1.9", 1, ""}, Failure{"host-000", "other", "2", 1, ""},
		Failure{"host-000", "app", "2", 1, "a"}, Failure{"host-000", "app", "2", 2, "b"}, Failure{"host-001", "app", "2", 3, "c"})
	w.look()
	out := w.expect("r", rollout.Running, 1)
	if out.Rings[0] != (api.RolloutCounts{Hosts: 2, Failed: 2}) || len(out.Failures) != 2 || out.Failures[1].Error != "b" {
		t.Errorf("%+v", out)
	}
	w.hosts["host-000"].version = "2"
	w.look()
	if out := w.expect("r", rollout.Running, 1); out.Rings[0] != (api.RolloutCounts{Hosts: 2, Done: 1, Failed: 1}) {
		t.Errorf("%+v", out.Rings)
	}
}

// Run looks when it is poked.
func TestRun(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), 10)
	looked := make(chan string, 16)
	w.Rollouts.Told = func(_ context.Context, id string, s api.RolloutStep) { looked <- id }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	w.list("a", "1", nil)
	go func() { w.Run(ctx, func(err error) { t.Error(err) }); close(done) }()
	for range 2 {
		if id := <-looked; id != "a" {
			t.Error(id)
		}
	}
	w.turn <- struct{}{} // nobody reads what is listed
	w.list("b", "1", nil)
	<-w.turn
	w.Poke()
	if id := <-looked; id != "b" {
		t.Error(id)
	}
	cancel()
	<-done
}
