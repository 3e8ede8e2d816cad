package hosts

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/search"
)

// crowd is many hosts that wait, without the work of enrolling them.
func crowd(w *world, n int) {
	w.t.Helper()
	err := w.Hosts.write(w.t.Context(), func(tx *db.Tx) error {
		for i := 1; i <= n; i++ {
			host := newHost{id: hostID(i), state: api.Pending, spki: []byte{byte(i)}, at: w.time().Unix(), facts: api.Facts{Hostname: fmt.Sprintf("pc-%05d", i)}}
			if _, err := host.insert(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// previewed is a change of the hosts that a query finds, with what was said of it.
func (w *world) previewed(p *Part, query string, e api.HostEdit, forget bool) (api.HostsChange, api.HostsChanged) {
	w.t.Helper()
	c := api.HostsChange{Query: &query, Edit: e, Forget: forget, Preview: true}
	out, err := p.Change(w.t.Context(), "alice", c)
	if err != nil {
		w.t.Fatal(err)
	}
	c.Preview, c.Expect = false, &out.HostSet
	return c, out
}

// changed changes them, and wants what was said to be so.
func (w *world) changed(p *Part, query string, e api.HostEdit, forget bool) api.HostsChanged {
	w.t.Helper()
	c, want := w.previewed(p, query, e, forget)
	got, err := p.Change(w.t.Context(), "alice", c)
	if err != nil {
		w.t.Fatal(err)
	}
	if got.HostSet != want.HostSet || got.Changed != want.Changed || got.Unchanged != want.Unchanged || got.Refused != want.Refused || !slices.Equal(got.Hosts, want.Hosts) {
		w.t.Errorf("the preview of %+v said %+v, and it did %+v", e, counts(want), counts(got))
	}
	return got
}

func counts(c api.HostsChanged) [3]int { return [3]int{c.Changed, c.Unchanged, c.Refused} }

// TestChangeMany changes more hosts than one transaction takes: each as one would alone,
// with what is counted of them, and hosts that look for news once they are told.
func TestChangeMany(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w, unit, accepted := newWorld(t, d), "paris/lab", api.Accepted
		const n = 2*chunk + 7
		crowd(w, n)
		edit := api.HostEdit{State: &accepted, Unit: &unit, AddGroups: []string{"editors", "trial"}}
		if out := w.changed(w.Part, "state:pending", edit, false); counts(out) != [3]int{n, 0, 0} || len(out.Hosts) != maxChangedShown {
			t.Errorf("changed %v, %d named", counts(out), len(out.Hosts))
		}
		if out := w.changed(w.Part, "", edit, false); counts(out) != [3]int{0, n, 0} {
			t.Errorf("again: %v", counts(out))
		}
		if out := w.changed(w.Part, "name:pc-0001*", api.HostEdit{RemoveGroups: []string{"trial"}}, false); counts(out) != [3]int{10, 0, 0} {
			t.Errorf("some leave: %v", counts(out))
		}
		d10, err := w.Detail(t.Context(), hostID(10))
		if err != nil || d10.State != api.Accepted || fmt.Sprint(d10.Groups) != "[editors]" || fmt.Sprint(d10.Units) != "[paris paris.lab]" {
			t.Errorf("one of them: %+v, %v", d10, err)
		}
		if out := w.changed(w.Part, "group:trial", api.HostEdit{}, true); counts(out) != [3]int{n - 10, 0, 0} {
			t.Errorf("forgotten: %v", counts(out))
		}
		states, err := w.Totals(t.Context(), "state")
		if err != nil || fmt.Sprint(states) != "map[accepted:10]" {
			t.Errorf("what is counted: %v, %v", states, err)
		}
		trial, err := w.Group(t.Context(), "trial")
		if err != nil || trial.Count != 0 {
			t.Errorf("the group that was left: %+v, %v", trial, err)
		}
		page, err := w.Events(t.Context(), api.EventQuery{Limit: 1000})
		if err != nil || page.Events[0].What != "forgotten" || page.Events[0].Text != "by alice; was named pc-01007" {
			t.Errorf("the newest event is %+v, %v", page.Events[0], err)
		}
		later := newWorld(t, d)
		if out := later.changed(later.Part, "", api.HostEdit{Wake: true}, false); counts(out) != [3]int{10, 0, 0} {
			t.Errorf("woken: %v", counts(out))
		}
	})
}

// TestChangeOthers has nothing change when other hosts are meant than were seen, and
// nothing tell of hosts that may not be.
func TestChangeOthers(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		crowd(w, 6)
		unit := "lab"
		w.changed(w.Part, "name:pc-00001 or name:pc-00002", api.HostEdit{Unit: &unit, AddGroups: []string{"mine"}}, false)
		c, _ := w.previewed(w.Part, "state:pending -unit:lab", api.HostEdit{Unit: &unit}, false)
		if err := w.Forget(t.Context(), "bob", hostID(6)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Change(t.Context(), "alice", c); muster.KindOf(err) != muster.Conflict {
			t.Errorf("one is gone: %v", err)
		}
		if page, err := w.List(t.Context(), api.HostQuery{Query: "unit:lab"}); err != nil || len(page.Hosts) != 2 {
			t.Errorf("changed all the same: %+v, %v", page.Hosts, err)
		}
		see, change := scopeOf(t, "unit:lab or name:pc-00003"), scopeOf(t, "unit:lab")
		p := w.Hosts.Part(see, change, nil)
		out, err := p.Change(t.Context(), "carol", api.HostsChange{Hosts: []string{hostID(1), hostID(3), hostID(4), hostID(4), hostID(99)}, Edit: api.HostEdit{RemoveGroups: []string{"mine"}}})
		if err != nil || counts(out) != [3]int{1, 0, 3} || out.Count != 2 {
			t.Fatalf("%+v, %v", out, err)
		}
		said := map[string]string{}
		for _, h := range out.Hosts {
			said[h.ID] = strings.ReplaceAll(h.Why, h.ID, "?")
		}
		if said[hostID(4)] != said[hostID(99)] || said[hostID(3)] == said[hostID(4)] || said[hostID(1)] != "" {
			t.Errorf("it is told %q", said)
		}
		if g, err := w.Group(t.Context(), "mine"); err != nil || fmt.Sprint(g.Members) != fmt.Sprint([]string{hostID(2)}) {
			t.Errorf("members %v, %v", g.Members, err)
		}
		if _, err := p.Change(t.Context(), "carol", api.HostsChange{Hosts: []string{hostID(1)}, Edit: api.HostEdit{AddGroups: []string{"new"}}}); muster.KindOf(err) != muster.NotFound {
			t.Errorf("a group that is not there: %v", err)
		}
	})
}

func scopeOf(t *testing.T, query string) search.Scope {
	t.Helper()
	q, err := search.Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	return search.Within(q)
}

// TestChangeRefuses has changes that cannot be meant.
func TestChangeRefuses(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	all, name, wake := "", "x", api.HostEdit{Wake: true}
	for _, c := range []api.HostsChange{
		{}, {Query: &all, Edit: wake}, {Edit: wake}, {Query: &all, Preview: true}, {Query: &all, Preview: true, Edit: wake, Forget: true},
		{Query: &all, Hosts: []string{hostID(1)}, Edit: wake, Preview: true}, {Query: &all, Preview: true, Edit: api.HostEdit{Name: &name}},
		{Query: &all, Preview: true, Edit: api.HostEdit{Unit: &[]string{"a b"}[0]}},
	} {
		if _, err := w.Change(t.Context(), "alice", c); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
