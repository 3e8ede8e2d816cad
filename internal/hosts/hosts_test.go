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
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
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

// TestNameOfWaiting has a machine that nobody let in take the name of a host: the
// host is meant by it still.
func TestNameOfWaiting(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := joined(w, 1)
	twin := newMachine(t, "11111111"+m.id[8:])
	if out, err := twin.enrol(w, ""); err != nil || out.State != api.Pending {
		t.Fatalf("%+v, %v", out, err)
	}
	name := "pc-" + m.id[30:]
	if id, err := w.Resolve(t.Context(), name); err != nil || id != m.id {
		t.Errorf("%s is %q, %v", name, id, err)
	}
	if err := w.Forget(t.Context(), "alice", m.id); err != nil {
		t.Fatal(err)
	}
	if id, err := w.Resolve(t.Context(), name); err != nil || id != twin.id {
		t.Errorf("alone, %s is %q, %v", name, id, err)
	}
}

// TestApprovalAsWritten has people name hosts as they write them.
func TestApprovalAsWritten(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for i, p := range []api.Approval{{FQDN: "PC-000000.Example.org."}, {Serial: " S000001\n"}} {
		if err := w.Approve(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if out, err := newMachine(t, hostID(i)).enrol(w, ""); err != nil || out.State != api.Accepted {
			t.Errorf("%+v: %+v, %v", p, out, err)
		}
	}
}

// TestRemovedJoinsAgain has a removed host join with a token: it may come back by its
// certificate again.
func TestRemovedJoinsAgain(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := joined(w, 1)
	if err := w.Forget(t.Context(), "alice", m.id); err != nil {
		t.Fatal(err)
	}
	m = joined(w, 1)
	err := w.write(t.Context(), func(tx *db.Tx) error { // an older backup has no host, and that it was removed
		_, err := tx.Exec("DELETE FROM hosts_host")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := m.comeBack(w, api.Memberships{}); err != nil || out.State != api.Accepted {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestStatusSection has a host say of packages that they should be there, or failed:
// searches and the host's page tell.
func TestStatusSection(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := joined(w, 1)
	doc := desktop(1, 3)
	m.put(w, doc)
	doc.Status = []inventory.Status{{Name: "age", Status: string(muster.NeedUpgrade)}, {Name: "new", Status: string(muster.NeedInstall)}, {Name: "odd", Status: string(muster.Error), Error: "exit 1"},
		{Name: "own", Root: "/home/alice/.local", Status: string(muster.NeedInstall)}}
	m.put(w, doc)
	for q, want := range map[string]int{"muster:age:need-upgrade": 1, "muster:age:ok": 0, "muster:new:need-install": 1, "muster:odd:error": 1, "muster:*:error": 1, "muster:new": 0} {
		page, err := w.List(t.Context(), api.HostQuery{Query: q})
		if err != nil || len(page.Hosts) != want {
			t.Errorf("%s finds %d hosts, want %d, %v", q, len(page.Hosts), want, err)
		}
	}
	d, err := w.Detail(t.Context(), m.id)
	if err != nil || len(d.Installed) != 4 || d.Installed[0].Status != muster.NeedUpgrade || d.Installed[2].Error != "exit 1" || d.Installed[3].Root != "/home/alice/.local" {
		t.Errorf("%+v, %v", d.Installed, err)
	}
	doc.Status = nil
	m.put(w, doc)
	if page, err := w.List(t.Context(), api.HostQuery{Query: "muster:*:error"}); err != nil || len(page.Hosts) != 0 {
		t.Errorf("it is over, and found: %v", err)
	}
}
