package hosts

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
)

// TestCheckInNeedsNoDatabase has hosts check in while the database is closed: who has
// nothing new is answered, and who brings a result is told that it is not kept.
func TestCheckInNeedsNoDatabase(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d)
	m := joined(w, 1)
	doc := desktop(1, 5)
	m.put(w, doc)
	first, err := m.checkIn(w, api.CheckIn{Set: setOf(t, doc)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		out, err := m.checkIn(w, api.CheckIn{Set: setOf(t, doc), Etag: first.Etag})
		if err != nil || out.Send != api.SendNothing || out.Policy != nil || out.Etag != first.Etag {
			t.Errorf("%+v, %v", out, err)
		}
	}
	_, err = m.checkIn(w, api.CheckIn{Results: []api.Result{{ID: hostID(5)}}})
	if muster.KindOf(err) != muster.Unavailable {
		t.Errorf("a result that cannot be kept: %v", err)
	}
}

// TestPresenceSurvives writes who was seen, and reads it as another process would.
func TestPresenceSurvives(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := joined(w, 1)
		w.pass(time.Hour)
		if _, err := m.checkIn(w, api.CheckIn{Clock: w.time().Unix() + 600, Repository: 7, Stale: true}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second has nothing to write
			if err := w.FlushPresence(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		again := newWorld(t, d)
		got, err := again.Detail(t.Context(), m.id)
		if err != nil || got.Seen != w.time().Unix() || got.Address != "10.0.0.1" || len(got.Alarms) != 2 {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := again.Accept(t.Context(), m.message(t, start, m.id, m.counter), m.from); muster.KindOf(err) != muster.Conflict {
			t.Errorf("the last counter: %v", err)
		}
	})
}

// TestResults keeps what hosts did: once each, cut where it is long, replaced
// where it was not over.
func TestResults(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := joined(w, 1)
		going := api.Result{ID: hostID(70), Kind: "upgrade", Started: 1, Progress: true}
		over := api.Result{ID: hostID(70), Kind: "upgrade", Started: 1, Ended: 2, Error: "cannot\ninstall " + strings.Repeat("x", 1<<16),
			Steps: []api.Change{{Op: "install", Name: "firefox", To: "1.0", Status: muster.Error}}}
		other := api.Result{ID: hostID(71), Kind: "remove", By: "user alice"}
		for _, results := range [][]api.Result{{going}, {over, other}, {over, other, {ID: "no id"}}} {
			if _, err := m.checkIn(w, api.CheckIn{Results: results}); err != nil {
				t.Fatal(err)
			}
		}
		page, err := w.Events(t.Context(), api.EventQuery{Host: m.id})
		if err != nil || len(page.Events) != 3 {
			t.Fatalf("%+v, %v", page.Events, err)
		}
		if e := page.Events[0]; e.Result == nil || e.Result.By != "user alice" || e.What != "result" || e.Name != "pc-000001" {
			t.Errorf("the newest: %+v", e)
		}
		if e := page.Events[1]; e.Result == nil || e.Result.Progress || len(e.Result.Steps) != 1 || len(e.Result.Error) > maxError || e.Text == "" {
			t.Errorf("the one before: %+v", e)
		}
		failed, err := w.Events(t.Context(), api.EventQuery{Failed: true})
		if err != nil || len(failed.Events) != 1 || failed.Events[0].Result.ID != hostID(70) {
			t.Errorf("failed: %+v, %v", failed.Events, err)
		}
		later, err := w.Events(t.Context(), api.EventQuery{Since: page.Events[2].Number})
		if err != nil || len(later.Events) != 2 || later.Events[0].Number != page.Events[1].Number {
			t.Errorf("later: %+v, %v", later.Events, err)
		}
	})
}

// TestSummary keeps the status of hosts and counts it.
func TestSummary(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		one, two := joined(w, 1), joined(w, 2)
		for _, step := range []struct {
			m    *machine
			s    muster.Status
			want string
		}{{one, muster.OK, "map[OK:1]"}, {two, muster.OK, "map[OK:2]"}, {one, muster.Error, "map[ERROR:1 OK:1]"}, {one, muster.Error, "map[ERROR:1 OK:1]"}} {
			vol := inventory.Volatile{Format: 1, Time: 5, Free: []inventory.Free{{Free: 7, Target: "/"}}, Sessions: []inventory.Session{{User: "Alice"}}}
			data, err := vol.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			in := api.CheckIn{Agent: "1.2", Volatile: data, Summary: &api.Summary{Status: step.s, Problem: "disk", Packages: map[muster.Status]int{step.s: 3}}}
			if _, err := step.m.checkIn(w, in); err != nil {
				t.Fatal(err)
			}
			if got, err := w.Totals(t.Context(), "status"); err != nil || fmt.Sprint(got) != step.want {
				t.Errorf("%v, %v, want %s", got, err, step.want)
			}
		}
		page, err := w.List(t.Context(), api.HostQuery{Query: "status:error session:alice free<1k"})
		if err != nil || len(page.Hosts) != 1 || page.Hosts[0].Packages[muster.Error] != 3 || page.Hosts[0].Agent != "1.2" {
			t.Errorf("%+v, %v", page.Hosts, err)
		}
		if _, err := one.checkIn(w, api.CheckIn{Volatile: []byte("{")}); muster.KindOf(err) != muster.Invalid {
			t.Errorf("volatile that is none: %v", err)
		}
	})
}

// TestSpread holds that 10,000 hosts that come at once come back evenly.
func TestSpread(t *testing.T) {
	h := &Hosts{Config: Config{Interval: 2 * time.Hour}}
	var minutes [180]int
	for i := range 10_000 {
		wait := h.spread(hostID(i), start)
		if wait < time.Hour || wait >= 3*time.Hour {
			t.Fatalf("host %d waits %v", i, wait)
		}
		minutes[int(wait/time.Minute)]++
		// It keeps its place.
		if again := h.spread(hostID(i), start.Add(wait)); again != 2*time.Hour && again != 0 {
			t.Fatalf("host %d waits %v, then %v", i, wait, again)
		}
	}
	for i, n := range minutes[60:] {
		if n > 10_000/120*2 {
			t.Errorf("%d hosts come in minute %d", n, 60+i)
		}
	}
}

// TestWholeIsBounded asks few hosts at once for whole inventories, and the others to
// come back soon.
func TestWholeIsBounded(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.WholeRate = 2 })
	asked := 0
	for i := range 10 {
		out, err := joined(w, i).checkIn(w, api.CheckIn{Set: fmt.Sprintf("%064d", i)})
		if err != nil {
			t.Fatal(err)
		}
		if out.Send == api.SendWhole {
			asked++
		} else if out.Next > 11*60 {
			t.Errorf("host %d comes back in %d seconds", i, out.Next)
		}
	}
	if asked != 3 {
		t.Errorf("%d hosts were asked, want the burst of 3", asked)
	}
}

// placed is a directory that is not there yet, and then is.
type placed struct{ ready bool }

func (p *placed) Place(fqdn string) (units, groups []string, ready bool) {
	if !p.ready || fqdn != "pc-000001.example.org" {
		return nil, nil, p.ready
	}
	return []string{"corp", "corp.lab"}, []string{"staff"}, true
}

// TestDirectory has hosts keep what they were told while the directory is away.
func TestDirectory(t *testing.T) {
	dir := &placed{ready: true}
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.Directory = dir })
	m := joined(w, 1)
	out, err := m.checkIn(w, api.CheckIn{})
	if err != nil || out.Policy == nil || fmt.Sprint(out.Policy.Units, out.Policy.Memberships.Directory) != "[corp corp.lab] [staff]" {
		t.Fatalf("%+v, %v", out.Policy, err)
	}
	dir.ready = false
	away, err := m.checkIn(w, api.CheckIn{Etag: out.Etag})
	if err != nil || away.Policy != nil || away.Etag != out.Etag {
		t.Errorf("while it is away: %+v, %v", away, err)
	}
	if fresh, err := m.checkIn(w, api.CheckIn{}); err != nil || fresh.Policy != nil || fresh.Etag != "" {
		t.Errorf("who knows nothing: %+v, %v", fresh, err)
	}
}

// TestRun flushes and regroups by the clock, and once more at the end.
func TestRun(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d)
	m := joined(w, 1)
	m.put(w, desktop(1, 3))
	if _, err := w.PutGroup(t.Context(), api.Group{Name: "all", Query: "os:linux"}); err != nil {
		t.Fatal(err)
	}
	w.Flush = time.Hour // only the last one
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, func(err error) { t.Error(err) })
	}()
	w.pass(time.Minute)
	if _, err := m.checkIn(w, api.CheckIn{}); err != nil {
		t.Fatal(err)
	}
	stop()
	<-ended
	if got, err := newWorld(t, d).Detail(t.Context(), m.id); err != nil || got.Seen != w.time().Unix() {
		t.Errorf("%d, %v", got.Seen, err)
	}
}

// TestWait wakes the one host that is meant, when it is meant.
func TestWait(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	one, two := joined(w, 1), joined(w, 2)
	c1, err := one.call(w)
	if err != nil {
		t.Fatal(err)
	}
	c2, err := two.call(w)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan int64, 2)
	go func() { got <- w.Wait(ctx, c1, 0) }()
	other := make(chan int64, 2)
	go func() { other <- w.Wait(ctx, c2, 0) }()
	if err := w.Edit(t.Context(), "alice", one.id, api.HostEdit{Wake: true}); err != nil {
		t.Fatal(err)
	}
	if n := <-got; n != 1 {
		t.Errorf("woken with %d", n)
	}
	select {
	case n := <-other:
		t.Errorf("the other was woken with %d", n)
	default:
	}
	if n := w.Wait(ctx, c1, 0); n != 1 { // what it missed
		t.Errorf("behind: %d", n)
	}
	cancel()
	if n := <-other; n != 0 {
		t.Errorf("ended with %d", n)
	}
}
