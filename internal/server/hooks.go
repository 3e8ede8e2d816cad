package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/hooks"
	"muster/internal/relay"
	"muster/search"
)

// openHooks opens the webhooks, which read the feed of changes as people do.
func (s *Server) openHooks(ctx context.Context) (err error) {
	key, err := s.folder.sealKey()
	if err != nil {
		return err
	}
	c := hooks.Config{DB: s.db, Feed: hookFeed{s}, Key: key, Server: s.self.ID, Allow: hooks.Guard(s.cfg.Webhooks.Allow), Patience: s.cfg.Webhooks.Patience.std(),
		Now: func() time.Time { return s.now() }, Disabled: s.hookDisabled, GivenUp: s.hookGaveUp,
		May: func(ctx context.Context, by string) (bool, error) { return s.access.Still(ctx, by, api.VerbAdminister) }}
	s.hooks, err = hooks.Open(ctx, c)
	return err
}

// sealKey reads the key under which secrets lie in the database, or makes it at the
// first start.
func (f Folder) sealKey() ([]byte, error) {
	name := f.path(sealDir, "key")
	text, err := os.ReadFile(name)
	if err == nil {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(key) != hooks.KeySize {
			return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%q holds no key", name), "restore a backup: 'musterd restore FILE'")
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	if err := f.Disk.MkdirAll(f.path(sealDir), 0o700); err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	key := make([]byte, hooks.KeySize)
	rand.Read(key)
	data := []byte(base64.StdEncoding.EncodeToString(key) + "\n")
	return key, muster.WithKind(muster.Unavailable, f.Disk.WriteFile(name, data, 0o600))
}

// hookDisabled has the end of a webhook in the audit log, and so in the feed.
func (s *Server) hookDisabled(ctx context.Context, w api.Webhook) {
	s.log.Warn("a webhook was disabled", "webhook", w.ID, "reason", w.Reason)
	if err := s.audit(ctx, api.AuditEntry{What: "webhook", Target: w.ID, Outcome: string(muster.Unavailable), Reason: w.Reason}); err != nil {
		s.log.Error("cannot write to the audit log that a webhook was disabled", "webhook", w.ID, "error", err.Error())
	}
}

// hookGaveUp has what a webhook never heard in the audit log.
func (s *Server) hookGaveUp(ctx context.Context, w api.Webhook, reason string) {
	s.log.Warn("a message of a webhook was given up", "webhook", w.ID, "reason", reason)
	if err := s.audit(ctx, api.AuditEntry{What: "webhook", Target: w.ID, Outcome: string(muster.Unavailable), Reason: reason}); err != nil {
		s.log.Error("cannot write to the audit log that a message was given up", "webhook", w.ID, "error", err.Error())
	}
}

// A hookFeed is the feed of changes as webhooks read it.
type hookFeed struct{ *Server }

// scope is that of the hosts of a webhook. Where it is not all of them, what is of no
// host is left out.
func (f hookFeed) scope(query string) (search.Scope, error) {
	if query == "" {
		return search.Everything(), nil
	}
	q, err := search.Parse(query)
	if err != nil {
		return search.Scope{}, err
	}
	return search.Within(q), nil
}

func (f hookFeed) CheckQuery(query string) error {
	_, err := f.scope(query)
	return err
}

func (f hookFeed) sources(ctx context.Context, query string) ([]source, error) {
	scope, err := f.scope(query)
	if err != nil {
		return nil, err
	}
	see, err := f.sitesIn(ctx, scope)
	if err != nil {
		return nil, err
	}
	r := reader{part: f.hosts.Part(scope, scope, nil), rollouts: scope.All(), sites: see, ofSite: scope.Site, audit: scope.All()}
	if scope.All() {
		return f.Server.sources(r), nil
	}
	r.view = relay.View{}
	err = r.part.IDs(ctx, "", func(id string) error {
		r.view[id] = true
		return nil
	})
	return append(f.Server.sources(r), passed('a', f.newestAudit), passed('r', f.rollouts.Newest)), err
}

// passed is a source that is left out: it is passed over, so that cursors do not lag
// behind.
func passed(name byte, newest func(context.Context) (int64, error)) source {
	return source{name, newest, func(ctx context.Context, _ int64, _ int) ([]api.FeedItem, int64, error) {
		n, err := newest(ctx)
		return nil, n, err
	}}
}

// Now implements [hooks.Feed].
func (f hookFeed) Now(ctx context.Context) (string, error) {
	all, err := f.sources(ctx, "")
	if err != nil {
		return "", err
	}
	c, err := begin(ctx, "", all)
	return c.String(), err
}

// Read implements [hooks.Feed].
func (f hookFeed) Read(ctx context.Context, place, query string, kinds []string, limit int) ([]api.FeedItem, string, error) {
	all, err := f.sources(ctx, query)
	if err != nil {
		return nil, "", err
	}
	c, err := begin(ctx, place, all)
	if err != nil {
		return nil, "", err
	}
	for {
		was := c.String()
		page, err := news(ctx, c, all, kinds, limit)
		if err != nil || len(page.Items) > 0 || page.Next == was {
			return page.Items, page.Next, err
		}
	}
}

func (s *Server) listWebhooks(ctx context.Context, _ *request) (any, error) {
	return s.hooks.List(ctx)
}

func (s *Server) addWebhook(ctx context.Context, r *request) (any, error) {
	var in api.WebhookNew
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	if err := api.CheckKinds(in.Kinds); err != nil {
		return nil, err
	}
	return s.hooks.Add(ctx, r.person.name, in)
}

func (s *Server) editWebhook(ctx context.Context, r *request) (any, error) {
	var in api.WebhookEdit
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	return s.hooks.Edit(ctx, r.person.name, r.PathValue("id"), in)
}

func (s *Server) removeWebhook(ctx context.Context, r *request) (any, error) {
	return nil, s.hooks.Remove(ctx, r.PathValue("id"))
}

func (s *Server) testWebhook(ctx context.Context, r *request) (any, error) {
	return s.hooks.Test(ctx, r.PathValue("id"))
}

func (s *Server) webhookDeliveries(ctx context.Context, r *request) (any, error) {
	return s.hooks.Deliveries(ctx, r.PathValue("id"))
}
