package hosts

import (
	"fmt"
	"testing"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestSavedSearch has a group that finds its members: when it is made, when a host
// changes, comes or goes, after a crash; and wakes those that it concerns.
func TestSavedSearch(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		one, two := joined(w, 1), joined(w, 2)
		one.put(w, desktop(1, 30))
		members := func(want ...string) {
			t.Helper()
			if err := w.Regroup(t.Context()); err != nil {
				t.Fatal(err)
			}
			g, err := w.Group(t.Context(), "openssl")
			if err != nil || fmt.Sprint(g.Members) != fmt.Sprint(want) || g.Count != len(want) {
				t.Fatalf("members %v, count %d, want %v; %v", g.Members, g.Count, want, err)
			}
		}
		if _, err := w.PutGroup(t.Context(), api.Group{Name: "openssl", Query: "package:lib-package-7 status:ok"}); err != nil {
			t.Fatal(err)
		}
		members()
		for _, m := range []*machine{one, two} {
			if _, err := m.checkIn(w, api.CheckIn{Summary: &api.Summary{Status: muster.OK}}); err != nil {
				t.Fatal(err)
			}
		}
		members(one.id)
		before, err := two.checkIn(w, api.CheckIn{})
		if err != nil {
			t.Fatal(err)
		}
		two.put(w, desktop(2, 30))
		members(one.id, two.id)
		out, err := two.checkIn(w, api.CheckIn{Etag: before.Etag})
		if err != nil || out.Policy == nil || fmt.Sprint(out.Policy.Groups) != "[openssl]" || out.Wake == before.Wake {
			t.Errorf("what the host hears: %+v, %v", out, err)
		}
		one.put(w, desktop(1, 3))
		crashed := newWorld(t, d) // before it looked
		if err := crashed.Regroup(t.Context()); err != nil {
			t.Fatal(err)
		}
		members(two.id)
		if err := w.Edit(t.Context(), "alice", one.id, api.HostEdit{AddGroups: []string{"openssl"}}); muster.KindOf(err) != muster.Conflict {
			t.Errorf("by hand: %v", err)
		}
		if err := w.Forget(t.Context(), "alice", two.id); err != nil {
			t.Fatal(err)
		}
		members()
		if _, err := w.PutGroup(t.Context(), api.Group{Name: "bad", Query: "colour:red"}); muster.KindOf(err) != muster.Invalid {
			t.Errorf("a query that is none: %v", err)
		}
		if err := w.DeleteGroup(t.Context(), "openssl"); err != nil {
			t.Error(err)
		}
		if _, err := w.Group(t.Context(), "openssl"); muster.KindOf(err) != muster.NotFound {
			t.Errorf("deleted: %v", err)
		}
	})
}

// TestGroups chooses members, and replaces them.
func TestGroups(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		one, two := joined(w, 1), joined(w, 2)
		for _, members := range [][]string{{one.id}, {one.id, two.id}, {two.id}, {}, {"pc-000001"}} {
			g, err := w.PutGroup(t.Context(), api.Group{Name: "lab", Note: "the lab", Members: members})
			if err != nil || g.Count != len(members) || len(g.Members) != len(members) {
				t.Fatalf("%v: %+v, %v", members, g, err)
			}
		}
		for name, err := range map[string]error{
			"member": second(w.PutGroup(t.Context(), api.Group{Name: "lab", Members: []string{hostID(99)}})),
			"name":   second(w.PutGroup(t.Context(), api.Group{Name: "No Package"})),
			"both":   second(w.PutGroup(t.Context(), api.Group{Name: "x", Members: []string{one.id}, Query: "os:linux"})),
		} {
			if k := muster.KindOf(err); k != muster.Invalid && k != muster.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		page, err := w.Groups(t.Context())
		if err != nil || len(page.Groups) != 1 || page.Groups[0].Count != 1 || page.Groups[0].Note != "the lab" {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
