package access

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
)

var (
	start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	home  = netip.MustParseAddr("192.0.2.7")
)

// A clock is that of several servers.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t testing.TB, d *db.DB, c *clock) *Access {
	t.Helper()
	return must(Open(t.Context(), Config{DB: d, Now: c.time}))(t)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%v (%s)", err, muster.KindOf(err))
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, muster.KindOf(err))
	}
}

func wantKind(t testing.TB, what string, err error, kind muster.ErrorKind) {
	t.Helper()
	if muster.KindOf(err) != kind {
		t.Errorf("%s: %v is of kind %q, want %q", what, err, muster.KindOf(err), kind)
	}
}

const good = "correct horse battery staple"

// bob is somebody with a password, who is logged in.
func bob(t testing.TB, a *Access) api.Session {
	t.Helper()
	must(a.AddPerson(t.Context(), "alice", api.PersonNew{Name: "bob", Password: good}))(t)
	return login(t, a, "bob")
}

func login(t testing.TB, a *Access, name string) api.Session {
	t.Helper()
	l := must(a.Password(t.Context(), name, good, home))(t)
	return must(a.Begin(t.Context(), l))(t)
}

// may reports whether the holder of a secret has a verb over all hosts.
func may(t testing.TB, a *Access, secret string, v api.Verb) bool {
	t.Helper()
	visit := must(a.Session(t.Context(), secret))(t)
	return May(visit.Rules, &visit.Caller, v, a.Now()).All()
}
