package advisories

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// waiting is a web server that sends headers, and then nothing.
func waiting(t *testing.T, asked chan<- struct{}) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	return s
}

// TestSlowSource: a source that says nothing holds up neither hosts nor other sources.
func TestSlowSource(t *testing.T) {
	asked, came := make(chan struct{}, 1), make(chan string, 100)
	slow, quick := waiting(t, asked), newPublisher(t)
	quick.say("curl CVE-1 bookworm 2 high")
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
		c.Sources = []Source{{Name: "a", Form: "kev", URL: slow.URL}, {Name: "b", Form: "debian", URL: quick.URL}}
		c.Imported = func(_ context.Context, source string, err error) { came <- fmt.Sprint(source, " ", err) }
		c.Each = time.Millisecond
	})
	w.site("LYON")
	host := w.report("LYON", "a", said{}, "curl 1")
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		w.Run(ctx, func(err error) { came <- err.Error() })
		close(ended)
	}()
	<-asked // and is not answered until the end
	if s := <-came; s != "b <nil>" {
		t.Errorf("%q came", s)
	}
	for len(w.found(nil, host, api.FindingQuery{})) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("nothing is found")
		}
	}
	end()
	<-ended
}

// TestIdleSource: a server that sends nothing for some time is let go.
func TestIdleSource(t *testing.T) {
	asked := make(chan struct{}, 1)
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) {
		c.Sources = []Source{{Name: "a", Form: "kev", URL: waiting(t, asked).URL}}
		c.Idle = time.Millisecond
	})
	check(t, w.Look(t.Context()))
	s, err := w.source(t.Context(), "a")
	check(t, err)
	if !strings.Contains(s.error, "has sent nothing for 1ms") {
		t.Errorf("%q", s.error)
	}
}

// lasting is a content that calls each before every entry, which says nothing new.
func lasting(n int, each func(ctx context.Context, i int) error) content {
	return content{sum: []byte("x"), each: func(ctx context.Context, f func(entryOf) error) error {
		for i := range n {
			if err := each(ctx, i); err != nil {
				return err
			}
			if err := f(entryOf{unmapped: "osv nothing"}); err != nil {
				return err
			}
		}
		return nil
	}}
}

// TestLongList: while a list is read hosts are followed, the work stays with the server,
// and it ends at once when the server does.
func TestLongList(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d)
	other := newWorld(t, d, func(c *Config) { c.Now = func() time.Time { return w.now } })
	w.site("LYON")
	w.bring("debian", "debian", tracker("curl CVE-1 bookworm 2 high"))
	src, err := w.source(t.Context(), "debian")
	check(t, err)
	host := w.report("LYON", "a", said{}, "curl 1")
	reports := lasting(1000, func(ctx context.Context, i int) error {
		if i == 0 {
			w.Poke() // it reported a moment ago
		}
		for i == 999 && len(w.found(nil, host, api.FindingQuery{})) == 0 && ctx.Err() == nil {
		}
		return ctx.Err()
	})
	mine, err := w.work(t.Context(), func() error { return w.entries(t.Context(), &reports, func(entryOf) error { return nil }) })
	if err != nil || !mine {
		t.Errorf("%v, %v", mine, err)
	}
	mine, err = w.work(t.Context(), func() error {
		next := make(chan struct{}, 1)
		slow := lasting(20, func(ctx context.Context, i int) error {
			next <- struct{}{} // the entry before is taken
			return ctx.Err()
		})
		return w.entries(t.Context(), &slow, func(entryOf) error {
			w.pass(hold / 3)
			if mine, err := other.claim(t.Context()); err != nil || mine {
				t.Errorf("another server has the work: %v, %v", mine, err)
			}
			<-next
			return nil
		})
	})
	if err != nil || !mine {
		t.Errorf("%v, %v", mine, err)
	}
	ctx, end := context.WithCancelCause(t.Context())
	why := errors.New("the server ends")
	stuck := lasting(1, func(ctx context.Context, _ int) error {
		end(why)
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if _, err := w.take(ctx, src, stuck, true, 0); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
	lost := lasting(1000, func(ctx context.Context, i int) error {
		if i == 1 {
			check(t, w.DB.Write(t.Context(), func(tx *db.Tx) error { return other.extend(tx, w.now) }))
			w.heldTo.Store(0)
		}
		return ctx.Err()
	})
	_, err = w.work(t.Context(), func() error {
		return w.entries(t.Context(), &lost, func(entryOf) error { return nil })
	})
	wantKind(t, err, muster.Busy)
}

// TestFolderByLink: who swaps folders does it by a link; sums and signatures beside
// documents are none.
func TestFolderByLink(t *testing.T) {
	dir := t.TempDir()
	for name, id := range map[string]string{"one": "DSA-1", "two": "DSA-2"} {
		check(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		for _, suffix := range []string{"", ".sha256", ".asc"} {
			check(t, os.WriteFile(filepath.Join(dir, name, "a.json"+suffix), []byte(strings.Replace(`{"id":"X","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"versions":["1"]}]}`, "X", id, 1)), 0o644))
		}
	}
	current := filepath.Join(dir, "current")
	if err := os.Symlink("one", current); err != nil {
		t.Skip(err)
	}
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.Sources = []Source{{Name: "debian", Form: "osv", Path: current}} })
	w.site("LYON")
	host := w.report("LYON", "a", said{}, "curl 1")
	w.look()
	same(t, "one", w.found(nil, host, api.FindingQuery{}), []string{"DSA-1 curl  unknown"})
	check(t, os.Remove(current))
	check(t, os.Symlink("two", current))
	w.pass(time.Hour)
	w.look()
	same(t, "two", w.found(nil, host, api.FindingQuery{}), []string{"DSA-2 curl  unknown"})
	if s := w.sourceOf(); s.Skipped != 0 || s.Error != "" {
		t.Errorf("%+v", s)
	}
}

// TestInClear: what is not encrypted is asked for from an address that the configuration
// names alone.
func TestInClear(t *testing.T) {
	p := newPublisher(t)
	p.say("curl CVE-1 bookworm 2 high")
	port := p.URL[strings.LastIndex(p.URL, ":"):]
	for _, c := range []struct {
		address, allow string
		ok             bool
	}{
		{"http://127.0.0.1" + port, "", true},
		{"http://localhost" + port, "", false},
		{"http://localhost" + port, "127.0.0.0/8", true},
		{"http://localhost" + port, "192.0.2.0/24", false},
	} {
		w := newWorld(t, dbtest.SQLite(t), func(conf *Config) {
			conf.Sources = []Source{{Name: "debian", Form: "debian", URL: c.address}}
			if c.allow != "" {
				conf.Allow = []netip.Prefix{netip.MustParsePrefix(c.allow)}
			}
		})
		w.look()
		if s := w.sourceOf(); (s.Entries == 1) != c.ok || !c.ok && !strings.Contains(s.Error, "without TLS") {
			t.Errorf("%s, %q: %+v", c.address, c.allow, s)
		}
	}
}

// TestHostsByNumber: what programs read as an address of this machine is no name for a
// proxy to find.
func TestHostsByNumber(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.Guard = noLocal })
	for _, host := range []string{"2130706433", "0x7f000001", "127.1", "0177.0.0.1", "a.0x1", "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "a.", "1."} {
		u, err := url.Parse("http://" + host + "/x")
		check(t, err)
		if err := w.checkHost(u); muster.KindOf(err) != muster.Denied && host != "a." {
			t.Errorf("%q: %v", host, err)
		}
	}
	for _, host := range []string{"tracker.example.org", "1.example.org", "192.0.2.1"} {
		u, err := url.Parse("http://" + host + "/x")
		check(t, err)
		if err := w.checkHost(u); err != nil && host != "192.0.2.1" {
			t.Errorf("%q: %v", host, err)
		}
	}
}

// TestShrunkLittle: short lists do not lose most of what they say either.
func TestShrunkLittle(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	var lines []string
	for i := range 9 {
		lines = append(lines, fmt.Sprintf("curl CVE-%d bookworm 2 high", i))
	}
	w.bring("debian", "debian", tracker(lines...))
	_, err := w.Import(t.Context(), ImportOptions{Source: "debian", Form: "debian"}, strings.NewReader(tracker(lines[:4]...)))
	wantKind(t, err, muster.Conflict)
	_, err = w.Import(t.Context(), ImportOptions{Source: "debian", Form: "debian"}, strings.NewReader(tracker(lines[:5]...)))
	check(t, err)
}
