package hosts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
	"muster/sign"
)

// comeBack returns to a server with what another told.
func (m *machine) comeBack(w *world, told api.Memberships) (api.Enrolled, error) {
	w.t.Helper()
	m.counter++
	in := api.Return{Certificate: m.cert, Memberships: told, Enrolled: start.Unix() - 1000,
		Facts: api.Facts{Hostname: "pc-" + m.id[30:], OS: "linux", Arch: "amd64"}}
	id, key, err := w.ReturnKey(&in)
	if err != nil {
		return api.Enrolled{}, err
	}
	msg := m.claims(w.t, w.time(), id, m.counter)
	if err := msg.Verify(key, w.time(), w.Skew); err != nil {
		return api.Enrolled{}, err
	}
	return w.Return(context.Background(), msg, m.from, in)
}

// TestLostServer has 200 hosts of a server that loses its database: they come back
// by their certificates, to where they belonged, and bring their inventories.
func TestLostServer(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	machines := make([]*machine, 200)
	docs := make([]*inventory.Document, len(machines))
	told := make([]api.Memberships, len(machines))
	var all sync.WaitGroup
	for i := range machines {
		all.Go(func() {
			m := joined(w, i)
			machines[i], docs[i] = m, desktop(uint64(i), 20)
			m.put(w, docs[i])
			unit := fmt.Sprintf("site-%d/room-%d", i%3, i%7)
			if err := w.Edit(t.Context(), "alice", m.id, api.HostEdit{Unit: &unit, AddGroups: []string{"all", fmt.Sprintf("g%d", i%10)}}); err != nil {
				t.Error(err)
			}
			out, err := m.checkIn(w, api.CheckIn{Set: setOf(t, docs[i])})
			if err != nil || out.Policy == nil {
				t.Errorf("%+v, %v", out, err)
				return
			}
			told[i] = out.Policy.Memberships
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}

	lost := newWorld(t, dbtest.SQLite(t))
	lost.pass(time.Hour)
	for i, m := range machines {
		all.Go(func() {
			if _, err := m.checkIn(lost, api.CheckIn{}); muster.KindOf(err) != muster.NotFound {
				t.Errorf("host %d: %v", i, err)
			}
			if out, err := m.comeBack(lost, told[i]); err != nil || out.State != api.Accepted || out.Certificate == "" || out.Counter <= m.counter {
				t.Errorf("host %d: %+v, %v", i, out, err)
			}
			out, err := m.checkIn(lost, api.CheckIn{Set: setOf(t, docs[i]), Base: setOf(t, docs[i])})
			if err != nil || out.Send != api.SendWhole || out.Policy == nil || fmt.Sprint(out.Policy.Memberships) != fmt.Sprint(told[i]) {
				t.Errorf("host %d: %+v, %v", i, out, err)
			}
			m.put(lost, docs[i])
		})
	}
	all.Wait()
	checkCounts(t, lost)
	if g, err := lost.Group(t.Context(), "all"); err != nil || g.Count != 200 {
		t.Errorf("group: %d, %v", g.Count, err)
	}
	for i, m := range machines {
		d, err := lost.Detail(t.Context(), m.id)
		if err != nil || d.Set != setOf(t, docs[i]) || d.Enrolled != start.Unix()-1000 {
			t.Errorf("host %d: %+v, %v", i, d, err)
		}
	}
	if _, err := machines[0].comeBack(lost, api.Memberships{Groups: []string{"admins"}}); err != nil {
		t.Errorf("a host that is known: %v", err)
	}
	if d, err := lost.Detail(t.Context(), machines[0].id); err != nil || fmt.Sprint(d.Memberships) != fmt.Sprint(told[0]) {
		t.Errorf("a host that is known put itself into groups: %v, %v", d.Memberships, err)
	}
}

// TestReturnRefused has those come back who may not.
func TestReturnRefused(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	forgotten, expired, other, thief := joined(w, 1), joined(w, 2), joined(w, 3), joined(w, 4)
	if err := w.Forget(t.Context(), "alice", forgotten.id); err != nil {
		t.Fatal(err)
	}
	if _, err := forgotten.comeBack(w, api.Memberships{}); muster.KindOf(err) != muster.Denied {
		t.Errorf("forgotten: %v", err)
	}
	// Waiting under the own id with a key of the moment opens no other door.
	fresh := newMachine(t, forgotten.id)
	if out, err := fresh.enrol(w, ""); err != nil || out.State != api.Pending {
		t.Fatalf("who asks anew: %+v, %v", out, err)
	}
	if _, err := forgotten.comeBack(w, api.Memberships{}); muster.KindOf(err) != muster.Denied {
		t.Errorf("forgotten, and waiting under its id: %v", err)
	}
	thief.cert = other.cert
	if _, err := thief.comeBack(w, api.Memberships{}); muster.KindOf(err) != muster.Denied {
		t.Errorf("with the certificate of another: %v", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := sign.NewAuthority("another", key, start.Add(-time.Hour), start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := sign.Issue(&sign.Identity{Key: key, Chain: []*x509.Certificate{foreign}},
		sign.Request{Name: thief.id, Public: thief.key.Public(), From: start.Add(-time.Hour), To: start.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	thief.cert = string(sign.EncodeCerts(cert))
	lost := newWorld(t, dbtest.SQLite(t))
	if _, err := thief.comeBack(lost, api.Memberships{}); muster.KindOf(err) != muster.Denied {
		t.Errorf("of another authority: %v", err)
	}
	lost.pass(2 * 365 * 24 * time.Hour)
	if _, err := expired.comeBack(lost, api.Memberships{}); muster.KindOf(err) != muster.Denied {
		t.Errorf("expired: %v", err)
	}
	waits := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.ReturnsWait = true })
	if out, err := other.comeBack(waits, api.Memberships{Groups: []string{"lab"}}); err != nil || out.State != api.Pending {
		t.Errorf("where people decide: %+v, %v", out, err)
	}
	if _, err := other.checkIn(waits, api.CheckIn{}); muster.KindOf(err) != muster.Denied {
		t.Errorf("where people decide: %v", err)
	}
}

// TestOldBackup has a server come up with a database of the day before: hosts that
// renewed their key since, and those that came since, are known again.
func TestOldBackup(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d)
	m := joined(w, 1)
	if _, err := m.checkIn(w, api.CheckIn{Summary: &api.Summary{Status: muster.OK}}); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := d.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	w.pass(24 * time.Hour)
	renewed := newMachine(t, m.id)
	if err := m.renew(w, renewed, renewed); err != nil {
		t.Fatal(err)
	}
	fresh := joined(w, 2)

	old := newWorld(t, dbtest.Open(t, "sqlite:"+backup))
	old.pass(25 * time.Hour)
	key, err := old.Key(t.Context(), m.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := renewed.claims(t, old.time(), m.id, 50).Verify(key, old.time(), old.Skew); err == nil {
		t.Fatal("the backup knows the new key")
	}
	for _, back := range []*machine{renewed, fresh} {
		if out, err := back.comeBack(old, api.Memberships{}); err != nil || out.State != api.Accepted {
			t.Fatalf("%+v, %v", out, err)
		}
		if _, err := back.checkIn(old, api.CheckIn{}); err != nil {
			t.Error(err)
		}
	}
	old.pass(time.Minute)
	// The old key is out, also with its certificate.
	if _, err := m.comeBack(old, api.Memberships{}); muster.KindOf(err) != muster.Denied {
		t.Errorf("the key before: %v", err)
	}
}

// TestTwoServers holds that what one server of a database changes, the other knows.
func TestTwoServers(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		also := func(c *Config) { c.Refresh = time.Hour } // asks when it misses something
		a, b := newWorld(t, first, also), newWorld(t, second, also)
		m := joined(a, 1)
		doc := desktop(1, 10)
		out, err := m.checkIn(b, api.CheckIn{Set: setOf(t, doc)})
		if err != nil || out.Send != api.SendWhole {
			t.Fatalf("a host of the other: %+v, %v", out, err)
		}
		m.put(b, doc)
		woken := make(chan int64)
		c, err := m.call(a)
		if err != nil {
			t.Fatal(err)
		}
		go func() { woken <- a.Wait(context.Background(), c, out.Wake) }()
		if err := b.Edit(t.Context(), "alice", m.id, api.HostEdit{AddGroups: []string{"lab"}}); err != nil {
			t.Fatal(err)
		}
		if err := a.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := <-woken; n == out.Wake {
			t.Error("woken without a wish")
		}
		again, err := m.checkIn(a, api.CheckIn{Set: setOf(t, doc), Etag: out.Etag})
		if err != nil || again.Send != api.SendNothing || again.Policy == nil || fmt.Sprint(again.Policy.Groups) != "[lab]" {
			t.Errorf("changed by the other: %+v, %v", again, err)
		}
		if err := b.WakeAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Forget(t.Context(), "alice", m.id); err != nil {
			t.Fatal(err)
		}
		if err := a.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := m.checkIn(a, api.CheckIn{}); muster.KindOf(err) != muster.NotFound {
			t.Errorf("forgotten by the other: %v", err)
		}
	})
}
