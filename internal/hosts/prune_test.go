package hosts

import (
	"fmt"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
)

// TestPrune ends history, events and hosts that nobody approved, and nothing that
// is younger.
func TestPrune(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, func(c *Config) { c.KeepHistory, c.KeepEvents = 30*24*time.Hour, 20*24*time.Hour })
		m, waits := joined(w, 1), newMachine(t, hostID(2))
		if _, err := waits.enrol(w, ""); err != nil {
			t.Fatal(err)
		}
		var docs []*inventory.Document
		for i := range 6 {
			docs = append(docs, desktop(uint64(i), 4+i))
			m.put(w, docs[i])
			if _, err := m.checkIn(w, api.CheckIn{Results: []api.Result{{ID: hostID(100 + i), Kind: "upgrade"}}}); err != nil {
				t.Fatal(err)
			}
			w.pass(10 * 24 * time.Hour)
		}
		if err := w.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		day := int64(24 * 3600)
		for i, want := range docs {
			got, err := w.At(t.Context(), m.id, start.Unix()+int64(i)*10*day+1)
			if old := i < 3; old != (muster.KindOf(err) == muster.NotFound) {
				t.Errorf("document %d: %v", i, err)
			} else if !old && setOf(t, got) != setOf(t, want) {
				t.Errorf("document %d is another", i)
			}
		}
		page, err := w.Events(t.Context(), api.EventQuery{})
		if err != nil || len(page.Events) != 3 { // two results, and that one was forgotten
			t.Errorf("%+v, %v", page.Events, err)
		}
		if _, err := w.Detail(t.Context(), waits.id); muster.KindOf(err) != muster.NotFound {
			t.Errorf("who waited too long: %v", err)
		}
		for table, want := range map[string]int{"hosts_report": 3, "hosts_result": 2} {
			var n int
			err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT count(*) FROM " + table).Scan(&n) })
			if err != nil || n != want {
				t.Errorf("%s has %d rows, want %d, %v", table, n, want, err)
			}
		}
		var oldest, touched int64
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			if err := tx.QueryRow("SELECT MIN(number) FROM hosts_report").Scan(&oldest); err != nil {
				return err
			}
			return tx.QueryRow("SELECT MIN(number) FROM hosts_touched").Scan(&touched)
		})
		if err != nil || touched < oldest {
			t.Errorf("touched since %d, reports since %d, %v", touched, oldest, err)
		}
	})
}

// TestPruneGoesOn has a saved search that cannot be done, and reports that cannot be
// deleted: the rest ends, and the beginning of history is said before it goes.
func TestPruneGoesOn(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d, func(c *Config) { c.KeepHistory, c.KeepEvents = 24*time.Hour, 24*time.Hour })
	m := joined(w, 1)
	m.put(w, desktop(1, 3))
	w.pass(time.Hour)
	m.put(w, desktop(2, 4))
	w.pass(7 * 24 * time.Hour)
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.Exec("CREATE TRIGGER kept BEFORE DELETE ON hosts_report BEGIN SELECT RAISE(ABORT, 'kept'); END"); err != nil {
			return err
		}
		return tx.Insert("hosts_group", []string{"num", "name", "note", "query", "hosts"}, [][]any{{99, "bad", "", "((", 0}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Prune(t.Context()); err == nil {
		t.Error("two things that could not be done were not said")
	}
	if _, err := w.At(t.Context(), m.id, start.Unix()+1800); muster.KindOf(err) != muster.NotFound {
		t.Errorf("of a time that is about to be forgotten: %v", err)
	}
	page, err := w.Events(t.Context(), api.EventQuery{})
	if err != nil || len(page.Events) != 0 {
		t.Errorf("%+v, %v", page.Events, err)
	}
}

// TestPrunedReturns has a host that nobody let in come back by its certificate, and
// one that a person removed stay out, whoever waited under its id since.
func TestPrunedReturns(t *testing.T) {
	first := newWorld(t, dbtest.SQLite(t))
	m, removed := joined(first, 1), joined(first, 2)
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.ReturnsWait = true })
	for range 2 {
		if out, err := m.comeBack(w, api.Memberships{}); err != nil || out.State != api.Pending {
			t.Fatalf("%+v, %v", out, err)
		}
		w.pass(waiting + time.Hour)
		if err := w.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Forget(t.Context(), "alice", removed.id); err != nil {
		t.Fatal(err)
	}
	if out, err := newMachine(t, removed.id).enrol(first, ""); err != nil || out.State != api.Pending {
		t.Fatalf("%+v, %v", out, err)
	}
	if d, err := first.Detail(t.Context(), removed.id); err != nil || len(d.Alarms) != 1 {
		t.Errorf("nobody is told that it was removed: %q, %v", d.Alarms, err)
	}
	first.pass(waiting + time.Hour)
	if err := first.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := removed.comeBack(first, api.Memberships{}); muster.KindOf(err) != muster.Denied {
		t.Errorf("removed: %v", err)
	}
}

// TestHistory reads the feed: of all, of a host, of a software, in pages, with the
// values of sections before and after.
func TestHistory(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		one, two := joined(w, 1), joined(w, 2)
		for i, m := range []*machine{one, two} {
			for n := range 4 {
				doc := desktop(uint64(i), 3+n)
				doc.Users.Accounts[0].Full = fmt.Sprintf("Alice the %d.", n)
				m.put(w, doc)
				w.pass(time.Minute)
			}
		}
		ask := func(q api.HistoryQuery) (all []api.HistoryChange) {
			t.Helper()
			for pages := 0; pages == 0 || q.Cursor != ""; pages++ {
				page, err := w.History(t.Context(), q)
				if err != nil || pages > 50 {
					t.Fatal(pages, err)
				}
				all, q.Cursor = append(all, page.Changes...), page.Next
			}
			return all
		}
		everything := ask(api.HistoryQuery{})
		for _, limit := range []int{1, 2, 5} {
			if got := ask(api.HistoryQuery{Limit: limit}); fmt.Sprint(got) != fmt.Sprint(everything) {
				t.Errorf("in pages of %d: %v\nwant %v", limit, got, everything)
			}
		}
		newest := everything[0]
		if newest.Host != two.id || newest.Software != "lib-package-5" || newest.Op != "installed" || newest.Name == "" {
			t.Errorf("the newest: %+v", newest)
		}
		users := 0
		for _, c := range everything {
			if c.Section == "users" {
				users++
				if len(c.Before) == 0 || len(c.After) == 0 || string(c.Before) == string(c.After) {
					t.Errorf("users: %s, then %s", c.Before, c.After)
				}
			}
		}
		if users != 6 {
			t.Errorf("%d changes of users, want 6", users)
		}
		if got := ask(api.HistoryQuery{Software: "LIB-package-4"}); len(got) != 2 || got[0].Host != two.id || got[1].Host != one.id {
			t.Errorf("of a software: %+v", got)
		}
		if got := ask(api.HistoryQuery{Host: one.id, Software: "lib-package-4"}); len(got) != 1 {
			t.Errorf("of a software on a host: %+v", got)
		}
		if got := ask(api.HistoryQuery{Host: one.id, From: start.Unix() + 61, To: start.Unix() + 130}); len(got) != 2 || got[0].Time != start.Unix()+120 {
			t.Errorf("of two minutes: %+v", got)
		}
		if _, err := w.History(t.Context(), api.HistoryQuery{Cursor: "x"}); muster.KindOf(err) != muster.Invalid {
			t.Errorf("a cursor that is none: %v", err)
		}
	})
}

// TestSoftware lists software by a search, in pages, with the hosts that have it.
func TestSoftware(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i := range 3 {
			joined(w, i).put(w, desktop(uint64(i), 10))
		}
		count := func(q string, limit int) (names []string, hosts int) {
			t.Helper()
			cursor := ""
			for pages := 0; pages == 0 || cursor != ""; pages++ {
				page, err := w.Software(t.Context(), q, cursor, limit)
				if err != nil || pages > 50 {
					t.Fatal(pages, err)
				}
				for _, s := range page.Software {
					names, hosts = append(names, s.Name+" "+s.Version), hosts+s.Hosts
				}
				cursor = page.Next
			}
			return names, hosts
		}
		all, hosts := count("", 0)
		if hosts != 30 {
			t.Errorf("%d rows in all: %q", hosts, all)
		}
		for _, limit := range []int{1, 3} {
			if got, _ := count("", limit); fmt.Sprint(got) != fmt.Sprint(all) {
				t.Errorf("in pages of %d: %q", limit, got)
			}
		}
		if got, hosts := count("dpkg/lib-package-*<1:3", 2); hosts != 9 {
			t.Errorf("below 1:3: %d, %q", hosts, got)
		}
		for _, q := range []string{"a or b", "x) or (y", "nosource/x", "a<"} {
			if _, err := w.Software(t.Context(), q, "", 0); muster.KindOf(err) != muster.Invalid {
				t.Errorf("%q: %v", q, err)
			}
		}
	})
}
