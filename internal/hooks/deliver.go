package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/backoff"
	"muster/internal/db"
)

// The types of messages.
const (
	typeChanges = "muster.changes"
	typeTest    = "muster.test"
)

const (
	together = 100             // items of one message
	giveUp   = 24 * time.Hour  // of one message
	soonest  = 5 * time.Second // after the first failure
	latest   = 6 * time.Hour   // after many
	hold     = 2 * time.Minute // a webhook by one server; above the time of an attempt
)

// Run delivers until ctx ends; then it waits for the attempts under way.
func (h *Hooks) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(h.Each)
	defer tick.Stop()
	defer h.work.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := h.look(ctx, report); err != nil && ctx.Err() == nil {
			report(err)
		}
	}
}

// look begins to work on every webhook that is due and on which nobody works: each
// by itself, so that none waits for another.
func (h *Hooks) look(ctx context.Context, report func(error)) error {
	all, err := h.all(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	now := h.Now().Unix()
	place, err := h.Feed.Now(ctx)
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Disabled != 0 || k.Due > now || !k.waits && k.place == place || !h.enter(k.ID) {
			continue
		}
		h.work.Go(func() {
			defer h.leave(k.ID)
			if err := h.serve(ctx, k.ID); err != nil && ctx.Err() == nil {
				report(err)
			}
		})
	}
	return nil
}

func (h *Hooks) enter(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy[id] {
		return false
	}
	h.busy[id] = true
	return true
}

func (h *Hooks) leave(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.busy, id)
}

// serve sends a webhook what there is for it, until there is nothing more or it fails.
func (h *Hooks) serve(ctx context.Context, id string) error {
	for ctx.Err() == nil {
		k, err := h.claim(ctx, id)
		if err != nil || k == nil {
			return err
		}
		if more, err := h.step(ctx, k); err != nil || !more {
			return err
		}
	}
	return nil
}

// claim takes a webhook for a while, or returns nil: another server has it, or it is
// not due any more.
func (h *Hooks) claim(ctx context.Context, id string) (mine *hook, err error) {
	err = h.DB.Write(ctx, func(tx *db.Tx) error {
		mine = nil
		now := h.Now()
		r, err := tx.Exec("UPDATE hooks_hook SET holder = ?, held = ? WHERE id = ? AND disabled = 0 AND due <= ? AND (holder = ? OR held < ?)",
			h.Self, now.Add(hold).Unix(), id, now.Unix(), h.Self, now.Unix())
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			// MySQL counts rows that changed: it may be ours, held in this second.
			var holder string
			var due, disabled int64
			err := tx.QueryRow("SELECT holder, due, disabled FROM hooks_hook WHERE id = ?", id).Scan(&holder, &due, &disabled)
			if muster.KindOf(err) == muster.NotFound {
				return nil
			}
			if err != nil || holder != h.Self || due > now.Unix() || disabled != 0 {
				return err
			}
		}
		k, err := read(tx, id)
		mine = &k
		return err
	})
	return mine, err
}

// step sends one message: the one that could not be delivered before, or the next of
// the feed. more says that another may follow at once.
func (h *Hooks) step(ctx context.Context, k *hook) (more bool, err error) {
	if h.May != nil {
		may, err := h.May(ctx, k.By)
		if err != nil {
			return false, err
		}
		if !may {
			return false, h.forbid(ctx, k)
		}
	}
	if k.body == nil {
		items, next, err := h.Feed.Read(ctx, k.place, k.Hosts, k.Kinds, together)
		if err != nil {
			return false, err
		}
		if k.further = next; len(items) == 0 {
			return false, h.update(ctx, k, "place = ?, held = 0", next)
		}
		if k.body, err = h.message(typeChanges, items); err != nil {
			return false, err
		}
		k.items, k.began, k.tries = len(items), h.Now().Unix(), 0
		k.message = messageID(k.ID, items)
	}
	k.tries++
	d := h.attempt(ctx, k)
	if d.Error == "" {
		return h.delivered(ctx, k, d)
	}
	if ctx.Err() != nil {
		return false, nil // the server stops: this was no attempt
	}
	return false, h.failed(ctx, k, d)
}

// messageID is the same for the same items.
func messageID(hook string, items []api.FeedItem) string {
	sum := sha256.New()
	io.WriteString(sum, hook) //nolint:errcheck // never
	for _, i := range items {
		io.WriteString(sum, " "+i.ID) //nolint:errcheck // never
	}
	return "msg_" + hex.EncodeToString(sum.Sum(nil)[:16])
}

func (h *Hooks) message(kind string, items []api.FeedItem) ([]byte, error) {
	return json.Marshal(api.Message{Type: kind, Timestamp: h.Now().UTC().Format(time.RFC3339), Data: api.MessageData{Server: h.Server, Items: items}})
}

func (h *Hooks) update(ctx context.Context, k *hook, set string, args ...any) error {
	return h.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE hooks_hook SET "+set+" WHERE id = ? AND holder = ?", append(args, k.ID, h.Self)...)
		return err
	})
}

// delivered goes on behind the message, and reports whether the webhook is still ours.
func (h *Hooks) delivered(ctx context.Context, k *hook, d api.Delivery) (ours bool, err error) {
	return h.finish(ctx, k, &d, "place = ?, failing = 0, due = 0, tries = 0, began = 0, body = NULL", k.further)
}

// finish changes a webhook at the end of an attempt, unless somebody else has it by
// now: another server, or a person who has edited it meanwhile and whose word stands.
func (h *Hooks) finish(ctx context.Context, k *hook, d *api.Delivery, set string, args ...any) (ours bool, err error) {
	err = h.DB.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		var holder string
		err := tx.QueryRow("SELECT holder FROM hooks_hook WHERE id = ?", k.ID).Scan(&holder)
		if ours = err == nil && holder == h.Self; muster.KindOf(err) == muster.NotFound {
			return nil // it was removed
		}
		if err != nil {
			return err
		}
		if ours {
			if _, err := tx.Exec("UPDATE hooks_hook SET "+set+" WHERE id = ?", append(args, k.ID)...); err != nil {
				return err
			}
		}
		if d == nil {
			return nil
		}
		return note(tx, k.ID, *d)
	})
	return ours, err
}

// forbid disables the webhook of somebody who may not have one any more.
func (h *Hooks) forbid(ctx context.Context, k *hook) error {
	k.Disabled, k.Reason = h.Now().Unix(), k.By+" may not administer this server any more"
	ours, err := h.finish(ctx, k, nil, "disabled = ?, reason = ?, held = 0", k.Disabled, cut(k.Reason, 500))
	if err == nil && ours && h.Disabled != nil {
		h.Disabled(ctx, k.Webhook)
	}
	return err
}

// failed keeps the message for the next attempt, gives it up after a day, or disables
// the webhook.
func (h *Hooks) failed(ctx context.Context, k *hook, d api.Delivery) error {
	now := h.Now()
	if k.Failing == 0 {
		k.Failing = now.Unix()
	}
	switch {
	case d.Status == http.StatusGone:
		k.Disabled, k.Reason = now.Unix(), "the other server says that it is gone (410)"
	case now.Sub(time.Unix(k.Failing, 0)) >= h.Patience:
		k.Disabled, k.Reason = now.Unix(), "nothing could be delivered since "+time.Unix(k.Failing, 0).UTC().Format(time.RFC3339)+": "+d.Error
	}
	place, body := k.place, any(k.body)
	if now.Sub(time.Unix(k.began, 0)) >= giveUp {
		place, body, d.Error = k.further, nil, "given up after a day: "+d.Error
	}
	ours, err := h.finish(ctx, k, &d, "place = ?, failing = ?, due = ?, disabled = ?, reason = ?, tries = ?, began = ?, message = ?, further = ?, items = ?, body = ?, held = 0",
		place, k.Failing, now.Add(backoff.After(k.tries, soonest, latest)).Unix(), k.Disabled, cut(k.Reason, 500), k.tries, k.began, k.message, k.further, k.items, body)
	if err != nil || !ours {
		return err
	}
	if body == nil && h.GivenUp != nil {
		h.GivenUp(ctx, k.Webhook, d.Error)
	}
	if k.Disabled != 0 && h.Disabled != nil {
		h.Disabled(ctx, k.Webhook)
	}
	return nil
}

// attempt posts the message of a hook once.
func (h *Hooks) attempt(ctx context.Context, k *hook) api.Delivery {
	now := h.Now()
	begun := time.Now()
	d := api.Delivery{Time: now.Unix(), Message: k.message, Try: int(k.tries), Items: k.items}
	status, err := h.post(ctx, k, now)
	d.Status, d.Took = status, time.Since(begun).Milliseconds()
	switch {
	case err != nil:
		d.Error = reason(err)
	case status/100 != 2:
		d.Error = "it answered " + strconv.Itoa(status)
	}
	return d
}

// reason is an error without the address, which may hold a secret.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

func (h *Hooks) post(ctx context.Context, k *hook, now time.Time) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, k.URL, bytes.NewReader(k.body))
	if err != nil {
		return 0, err
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	secret, err := h.seal.unseal(k.ID, k.secret)
	if err != nil {
		return 0, err
	}
	signature, err := Sign(secret, k.message, stamp, k.body)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "musterd")
	r.Header.Set("webhook-id", k.message)
	r.Header.Set("webhook-timestamp", stamp)
	r.Header.Set("webhook-signature", signature)
	client := h.secure
	if strings.EqualFold(r.URL.Scheme, "http") {
		client = h.plain
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	// What it says is nobody's business: it may be a server that should not be read.
	return resp.StatusCode, resp.Body.Close()
}

// Sign is the header webhook-signature of a message (Standard Webhooks 1.0.0): "v1,"
// and the HMAC-SHA256 of id, timestamp and body with dots between, base64.
func Sign(secret, id, stamp string, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, plainPrefix))
	if err != nil {
		return "", muster.Errorf(muster.Invalid, "the secret of a webhook is none")
	}
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, id+"."+stamp+".") //nolint:errcheck // never
	mac.Write(body)                       //nolint:errcheck // never
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// Test sends a message without items now, whatever state the webhook is in.
func (h *Hooks) Test(ctx context.Context, id string) (d api.Delivery, err error) {
	var k hook
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		k, err = read(tx, id)
		return err
	})
	if err != nil {
		return d, err
	}
	if k.body, err = h.message(typeTest, []api.FeedItem{}); err != nil {
		return d, err
	}
	k.message, k.tries, k.items = "msg_test_"+newID(), 1, 0
	d = h.attempt(ctx, &k)
	return d, h.DB.Write(ctx, func(tx *db.Tx) error { return note(tx, id, d) })
}
