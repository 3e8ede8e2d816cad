package hosts

import (
	"strings"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// online asks for the one host of a world.
func (w *world) online() api.Host {
	w.t.Helper()
	page, err := w.List(w.t.Context(), api.HostQuery{})
	if err != nil || len(page.Hosts) != 1 {
		w.t.Fatalf("%+v, %v", page.Hosts, err)
	}
	return page.Hosts[0]
}

func (w *world) flush() {
	w.t.Helper()
	if err := w.FlushPresence(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// TestOnlineElsewhere has hosts be online after the server began anew, and on a
// second one, until they are overdue.
func TestOnlineElsewhere(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWorld(t, first)
		m := joined(w, 1)
		other := newWorld(t, second)
		w.pass(10 * time.Hour)
		other.pass(10 * time.Hour)
		if other.online().Online {
			t.Error("overdue, and online")
		}
		m.from = netAddr(77)
		if _, err := m.checkIn(w, api.CheckIn{Clock: w.time().Unix() + 600, Stale: true}); err != nil {
			t.Fatal(err)
		}
		w.flush()
		for name, s := range map[string]*world{"the other": other, "begun anew": newWorld(t, second)} {
			s.pass(w.time().Sub(s.time()))
			if h := s.online(); !h.Online || h.Seen != w.time().Unix() || h.Address != m.from.String() {
				t.Errorf("%s: %+v", name, h)
			}
			d, err := s.Detail(t.Context(), m.id)
			if err != nil || len(d.Alarms) != 2 || !strings.Contains(d.Alarms[0], "clock") {
				t.Errorf("%s: alarms %q, %v", name, d.Alarms, err)
			}
			s.pass(4 * time.Hour)
			if s.online().Online {
				t.Errorf("%s: overdue, and online", name)
			}
		}
	})
}

// TestPresenceNotBackward has two servers write whom they saw: the newer counter
// stays, and is what the first learns.
func TestPresenceNotBackward(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWorld(t, first)
		m := joined(w, 1)
		other := newWorld(t, second)
		if _, err := m.checkIn(w, api.CheckIn{}); err != nil {
			t.Fatal(err)
		}
		other.pass(time.Minute)
		m.from = netAddr(9)
		if _, err := m.checkIn(other, api.CheckIn{Clock: other.time().Unix() - 600}); err != nil {
			t.Fatal(err)
		}
		other.flush()
		w.flush()
		var counter, seen int64
		err := first.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow("SELECT counter, seen FROM hosts_seen").Scan(&counter, &seen)
		})
		if err != nil || uint64(counter) != m.counter || seen != other.time().Unix() {
			t.Errorf("counter %d, want %d; seen %d, %v", counter, m.counter, seen, err)
		}
		if err := other.Edit(t.Context(), "alice", m.id, api.HostEdit{Wake: true}); err != nil {
			t.Fatal(err)
		}
		if err := w.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e := w.byID[m.id]; e.address != m.from.String() || e.skew != -600 || e.seq.Last != m.counter {
			t.Errorf("learned %+v", e)
		}
	})
}
