package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A list is a feed in memory; its cursors are numbers.
type list struct {
	mu    sync.Mutex
	items []api.FeedItem
}

func (l *list) add(kinds ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range kinds {
		l.items = append(l.items, api.FeedItem{ID: fmt.Sprint("h", len(l.items)), Kind: k, Time: 1})
	}
}

func (l *list) Now(context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strconv.Itoa(len(l.items)), nil
}

func (l *list) Read(_ context.Context, cursor, _ string, kinds []string, limit int) (items []api.FeedItem, next string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := strconv.Atoi(cursor)
	for ; n < len(l.items) && len(items) < limit; n++ {
		if l.items[n].Is(kinds) {
			items = append(items, l.items[n])
		}
	}
	return items, strconv.Itoa(n), err
}

func (l *list) CheckQuery(q string) error {
	if q == "(" {
		return muster.Errorf(muster.Invalid, "no query")
	}
	return nil
}

// A clock is set by the test.
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

// A got message is what a receiver was sent.
type got struct {
	header http.Header
	body   []byte
	api.Message
}

// A receiver is a server that takes webhooks; answer says with which status, by the
// number of the request.
type receiver struct {
	*httptest.Server
	got chan got
}

func newReceiver(t testing.TB, answer func(n int) int) *receiver {
	t.Helper()
	r := &receiver{got: make(chan got, 1000)}
	var mu sync.Mutex
	n := 0
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		g := got{header: req.Header, body: body}
		if err := json.Unmarshal(body, &g.Message); err != nil {
			t.Error(err)
		}
		mu.Lock()
		n++
		status := answer(n)
		mu.Unlock()
		if status == 302 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		r.got <- g
	}))
	t.Cleanup(r.Close)
	return r
}

// next is the next message.
func (r *receiver) next(t testing.TB) got {
	t.Helper()
	select {
	case g := <-r.got:
		return g
	case <-time.After(20 * time.Second):
		t.Fatal("no message comes")
		panic("not reached")
	}
}

func always(status int) func(int) int { return func(int) int { return status } }

// here lets tests send to this machine.
var here = Guard(prefixes("127.0.0.0/8", "::1/128"))

// run starts the webhooks of a database; they end with the test.
func run(t testing.TB, d *db.DB, feed Feed, c *clock, change ...func(*Config)) *Hooks {
	t.Helper()
	cfg := Config{DB: d, Feed: feed, Key: make([]byte, KeySize), Server: "server", Allow: here, Now: c.now, Each: time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	h, err := Open(t.Context(), cfg)
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan bool)
	go func() {
		h.Run(ctx, func(err error) { t.Error(err) })
		close(done)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return h
}

func add(t testing.TB, h *Hooks, in api.WebhookNew) api.Webhook {
	t.Helper()
	w, err := h.Add(t.Context(), "alice", in)
	check(t, err)
	return w
}

// until asks until it is so: each time asks the database.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	for begun := time.Now(); !so(); {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func (h *Hooks) one(t testing.TB, id string) api.Webhook {
	t.Helper()
	page, err := h.List(t.Context())
	check(t, err)
	for _, w := range page.Webhooks {
		if w.ID == id {
			return w
		}
	}
	t.Fatalf("there is no webhook %s", id)
	return api.Webhook{}
}
