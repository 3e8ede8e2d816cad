package server

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/hosts"
	"muster/internal/relay"
)

// A source is one of the subjects whose news make the feed. Each counts what happens
// to it; a cursor is how far somebody has read in each.
type source struct {
	name   byte // in cursors
	newest func(context.Context) (int64, error)
	// after lists what came after a number, and the number to go on from.
	after func(ctx context.Context, n int64, limit int) (items []api.FeedItem, last int64, err error)
}

// A reader is who reads the feed: what hosts they may see, whether rollouts, which are of
// all hosts, and whether the audit log.
type reader struct {
	part     *hosts.Part
	view     relay.View // the same hosts; nil is all
	rollouts bool
	sites    []string // whose advisories; nil is all
	ofSite   func(name string) bool
	audit    bool
}

// sources are those that a reader may read.
func (s *Server) sources(r reader) []source {
	all := []source{{'h', s.hosts.Newest, briefly(r.part.Follow)}, {'o', s.relay.Newest, func(ctx context.Context, n int64, limit int) ([]api.FeedItem, int64, error) {
		return s.followActions(ctx, n, limit, r.view)
	}}}
	if r.rollouts {
		all = append(all, source{'r', s.rollouts.Newest, func(ctx context.Context, n int64, limit int) ([]api.FeedItem, int64, error) {
			return s.followRollouts(ctx, n, limit, r.view == nil)
		}})
	}
	all = append(all, source{'v', s.advisories.Newest, func(ctx context.Context, n int64, limit int) ([]api.FeedItem, int64, error) {
		return s.followAdvisories(ctx, n, limit, r.sites)
	}})
	all = append(all, source{'s', s.sites.Newest, func(ctx context.Context, n int64, limit int) ([]api.FeedItem, int64, error) {
		return s.followSites(ctx, n, limit, r.ofSite)
	}})
	if r.audit {
		all = append(all, source{'a', s.newestAudit, s.followAudit})
	}
	return all
}

// Bounds of what the feed says of a result. Webhooks send it on, to every receiver.
const (
	briefSteps = 50
	briefError = 200 // bytes
)

// briefly leaves out of results what nobody follows: the texts of every step.
func briefly(follow func(context.Context, int64, int) ([]api.FeedItem, int64, error)) func(context.Context, int64, int) ([]api.FeedItem, int64, error) {
	return func(ctx context.Context, n int64, limit int) ([]api.FeedItem, int64, error) {
		items, last, err := follow(ctx, n, limit)
		for _, i := range items {
			if i.Event == nil || i.Event.Result == nil {
				continue
			}
			r := i.Event.Result
			r.Output, r.Error, r.Steps = "", cutText(r.Error, briefError), r.Steps[:min(len(r.Steps), briefSteps)]
			for j := range r.Steps {
				r.Steps[j].Error = cutText(r.Steps[j].Error, briefError)
			}
		}
		return items, last, err
	}
}

func cutText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " ..."
}

// followActions names the hosts that answered.
func (s *Server) followActions(ctx context.Context, n int64, limit int, v relay.View) ([]api.FeedItem, int64, error) {
	items, last, err := s.relay.Follow(ctx, n, limit, v)
	var ids []string
	for _, i := range items {
		if i.Host != "" {
			ids = append(ids, i.Host)
		}
	}
	if err != nil || len(ids) == 0 {
		return items, last, err
	}
	names, err := s.hosts.Names(ctx, ids)
	for i := range items {
		items[i].Name = names[items[i].Host]
	}
	return items, last, err
}

func (s *Server) followRollouts(ctx context.Context, n int64, limit int, whole bool) (items []api.FeedItem, last int64, err error) {
	steps, err := s.rollouts.Follow(ctx, n, limit)
	for i := range steps {
		step := &steps[i]
		n = step.Number
		if !whole && step.Who == "" {
			step.Why = "" // it counts hosts
		}
		items = append(items, api.FeedItem{ID: "r" + strconv.FormatInt(n, 10), Kind: "rollout." + step.State, Time: step.Time, Rollout: step})
	}
	return items, n, err
}

func (s *Server) newestAudit(ctx context.Context) (int64, error) {
	page, err := s.ledger.List(ctx, api.AuditQuery{Limit: 1})
	return page.Size, err
}

func (s *Server) followAudit(ctx context.Context, n int64, limit int) ([]api.FeedItem, int64, error) {
	page, err := s.ledger.List(ctx, api.AuditQuery{Since: n, Forward: true, Limit: limit})
	items := make([]api.FeedItem, len(page.Entries))
	for i := range page.Entries {
		e := &page.Entries[i]
		items[i] = api.FeedItem{ID: "a" + strconv.FormatInt(e.Number, 10), Kind: "audit." + e.What, Time: e.Time, Audit: e}
		n = e.Number + 1
	}
	return items, n, err
}

// A cursor is how far somebody has read in each source.
type cursor map[byte]int64

// parseCursor reads "a40.h12". Who gets a right later begins with that source where
// it is then.
func parseCursor(text string) (cursor, error) {
	c := cursor{}
	for part := range strings.SplitSeq(text[:min(len(text), 200)], ".") {
		if part == "" {
			break
		}
		n, err := strconv.ParseInt(part[1:], 10, 64)
		if err != nil || n < 0 || part[0] < 'a' || part[0] > 'z' {
			break
		}
		c[part[0]] = n
	}
	if c.String() != text {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%.50q is no cursor", text), "begin without one, or with %q", api.FeedStart)
	}
	return c, nil
}

// String writes the cursor in its one form: sources in the order of their names.
func (c cursor) String() string {
	var names []byte
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []string
	for _, name := range names {
		all = append(all, string(name)+strconv.FormatInt(c[name], 10))
	}
	return strings.Join(all, ".")
}

// begin completes a cursor: a source that is not in it begins now, or with "start" at
// its beginning. One ahead of what has happened is of another server, or of this one
// before a backup was restored: it would wait for ever, and then leave things out.
func begin(ctx context.Context, text string, all []source) (cursor, error) {
	c := cursor{}
	if text != "" && text != api.FeedStart {
		var err error
		if c, err = parseCursor(text); err != nil {
			return nil, err
		}
	}
	for _, src := range all {
		n, there := c[src.name]
		if !there && text == api.FeedStart {
			c[src.name] = 0
			continue
		}
		newest, err := src.newest(ctx)
		if err != nil {
			return nil, err
		}
		if there && n > newest {
			return nil, muster.WithHint(muster.Errorf(muster.Invalid, "the cursor %.50q is ahead of what has happened", text), "begin without one, or with %q", api.FeedStart)
		}
		if !there {
			c[src.name] = newest
		}
	}
	return c, nil
}

// news reads one page. The cursor goes on also where nothing of it is of the kinds.
func news(ctx context.Context, c cursor, all []source, kinds []string, limit int) (out api.FeedPage, err error) {
	out.Items = []api.FeedItem{}
	for _, src := range all {
		room := limit - len(out.Items)
		if room <= 0 {
			break
		}
		items, last, err := src.after(ctx, c[src.name], room)
		if err != nil {
			return out, err
		}
		for _, i := range items {
			if i.Is(kinds) {
				out.Items = append(out.Items, i)
			}
		}
		c[src.name] = last
	}
	slices.SortStableFunc(out.Items, func(a, b api.FeedItem) int { return int(a.Time - b.Time) })
	out.Next = c.String()
	return out, nil
}

// maxFeedWait is below the minute after which nginx and its like give up.
const maxFeedWait = 50 * time.Second

// feedPulse is how often who waits is looked for news for: two rows by their keys.
const feedPulse = time.Second

// A feedQuery is what is asked of the feed.
type feedQuery struct {
	kinds []string
	limit int
	wait  time.Duration
}

func (s *Server) changes(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	since := q.Get("since")
	in := feedQuery{limit: int(q.number("limit")), wait: min(time.Duration(min(q.number("wait"), 3600))*time.Second, maxFeedWait)}
	if text := q.Get("kinds"); text != "" {
		in.kinds = strings.Split(text, ",")
	}
	if q.err == nil {
		q.err = api.CheckKinds(in.kinds)
	}
	if q.err != nil {
		return nil, q.err
	}
	if in.limit <= 0 {
		in.limit = 100
	}
	in.limit = min(in.limit, 1000)
	page, err := s.changesOf(ctx, r, since, in)
	r.control.SetWriteDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // not supported in some tests
	return page, err
}

// changesOf reads the feed for a person. Who had to wait is looked at again when there
// is something to answer: rights may have ended meanwhile.
func (s *Server) changesOf(ctx context.Context, r *request, since string, in feedQuery) (page api.FeedPage, err error) {
	all, err := s.sourcesOf(ctx, r)
	if err != nil {
		return page, err
	}
	c, err := begin(ctx, since, all)
	if err != nil {
		return page, err
	}
	from := c.String()
	page, waited, err := s.await(ctx, c, all, in)
	if err != nil || !waited || len(page.Items) == 0 {
		return page, err
	}
	if r.person, err = s.who(ctx, r.Request); err != nil {
		return api.FeedPage{}, err
	}
	if r.person.may(api.VerbView).None() {
		return api.FeedPage{}, r.person.lacks(api.VerbView)
	}
	if all, err = s.sourcesOf(ctx, r); err != nil {
		return api.FeedPage{}, err
	}
	if c, err = parseCursor(from); err != nil {
		return api.FeedPage{}, err
	}
	page, _, err = s.await(ctx, c, all, feedQuery{kinds: in.kinds, limit: in.limit})
	return page, err
}

// sourcesOf are those that a person may read now.
func (s *Server) sourcesOf(ctx context.Context, r *request) ([]source, error) {
	v, err := s.view(ctx, r)
	if err != nil {
		return nil, err
	}
	see, err := s.seenSites(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.sources(reader{part: s.part(r), view: v, rollouts: true, sites: see, ofSite: r.person.may(api.VerbView).Site, audit: r.person.may(api.VerbAdminister).All()}), nil
}

// await answers with the first page that has something, or with none when the time
// is over, the caller has gone or the server stops; waited says that it took a while.
func (s *Server) await(ctx context.Context, c cursor, all []source, in feedQuery) (page api.FeedPage, waited bool, err error) {
	end := time.NewTimer(in.wait)
	defer end.Stop()
	pulse := time.NewTicker(feedPulse)
	defer pulse.Stop()
	for {
		was := c.String()
		page, err := news(ctx, c, all, in.kinds, in.limit)
		if err != nil || len(page.Items) > 0 {
			return page, waited, err
		}
		if page.Next != was && ctx.Err() == nil {
			continue // all of it was of other kinds: there may be more
		}
		if in.wait <= 0 {
			return page, waited, nil
		}
		select {
		case <-ctx.Done():
			return page, waited, ctx.Err()
		case <-s.draining.Done():
			return page, waited, nil
		case <-end.C:
			return page, waited, nil
		case <-pulse.C:
			waited = true
		}
	}
}
