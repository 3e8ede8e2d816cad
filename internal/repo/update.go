package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"muster"
	"muster/index"
	"muster/internal/fetch"
	"muster/sign"
)

// Update looks for news: it asks each base in turn until one answers with a
// head that may follow the one kept, and keeps that with its index and links
// of trust. What fails leaves everything as it was.
//
// A mirror that only lags is passed over, and no failure when no other has
// news: what it has was accepted before, or is older.
//
// The error is of kind muster.Stale when the newest head known has expired,
// muster.Denied when what came is refused, muster.Unavailable when nobody
// could be asked. The result is valid beside an error too.
func (c *Client) Update(ctx context.Context) (Result, error) {
	c.kept = nil
	k := c.load()
	known := k.head != nil && c.hasBins(k)
	before := c.Fetch.Received()
	r := Result{ID: k.id}
	var errs []error
	for _, base := range c.bases(k) {
		next, err := c.ask(ctx, base, k)
		if err == nil {
			r.News, r.Base, r.Lagging = !known || c.news(k, next), base, false
			c.kept = next
			errs = nil
			break
		}
		r.Lagging = r.Lagging || lags(err)
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	if r.Lagging {
		errs = c.lagging(k)
	}
	return c.conclude(r, errs, before)
}

// lags reports whether err only says that a mirror is behind. Copying takes its
// time; and whoever replays old heads to hide a new one gains nothing, because
// the head that is kept expires as it would with a server that is away.
func lags(err error) bool {
	var back *index.Rollback
	return errors.As(err, &back) && back.Lags()
}

// lagging is what remains to be told when nobody had more than a mirror that
// lags.
func (c *Client) lagging(k *kept) []error {
	if err := k.head.Fresh(c.now(k)); err != nil {
		return []error{err}
	}
	return nil
}

// conclude counts failures and says whether the repository is stale.
func (c *Client) conclude(r Result, errs []error, before int64) (Result, error) {
	k := c.load()
	err := advised(joined(errs))
	if failures := k.note.Failures; err != nil || failures > 0 {
		if k.note.Failures = 0; err != nil {
			k.note.Failures = failures + 1
		}
		if k.head != nil {
			err = errors.Join(err, c.saveNote(k))
		}
	}
	r.ID, r.Failures, r.Bytes = k.id, k.note.Failures, c.Fetch.Received()-before
	if k.head != nil {
		r.Serial = k.head.Serial
		r.Expires = time.Unix(k.head.Expires, 0)
		stale := k.head.Fresh(c.now(k))
		r.Stale = stale != nil
		if err != nil && stale != nil && muster.KindOf(err) != muster.Stale {
			err = muster.WithKind(muster.Stale, fmt.Errorf("%w; no newer one: %w", stale, err))
		}
	}
	return r, err
}

// news reports whether next lists something else than k, whose bins are known.
func (c *Client) news(k, next *kept) bool {
	return k != next && (k.head.Index.Raw.SHA256 != next.head.Index.Raw.SHA256 || !c.sameBins(k, next))
}

// ask asks one base. It returns k itself when there is nothing new.
func (c *Client) ask(ctx context.Context, base string, k *kept) (*kept, error) {
	s, err := c.Fetch.GetSmall(ctx, base, headName, index.MaxHead, k.validators(c, base))
	if err != nil {
		return nil, err
	}
	if s.NotModified || k.head != nil && bytes.Equal(s.Data, k.headFile) {
		if err := k.head.Fresh(c.now(k)); err != nil {
			return nil, fmt.Errorf("%q has nothing newer: %w", base, err)
		}
		if k.state != nil && k.state.Number == k.head.Trust.Number && k.hasIndex(c) && c.hasBins(k) {
			return k, c.seen(k, base, s)
		}
		s.Data = k.headFile
	}
	next, err := c.accept(ctx, base, k, s)
	if errors.As(err, new(*keepError)) {
		return nil, muster.WithKind(muster.Unavailable, err) // no fault of the server
	}
	if err != nil {
		return nil, fmt.Errorf("refused what %q offers: %w", base, err)
	}
	return next, nil
}

// validators are those of base for the head that is kept, zero where the head
// came from elsewhere or something is missing.
func (k *kept) validators(c *Client, base string) fetch.Validators {
	if k.head == nil {
		return fetch.Validators{}
	}
	if seen := k.note.Seen[base]; seen.Head == index.Sum(k.headFile) {
		return seen.Validators
	}
	return fetch.Validators{}
}

// seen remembers what base said of the head that is kept.
func (c *Client) seen(k *kept, base string, s *fetch.Small) error {
	now := lastSeen{index.Sum(k.headFile), s.Validators}
	if k.note.Seen[base] == now && k.note.Base == first(c.Bases) {
		return nil
	}
	k.remember(c, base, now)
	return c.saveNote(k)
}

func (k *kept) remember(c *Client, base string, s lastSeen) {
	seen := map[string]lastSeen{base: s}
	for _, b := range c.bases(k) { // of bases that are asked no more nothing is kept
		if old, ok := k.note.Seen[b]; ok && b != base && old.Head == s.Head {
			seen[b] = old
		}
	}
	k.note = note{Base: first(c.Bases), Failures: k.note.Failures, Seen: seen, Index: k.note.Index}
}

// accept checks a head that differs from the one kept, brings what it names,
// and keeps all of it.
func (c *Client) accept(ctx context.Context, base string, k *kept, s *fetch.Small) (*kept, error) {
	head, err := index.InspectHead(s.Data)
	if err != nil {
		return nil, err
	}
	if k.id != "" && head.Repository != k.id {
		return nil, muster.WithKind(muster.Denied, &index.OtherRepository{Want: k.id, Got: head.Repository})
	}
	// Nobody has vouched for the head yet; this saves asking a mirror that
	// lags for the rest.
	if err := index.CheckHead(head, k.head, c.now(k)); err != nil {
		return nil, err
	}
	next := &kept{id: head.Repository, headFile: s.Data, note: k.note}
	if err := c.acceptTrust(ctx, base, k, next, head.Trust); err != nil {
		return nil, err
	}
	if next.head, err = next.state.OpenHead(s.Data, sign.Policy{Now: c.now(k)}); err != nil {
		return nil, err
	}
	if err := c.saveTrust(next.id, next.links, len(k.links)+1); err != nil {
		return nil, &keepError{next.id, err}
	}
	if !c.unchanged(k, next) {
		if err := c.fetchIndex(ctx, base, k, next); err != nil {
			return nil, err
		}
	}
	if err := c.fetchBins(ctx, base, next); err != nil {
		return nil, err
	}
	next.remember(c, base, lastSeen{index.Sum(s.Data), s.Validators})
	if err := c.save(next); err != nil {
		return nil, &keepError{next.id, err}
	}
	c.dropBins(k, next)
	return next, nil
}

// A keepError is that of the disk on which news are kept.
type keepError struct {
	id  string
	err error
}

func (e *keepError) Error() string {
	return fmt.Sprintf("cannot keep what repository %q has: %v", e.id, e.err)
}
func (e *keepError) Unwrap() error { return e.err }

// unchanged reports whether the index that is kept is that of next.
func (c *Client) unchanged(k, next *kept) bool {
	return k.head != nil && k.head.Index.Raw == next.head.Index.Raw && k.hasIndex(c)
}

// acceptTrust brings the links up to the one named, and follows them.
func (c *Client) acceptTrust(ctx context.Context, base string, k, next *kept, want index.LinkRef) error {
	if want.Number < len(k.links) {
		return muster.Errorf(muster.Denied, "the head goes back to link %d of trust, behind link %d", want.Number, len(k.links))
	}
	next.links = append([][]byte(nil), k.links...)
	for n := len(k.links) + 1; n <= want.Number; n++ {
		link, err := c.Fetch.GetSmall(ctx, base, linkName(n), index.MaxLink, fetch.Validators{})
		if err != nil {
			return err
		}
		next.links = append(next.links, link.Data)
		// The head that names these links is not verified before they are: a
		// liar could name a thousand. At 1, 2, 4, 8... new links they are.
		if fresh := n - len(k.links); len(k.links) > 0 && n < want.Number && fresh&(fresh-1) == 0 {
			if _, err := c.follow(k, next); err != nil {
				return err
			}
		}
	}
	var err error
	next.state, err = c.follow(k, next)
	return err
}

func (c *Client) follow(k, next *kept) (*index.State, error) {
	return index.Follow(c.Trust, next.id, next.links, c.now(k))
}

// fetchIndex brings the index that next.head names: by the changes since the
// one kept where there are any, or else whole. The hash in the head decides.
func (c *Client) fetchIndex(ctx context.Context, base string, k, next *kept) error {
	want := next.head.Index
	if k.head != nil && k.head.Index.Serial < want.Serial && c.fetchChanges(ctx, base, k, next) == nil {
		return nil
	}
	x, err := c.fetchWhole(ctx, base, next)
	if err != nil {
		return err
	}
	next.index, next.text, next.brought = x, x.Text(), true
	return nil
}

// fetchChanges asks for the changes and makes them in the index that is kept,
// which nobody reads for that. They are not signed by themselves: any fault in
// them, or in the file that is kept, only means that the whole index is fetched.
func (c *Client) fetchChanges(ctx context.Context, base string, k, next *kept) error {
	want := next.head.Index
	s, err := c.Fetch.GetSmall(ctx, base, changesName(k.head.Index.Serial, want.Serial), want.Compressed.Size, fetch.Validators{})
	if err != nil {
		return err
	}
	raw, err := decompress(s.Data, want.Raw.Size+4096)
	if err != nil {
		return err
	}
	ch, err := index.ParseChanges(string(raw))
	if err != nil {
		return err
	}
	if ch.ToSHA256 != want.Raw.SHA256 {
		return muster.Errorf(muster.Denied, "the changes lead to another index")
	}
	return k.patch(c, ch, next)
}

// patch makes the changes in the one of the two files in which they can be made.
func (k *kept) patch(c *Client, ch *index.Changes, next *kept) (err error) {
	for _, name := range []string{"index", "index.prev"} {
		var old string
		if old, err = k.readText(c, name); err != nil {
			continue
		}
		if next.text, err = ch.Patch(old); err == nil {
			next.brought, next.old = true, name
			return nil
		}
	}
	return err
}

// fetchWhole brings the whole index, from any base: its hash is known.
func (c *Client) fetchWhole(ctx context.Context, base string, next *kept) (*index.Index, error) {
	want := next.head.Index
	bases := append([]string{base}, c.bases(next)...)
	path, err := c.Fetch.Get(ctx, bases, fetch.Blob{Name: hashName(want), Size: want.Compressed.Size, SHA256: want.Compressed.SHA256})
	if err != nil {
		return nil, err
	}
	defer c.Disk.Remove(path) // the index is kept in its own place
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	return openIndex(want, data)
}

// joined makes one error of those of every base. Where they differ in kind the
// same call may succeed later, unless something was refused everywhere.
func joined(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	kind := muster.KindOf(errs[0])
	texts := make([]string, len(errs))
	for i, err := range errs {
		if muster.KindOf(err) != kind {
			kind = muster.Unavailable
		}
		texts[i] = err.Error()
	}
	return muster.WithKind(kind, &manyErrors{strings.Join(texts, "; "), errs})
}

type manyErrors struct {
	text string
	errs []error
}

func (e *manyErrors) Error() string   { return e.text }
func (e *manyErrors) Unwrap() []error { return e.errs }
