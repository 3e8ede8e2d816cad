package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"muster"
	"muster/api"
	"muster/internal/auditlog"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// keys are those of all tests.
var keys = sync.OnceValues(func() (secret, public string) {
	secret, public, err := note.GenerateKey(rand.Reader, auditlog.Origin("00000000-0000-4000-8000-000000000001"))
	if err != nil {
		panic(err)
	}
	return secret, public
})

func open(t testing.TB, d *db.DB) *Ledger {
	t.Helper()
	secret, public := keys()
	signer, err := note.NewSigner(secret)
	check(t, err)
	l, err := Open(t.Context(), Config{DB: d, Signer: signer, Key: public, Now: func() time.Time { return time.Unix(1_790_000_000, 0) }})
	check(t, err)
	return l
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func entry(n int) *api.AuditEntry {
	return &api.AuditEntry{What: "request", Outcome: api.AuditDone, Who: "alice", Target: fmt.Sprint("pc-", n), Verb: "edit",
		Route: "PATCH /api/v1/hosts/{id}", Request: "0123456789abcdef", Address: "192.0.2.1", Content: `{"name":"pc"}`}
}

func fill(t testing.TB, l *Ledger, n int) {
	t.Helper()
	var all []*api.AuditEntry
	for i := range n {
		all = append(all, entry(i))
	}
	_, err := l.Append(t.Context(), all...)
	check(t, err)
}

func exec(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	check(t, d.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}))
}

func TestLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := open(t, d)
		if _, err := l.Check(t.Context()); err != nil {
			t.Errorf("the empty log: %v", err)
		}
		fill(t, l, 37)
		_, err := l.Append(t.Context(), &api.AuditEntry{What: "login", Who: "bob \xff\x00", Outcome: string(muster.Denied), Reason: strings.Repeat("é", 2000)})
		check(t, err)
		_, err = l.Keep(t.Context())
		check(t, err)
		fill(t, l, 5)
		r, err := l.Check(t.Context())
		if err != nil || r.Tree.N != 43 || r.Checkpoints != 2 {
			t.Errorf("%+v: %v", r, err)
		}
		page, err := l.List(t.Context(), api.AuditQuery{Failed: true})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Who != "bob ��" || page.Size != 43 {
			t.Errorf("%+v: %v", page, err)
		}
		page, err = l.List(t.Context(), api.AuditQuery{Who: "alice", Since: 3, Limit: 2})
		if err != nil || len(page.Entries) != 2 || page.Entries[0].Number != 3 {
			t.Errorf("%+v: %v", page, err)
		}
		p, err := l.Prove(t.Context(), 37)
		check(t, err)
		if err := auditlog.CheckEntry(&p, l.verifier); err != nil {
			t.Error(err)
		}
		if _, err := l.Prove(t.Context(), 43); muster.KindOf(err) != muster.NotFound {
			t.Errorf("an entry that is not there: %v", err)
		}
	})
}

// TestForeignTexts: strangers choose what stands in some of an entry. None of it rules
// the terminal of who reads the log, or makes up a line of it.
func TestForeignTexts(t *testing.T) {
	l := open(t, dbtest.Open(t, "sqlite:"+t.TempDir()+"/a.db"))
	e := &api.AuditEntry{What: "login", Outcome: "denied", Target: "x\x1b[2J\x1b]0;owned\x07\n7  alice  login  done", Reason: "no \u009b31m\xff"}
	_, err := l.Append(t.Context(), e)
	check(t, err)
	page, err := l.List(t.Context(), api.AuditQuery{Limit: 1})
	check(t, err)
	got := page.Entries[0]
	if got.Target != "x�[2J�]0;owned� 7  alice  login  done" || got.Reason != "no �31m�" {
		t.Errorf("%q, %q", got.Target, got.Reason)
	}
}

// Several servers on one database append in one order, without gaps.
func TestSeveralServers(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		a := open(t, first)
		all := []*Ledger{a, open(t, second)}
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 20 {
					if _, err := all[w%2].Append(context.Background(), entry(i), entry(i+1)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		for _, l := range all {
			if r, err := l.Check(t.Context()); err != nil || r.Tree.N != 320 {
				t.Errorf("%+v: %v", r, err)
			}
		}
	})
}

// Case 39: what somebody with the database does to the log is found, with the first
// bad entry, by the log's own check or by a checkpoint that somebody kept.
func TestCase39Tampered(t *testing.T) {
	const from = 17
	for name, c := range map[string]struct {
		tamper      func(t *testing.T, d *db.DB)
		first, last int64
		text        string
	}{
		"edited": {func(t *testing.T, d *db.DB) {
			forge(t, d, from, "alice", "mallo")
		}, from, from, "edited"},
		"deleted":        {func(t *testing.T, d *db.DB) { exec(t, d, "DELETE FROM audit_entry WHERE number = ?", from) }, from, from, "not there"},
		"number changed": {func(t *testing.T, d *db.DB) { exec(t, d, "UPDATE audit_entry SET number = 900 WHERE number = ?", from) }, from, from, "not there"},
		"tail cut": {func(t *testing.T, d *db.DB) {
			exec(t, d, "DELETE FROM audit_entry WHERE number >= ?", from)
			exec(t, d, "UPDATE audit_size SET entries = ?", from)
			exec(t, d, "DELETE FROM audit_checkpoint")
		}, from, from, "tail is gone"},
		"tail cut and grown again": {func(t *testing.T, d *db.DB) {
			exec(t, d, "DELETE FROM audit_entry WHERE number >= ?", from)
			exec(t, d, "DELETE FROM audit_hash WHERE number >= ?", storedCount(from))
			exec(t, d, "UPDATE audit_size SET entries = ?", from)
			fill(t, open(t, d), 50)
		}, 10, 29, "of another log"},
		"restored from a backup": {func(t *testing.T, d *db.DB) {
			restore(t, d, from)
		}, from, from, "tail is gone"},
		"written anew": {func(t *testing.T, d *db.DB) {
			restore(t, d, 0)
			l := open(t, d)
			e := entry(0)
			e.Who = "bob"
			_, err := l.Append(t.Context(), e)
			check(t, err)
			fill(t, l, 60)
		}, 0, 9, "of another log"},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				l := open(t, d)
				fill(t, l, 10)
				ten, err := l.Checkpoint(t.Context(), 0)
				check(t, err)
				fill(t, l, 20)
				thirty, err := l.Keep(t.Context())
				check(t, err)
				fill(t, l, 5)
				if _, err := l.Check(t.Context(), thirty, ten.Note); err != nil {
					t.Fatalf("before: %v", err)
				}
				c.tamper(t, d)
				_, err = open(t, d).Check(t.Context(), thirty, ten.Note)
				var bad *auditlog.BadError
				if !errors.As(err, &bad) || bad.First != c.first || bad.Last != c.last || !strings.Contains(bad.Why, c.text) {
					t.Errorf("%v, want %d to %d, %s", err, c.first, c.last, c.text)
				}
			})
		})
	}
}

// Case 39: who keeps a checkpoint sees that the log is not the one it was, without
// reading it.
func TestCase39CheckpointShowsTheCut(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := open(t, d)
		fill(t, l, 30)
		kept, err := l.Checkpoint(t.Context(), 0)
		check(t, err)
		fill(t, l, 7)
		now, err := l.Checkpoint(t.Context(), 30)
		check(t, err)
		if _, err := auditlog.Advance(kept.Note, now, l.verifier); err != nil {
			t.Errorf("the log grew: %v", err)
		}
		restore(t, d, 20)
		now, err = open(t, d).Checkpoint(t.Context(), 30)
		check(t, err)
		if _, err := auditlog.Advance(kept.Note, now, l.verifier); muster.KindOf(err) != muster.Conflict || !strings.Contains(err.Error(), "entry 20 on") {
			t.Errorf("a backup was restored: %v", err)
		}
		l = open(t, d)
		_, err = l.Append(t.Context(), &api.AuditEntry{What: "server", Outcome: api.AuditDone})
		check(t, err)
		fill(t, l, 40)
		now, err = l.Checkpoint(t.Context(), 30)
		check(t, err)
		if _, err := auditlog.Advance(kept.Note, now, l.verifier); muster.KindOf(err) != muster.Conflict {
			t.Errorf("another log grew from the backup: %v", err)
		}
	})
}

// forge changes the text of a row.
func forge(t *testing.T, d *db.DB, number int64, from, to string) {
	t.Helper()
	var body []byte
	check(t, d.Read(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRow("SELECT body FROM audit_entry WHERE number = ?", number).Scan(&body)
	}))
	exec(t, d, "UPDATE audit_entry SET body = ? WHERE number = ?", bytes.Replace(body, []byte(from), []byte(to), 1), number)
}

// restore puts the tables where they were after n entries, as a backup of then does.
func restore(t *testing.T, d *db.DB, n int64) {
	t.Helper()
	exec(t, d, "DELETE FROM audit_entry WHERE number >= ?", n)
	exec(t, d, "DELETE FROM audit_hash WHERE number >= ?", storedCount(n))
	exec(t, d, "DELETE FROM audit_checkpoint WHERE size > ?", n)
	exec(t, d, "UPDATE audit_size SET entries = ?", n)
}

// A write that fails leaves no gap.
func TestRefusedEntryLeavesNoGap(t *testing.T) {
	d := dbtest.SQLite(t)
	l := open(t, d)
	fill(t, l, 3)
	// The writer runs those that wait together in one transaction: a failure in
	// between is taken back alone.
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			if i%3 == 0 {
				check := d.Write(context.Background(), func(tx *db.Tx) error {
					if _, err := tx.Exec("UPDATE audit_size SET entries = entries + 1"); err != nil {
						return err
					}
					return errors.New("refused")
				})
				if check == nil {
					t.Error("it was not refused")
				}
				return
			}
			if _, err := l.Append(context.Background(), entry(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r, err := l.Check(t.Context()); err != nil || r.Tree.N != 23 {
		t.Errorf("%+v: %v", r, err)
	}
}
