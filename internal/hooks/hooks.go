// Package hooks tells other servers what happens, by webhooks. It owns the tables
// hooks_*.
//
// Start with [Open] and [Hooks.Run]. What happens comes from a [Feed]; each webhook
// reads it from a place of its own, so that one that cannot be reached holds up no
// other, and nothing is kept for it but the place and one message.
//
// # Promise
//
// A message comes at least once, in the order of the feed, or after a day of attempts
// not at all: then the next one is tried. Every attempt has the same bytes and the
// same webhook-id. After [Config.Patience] without success the webhook is disabled.
// Messages are signed as Standard Webhooks 1.0.0 says
// (https://github.com/standard-webhooks/standard-webhooks): webhook-id,
// webhook-timestamp, webhook-signature.
//
// Secrets of webhooks are sealed with a key that is not in the database: a copy of
// that alone gives nobody one.
//
// No message goes to an address that is not public, whatever names and
// addresses say: see [Guard].
package hooks

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "hooks", Files: schema} }

// A Feed is what happens, as the server's feed of changes has it.
type Feed interface {
	// Now is the cursor behind all that has happened.
	Now(ctx context.Context) (cursor string, err error)
	// Read lists what happened after a cursor to the hosts that a query finds ("" is
	// all, and what is of no host), and the cursor behind that.
	Read(ctx context.Context, cursor, hosts string, kinds []string, limit int) (items []api.FeedItem, next string, err error)
	// CheckQuery refuses a query that cannot be asked.
	CheckQuery(hosts string) error
}

// Config says what a [Hooks] works with.
type Config struct {
	DB     *db.DB
	Feed   Feed
	Key    []byte // of 32 bytes, under which secrets are sealed in the database
	Server string // id, for messages
	Self   string // of this process, of several on one database; random where it is ""
	Allow  Guard
	Now    func() time.Time // time.Now
	// Patience is how long a webhook may fail before it is disabled: 5 days.
	Patience time.Duration
	// May says whether somebody may still have webhooks, which is asked before every
	// message; nil: everybody may.
	May func(ctx context.Context, by string) (bool, error)
	// GivenUp is told of a message that could not be delivered in its time.
	GivenUp func(ctx context.Context, w api.Webhook, reason string)
	// Disabled is told of a webhook that was disabled for want of success, or of rights.
	Disabled func(ctx context.Context, w api.Webhook)
	// Each is how often the feed is looked at: a second.
	Each time.Duration
	// Timeout is for one attempt: 15 seconds.
	Timeout time.Duration
	// Resolver finds the addresses of names; nil is the system's.
	Resolver *net.Resolver
}

// Hooks are the webhooks of a server.
type Hooks struct {
	Config
	seal          seal
	plain, secure *http.Client

	mu   sync.Mutex
	busy map[string]bool
	work sync.WaitGroup
}

// maxHooks bounds the webhooks of a server: each costs a few queries a second.
const maxHooks = 100

// Open brings the tables up to date.
func Open(ctx context.Context, c Config) (*Hooks, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Self == "" {
		c.Self = rand.Text()
	}
	if c.Patience == 0 {
		c.Patience = 5 * 24 * time.Hour
	}
	if c.Each == 0 {
		c.Each = time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if err := c.DB.Migrate(ctx, "hooks", files); err != nil {
		return nil, err
	}
	seal, err := newSeal(c.Key)
	if err != nil {
		return nil, err
	}
	h := &Hooks{Config: c, seal: seal, busy: map[string]bool{}, plain: c.Allow.client(c.Timeout, c.Resolver, true), secure: c.Allow.client(c.Timeout, c.Resolver, false)}
	return h, h.sealAll(ctx)
}

// checkURL refuses what is no address of a web server. Where it leads is found out
// when it is dialled, each time.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(text) > 2000 {
		return muster.WithHint(muster.Errorf(muster.Invalid, "%.100q is no address of a webhook", text), "write it as https://example.org/path, without a password")
	}
	return nil
}

// Add makes a webhook that begins with what happens from now on.
func (h *Hooks) Add(ctx context.Context, by string, in api.WebhookNew) (out api.Webhook, err error) {
	if err := checkURL(in.URL); err != nil {
		return out, muster.WithField(err, "/url")
	}
	for _, k := range in.Kinds {
		if k == "" || strings.Trim(k, "abcdefghijklmnopqrstuvwxyz.-") != "" {
			return out, muster.WithField(muster.Errorf(muster.Invalid, "%q is no kind of change", k), "/kinds")
		}
	}
	if kinds := strings.Join(in.Kinds, ","); len(kinds) > 500 || len(in.Note) > 500 {
		return out, muster.Errorf(muster.Invalid, "the kinds or the note of a webhook are longer than 500 bytes")
	}
	if err := h.Feed.CheckQuery(in.Hosts); err != nil {
		return out, muster.WithField(err, "/hosts")
	}
	place, err := h.Feed.Now(ctx)
	if err != nil {
		return out, err
	}
	out = api.Webhook{ID: newID(), URL: in.URL, Note: in.Note, Kinds: in.Kinds, Hosts: in.Hosts, Secret: newSecret(), Created: h.Now().Unix(), By: by}
	kept, err := h.seal.shut(out.ID, out.Secret)
	if err != nil {
		return out, err
	}
	err = h.DB.Write(ctx, func(tx *db.Tx) error {
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM hooks_hook").Scan(&n); err != nil {
			return err
		}
		if n >= maxHooks {
			return muster.Errorf(muster.Conflict, "there are %d webhooks already, and no more may be", n)
		}
		return tx.Insert("hooks_hook", []string{"id", "url", "note", "kinds", "hosts", "secret", "created", "creator", "place",
			"failing", "due", "disabled", "reason", "holder", "held", "tries", "began", "message", "further", "items"},
			[][]any{{out.ID, out.URL, out.Note, strings.Join(out.Kinds, ","), out.Hosts, kept, out.Created, by, place, 0, 0, 0, "", "", 0, 0, 0, "", "", 0}})
	})
	return out, err
}

func newID() string { return strings.ToLower(rand.Text()[:16]) }

// newSecret is one of 32 bytes, as Standard Webhooks writes them.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return plainPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// A hook is a webhook with what only this package needs of it.
type hook struct {
	api.Webhook
	secret  string // sealed
	place   string
	held    int64
	tries   int64
	began   int64
	message string
	further string
	items   int
	body    []byte // of the message that could not be delivered; read only by who sends it
	waits   bool   // there is one
}

const hookColumns = `id, url, note, kinds, hosts, secret, created, creator, place, failing, due, disabled, reason, held, tries, began, message, further, items, `

// scanHook reads a hook, and what stands behind its columns.
func scanHook(scan db.Scan, last func(*hook) any) (k hook, err error) {
	var kinds string
	err = scan(&k.ID, &k.URL, &k.Note, &kinds, &k.Hosts, &k.secret, &k.Created, &k.By, &k.place, &k.Failing, &k.Due, &k.Disabled, &k.Reason,
		&k.held, &k.tries, &k.began, &k.message, &k.further, &k.items, last(&k))
	if kinds != "" {
		k.Kinds = strings.Split(kinds, ",")
	}
	return k, err
}

func read(tx *db.Tx, id string) (hook, error) {
	k, err := scanHook(tx.QueryRow("SELECT "+hookColumns+"body FROM hooks_hook WHERE id = ?", id).Scan, func(k *hook) any { return &k.body })
	k.waits = k.body != nil
	if muster.KindOf(err) == muster.NotFound {
		err = muster.WithHint(muster.Errorf(muster.NotFound, "there is no webhook %q", id), "run 'muster webhooks list'")
	}
	return k, err
}

// all lists the webhooks without their messages, which may be long: it is asked every
// second.
func (h *Hooks) all(ctx context.Context) (all []hook, err error) {
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		return tx.Each("SELECT "+hookColumns+"CASE WHEN body IS NULL THEN 0 ELSE 1 END FROM hooks_hook ORDER BY created, id", nil, func(scan db.Scan) error {
			var waits int
			k, err := scanHook(scan, func(*hook) any { return &waits })
			k.waits = waits != 0
			all = append(all, k)
			return err
		})
	})
	return all, err
}

// List lists the webhooks, without their secrets.
func (h *Hooks) List(ctx context.Context) (out api.WebhookPage, err error) {
	all, err := h.all(ctx)
	out.Webhooks = []api.Webhook{}
	arrived := map[string]int64{}
	if err == nil {
		err = h.DB.Read(ctx, func(tx *db.Tx) error {
			return tx.Each("SELECT hook, MAX(happened) FROM hooks_delivery WHERE error = '' GROUP BY hook", nil, func(scan db.Scan) error {
				var id string
				var at int64
				err := scan(&id, &at)
				arrived[id] = at
				return err
			})
		})
	}
	for _, k := range all {
		k.Delivered = arrived[k.ID]
		out.Webhooks = append(out.Webhooks, k.Webhook)
	}
	return out, err
}

// Edit enables or disables a webhook, whatever is under way with it: an attempt that
// ends later changes nothing any more. Who enables it answers for it from then on.
func (h *Hooks) Edit(ctx context.Context, by, id string, in api.WebhookEdit) (out api.Webhook, err error) {
	place, err := h.Feed.Now(ctx)
	if err != nil {
		return out, err
	}
	err = h.DB.Write(ctx, func(tx *db.Tx) error {
		k, err := read(tx, id)
		if err != nil {
			return err
		}
		if in.Enabled != nil && *in.Enabled {
			if !in.Skip {
				place = k.place
			}
			_, err = tx.Exec("UPDATE hooks_hook SET disabled = 0, reason = '', failing = 0, due = 0, place = ?, tries = 0, began = 0, body = NULL, holder = '', held = 0, creator = ? WHERE id = ?", place, by, id)
		} else if in.Enabled != nil {
			_, err = tx.Exec("UPDATE hooks_hook SET disabled = ?, reason = 'by a person', holder = '', held = 0 WHERE id = ?", h.Now().Unix(), id)
		}
		if err != nil {
			return err
		}
		k, err = read(tx, id)
		out = k.Webhook
		return err
	})
	return out, err
}

// Remove ends a webhook.
func (h *Hooks) Remove(ctx context.Context, id string) error {
	return h.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := read(tx, id); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM hooks_delivery WHERE hook = ?", id); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM hooks_hook WHERE id = ?", id)
		return err
	})
}

// keptDeliveries are those that are shown of a webhook.
const keptDeliveries = 100

// Deliveries lists the newest attempts of a webhook.
func (h *Hooks) Deliveries(ctx context.Context, id string) (out api.DeliveryPage, err error) {
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		out.Deliveries = []api.Delivery{}
		if _, err := read(tx, id); err != nil {
			return err
		}
		return tx.Each("SELECT happened, message, try, items, status, error, took FROM hooks_delivery WHERE hook = ? ORDER BY number DESC LIMIT ?",
			[]any{id, keptDeliveries}, func(scan db.Scan) error {
				var d api.Delivery
				err := scan(&d.Time, &d.Message, &d.Try, &d.Items, &d.Status, &d.Error, &d.Took)
				out.Deliveries = append(out.Deliveries, d)
				return err
			})
	})
	return out, err
}

// note keeps an attempt, and forgets old ones.
func note(tx *db.Tx, id string, d api.Delivery) error {
	err := tx.Insert("hooks_delivery", []string{"hook", "happened", "message", "try", "items", "status", "error", "took"},
		[][]any{{id, d.Time, d.Message, d.Try, d.Items, d.Status, cut(d.Error, 500), d.Took}})
	if err != nil {
		return err
	}
	var numbers []int64
	err = tx.Each("SELECT number FROM hooks_delivery WHERE hook = ? ORDER BY number DESC LIMIT 1 OFFSET ?", []any{id, keptDeliveries}, func(scan db.Scan) error {
		var n int64
		err := scan(&n)
		numbers = append(numbers, n)
		return err
	})
	if err != nil || len(numbers) == 0 {
		return err
	}
	_, err = tx.Exec("DELETE FROM hooks_delivery WHERE hook = ? AND number <= ?", id, slices.Max(numbers))
	return err
}

func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "?"), "")
}
