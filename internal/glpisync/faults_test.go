package glpisync

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/glpi"
	"muster/internal/db/dbtest"
)

// failing is a GLPI that is not well: each way in which it is not.
var failing = map[string]struct {
	play func(w http.ResponseWriter, r *http.Request)
	kind muster.ErrorKind
	text string
}{
	"401": {func(w http.ResponseWriter, _ *http.Request) {
		say(w, 401, `{"status":"error","message":"Access denied. Wrong login or password for basic authentication.","expiration":24}`)
	}, muster.Denied, "Wrong login"},
	"404":      {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 404) }, muster.Invalid, "404"},
	"503":      {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 503) }, muster.Unavailable, "503"},
	"500":      {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>a stack", 500) }, muster.Unavailable, "500"},
	"moved":    {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://glpi.example.org/", 302) }, muster.Invalid, "https://glpi.example.org/"},
	"disabled": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Inventory is disabled") }, muster.Denied, "disabled"}, //nolint:errcheck // a test
	"garbage":  {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>\x1b[31mLog in") }, muster.Invalid, "not GLPI"}, //nolint:errcheck // a test
	"bad zlib": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-compress-zlib")
		io.WriteString(w, "garbage") //nolint:errcheck // a test
	}, muster.Invalid, "decompress"},
	"empty": {func(w http.ResponseWriter, _ *http.Request) { say(w, 200, "") }, muster.Invalid, "not GLPI"},
	"huge":  {func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte(" "), glpi.MaxAnswer*4)) }, muster.Invalid, "bytes"}, //nolint:errcheck // cut off
	"bomb":  {func(w http.ResponseWriter, _ *http.Request) { say(w, 200, strings.Repeat(" ", 8<<20)) }, muster.Invalid, "bytes"},
	"broken off": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "{") //nolint:errcheck // a test
		panic(http.ErrAbortHandler)
	}, muster.Unavailable, ""},
	"away": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, muster.Unavailable, "does not answer"},
}

// A GLPI that is not well is left alone, later each time; what there is to tell waits,
// and is told when it is well again.
func TestNotWell(t *testing.T) {
	for name, x := range failing {
		t.Run(name, func(t *testing.T) {
			f, g, c := newFleet(5), newServer(t), newClock()
			s := open(t, dbtest.SQLite(t), f, g, c)
			g.plays(func(w http.ResponseWriter, r *http.Request, _ message) bool { x.play(w, r); return true })
			before := time.Duration(0)
			for range 3 {
				err := s.round(t.Context())
				if muster.KindOf(err) != x.kind || !strings.Contains(err.Error(), x.text) || strings.Contains(err.Error(), "\x1b") {
					t.Fatalf("%v", err)
				}
				if n := len(g.told); n < 1 || n > 2 { // a connection that was closed is tried again
					t.Errorf("it was asked %d times", n)
				}
				g.all()
				check(t, s.round(t.Context())) // not yet
				me, err := s.claim(t.Context())
				check(t, err)
				wait := time.Duration(me.due-c.now().Unix()) * time.Second
				if st := s.status(t); len(g.told) != 0 || wait <= before || st.Failing == 0 || !strings.Contains(st.Error, x.text) {
					t.Errorf("after %v %v: %+v", before, wait, st)
				}
				before = wait
				c.add(wait)
			}
			g.plays(nil)
			c.add(10 * time.Minute) // who was slow waits a little longer
			check(t, s.round(t.Context()))
			if got, st := g.all(), s.status(t); !slices.Equal(got, versions(5, "1")) || st.Failing != 0 || st.Error != "" || st.Refused != 0 {
				t.Errorf("%q %+v", got, st)
			}
		})
	}
}

// GLPI says when to come back.
func TestRetryAfter(t *testing.T) {
	f, g, c := newFleet(1), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c)
	g.plays(func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(429)
		return true
	})
	if err := s.round(t.Context()); muster.KindOf(err) != muster.Unavailable {
		t.Error(err)
	}
	if me, err := s.claim(t.Context()); err != nil || me.due != c.now().Unix()+1800 {
		t.Errorf("%+v (%v)", me, err)
	}
}

// A host that GLPI refuses holds up no other, and comes again later each time.
func TestRefusedHost(t *testing.T) {
	for name, x := range map[string]struct {
		play func(w http.ResponseWriter)
		text string
	}{
		"400": {func(w http.ResponseWriter) {
			say(w, 400, `{"status":"error","message":"JSON does not validate","expiration":24}`)
		}, "JSON does not validate"},
		"413":   {func(w http.ResponseWriter) { http.Error(w, "<html>too large", 413) }, "413"},
		"500":   {func(w http.ResponseWriter) { say(w, 500, `{"status":"error","message":"SQL","expiration":24}`) }, "SQL"},
		"error": {func(w http.ResponseWriter) { say(w, 200, `{"status":"error","message":"no"}`) }, "says: no"},
	} {
		t.Run(name, func(t *testing.T) {
			f, g, c := newFleet(5), newServer(t), newClock()
			s := open(t, dbtest.SQLite(t), f, g, c)
			g.plays(func(w http.ResponseWriter, _ *http.Request, m message) bool {
				if m.DeviceID != hostID(1) {
					return false
				}
				x.play(w)
				return true
			})
			check(t, s.round(t.Context()))
			if st := s.status(t); len(g.all()) != 5 || st.Told != 4 || st.Refused != 1 || !strings.Contains(st.Example, x.text) || st.Failing != 0 {
				t.Errorf("%+v", st)
			}
			before := s.row(t, 1).due - c.now().Unix()
			c.add(time.Duration(before) * time.Second)
			check(t, s.round(t.Context()))
			if after := s.row(t, 1).due - c.now().Unix(); !slices.Equal(g.all(), []string{"01=1"}) || after <= before {
				t.Errorf("after %d s %d s", before, after)
			}
		})
	}
}

// Hosts refused one after the other are taken for a fault of GLPI's.
func TestAllRefused(t *testing.T) {
	f, g, c := newFleet(100), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c)
	g.plays(func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		say(w, 500, `{"status":"error","message":"no room","expiration":24}`)
		return true
	})
	if err := s.round(t.Context()); err == nil || !strings.Contains(err.Error(), "no room") || len(g.all()) != tooOdd {
		t.Error(err)
	}
}

// A GLPI that takes too long for a host is left alone, and asked for another next.
func TestSlow(t *testing.T) {
	f, g, c := newFleet(2), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c, func(c *Config) { c.Timeout = 200 * time.Millisecond })
	g.plays(func(_ http.ResponseWriter, r *http.Request, m message) bool {
		if m.DeviceID == hostID(0) {
			<-r.Context().Done()
		}
		return m.DeviceID == hostID(0)
	})
	if err := s.round(t.Context()); muster.KindOf(err) != muster.Unavailable {
		t.Error(err)
	}
	c.add(40 * time.Second)
	check(t, s.round(t.Context()))
	if got := g.all(); !slices.Equal(got, versions(2, "1")) {
		t.Errorf("%q", got)
	}
}

// A proxy that has no answer yet is asked for it, by the id of the request.
func TestPending(t *testing.T) {
	f, g, c := newFleet(1), newServer(t), newClock()
	s := open(t, dbtest.SQLite(t), f, g, c)
	begun, asked := c.now(), 0
	g.plays(func(w http.ResponseWriter, r *http.Request, m message) bool {
		w.Header().Set("GLPI-Request-ID", "0123ABCD")
		if asked++; asked > 3 {
			return false
		}
		if asked > 1 && (m.method != http.MethodGet || r.Header.Get("GLPI-Request-ID") != "0123ABCD") {
			t.Errorf("%s %v", m.method, r.Header)
		}
		say(w, 200, `{"status":"pending","expiration":"10s"}`)
		return true
	})
	check(t, s.round(t.Context()))
	if took := c.now().Sub(begun); asked != 4 || took != 30*time.Second || s.status(t).Told != 1 {
		t.Errorf("asked %d times in %v", asked, took)
	}
	f.change(2, 0)
	c.add(s.Interval)
	g.plays(func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		say(w, 200, `{"status":"pending"}`)
		return true
	})
	if err := s.round(t.Context()); muster.KindOf(err) != muster.Unavailable {
		t.Error(err)
	}
}

// Tokens that are none are not used.
func TestParseGrant(t *testing.T) {
	for _, bad := range []string{"", "{}", "null", `{"token_type":"mac","access_token":"x"}`, `{"token_type":"Bearer","access_token":"a\r\nb"}`, `{"token_type":"Bearer","access_token":""}`, "<html>"} {
		if _, err := parseGrant([]byte(bad)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func FuzzParseGrant(f *testing.F) {
	f.Add([]byte(`{"token_type":"Bearer","expires_in":3600,"access_token":"eyJ0.a-b_c"}`))
	f.Add([]byte(`{"token_type":"Bearer","expires_in":-1,"access_token":"a b"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := parseGrant(data)
		if err != nil {
			return
		}
		r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
		check(t, err)
		r.Header.Set("Authorization", "Bearer "+g.Token)
		var b bytes.Buffer
		if err := r.Write(&b); err != nil || strings.Count(b.String(), "\r\n") != 5 || g.Expires < 0 || g.Expires > 86400 {
			t.Fatalf("%q %v %v", b.String(), g.Expires, err)
		}
	})
}

// A server that is killed in the middle tells the rest when it comes back, and at most
// the host that was under way twice.
func TestKilled(t *testing.T) {
	const n = 12
	if url := os.Getenv("GLPISYNC_KILLED"); url != "" {
		d := dbtest.Open(t, os.Getenv("GLPISYNC_DSN"))
		s := open(t, d, newFleet(n), &server{Server: nil}, newClock(), func(c *Config) { c.URL = url })
		t.Error(s.round(t.Context()))
		return
	}
	for at := range 4 {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			g, c, dsn := newServer(t), newClock(), "sqlite:"+t.TempDir()+"/killed.db"
			exe, err := os.Executable()
			check(t, err)
			cmd := exec.Command(exe, "-test.run", "^TestKilled$")
			cmd.Env = append(os.Environ(), "GLPISYNC_KILLED="+g.URL, "GLPISYNC_DSN="+dsn)
			reached := make(chan bool, 1)
			left := at*3 + 1
			g.plays(func(_ http.ResponseWriter, r *http.Request, _ message) bool {
				if left--; left > 0 {
					return false
				}
				reached <- true
				<-r.Context().Done()
				return true
			})
			check(t, cmd.Start())
			first(t, reached)
			check(t, cmd.Process.Kill())
			cmd.Wait() //nolint:errcheck // it was killed
			g.plays(nil)
			told := g.all()
			c.add(hold + time.Second) // it could not let go
			check(t, open(t, dbtest.Open(t, dsn), newFleet(n), g, c).round(t.Context()))
			rest := g.all()
			both := slices.Concat(told, rest)
			slices.Sort(both)
			if !slices.Equal(slices.Compact(slices.Clone(both)), versions(n, "1")) || len(both) > n+1 {
				t.Errorf("first %q, then %q", told, rest)
			}
		})
	}
}
