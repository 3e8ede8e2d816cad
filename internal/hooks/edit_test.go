package hooks

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// A held receiver keeps the first request until it is let go, and refuses it.
func heldReceiver(t *testing.T) (url string, came, let chan bool) {
	came, let = make(chan bool, 100), make(chan bool)
	var first sync.Once
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came <- true
		first.Do(func() {
			<-let
			w.WriteHeader(http.StatusInternalServerError)
		})
	}))
	t.Cleanup(s.Close)
	return s.URL, came, let
}

// TestEditedDuringAttempt: what a person says of a webhook while an attempt is under way
// stands when that ends.
func TestEditedDuringAttempt(t *testing.T) {
	on, off := true, false
	for name, edit := range map[string]api.WebhookEdit{"disabled": {Enabled: &off}, "skipped": {Enabled: &on, Skip: true}} {
		t.Run(name, func(t *testing.T) {
			url, came, let := heldReceiver(t)
			feed, c := &list{}, newClock()
			told := make(chan string, 10)
			h := run(t, dbtest.SQLite(t), feed, c, func(cfg *Config) {
				cfg.Disabled = func(_ context.Context, w api.Webhook) { told <- w.ID }
			})
			w := add(t, h, api.WebhookNew{URL: url})
			feed.add("host.result")
			<-came
			_, err := h.Edit(t.Context(), "bob", w.ID, edit)
			check(t, err)
			close(let)
			until(t, "the attempt is noted", func() bool {
				page, err := h.Deliveries(t.Context(), w.ID)
				check(t, err)
				return len(page.Deliveries) == 1
			})
			c.add(time.Hour)
			got := h.one(t, w.ID)
			if name == "disabled" {
				if got.Disabled == 0 || got.Reason != "by a person" {
					t.Errorf("enabled again: %+v", got)
				}
				return
			}
			if got.Failing != 0 || got.By != "bob" {
				t.Errorf("%+v", got)
			}
			feed.add("host.enrolled")
			<-came
			until(t, "the next is delivered", func() bool { return place(t, h, w.ID) == "2" })
			if page, err := h.Deliveries(t.Context(), w.ID); err != nil || len(page.Deliveries) != 2 || page.Deliveries[0].Items != 1 {
				t.Errorf("what was skipped is sent all the same: %+v, %v", page, err)
			}
			if len(told) != 0 {
				t.Error("somebody was told that it is disabled")
			}
		})
	}
}

func place(t *testing.T, h *Hooks, id string) string {
	t.Helper()
	all, err := h.all(t.Context())
	check(t, err)
	for _, k := range all {
		if k.ID == id {
			return k.place
		}
	}
	return ""
}

// TestRightEnds: the webhook of somebody who may not have one any more sends nothing
// from then on, which is told; who enables it answers for it.
func TestRightEnds(t *testing.T) {
	r := newReceiver(t, always(200))
	feed := &list{}
	var alice atomic.Bool
	alice.Store(true)
	told := make(chan api.Webhook, 10)
	h := run(t, dbtest.SQLite(t), feed, newClock(), func(c *Config) {
		c.May = func(_ context.Context, by string) (bool, error) { return by != "alice" || alice.Load(), nil }
		c.Disabled = func(_ context.Context, w api.Webhook) { told <- w }
	})
	w := add(t, h, api.WebhookNew{URL: r.URL})
	feed.add("host.result")
	r.next(t)
	alice.Store(false)
	feed.add("audit.login")
	if d := <-told; d.ID != w.ID || d.Reason == "" || d.Disabled == 0 {
		t.Errorf("%+v", d)
	}
	if got := h.one(t, w.ID); got.Disabled == 0 || len(r.got) != 0 {
		t.Errorf("%+v, %d messages", got, len(r.got))
	}
	on := true
	_, err := h.Edit(t.Context(), "bob", w.ID, api.WebhookEdit{Enabled: &on})
	check(t, err)
	if g := r.next(t); len(g.Data.Items) != 1 || g.Data.Items[0].Kind != "audit.login" {
		t.Errorf("%+v", g)
	}
}

// TestGivenUpIsTold: what a receiver never hears is told to the people of the server.
func TestGivenUpIsTold(t *testing.T) {
	r := newReceiver(t, always(500))
	feed, c := &list{}, newClock()
	told := make(chan string, 10)
	h := run(t, dbtest.SQLite(t), feed, c, func(cfg *Config) {
		cfg.GivenUp = func(_ context.Context, _ api.Webhook, reason string) { told <- reason }
	})
	w := add(t, h, api.WebhookNew{URL: r.URL})
	feed.add("host.result")
	r.next(t)
	until(t, "the first attempt is over", func() bool { return h.one(t, w.ID).Failing != 0 })
	c.add(25 * time.Hour)
	if reason := <-told; reason == "" {
		t.Error("no reason")
	}
}

// TestLooksReadNoMessages: what waits to be sent is not read to see whether it is due.
func TestLooksReadNoMessages(t *testing.T) {
	h, err := Open(t.Context(), Config{DB: dbtest.SQLite(t), Feed: &list{}, Key: make([]byte, KeySize), Server: "s", Allow: here, Now: newClock().now})
	check(t, err)
	w := add(t, h, api.WebhookNew{URL: "https://example.org"})
	check(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE hooks_hook SET body = ?", bytes.Repeat([]byte("x"), 1<<20))
		return err
	}))
	all, err := h.all(t.Context())
	if err != nil || len(all) != 1 || !all[0].waits || all[0].body != nil {
		t.Errorf("%d, %v", len(all), err)
	}
	check(t, h.DB.Read(t.Context(), func(tx *db.Tx) error {
		k, err := read(tx, w.ID)
		if len(k.body) != 1<<20 || !k.waits {
			t.Errorf("%d bytes", len(k.body))
		}
		return err
	}))
}
