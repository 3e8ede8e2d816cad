// Package ledger keeps the audit log in a database. It owns the tables audit_*.
//
// Start with [Open] and [Ledger.Append].
//
// # Promise
//
// When Append returns, the entries are on disk, numbered, and part of the tree. All
// servers of a database append to one log in one order. Nothing here changes or
// removes an entry. Who changes one in the database is found by [Ledger.Check],
// and by everybody who kept a checkpoint (package auditlog).
package ledger

import (
	"context"
	"embed"
	"io/fs"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"muster"
	"muster/api"
	"muster/internal/auditlog"
	"muster/internal/db"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "audit", Files: schema} }

// Config says what a [Ledger] works with.
type Config struct {
	DB     *db.DB
	Signer note.Signer
	Key    string           // verifier key of Signer
	Now    func() time.Time // time.Now
	// Read leaves the tables as they are: for who only looks.
	Read bool
}

// A Ledger is the log of a database. Its methods may be called from many goroutines.
type Ledger struct {
	Config
	verifier note.Verifier

	mu     sync.Mutex
	newest tlog.Tree // that note signs
	note   string
}

// Open brings the tables up to date.
func Open(ctx context.Context, c Config) (*Ledger, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	key, err := auditlog.ParseKey(c.Key)
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if !c.Read {
		if err := c.DB.Migrate(ctx, "audit", files); err != nil {
			return nil, err
		}
	}
	return &Ledger{Config: c, verifier: key}, nil
}

// Append adds entries to the log, and returns the number of the first. Number is
// theirs from then on, and Time where it was 0. Texts that are too long are cut.
func (l *Ledger) Append(ctx context.Context, entries ...*api.AuditEntry) (first int64, err error) {
	for _, e := range entries {
		if e.Time == 0 {
			e.Time = l.Now().Unix()
		}
		trim(e)
	}
	err = l.DB.Write(ctx, func(tx *db.Tx) error {
		if first, err = size(tx); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE audit_size SET entries = ? WHERE one = 1", first+int64(len(entries))); err != nil {
			return err
		}
		return add(tx, first, entries)
	})
	return first, err
}

// size is how many entries the log has.
func size(tx *db.Tx) (n int64, err error) {
	err = tx.QueryRow("SELECT entries FROM audit_size WHERE one = 1").Scan(&n)
	return n, err
}

// add inserts entries from number first on, and the hashes that they complete.
func add(tx *db.Tx, first int64, entries []*api.AuditEntry) error {
	r := &reader{tx: tx, new: map[int64]tlog.Hash{}}
	rows, hashes := make([][]any, len(entries)), [][]any{}
	for i, e := range entries {
		e.Number = first + int64(i)
		body, err := auditlog.Encode(e)
		if err != nil {
			return err
		}
		stored, err := tlog.StoredHashes(e.Number, body, r)
		if err != nil {
			return err
		}
		for j, h := range stored {
			at := tlog.StoredHashIndex(0, e.Number) + int64(j)
			r.new[at] = h
			hashes = append(hashes, []any{at, h[:]})
		}
		rows[i] = []any{e.Number, e.Time, e.Who, e.What, e.Target, failed(e), body}
	}
	if err := tx.Insert("audit_entry", []string{"number", "happened", "who", "what", "target", "failed", "body"}, rows); err != nil {
		return err
	}
	return tx.Insert("audit_hash", []string{"number", "hash"}, hashes)
}

func failed(e *api.AuditEntry) int {
	if e.Outcome == api.AuditBegun || e.Outcome == api.AuditDone {
		return 0
	}
	return 1
}

// trim cuts texts to what the columns and an entry hold. They come from
// outside, from strangers too: what is kept rules no terminal and makes up no line.
func trim(e *api.AuditEntry) {
	for _, f := range []struct {
		text *string
		most int
	}{{&e.Who, 180}, {&e.What, 20}, {&e.Target, 180}, {&e.Address, 100}, {&e.Reason, 1000}, {&e.Route, 200}, {&e.Request, 100}, {&e.Content, 4096}} {
		text := api.Legible(*f.text)
		if len(text) > f.most {
			text = strings.ToValidUTF8(text[:f.most], "")
		}
		*f.text = text
	}
}

// A reader reads stored hashes, those of this transaction too.
type reader struct {
	tx  *db.Tx
	new map[int64]tlog.Hash
}

// ReadHashes implements [tlog.HashReader].
func (r *reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make(map[int64]tlog.Hash, len(indexes))
	var ask []any
	for _, i := range indexes {
		if h, ok := r.new[i]; ok {
			found[i] = h
			continue
		}
		ask = append(ask, i)
	}
	if err := r.read(ask, found); err != nil {
		return nil, err
	}
	all := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		h, ok := found[at]
		if !ok {
			return nil, muster.Errorf(muster.Conflict, "hash %d of the audit log is not in the database: the log was tampered with", at)
		}
		all[i] = h
	}
	return all, nil
}

func (r *reader) read(ask []any, found map[int64]tlog.Hash) error {
	if len(ask) == 0 {
		return nil
	}
	rows, err := r.tx.Query("SELECT number, hash FROM audit_hash WHERE number IN "+db.In(len(ask)), ask...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		var hash []byte
		if err := rows.Scan(&at, &hash); err != nil {
			return err
		}
		if len(hash) != tlog.HashSize {
			return muster.Errorf(muster.Conflict, "hash %d of the audit log has %d bytes: the log was tampered with", at, len(hash))
		}
		found[at] = tlog.Hash(hash)
	}
	return rows.Err()
}
