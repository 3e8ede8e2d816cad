package advisories

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/backoff"
	"muster/internal/db"
)

// A content is what a source says, as it was read.
type content struct {
	sum            []byte
	size           int64
	etag, modified string
	place          string
	edition        string // what it calls itself
	// each calls f for every advisory of it. What cannot be read is an entry by itself.
	each func(ctx context.Context, f func(entryOf) error) error
}

// An entryOf is an advisory of a content, or why there is none.
type entryOf struct {
	advisory *advisory.Advisory
	scores   *advisory.Scores
	skipped  error
	name     string // of what was skipped: its ID, or a file
	unmapped string
}

// refresh looks at a source of the configuration when that is due. Fetching what it says
// may take long, and holds up nobody; while it is read, hosts are followed. What fails is noted with the source: the next one
// is not held up.
func (a *Advisories) refresh(ctx context.Context, s Source) error {
	src, err := a.source(ctx, s.Name)
	if err != nil || src.due > a.Now().Unix() {
		return err
	}
	c, end, err := a.readSource(ctx, &s, &src)
	defer end()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, e := a.work(ctx, func() error {
		out := api.AdvisoryImport{}
		if err == nil {
			out, err = a.load(ctx, &s, &src, &c)
		}
		switch {
		case ctx.Err() != nil || errors.Is(err, errLost):
			return err
		case err != nil:
			a.Imported(ctx, s.Name, err)
			return a.failed(ctx, &src, err)
		case out.Unchanged:
			return nil
		}
		a.Imported(ctx, s.Name, nil)
		return a.follow(ctx)
	})
	return e
}

// readSource reads what a source says; a content without each is what it was before.
func (a *Advisories) readSource(ctx context.Context, s *Source, src *sourceRow) (c content, end func(), err error) {
	was := *src // as whoever has the content asks for it
	if is, ok := strings.CutPrefix(src.etag, a.meaning(s)); ok {
		was.etag = is
	} else {
		was.etag, was.modified = "", ""
	}
	if s.Path == "" {
		c, end, err = a.readURL(ctx, s, &was)
	} else {
		c, err = a.readPath(ctx, s, &was)
		end = func() {}
	}
	c.mean(a.meaning(s))
	return c, end, err
}

// meaning stands for what decides what a content is read as, apart from itself: where it
// changes, the same bytes are read again. The mapping names the program's version too.
func (a *Advisories) meaning(s *Source) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", s.Form, s.Ecosystem, s.Release, a.Mapping))
	return hex.EncodeToString(sum[:8]) + " "
}

// mean has a content be the same only where its meaning is.
func (c *content) mean(meaning string) {
	c.etag = cut(meaning+c.etag, 500)
	if c.sum != nil {
		sum := sha256.Sum256(append([]byte(meaning), c.sum...))
		c.sum = sum[:]
	}
}

// load takes what a source says where that is new. It may have been imported by hand, or
// by another server, since it was read.
func (a *Advisories) load(ctx context.Context, s *Source, src *sourceRow, c *content) (out api.AdvisoryImport, err error) {
	was := src.generation
	if *src, err = a.source(ctx, s.Name); err != nil {
		return out, err
	}
	due := a.Now().Add(s.every()).Unix()
	if c.each == nil && was != src.generation {
		return api.AdvisoryImport{Source: s.Name, Unchanged: true}, nil // it is looked at again at once
	}
	if c.each == nil || src.sameSum(c.sum) {
		return api.AdvisoryImport{Source: s.Name, Unchanged: true, Entries: src.entries}, a.unchanged(ctx, src, c, due)
	}
	return a.take(ctx, *src, *c, s.Shrink, due)
}

// readURL fetches a source; a content without each is what it was before.
func (a *Advisories) readURL(ctx context.Context, s *Source, src *sourceRow) (c content, end func(), err error) {
	f, err := a.fetch(ctx, src, s.URL)
	end = func() {
		if f.path != "" {
			os.Remove(f.path)
		}
	}
	c = content{sum: f.sum, size: f.size, etag: f.etag, modified: f.modified, place: s.URL}
	if err == nil && f.path != "" {
		c.each = a.files(s, []string{f.path}, func(string) string { return s.URL })
	}
	return c, end, err
}

// entries calls f with each entry of a content, which is read beside. Meanwhile the work
// stays with this server, and hosts that report are followed: what is staged counts for
// nobody.
func (a *Advisories) entries(ctx context.Context, c *content, f func(entryOf) error) error {
	ctx, end := context.WithCancelCause(ctx)
	read, done := make(chan entryOf, 64), make(chan error, 1)
	go func() {
		defer close(read)
		done <- c.each(ctx, func(e entryOf) error {
			select {
			case read <- e:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	err := a.through(ctx, read, f)
	end(err)
	for range read { // its reader has ended when this has
	}
	if e := <-done; err == nil {
		err = e
	}
	return err
}

// through calls f with what comes, until that ends.
func (a *Advisories) through(ctx context.Context, read <-chan entryOf, f func(entryOf) error) error {
	tick, pause := time.NewTicker(a.Each), time.NewTimer(0)
	defer tick.Stop()
	defer pause.Stop()
	var wanted, poked <-chan struct{} // nil where hosts were followed a moment ago
	for {
		var err error
		select {
		case e, more := <-read:
			if !more {
				return nil
			}
			if err = a.prolong(ctx); err == nil {
				err = f(e)
			}
		case <-pause.C:
			wanted, poked = a.wanted, a.poked
		case <-tick.C:
			err = a.prolong(ctx)
		case <-wanted:
			err = a.followHosts(ctx)
			wanted, poked = nil, nil
			pause.Reset(time.Second)
		case <-poked:
			err = a.followHosts(ctx)
			wanted, poked = nil, nil
			pause.Reset(time.Second)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// take replaces what a source says.
func (a *Advisories) take(ctx context.Context, src sourceRow, c content, shrink bool, due int64) (out api.AdvisoryImport, err error) {
	if src.leaving {
		return out, muster.Errorf(muster.Conflict, "source %q of advisories is being removed", src.name)
	}
	if src.form == formScores {
		return a.takeScores(ctx, src, c, shrink, due)
	}
	// What the import before began is ended first: names of versions that died are
	// needed to match again.
	if err := a.settleSource(ctx, src); err != nil {
		return out, err
	}
	if src, err = a.source(ctx, src.name); err != nil {
		return out, err
	}
	st, err := a.begin(ctx, src)
	if err != nil {
		return out, err
	}
	unmapped := map[string]bool{}
	err = a.entries(ctx, &c, func(e entryOf) error {
		switch {
		case e.skipped != nil:
			return st.skip(e.name, e.skipped)
		case e.unmapped != "":
			if len(unmapped) < maxNotes {
				unmapped[cut(e.unmapped, 80)] = true
			}
			return nil
		}
		return st.put(ctx, e.advisory)
	})
	if err == nil {
		err = st.flush(ctx)
	}
	st.spare()
	if err == nil && !shrink {
		err = st.shrunk()
	}
	if err == nil {
		err = st.withdraw(ctx)
	}
	if err != nil {
		return out, err // what was staged is undone by the next import
	}
	return st.out, a.flip(ctx, st, &c, sortedKeys(unmapped), due)
}

// flip has what was staged count: one row.
func (a *Advisories) flip(ctx context.Context, st *stage, c *content, unmapped []string, due int64) error {
	now := a.Now().Unix()
	return a.write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE advisories_source SET generation = ?, upto = '', sum = ?, etag = ?, modified = ?, entries = ?, skipped = ?, bytes = ?,
			tried = ?, succeeded = ?, changed = ?, failing = 0, tries = 0, due = ?, error = '', unmapped = ?, place = ?, edition = ? WHERE num = ?`,
			st.next, append([]byte{}, c.sum...), c.etag, c.modified, st.out.Entries, st.out.Skipped, c.size, now, now, now, due, cut(strings.Join(unmapped, "\n"), 2000), c.place, cut(c.edition, 100), st.source.num)
		return err
	})
}

// unchanged notes that a source says what it said.
func (a *Advisories) unchanged(ctx context.Context, src *sourceRow, c *content, due int64) error {
	now := a.Now().Unix()
	return a.write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE advisories_source SET etag = ?, modified = ?, tried = ?, succeeded = ?, failing = 0, tries = 0, due = ?, error = '' WHERE num = ?",
			c.etag, c.modified, now, now, due, src.num)
		return err
	})
}

// failed notes why a source could not be read. What it said before stays.
func (a *Advisories) failed(ctx context.Context, src *sourceRow, why error) error {
	now := a.Now()
	wait := backoff.After(src.tries+1, time.Minute, 6*time.Hour)
	if l, ok := errors.AsType[later](why); ok {
		wait = max(wait, l.wait)
	}
	since := src.failing
	if since == 0 {
		since = now.Unix()
	}
	return a.write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE advisories_source SET tried = ?, failing = ?, tries = tries + 1, due = ?, error = ? WHERE num = ?",
			now.Unix(), since, now.Add(wait).Unix(), cut(why.Error(), 500), src.num)
		return err
	})
}

// ImportOptions say what is imported by hand.
type ImportOptions struct {
	Source string // name; one that is not known is made
	Form   string // one of [Forms]
	// Ecosystem and Release are of what is affected where the form does not say it.
	Ecosystem, Release string
	Shrink             bool // let the content become less than half of what it was
}

// Check refuses what cannot be imported, whatever the document.
func (o *ImportOptions) Check() error {
	if err := checkName(o.Source); err != nil {
		return err
	}
	_, err := importer(o.Form)
	return err
}

// Import replaces what a source says by what somebody holds in the hand: a document of
// a form, compressed or not. When it returns nil, findings and counts follow it.
//
// It is Busy while another server of the database works, Invalid where the document
// cannot be read, and Conflict where it would take away most of what there is.
func (a *Advisories) Import(ctx context.Context, o ImportOptions, document io.Reader) (out api.AdvisoryImport, err error) {
	if err := o.Check(); err != nil {
		return out, err
	}
	s := Source{Name: o.Source, Form: o.Form, Ecosystem: o.Ecosystem, Release: o.Release}
	var f fetched
	if err := a.keep(&f, document, -1, "what is imported"); err != nil {
		return out, err
	}
	defer os.Remove(f.path)
	c := content{sum: f.sum, size: f.size, each: a.files(&s, []string{f.path}, func(string) string { return s.Name })}
	c.mean(a.meaning(&s))
	mine, err := a.work(ctx, func() error {
		src, err := a.made(ctx, &s)
		if err != nil {
			return err
		}
		if src.sameSum(c.sum) {
			out = api.AdvisoryImport{Source: s.Name, Unchanged: true, Entries: src.entries}
			if err := a.unchanged(ctx, &src, &c, src.due); err != nil {
				return err
			}
			return a.follow(ctx) // whatever broke off before
		}
		c.place = src.place
		if out, err = a.take(ctx, src, c, o.Shrink, src.due); err != nil {
			return err
		}
		return a.follow(ctx)
	})
	if err == nil && !mine {
		err = errLost
	}
	return out, err
}

// made returns the row of a source, which it makes where there is none.
func (a *Advisories) made(ctx context.Context, s *Source) (src sourceRow, err error) {
	err = a.write(ctx, func(tx *db.Tx) error {
		if err := makeSource(tx, s.Name, s.Form, ""); err != nil {
			return err
		}
		if src, err = sourceNamed(tx, s.Name); err == nil && src.form != s.Form {
			err = muster.Errorf(muster.Conflict, "source %q of advisories is of form %q, not %q", s.Name, src.form, s.Form)
		}
		return err
	})
	return src, err
}

// Fetch has a source looked at soon, whenever it would be due.
func (a *Advisories) Fetch(ctx context.Context, name string) error {
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := sourceNamed(tx, name); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE advisories_source SET due = 0 WHERE name = ?", name)
		return err
	})
	if err == nil {
		a.ask(name)
	}
	return err
}
