package hooks

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/testneed"
)

// What happens is sent in its order, signed, of the kinds that are wanted, from when
// the webhook was made.
func TestDelivery(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		feed, r := &list{}, newReceiver(t, always(204))
		feed.add("host.enrolled", "host.result")
		h := run(t, d, feed, newClock())
		w := add(t, h, api.WebhookNew{URL: r.URL + "/x", Kinds: []string{"host"}})
		feed.add("inventory", "host.cloned", "hostile", "host.result")
		var kinds []string
		for len(kinds) < 2 {
			g := r.next(t)
			for _, i := range g.Data.Items {
				kinds = append(kinds, i.Kind)
			}
			if g.Type != "muster.changes" || g.Data.Server != "server" {
				t.Errorf("%s", g.body)
			}
			want, err := Sign(w.Secret, g.header.Get("webhook-id"), g.header.Get("webhook-timestamp"), g.body)
			check(t, err)
			if g.header.Get("webhook-signature") != want || g.header.Get("webhook-timestamp") != "1790000000" {
				t.Errorf("%v", g.header)
			}
		}
		if !slices.Equal(kinds, []string{"host.cloned", "host.result"}) {
			t.Errorf("%q", kinds)
		}
		until(t, "the deliveries", func() bool {
			page, err := h.Deliveries(t.Context(), w.ID)
			check(t, err)
			return len(page.Deliveries) > 0 && page.Deliveries[0].Status == 204
		})
	})
}

// A message that fails comes again, later each time, with the same bytes and id; what
// follows waits; another webhook does not.
func TestRetry(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		feed, c := &list{}, newClock()
		bad := newReceiver(t, func(n int) int { return map[bool]int{true: 500, false: 200}[n <= 3] })
		good := newReceiver(t, always(200))
		h := run(t, d, feed, c)
		w := add(t, h, api.WebhookNew{URL: bad.URL})
		add(t, h, api.WebhookNew{URL: good.URL})
		feed.add("host.enrolled")
		first := bad.next(t)
		good.next(t)
		for try := range 3 {
			until(t, "a date for the next attempt", func() bool { return h.one(t, w.ID).Due > c.now().Unix() })
			feed.add("host.result")
			good.next(t)
			wait := time.Duration(h.one(t, w.ID).Due-c.now().Unix()) * time.Second
			if least := time.Duration(3<<try) * time.Second; wait < least || wait > 4*least {
				t.Errorf("attempt %d comes after %v", try+2, wait)
			}
			c.add(wait)
			again := bad.next(t)
			if !bytes.Equal(again.body, first.body) || again.header.Get("webhook-id") != first.header.Get("webhook-id") {
				t.Errorf("attempt %d differs: %s", try+2, again.body)
			}
		}
		if rest := bad.next(t); len(rest.Data.Items) != 3 {
			t.Errorf("%s", rest.body)
		}
		until(t, "the end of the failures", func() bool { return h.one(t, w.ID).Failing == 0 })
	})
}

// After a day a message is given up; after some days the webhook is disabled, and
// somebody is told. Enabled again it goes on with what happened since.
func TestGivenUpAndDisabled(t *testing.T) {
	feed, c, r := &list{}, newClock(), newReceiver(t, always(500))
	told := make(chan api.Webhook, 10)
	h := run(t, dbtest.SQLite(t), feed, c, func(cfg *Config) { cfg.Disabled = func(_ context.Context, w api.Webhook) { told <- w } })
	w := add(t, h, api.WebhookNew{URL: r.URL})
	feed.add("host.enrolled")
	first := r.next(t)
	feed.add("host.result")
	var last got
	for n := 0; h.one(t, w.ID).Disabled == 0 && n < 200; n++ {
		until(t, "a date", func() bool { k := h.one(t, w.ID); return k.Due > c.now().Unix() || k.Disabled != 0 })
		if h.one(t, w.ID).Disabled != 0 {
			break
		}
		c.add(time.Duration(h.one(t, w.ID).Due-c.now().Unix()) * time.Second)
		feed.add("host.result")
		last = r.next(t)
	}
	if last.header.Get("webhook-id") == first.header.Get("webhook-id") || last.Data.Items[0].Kind != "host.result" {
		t.Errorf("the first message was not given up: %s", last.body)
	}
	if got := <-told; got.ID != w.ID || got.Secret != "" || !strings.Contains(got.Reason, "nothing could be delivered") {
		t.Errorf("%+v", got)
	}
	if passed := c.now().Unix() - h.one(t, w.ID).Failing; passed < 5*86400 || passed > 6*86400 {
		t.Errorf("disabled after %d seconds", passed)
	}
	feed.add("host.cloned")
	on := true
	_, err := h.Edit(t.Context(), "alice", w.ID, api.WebhookEdit{Enabled: &on})
	check(t, err)
	until(t, "the newest item", func() bool {
		g := r.next(t)
		return g.Data.Items[len(g.Data.Items)-1].Kind == "host.cloned"
	})
}

// A server that says that it is gone is not asked again.
func TestGone(t *testing.T) {
	feed, r := &list{}, newReceiver(t, always(410))
	h := run(t, dbtest.SQLite(t), feed, newClock())
	w := add(t, h, api.WebhookNew{URL: r.URL})
	feed.add("host.enrolled")
	r.next(t)
	until(t, "it is disabled", func() bool { return h.one(t, w.ID).Disabled != 0 })
}

// Of several servers on one database one sends; when it ends, another goes on.
func TestSeveralServers(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		feed, r, c := &list{}, newReceiver(t, always(200)), newClock()
		a := run(t, first, feed, c)
		run(t, second, feed, c)
		add(t, a, api.WebhookNew{URL: r.URL})
		const n = 30
		for range n {
			feed.add("host.result")
			c.add(time.Second) // a hold ends after two minutes
		}
		seen := map[string]bool{}
		for len(seen) < n {
			for _, i := range r.next(t).Data.Items {
				if seen[i.ID] {
					t.Errorf("%s came twice", i.ID)
				}
				seen[i.ID] = true
			}
		}
	})
}

func TestRefused(t *testing.T) {
	h := run(t, dbtest.SQLite(t), &list{}, newClock())
	for _, in := range []api.WebhookNew{{URL: "ftp://example.org"}, {URL: "https://alice:secret@example.org"}, {URL: "https://"}, {URL: "/x"}, {URL: "https://example.org/#x"},
		{URL: "https://example.org", Kinds: []string{"a b"}}, {URL: "https://example.org", Hosts: "("}, {URL: "https://example.org", Note: strings.Repeat("x", 501)}} {
		if _, err := h.Add(t.Context(), "alice", in); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%+v: %v", in, err)
		}
	}
	for range maxHooks {
		add(t, h, api.WebhookNew{URL: "https://example.org"})
	}
	if _, err := h.Add(t.Context(), "alice", api.WebhookNew{URL: "https://example.org"}); muster.KindOf(err) != muster.Conflict {
		t.Errorf("one more: %v", err)
	}
	if err := h.Remove(t.Context(), "nobody"); muster.KindOf(err) != muster.NotFound {
		t.Error(err)
	}
}

// The signature is that of the specification's example, and of openssl.
func TestSign(t *testing.T) {
	const secret, id, stamp, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`
	got, err := Sign(secret, id, stamp, []byte(body))
	if err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%s (%v)", got, err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	check(t, err)
	cmd := exec.Command(testneed.Program(t, "openssl"), "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:"+hex.EncodeToString(key), "-binary")
	cmd.Stdin = strings.NewReader(id + "." + stamp + "." + body)
	mac, err := cmd.Output()
	if err != nil || "v1,"+base64.StdEncoding.EncodeToString(mac) != got {
		t.Errorf("openssl says %x (%v)", mac, err)
	}
}

// The database alone gives nobody a secret: not as text, not for another webhook, not
// with another key. What an older server left there is sealed at the start.
func TestSecretsAreSealed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		feed, c, r := &list{}, newClock(), newReceiver(t, always(200))
		h := run(t, d, feed, c)
		w := add(t, h, api.WebhookNew{URL: r.URL})
		other := add(t, h, api.WebhookNew{URL: r.URL, Kinds: []string{"none"}})
		set := func(secret, id string) {
			t.Helper()
			check(t, d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec("UPDATE hooks_hook SET secret = ? WHERE id = ?", secret, id)
				return err
			}))
		}
		kept := func(id string) (secret string) {
			t.Helper()
			check(t, d.Read(t.Context(), func(tx *db.Tx) error {
				return tx.QueryRow("SELECT secret FROM hooks_hook WHERE id = ?", id).Scan(&secret)
			}))
			return secret
		}
		delivers := func(h *Hooks, what string, want bool) {
			t.Helper()
			got, err := h.Test(t.Context(), w.ID)
			check(t, err)
			if (got.Error == "") != want {
				t.Fatalf("%s: %+v", what, got)
			}
			if !want {
				return
			}
			g := r.next(t)
			signed, err := Sign(w.Secret, g.header.Get("webhook-id"), g.header.Get("webhook-timestamp"), g.body)
			check(t, err)
			if g.header.Get("webhook-signature") != signed {
				t.Errorf("%s: another secret signs", what)
			}
		}
		if got := kept(w.ID); strings.Contains(got, w.Secret[len("whsec_"):]) || !strings.HasPrefix(got, "v1:") {
			t.Errorf("the database has %q", got)
		}
		delivers(h, "as it was added", true)
		mine := kept(w.ID)
		set(kept(other.ID), w.ID)
		delivers(h, "the secret of another", false)
		set(w.Secret, w.ID) // as an older server did
		again, err := Open(t.Context(), h.Config)
		check(t, err)
		if got := kept(w.ID); !strings.HasPrefix(got, "v1:") || got == mine {
			t.Errorf("of an older server: %q", got)
		}
		delivers(again, "of an older server", true)
		cfg := h.Config
		cfg.Key = append(make([]byte, KeySize-1), 1)
		stranger, err := Open(t.Context(), cfg)
		check(t, err)
		delivers(stranger, "with another key", false)
		cfg.Key = nil
		if _, err := Open(t.Context(), cfg); muster.KindOf(err) != muster.Invalid {
			t.Errorf("without a key: %v", err)
		}
	})
}

// FuzzSecret: what the database holds is the secret of one webhook, in one form, or none.
func FuzzSecret(f *testing.F) {
	s, err := newSeal(make([]byte, KeySize))
	check(f, err)
	kept, err := s.shut("a", newSecret())
	check(f, err)
	f.Add(kept)
	f.Add("v1:")
	f.Add(newSecret())
	f.Fuzz(func(t *testing.T, text string) {
		if secret, err := s.unseal("a", text); err == nil {
			for n := range len(text) {
				if other, err := s.unseal("a", text[:n]+"A"+text[n+1:]); err == nil && text[n] != 'A' {
					t.Errorf("%q: altered it is %q, not %q", text, other, secret)
				}
			}
			if _, err := s.unseal("b", text); err == nil {
				t.Errorf("%q is of two webhooks", text)
			}
		}
		again, err := s.shut("b", text)
		if err != nil {
			return
		}
		if got, err := s.unseal("b", again); err != nil || len(got) < len(plainPrefix) {
			t.Errorf("%q is kept as %q, then %q, %v", text, again, got, err)
		}
	})
}
