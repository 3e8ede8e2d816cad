package hosts

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/httpsig"
)

// TestCase36Replayed has a report of a host come again: in the same process, after
// a crash of the server, and on another server of the database.
func TestCase36Replayed(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWorld(t, first)
		m := joined(w, 1)
		m.counter++
		msg := m.message(t, w.time(), m.id, m.counter)
		result := api.CheckIn{Results: []api.Result{{ID: hostID(77), Kind: "upgrade", Ended: 1}}}
		c, err := w.Accept(t.Context(), msg, m.from)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.CheckIn(t.Context(), c, result); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Accept(t.Context(), msg, m.from); muster.KindOf(err) != muster.Conflict {
			t.Errorf("again: %v", err)
		}
		// The counter was never flushed: only the transaction of the result kept it.
		crashed := newWorld(t, second)
		if c, err := crashed.Accept(t.Context(), msg, m.from); err == nil {
			_, err = crashed.CheckIn(t.Context(), c, result)
			if muster.KindOf(err) != muster.Conflict {
				t.Errorf("after a crash: %v", err)
			}
		}
		for _, s := range []*world{w, crashed} {
			if err := s.refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d, err := s.Detail(t.Context(), m.id); err != nil || d.State != api.Accepted {
				t.Errorf("a repetition is no clone: %v, %v", d.State, err)
			}
		}
		page, err := w.Events(t.Context(), api.EventQuery{Host: m.id})
		if err != nil || len(page.Events) != 2 { // enrolled, and the one result
			t.Errorf("events: %+v, %v", page.Events, err)
		}
	})
}

// TestCase36CounterAfterCrash holds that the last acknowledged counter of a request
// that wrote something holds after a crash, and those below with it.
func TestCase36CounterAfterCrash(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWorld(t, first)
		m := joined(w, 1)
		for range 5 {
			if _, err := m.checkIn(w, api.CheckIn{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.checkIn(w, api.CheckIn{Summary: &api.Summary{Status: muster.OK}}); err != nil {
			t.Fatal(err)
		}
		again := newWorld(t, second)
		again.pass(time.Second)
		for old := uint64(1); old <= m.counter; old++ {
			if _, err := again.Accept(t.Context(), m.message(t, w.time(), m.id, old), m.from); err == nil {
				t.Errorf("counter %d of %d was taken again", old, m.counter)
			}
		}
	})
}

// TestCase36Clone has two machines with one key and one counter, as copies of
// a disk are. The alarm stays until a person ends it; requests that arrive in
// another order, or twice, raise none.
func TestCase36Clone(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := joined(w, 1)
		m.put(w, desktop(1, 5))
		copied := *m
		for range 3 {
			w.pass(time.Minute)
			if _, err := m.checkIn(w, api.CheckIn{}); err != nil {
				t.Fatal(err)
			}
		}
		early, late := m.message(t, w.time(), m.id, m.counter+1), m.message(t, w.time(), m.id, m.counter+2)
		m.counter += 2
		for _, msg := range []*httpsig.Message{late, early} {
			if _, err := w.Accept(t.Context(), msg, m.from); err != nil {
				t.Errorf("out of order: %v", err)
			}
		}
		w.pass(time.Minute)
		_, err := copied.checkIn(w, api.CheckIn{})
		if muster.KindOf(err) != muster.Conflict || !strings.Contains(err.Error(), "two machines") {
			t.Fatalf("the copy: %v", err)
		}
		if muster.HintOf(err) == "" {
			t.Error("nobody is told what to do")
		}
		state := func() api.HostDetail {
			t.Helper()
			d, err := w.Detail(t.Context(), m.id)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		if d := state(); d.State != api.Cloned || len(d.Alarms) != 1 {
			t.Errorf("after the copy: %v %q", d.State, d.Alarms)
		}
		// Who is in front is heard, and kept from writing what may be the other's.
		if _, err := m.checkIn(w, api.CheckIn{Set: "x"}); err != nil {
			t.Errorf("the host in state cloned: %v", err)
		}
		c, err := m.call(w)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.PutInventory(t.Context(), c, api.TypeDocument, nil); muster.KindOf(err) != muster.Conflict {
			t.Errorf("inventory in state cloned: %v", err)
		}
		accepted := api.Accepted
		if err := w.Edit(t.Context(), "alice", m.id, api.HostEdit{State: &accepted}); err != nil {
			t.Fatal(err)
		}
		if d := state(); d.State != api.Accepted || len(d.Alarms) != 0 {
			t.Errorf("resolved: %v %q", d.State, d.Alarms)
		}
		m.put(w, desktop(2, 5))
	})
}

// TestCase36OtherHost has a host speak in the name of another: the signature is
// not that of the key that the server has for the name.
func TestCase36OtherHost(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m, other := joined(w, 1), joined(w, 2)
		key, err := w.Key(t.Context(), other.id)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.claims(t, w.time(), other.id, 100).Verify(key, w.time(), w.Skew); muster.KindOf(err) != muster.Denied {
			t.Errorf("the server would believe: %v", err)
		}
		if _, err := w.Key(t.Context(), hostID(99)); muster.KindOf(err) != muster.NotFound {
			t.Errorf("unknown host: %v", err)
		}
	})
}

// TestCase37Tokens has tokens that are used up, expired, revoked, for other
// addresses, and made up: all are refused with the same words.
func TestCase37Tokens(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		create := func(r api.TokenRequest) api.Token {
			t.Helper()
			token, err := w.CreateToken(t.Context(), "alice", r)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		used, expired := create(api.TokenRequest{Uses: 1}), create(api.TokenRequest{Uses: 1, Expires: start.Unix() + 60})
		elsewhere, revoked := create(api.TokenRequest{Uses: 1, From: []string{"203.0.113.0/24", "2001:db8::/32"}}), create(api.TokenRequest{Uses: -1})
		first := newMachine(t, hostID(1))
		if out, err := first.enrol(w, used.Secret); err != nil || out.State != api.Accepted {
			t.Fatalf("%+v, %v", out, err)
		}
		if out, err := first.enrol(w, used.Secret); err != nil || out.State != api.Accepted { // asks again
			t.Errorf("again: %+v, %v", out, err)
		}
		w.pass(time.Minute)
		if err := w.RevokeToken(t.Context(), revoked.ID); err != nil {
			t.Fatal(err)
		}
		want := ""
		for i, secret := range []string{used.Secret, expired.Secret, elsewhere.Secret, revoked.Secret, "made up", strings.Repeat("x", 1<<16)} {
			_, err := newMachine(t, hostID(10+i)).enrol(w, secret)
			if muster.KindOf(err) != muster.Denied {
				t.Fatalf("token %d: %v", i, err)
			}
			if got := err.Error() + muster.HintOf(err); want == "" {
				want = got
			} else if got != want {
				t.Errorf("token %d is refused with other words: %q, %q", i, got, want)
			}
		}
		near := newMachine(t, hostID(20))
		near.from = netip.MustParseAddr("::ffff:203.0.113.9")
		if out, err := near.enrol(w, elsewhere.Secret); err != nil || out.State != api.Accepted {
			t.Errorf("from the right place: %+v, %v", out, err)
		}
		page, err := w.Tokens(t.Context())
		if err != nil || len(page.Tokens) != 3 || page.Tokens[0].Uses != 0 || page.Tokens[0].Secret != "" {
			t.Errorf("tokens: %+v, %v", page.Tokens, err)
		}
	})
}

// TestCase37Concurrent has 40 machines use a token of 7 uses at once.
func TestCase37Concurrent(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		token, err := w.CreateToken(t.Context(), "alice", api.TokenRequest{Uses: 7, Groups: []string{"lab"}, Unit: "paris/lab"})
		if err != nil {
			t.Fatal(err)
		}
		var in, out atomic.Int32
		var all sync.WaitGroup
		for i := range 40 {
			m := newMachine(t, hostID(i))
			m.from = netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			all.Go(func() {
				switch _, err := m.enrol(w, token.Secret); muster.KindOf(err) {
				case "":
					in.Add(1)
				case muster.Denied:
					out.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		page, err := w.Tokens(t.Context())
		if err != nil || in.Load() != 7 || out.Load() != 33 || page.Tokens[0].Uses != 0 {
			t.Errorf("%d in, %d out, %+v, %v", in.Load(), out.Load(), page.Tokens, err)
		}
		g, err := w.Group(t.Context(), "lab")
		if err != nil || g.Count != 7 || len(g.Members) != 7 {
			t.Errorf("group: %+v, %v", g, err)
		}
	})
}

// TestCase37Pending has machines without a token wait for a person, who lets one
// in and refuses another; the queue has an end.
func TestCase37Pending(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, func(c *Config) { c.MaxPending = 3 })
		var machines []*machine
		for i := range 3 {
			m := newMachine(t, hostID(i))
			machines = append(machines, m)
			for range 2 { // asking again takes no further place
				if out, err := m.enrol(w, ""); err != nil || out.State != api.Pending || out.Certificate != "" || out.Next <= 0 {
					t.Fatalf("%+v, %v", out, err)
				}
			}
		}
		if _, err := newMachine(t, hostID(9)).enrol(w, ""); muster.KindOf(err) != muster.Busy {
			t.Errorf("one too many: %v", err)
		}
		if _, err := machines[0].call(w); muster.KindOf(err) != muster.Denied {
			t.Errorf("a host that waits calls: %v", err)
		}
		accepted, refused := api.Accepted, api.Refused
		for i, s := range []*api.State{&accepted, &refused} {
			if err := w.Edit(t.Context(), "alice", machines[i].id, api.HostEdit{State: s}); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := machines[0].enrol(w, ""); err != nil || out.State != api.Accepted || out.Certificate == "" {
			t.Errorf("let in: %+v, %v", out, err)
		}
		if _, err := machines[0].checkIn(w, api.CheckIn{}); err != nil {
			t.Errorf("let in: %v", err)
		}
		if out, err := machines[1].enrol(w, ""); err != nil || out.State != api.Refused || out.Certificate != "" {
			t.Errorf("refused: %+v, %v", out, err)
		}
		if _, err := machines[1].call(w); muster.KindOf(err) != muster.Denied {
			t.Errorf("refused: %v", err)
		}
		states, err := w.Totals(t.Context(), "state")
		if want := (map[string]int{"accepted": 1, "refused": 1, "pending": 1}); err != nil || fmt.Sprint(states) != fmt.Sprint(want) {
			t.Errorf("states: %v, %v", states, err)
		}
	})
}

// TestCase37NewKey has a machine come with the id of a host and another key: refused
// whatever token it has, until a person approves the key, or the host itself renews.
func TestCase37NewKey(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := joined(w, 1)
		thief := newMachine(t, m.id)
		token, err := w.CreateToken(t.Context(), "alice", api.TokenRequest{Uses: -1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := thief.enrol(w, token.Secret); muster.KindOf(err) != muster.Conflict {
			t.Fatalf("another key: %v", err)
		}
		if d, err := w.Detail(t.Context(), m.id); err != nil || len(d.Alarms) != 1 || d.State != api.Accepted {
			t.Errorf("nobody sees it: %+v, %v", d.Alarms, err)
		}
		if _, err := m.checkIn(w, api.CheckIn{}); err != nil {
			t.Errorf("the host itself: %v", err)
		}
		// By the old key.
		next := newMachine(t, m.id)
		if err := m.renew(w, next, next); err != nil {
			t.Fatal(err)
		}
		if err := next.renew(w, thief, m); muster.KindOf(err) != muster.Denied {
			t.Errorf("a key that did not sign for itself: %v", err)
		}
		if _, err := next.checkIn(w, api.CheckIn{}); err != nil {
			t.Errorf("with the new key: %v", err)
		}
		// By a person.
		fresh := newMachine(t, m.id)
		fp := fresh.fingerprint(t)
		if err := w.Approve(t.Context(), api.Approval{ID: m.id, Key: "sha256:" + fp}); err != nil {
			t.Fatal(err)
		}
		if out, err := fresh.enrol(w, ""); err != nil || out.State != api.Accepted || out.Counter <= next.counter {
			t.Fatalf("with an approved key: %+v, %v", out, err)
		}
		if _, err := fresh.checkIn(w, api.CheckIn{}); err != nil {
			t.Errorf("with an approved key: %v", err)
		}
	})
}

// TestCase37Approved lets hosts in that a person named before: by id, key, name or
// serial number, once each, and only when all of it is so.
func TestCase37Approved(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		byKey := newMachine(t, hostID(3))
		for _, a := range []api.Approval{
			{ID: hostID(1), Unit: "paris", Groups: []string{"lab"}},
			{FQDN: "PC-000002.example.org"},
			{Key: byKey.fingerprint(t)},
			{Serial: "S000004"},
			{ID: hostID(5), Serial: "another"},
		} {
			if err := w.Approve(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range []api.State{api.Accepted, api.Accepted, api.Accepted, api.Accepted, api.Pending} {
			m := newMachine(t, hostID(i+1))
			if i == 2 {
				m = byKey
			}
			if out, err := m.enrol(w, ""); err != nil || out.State != want {
				t.Errorf("host %d: %+v, %v", i+1, out, err)
			}
		}
		if d, err := w.Detail(t.Context(), hostID(1)); err != nil || fmt.Sprint(d.Units, d.Groups) != "[paris] [lab]" {
			t.Errorf("where it belongs: %v %v, %v", d.Units, d.Groups, err)
		}
		if p, err := w.Approvals(t.Context()); err != nil || len(p.Approvals) != 1 {
			t.Errorf("left: %+v, %v", p, err)
		}
	})
}

// TestCase37Flood has a thousand machines a second ask, from one address and from
// many: all but a few are turned away before the database hears of them.
func TestCase37Flood(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, func(c *Config) { c.EnrolRate = 10 })
		m := newMachine(t, hostID(1))
		e := api.Enrol{ID: m.id, Key: m.public(t), Token: "guess"}
		msg := m.message(t, w.time(), m.fingerprint(t), 0)
		ask := func(a netip.Addr) bool {
			_, err := w.Enrol(context.Background(), msg, a, e)
			if k := muster.KindOf(err); k != muster.Busy && k != muster.Denied {
				t.Fatalf("%v", err)
			}
			return muster.KindOf(err) == muster.Denied
		}
		heard := 0
		for range 500 {
			w.pass(time.Millisecond)
			if ask(m.from) {
				heard++
			}
		}
		if heard != addressBurst {
			t.Errorf("%d of 500 from one address were heard", heard)
		}
		heard = 0
		for i := range 1000 {
			w.pass(time.Millisecond)
			if ask(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})) {
				heard++
			}
		}
		if heard > 60 {
			t.Errorf("%d of 1,000 from many addresses were heard", heard)
		}
		var n int
		if err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT count(*) FROM hosts_host").Scan(&n) }); err != nil || n != 0 {
			t.Errorf("%d hosts, %v", n, err)
		}
	})
}
