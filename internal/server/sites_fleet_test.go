package server

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
)

// newFollower is one that leads in place of the server's own.
func newFollower(t *testing.T, w *world) *fleetFollower {
	t.Helper()
	f := &fleetFollower{w.Server, w.hosts.Everything(), "test"}
	_, _, err := f.sites.Lead(t.Context(), time.Now(), followName, f.self, followHold)
	check(t, err)
	check(t, w.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE sites_follow SET holder = ?, held = ? WHERE name = ?", f.self, time.Now().Add(followHold).Unix(), followName)
		return err
	}))
	return f
}

// until follows until hosts and how many packages they have are known as wanted. The
// server's own follower may be at it still when the test begins.
func (f *fleetFollower) until(t *testing.T, want ...string) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		check(t, f.round(t.Context()))
		got := ""
		for _, h := range must(f.sites.Hosts(t.Context(), sites.Filter{}, sites.Page{}))(t) {
			got += fmt.Sprintf("%s %s %d;", h.Agent[30:], h.Name, h.Packages)
		}
		if slices.Contains(want, got) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("followed as far as %q, not %q", got, want)
		}
	}
}

// TestFleetInSites follows hosts under agents: what they have stands beside what hosts of
// sites have, and goes with them.
func TestFleetInSites(t *testing.T) {
	w := newWorld(t)
	f := newFollower(t, w)
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t)
	var machines []*machine
	for i := range 2 {
		m := w.machine(i + 1)
		m.join(token.Secret)
		m.report(desktop(3 + i))
		machines = append(machines, m)
	}
	follow := func(want string) {
		t.Helper()
		f.until(t, want)
	}
	follow("000001 pc.example.org 3;000002 pc.example.org 4;")
	doc := desktop(5)
	doc.Packages["dpkg"][0].Source, doc.System.ID, doc.System.Version = "lib", "debian", "12"
	machines[0].report(doc)
	follow("000001 pc.example.org 5;000002 pc.example.org 4;")
	h := must(w.sites.Hosts(t.Context(), sites.Filter{System: "debian 12"}, sites.Page{}))(t)
	known, _, err := w.sites.HostPackages(t.Context(), h[0].ID, 0)
	if check(t, err); known[0].Package.Source != "lib" || known[0].System.ID != "debian" || h[0].Reports != 2 {
		t.Errorf("kept %+v of %+v", known[0], h[0])
	}
	doc = desktop(4)
	doc.Packages = nil
	machines[0].report(doc)
	follow("000001 pc.example.org 0;000002 pc.example.org 4;")
	check(t, p.ForgetHost(t.Context(), machines[1].ID))
	follow("000001 pc.example.org 0;")
}

// TestFleetGoesOn has one host whose set of packages is damaged in the database: those
// behind it are followed, in the feed and in a sweep. A server that still has the set in
// memory, as the one that took it, can go on with the host itself.
func TestFleetGoesOn(t *testing.T) {
	w := newWorld(t)
	f := newFollower(t, w)
	token := must(w.person().CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t)
	join := func(n int) *machine {
		m := w.machine(n)
		m.join(token.Secret)
		m.report(desktop(2 + n))
		return m
	}
	first := join(1)
	f.until(t, "000001 pc.example.org 3;")
	check(t, w.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE sites_set SET body = ?", []byte{9})
		return err
	}))
	first.report(desktop(7))
	join(2)
	f.until(t, "000001 pc.example.org 3;000002 pc.example.org 4;", "000001 pc.example.org 7;000002 pc.example.org 4;")
	join(3)
	if _, err := f.sweep(t.Context()); err != nil && muster.KindOf(err) != muster.Conflict { // who does not lead is told so
		t.Errorf("the sweep ends at one host: %v", err)
	}
	f.until(t, "000001 pc.example.org 3;000002 pc.example.org 4;000003 pc.example.org 5;", "000001 pc.example.org 7;000002 pc.example.org 4;000003 pc.example.org 5;")
}
