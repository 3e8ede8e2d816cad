package glpisync

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// All hosts are told first, then those that changed, and none twice without need.
func TestRounds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f, g, c := newFleet(60), newServer(t), newClock()
		s := open(t, d, f, g, c)
		if _, err := Read(t.Context(), d); err != nil {
			t.Error(err)
		}
		check(t, s.round(t.Context()))
		if got := g.all(); !slices.Equal(got, versions(60, "1")) {
			t.Errorf("first %q", got)
		}
		if st := s.status(t); st != (Status{Hosts: 60, Told: 60, Pushed: c.now().Unix()}) {
			t.Errorf("%+v", st)
		}
		check(t, s.round(t.Context()))
		f.change(1, 3) // it says the same again
		f.change(2, 4, 5, 5)
		check(t, s.round(t.Context()))
		if got := g.all(); got != nil {
			t.Errorf("within the interval %q", got)
		}
		c.add(s.Interval)
		check(t, s.round(t.Context()))
		if got := g.all(); !slices.Equal(got, []string{"04=2", "05=2"}) {
			t.Errorf("then %q", got)
		}
		// A new host is told at once, one that is gone no more.
		f.change(7, 99)
		f.change(0, 4)
		check(t, s.round(t.Context()))
		c.add(sweepEach)
		check(t, s.round(t.Context()))
		if got, st := g.all(), s.status(t); !slices.Equal(got, []string{"99=7"}) || st.Hosts != 60 {
			t.Errorf("%q %+v", got, st)
		}
	})
}

// A host that did not change is told again once in a while, if it was heard of.
func TestRefresh(t *testing.T) {
	f, g, c := newFleet(2), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c)
	check(t, s.round(t.Context()))
	g.all()
	c.add(s.Refresh)
	check(t, s.round(t.Context()))
	if got := g.all(); got != nil {
		t.Errorf("hosts that were not heard of: %q", got)
	}
	f.seen = c.now().Unix()
	c.add(sweepEach)
	check(t, s.round(t.Context()))
	if got := g.all(); !slices.Equal(got, versions(2, "1")) {
		t.Errorf("%q", got)
	}
}

// A new host is told of when it has said what it has.
func TestNotYet(t *testing.T) {
	f, g, c := newFleet(1), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c)
	check(t, s.round(t.Context()))
	f.change(-1, 1)
	check(t, s.round(t.Context()))
	if st := s.status(t); st.Hosts != 2 || st.Told != 1 || st.Refused != 0 || len(g.all()) != 1 {
		t.Errorf("%+v", st)
	}
	f.versions[hostID(1)] = 1
	c.add(2 * time.Minute)
	check(t, s.round(t.Context()))
	if got := g.all(); !slices.Equal(got, []string{"01=1"}) {
		t.Errorf("%q", got)
	}
}

// A change that comes while the host is told is told later: none is lost.
func TestChangedWhileTold(t *testing.T) {
	f, g, c := newFleet(1), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c)
	g.plays(func(http.ResponseWriter, *http.Request, message) bool {
		f.change(2, 0)
		check(t, s.mark(t.Context(), []string{hostID(0)}, "1"))
		g.plays(nil)
		return false
	})
	check(t, s.round(t.Context()))
	c.add(s.Interval)
	check(t, s.round(t.Context()))
	if got := g.all(); !slices.Equal(got, []string{"00=1", "00=2"}) {
		t.Errorf("%q", got)
	}
}

// Another GLPI, or another choice of hosts, begins anew.
func TestAnotherTarget(t *testing.T) {
	f, g, c, d := newFleet(3), newServer(t), newClock(), dbtest.SQLite(t)
	check(t, open(t, d, f, g, c).round(t.Context()))
	check(t, open(t, d, f, g, c).round(t.Context()))
	if got := g.all(); !slices.Equal(got, versions(3, "1")) {
		t.Errorf("%q", got)
	}
	f.change(0, 1)
	check(t, open(t, d, f, g, c, func(c *Config) { c.Scope = "group:lab" }).round(t.Context()))
	if got := g.all(); !slices.Equal(got, []string{"00=1", "02=1"}) {
		t.Errorf("%q", got)
	}
}

// A fleet that is told of at first comes at the rate that is set, one at a time.
func TestRate(t *testing.T) {
	const n = 100
	f, g, c := newFleet(n), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c, func(c *Config) { c.Rate = 2 })
	begun, under := c.now(), make(chan bool, 1)
	g.plays(func(http.ResponseWriter, *http.Request, message) bool {
		select {
		case under <- true:
		default:
			t.Error("two at a time")
		}
		<-under
		return false
	})
	check(t, s.round(t.Context()))
	if took := c.now().Sub(begun); len(g.all()) != n || took < (n-1)*time.Second/2 || took > n*time.Second/2 {
		t.Errorf("%d hosts took %v", n, took)
	}
}

// Of several servers on one database one tells; when it ends without letting go,
// another goes on.
func TestSeveralServers(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		f, g, c := newFleet(5), newServer(t), newClock()
		a, b := open(t, first, f, g, c), open(t, second, f, g, c)
		me, err := a.claim(t.Context())
		check(t, err)
		if me == nil {
			t.Fatal("it cannot be claimed")
		}
		check(t, b.round(t.Context()))
		if got := g.all(); got != nil {
			t.Errorf("told meanwhile: %q", got)
		}
		c.add(hold + time.Second)
		check(t, b.round(t.Context()))
		if got := g.all(); !slices.Equal(got, versions(5, "1")) {
			t.Errorf("%q", got)
		}
		check(t, a.round(t.Context())) // b has let go
	})
}

// A server that stops in the middle of a push tells it again, and notes no failure.
func TestStopped(t *testing.T) {
	f, g, c, d := newFleet(4), newServer(t), newClock(), dbtest.SQLite(t)
	ctx, stop := context.WithCancel(t.Context())
	s := open(t, d, f, g, c)
	g.plays(func(_ http.ResponseWriter, r *http.Request, m message) bool {
		if m.DeviceID == hostID(2) {
			stop()
			<-r.Context().Done()
			return true
		}
		return false
	})
	check(t, s.round(ctx))
	g.all()
	g.plays(nil)
	if st := s.status(t); st.Error != "" || st.Refused != 0 || st.Told != 2 {
		t.Errorf("%+v", st)
	}
	check(t, open(t, d, f, g, c).round(t.Context()))
	if got := g.all(); !slices.Equal(got, []string{"02=1", "03=1"}) {
		t.Errorf("%q", got)
	}
}

// What the protocol asks for is there.
func TestProtocol(t *testing.T) {
	f, g, c := newFleet(1), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c, func(c *Config) { c.URL += "/" })
	check(t, s.round(t.Context()))
	m := first(t, g.told)
	if m.header.Get("GLPI-Agent-ID") != hostID(0) || m.header.Get("Content-Type") != "application/x-compress-zlib" || m.header.Get("User-Agent") != "muster_v1.2" ||
		m.header.Get("Authorization") != "" || m.Action != "inventory" || m.ItemType != "Computer" || m.Tag != "lab" || m.DeviceID != hostID(0) || m.Content.OperatingSystem.BootTime == "" {
		t.Errorf("%+v", m)
	}
}

func TestPages(t *testing.T) {
	for text, want := range map[string][2]string{
		"https://glpi.example.org":                          {"https://glpi.example.org/front/inventory.php", "https://glpi.example.org/api.php/token"},
		"https://example.org/glpi/":                         {"https://example.org/glpi/front/inventory.php", "https://example.org/glpi/api.php/token"},
		"https://example.org/glpi/front/inventory.php":      {"https://example.org/glpi/front/inventory.php", "https://example.org/glpi/api.php/token"},
		"https://example.org/glpi/plugins/glpiinventory/":   {"https://example.org/glpi/plugins/glpiinventory/", "https://example.org/glpi/api.php/token"},
		"https://example.org/marketplace/glpiinventory/a.b": {"https://example.org/marketplace/glpiinventory/a.b", "https://example.org/api.php/token"},
		"http://[::1]:81":                                   {"http://[::1]:81/front/inventory.php", "http://[::1]:81/api.php/token"},
	} {
		a, b, err := pages(text)
		if err != nil || a != want[0] || b != want[1] {
			t.Errorf("%s: %s %s (%v)", text, a, b, err)
		}
	}
}

// OAuth2: a token is asked for once, and anew when GLPI believes it no longer.
func TestOAuth(t *testing.T) {
	f, g, c := newFleet(3), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c, func(c *Config) { c.ClientID, c.SecretFile = "muster", file(t, "s3cret\n") })
	good := "Bearer t1"
	g.plays(func(w http.ResponseWriter, r *http.Request, _ message) bool {
		if r.Header.Get("Authorization") == good {
			return false
		}
		say(w, 401, `{"status":"error","message":"Authorization header required to send an inventory","expiration":24}`)
		return true
	})
	check(t, s.round(t.Context()))
	if asked := first(t, g.tokens); asked != `{"client_id":"muster","client_secret":"s3cret","grant_type":"client_credentials","scope":"inventory"}` || len(g.tokens) != 0 {
		t.Error(asked)
	}
	if got := g.all(); len(got) != 3 {
		t.Errorf("%q", got)
	}
	s.client.tokens.have = "old" // GLPI has forgotten it
	f.change(2, 0)
	c.add(s.Interval)
	s.client.tokens.ends = c.now().Add(time.Hour)
	check(t, s.round(t.Context()))
	if got := g.all(); !slices.Equal(got, []string{"00=2", "00=2"}) || len(g.tokens) != 1 {
		t.Errorf("%q, %d tokens", got, len(g.tokens))
	}
}

func TestBasic(t *testing.T) {
	f, g, c := newFleet(1), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c, func(c *Config) { c.User, c.PasswordFile = "muster", file(t, "s3cret") })
	check(t, s.round(t.Context()))
	m := first(t, g.told)
	if user, password, ok := (&http.Request{Header: m.header}).BasicAuth(); !ok || user != "muster" || password != "s3cret" {
		t.Errorf("%q", m.header.Get("Authorization"))
	}
}

// TLS is checked against the authorities that are named, and against others it fails.
func TestTLS(t *testing.T) {
	f, g, c := newFleet(1), newServer(t), newClock()
	secure := httptest.NewUnstartedServer(g.Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	secure.StartTLS()
	defer secure.Close()
	ca := file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	check(t, open(t, dbtest.SQLite(t), f, g, c, func(c *Config) { c.URL, c.CA = secure.URL, ca }).round(t.Context()))
	if got := g.all(); len(got) != 1 {
		t.Errorf("%q", got)
	}
	err := open(t, dbtest.SQLite(t), f, g, c, func(c *Config) { c.URL = secure.URL }).round(t.Context())
	if muster.KindOf(err) != muster.Unavailable || len(g.told) != 0 {
		t.Error(err)
	}
	if _, err := newClient(&Config{URL: secure.URL, CA: file(t, "x")}); muster.KindOf(err) != muster.Invalid {
		t.Error(err)
	}
}

// What is dialled is judged by its address; without TLS only what is named is good.
func TestControl(t *testing.T) {
	c := Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Guard: func(a netip.Addr) error {
		if a.IsPrivate() || a.IsLoopback() {
			return muster.Errorf(muster.Denied, "%s is no public address", a)
		}
		return nil
	}}
	for address, want := range map[string][2]bool{ // without TLS, with it
		"8.8.8.8:443": {false, true}, "10.1.2.3:80": {true, true}, "[::ffff:10.1.2.3]:80": {true, true}, "192.168.1.1:443": {false, false}, "127.0.0.1:80": {false, false}, "glpi:80": {false, false},
	} {
		if plain, secure := c.control(true)("tcp4", address, nil), c.control(false)("tcp4", address, nil); plain == nil != want[0] || secure == nil != want[1] {
			t.Errorf("%s: %v, %v", address, plain, secure)
		}
	}
	if c.control(false)("udp", "8.8.8.8:443", nil) == nil {
		t.Error("udp is dialled")
	}
}

// Nothing goes into the server's own network without permission.
func TestGuard(t *testing.T) {
	f, g, c := newFleet(1), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c, func(c *Config) { c.Allow = nil })
	err := s.round(t.Context())
	if muster.KindOf(err) != muster.Denied || !strings.Contains(muster.HintOf(err), "glpi.allow") || len(g.told) != 0 {
		t.Errorf("%v, %d told", err, len(g.told))
	}
	if err := Probe(t.Context(), s.Config); muster.KindOf(err) != muster.Denied {
		t.Errorf("%v", err)
	}
}
