package glpisync

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/glpi"
	"muster/internal/db"
	"muster/inventory"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fleet is a source in memory: hosts with a version each, and a feed of their changes.
type fleet struct {
	mu       sync.Mutex
	versions map[string]int
	seen     int64
	feed     []string
}

func newFleet(n int) *fleet {
	f := &fleet{versions: map[string]int{}, seen: 1}
	for i := range n {
		f.versions[hostID(i)] = 1
	}
	return f
}

func hostID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// change gives hosts a new version, or 0 for none: the host is gone.
func (f *fleet) change(version int, hosts ...int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range hosts {
		f.versions[hostID(i)] = version
		if version == 0 {
			delete(f.versions, hostID(i))
		}
		f.feed = append(f.feed, hostID(i))
	}
}

func (f *fleet) Now(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strconv.Itoa(len(f.feed)), nil
}

func (f *fleet) Changed(_ context.Context, place string) ([]string, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := strconv.Atoi(place)
	if err != nil {
		return nil, "", err
	}
	end := min(n+3, len(f.feed))
	return slices.Clone(f.feed[n:end]), strconv.Itoa(end), nil
}

func (f *fleet) Each(_ context.Context, call func(string, int64) error) error {
	f.mu.Lock()
	all := slices.Sorted(maps.Keys(f.versions))
	seen := f.seen
	f.mu.Unlock()
	for _, id := range all {
		if err := call(id, seen); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) Whole(_ context.Context, id string) (glpi.Host, *inventory.Document, *inventory.Volatile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.versions[id]
	if v == 0 {
		return glpi.Host{}, nil, nil, muster.Errorf(muster.NotFound, "there is no host %q", id)
	}
	if v < 0 {
		return glpi.Host{}, nil, nil, muster.Errorf(muster.Unavailable, "host %q has said nothing yet", id)
	}
	d := inventory.New()
	d.System = &inventory.System{Arch: "amd64", Hostname: "h" + id[len(id)-3:], OS: "linux"}
	d.Packages = map[string][]inventory.Package{"dpkg": {{Name: "p", Version: strconv.Itoa(v)}}}
	return glpi.Host{ID: id, Agent: "1", Tag: "lab"}, d, &inventory.Volatile{Boot: int64(len(f.feed) + 1)}, nil
}

// A message is what GLPI was told.
type message struct {
	glpi.Inventory
	method string
	header http.Header
}

func (m *message) version() string { return m.Content.Softwares[0].Version }

// A server is a GLPI as far as its protocol of agents goes: zlib of JSON, answered in
// kind. play, if there is one, answers in its place when it returns true.
type server struct {
	*httptest.Server
	told   chan message
	tokens chan string // bodies of requests for a token

	mu   sync.Mutex
	play func(w http.ResponseWriter, r *http.Request, m message) bool
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{told: make(chan message, 1000), tokens: make(chan string, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("/front/inventory.php", func(w http.ResponseWriter, r *http.Request) {
		m := message{method: r.Method, header: r.Header}
		if r.Method == http.MethodPost {
			if err := json.Unmarshal(inflate(t, r.Body), &m.Inventory); err != nil {
				t.Error(err)
			}
		}
		s.told <- m
		s.mu.Lock()
		play := s.play
		s.mu.Unlock()
		if play == nil || !play(w, r, m) {
			say(w, 200, `{"expiration":24,"status":"ok"}`)
		}
	})
	mux.HandleFunc("POST /api.php/token", func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.tokens <- string(data)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"t%d"}`, len(s.tokens))
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *server) plays(f func(w http.ResponseWriter, r *http.Request, m message) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.play = f
}

func inflate(t testing.TB, r io.Reader) []byte {
	z, err := zlib.NewReader(r)
	if err != nil {
		t.Error(err)
		return nil
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Error(err)
	}
	return data
}

// say answers as GLPI does: compressed as it was asked.
func say(w http.ResponseWriter, status int, body string) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	io.WriteString(z, body) //nolint:errcheck // into memory
	z.Close()               //nolint:errcheck // into memory
	w.Header().Set("Content-Type", "application/x-compress-zlib")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the caller has gone
}

// all are the hosts that were told of since the last call, with their versions, sorted.
func (s *server) all() (told []string) {
	for {
		select {
		case m := <-s.told:
			if m.method == http.MethodPost {
				told = append(told, m.DeviceID[len(m.DeviceID)-2:]+"="+m.version())
			}
		default:
			slices.Sort(told)
			return told
		}
	}
}

// A clock is set by the test, and by who waits.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1_790_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.add(d)
	return ctx.Err()
}

var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// open is a Sync that does a round when the test says so.
func open(t testing.TB, d *db.DB, f Source, s *server, c *clock, change ...func(*Config)) *Sync {
	t.Helper()
	cfg := Config{DB: d, Source: f, Allow: here, Guard: func(a netip.Addr) error { return muster.Errorf(muster.Denied, "%s is no public address", a) },
		Rate: 1000, Version: "1.2", Now: c.now, Wait: c.wait, Timeout: 20 * time.Second}
	if s.Server != nil {
		cfg.URL = s.URL
	}
	for _, x := range change {
		x(&cfg)
	}
	y, err := Open(t.Context(), cfg)
	check(t, err)
	return y
}

// row is what is known of a host.
func (s *Sync) row(t testing.TB, i int) row {
	t.Helper()
	all, err := s.rows(t.Context(), "id = ?", hostID(i))
	check(t, err)
	if len(all) != 1 {
		t.Fatalf("host %d has %d rows", i, len(all))
	}
	return all[0]
}

func (s *Sync) status(t testing.TB) Status {
	t.Helper()
	st, err := Read(t.Context(), s.DB)
	check(t, err)
	return st
}

// file is one with a secret.
func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	check(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func first[T any](t testing.TB, from chan T) T {
	t.Helper()
	select {
	case x := <-from:
		return x
	case <-time.After(20 * time.Second):
		t.Fatal("nothing comes")
		panic("not reached")
	}
}

func versions(n int, v string, but ...string) (all []string) {
	for i := range n {
		x := fmt.Sprintf("%02d", i)
		p := slices.IndexFunc(but, func(b string) bool { return b[:2] == x })
		if p >= 0 {
			all = append(all, but[p])
			continue
		}
		all = append(all, x+"="+cmp.Or(v, "1"))
	}
	return all
}
