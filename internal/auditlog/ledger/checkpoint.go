package ledger

import (
	"context"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"muster"
	"muster/api"
	"muster/internal/auditlog"
	"muster/internal/db"
)

// Checkpoint signs the log as it is, with the proof that a log of the size from is
// its beginning; 0 asks for none. A from that the log does not have comes without a
// proof: the caller sees that the log is shorter.
func (l *Ledger) Checkpoint(ctx context.Context, from int64) (out api.Checkpoint, err error) {
	out.Key = l.Key
	err = l.DB.Read(ctx, func(tx *db.Tx) error {
		t, err := tree(tx)
		if err != nil {
			return err
		}
		if out.Note, err = l.sign(t); err != nil {
			return err
		}
		if from <= 0 || from >= t.N {
			return nil
		}
		proof, err := tlog.ProveTree(t.N, from, &reader{tx: tx})
		out.Proof = auditlog.EncodeProof(proof)
		return err
	})
	return out, err
}

func tree(tx *db.Tx) (t tlog.Tree, err error) {
	if t.N, err = size(tx); err != nil {
		return t, err
	}
	t.Hash, err = tlog.TreeHash(t.N, &reader{tx: tx})
	return t, err
}

// sign signs a tree, once: every agent asks for the newest.
func (l *Ledger) sign(t tlog.Tree) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.note != "" && l.newest == t {
		return l.note, nil
	}
	text, err := auditlog.Sign(t, l.Signer)
	if err == nil {
		l.newest, l.note = t, text
	}
	return text, err
}

// Keep signs the log and keeps the checkpoint in the database, for exports, if there
// is a new entry since the last.
func (l *Ledger) Keep(ctx context.Context) (checkpoint string, err error) {
	c, err := l.Checkpoint(ctx, 0)
	if err != nil {
		return "", err
	}
	t, err := auditlog.OpenCheckpoint(c.Note, l.verifier)
	if err != nil {
		return "", err
	}
	var there int64
	err = l.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT count(*) FROM audit_checkpoint WHERE size = ?", t.N).Scan(&there)
	})
	if err != nil || there > 0 || t.N == 0 {
		return c.Note, err
	}
	return c.Note, l.DB.Write(ctx, func(tx *db.Tx) error {
		return tx.Upsert("audit_checkpoint", []string{"size"}, []string{"size", "note"}, [][]any{{t.N, c.Note}})
	})
}

// Prove returns an entry, with the proof that it stands in the log.
func (l *Ledger) Prove(ctx context.Context, number int64) (out api.AuditProof, err error) {
	out.Checkpoint.Key = l.Key
	err = l.DB.Read(ctx, func(tx *db.Tx) error {
		t, err := tree(tx)
		if err != nil {
			return err
		}
		if number < 0 || number >= t.N {
			return muster.Errorf(muster.NotFound, "the audit log has no entry %d", number)
		}
		var body []byte
		if err := tx.QueryRow("SELECT body FROM audit_entry WHERE number = ?", number).Scan(&body); err != nil {
			return err
		}
		e, err := auditlog.Parse(body)
		if err != nil {
			return err
		}
		out.Entry = *e
		proof, err := tlog.ProveRecord(t.N, number, &reader{tx: tx})
		if err != nil {
			return err
		}
		out.Checkpoint.Proof = auditlog.EncodeProof(proof)
		out.Checkpoint.Note, err = l.sign(t)
		return err
	})
	return out, err
}

// Export writes the whole log to w, as package auditlog says. It is read in parts,
// so that it takes little memory and holds up nobody.
func (l *Ledger) Export(ctx context.Context, w io.Writer) error {
	newest, err := l.Checkpoint(ctx, 0)
	if err != nil {
		return err
	}
	t, err := auditlog.OpenCheckpoint(newest.Note, l.verifier)
	if err != nil {
		return err
	}
	kept, err := l.kept(ctx, t.N)
	if err != nil {
		return err
	}
	out, err := auditlog.NewWriter(w, l.Key, append(kept, newest.Note))
	if err != nil {
		return err
	}
	for at := int64(0); at < t.N; at += exportRows {
		if err := l.export(ctx, out, at, min(at+exportRows, t.N)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// exportRows are read at a time.
const exportRows = 1000

// kept are the checkpoints of smaller logs.
func (l *Ledger) kept(ctx context.Context, below int64) (all []string, err error) {
	err = l.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		rows, err := tx.Query("SELECT note FROM audit_checkpoint WHERE size < ? ORDER BY size", below)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			all = append(all, text)
		}
		return rows.Err()
	})
	return all, err
}

// A row is an entry as it stands in the database, with the hash that was kept of it.
type row struct {
	hash tlog.Hash
	body []byte
}

// export writes the entries from number from up to below to. What is not there is
// left out: the verifier says so. Nothing is written while the database is read:
// who takes the export slowly holds up nobody.
func (l *Ledger) export(ctx context.Context, out *auditlog.Writer, from, to int64) error {
	rows, err := l.rows(ctx, from, to)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := out.Entry(r.hash, r.body); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) rows(ctx context.Context, from, to int64) (all []row, err error) {
	err = l.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		hashes, err := leaves(tx, from, to)
		if err != nil {
			return err
		}
		rows, err := tx.Query("SELECT number, body FROM audit_entry WHERE number >= ? AND number < ? ORDER BY number", from, to)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var number int64
			var body []byte
			if err := rows.Scan(&number, &body); err != nil {
				return err
			}
			all = append(all, row{hashes[number], body})
		}
		return rows.Err()
	})
	return all, err
}

// leaves are the record hashes of entries.
func leaves(tx *db.Tx, from, to int64) (map[int64]tlog.Hash, error) {
	var ask []any
	number := map[int64]int64{}
	for n := from; n < to; n++ {
		at := tlog.StoredHashIndex(0, n)
		number[at] = n
		ask = append(ask, at)
	}
	found, all := map[int64]tlog.Hash{}, map[int64]tlog.Hash{}
	if err := (&reader{tx: tx}).read(ask, found); err != nil {
		return nil, err
	}
	for at, h := range found {
		all[number[at]] = h
	}
	return all, nil
}

// Check verifies the whole log in the database, by [auditlog.Verify], against its
// checkpoints and those that others have kept.
func (l *Ledger) Check(ctx context.Context, kept ...string) (*auditlog.Report, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(l.Export(ctx, w)) }()
	defer r.Close()
	return auditlog.Verify(r, l.verifier, kept...)
}
