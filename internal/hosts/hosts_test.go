package hosts

import (
	"context"
	"testing"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
)

// TestThinPath goes the way of a host: it enrols by a token, checks in, sends its
// inventory when asked, and is in the list.
func TestThinPath(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := joined(w, 1)
		doc := desktop(1, 50)
		out, err := m.checkIn(w, api.CheckIn{Set: setOf(t, doc)})
		if err != nil || out.Send != api.SendWhole || out.Policy == nil || out.Etag == "" || out.Next < 3600 {
			t.Fatalf("checked in: %+v, %v", out, err)
		}
		m.put(w, doc)
		again, err := m.checkIn(w, api.CheckIn{Set: setOf(t, doc), Etag: out.Etag})
		if err != nil || again.Send != api.SendNothing || again.Policy != nil {
			t.Fatalf("checked in again: %+v, %v", again, err)
		}
		next := desktop(1, 51)
		delta, err := inventory.Diff(doc, next)
		if err != nil {
			t.Fatal(err)
		}
		data, err := delta.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if out := m.send(w, api.TypeDelta, data); out.Set != setOf(t, next) {
			t.Fatalf("delta: %+v", out)
		}
		page, err := w.List(context.Background(), api.HostQuery{})
		if err != nil || len(page.Hosts) != 1 {
			t.Fatalf("list: %+v, %v", page, err)
		}
		if h := page.Hosts[0]; h.ID != m.id || h.FQDN != "pc-000001.example.org" || h.State != api.Accepted || !h.Online || h.OS != "linux" {
			t.Errorf("list: %+v", h)
		}
	})
}

// TestOneReportAtATime has a host send two inventories at once: one is taken, and
// then the other may come.
func TestOneReportAtATime(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := joined(w, 1)
	c, err := m.call(w)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.beginReport(c); err != nil {
		t.Fatal(err)
	}
	second, err := m.call(w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.PutInventory(t.Context(), second, api.TypeDocument, nil); muster.KindOf(err) != muster.Busy {
		t.Errorf("the second: %v", err)
	}
	w.endReport(c)
	m.put(w, desktop(1, 3))
}
