package auditlog

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"muster/api"
)

const testServer = "00000000-0000-4000-8000-000000000001"

// A world is a log in memory, with the key that signs it.
type world struct {
	signer note.Signer
	key    note.Verifier
	text   string // of key
	stored []tlog.Hash
	lines  [][]byte
}

func newWorld(t testing.TB) *world {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, Origin(testServer))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{text: public}
	if w.signer, err = note.NewSigner(secret); err != nil {
		t.Fatal(err)
	}
	if w.key, err = ParseKey(public); err != nil {
		t.Fatal(err)
	}
	return w
}

// ReadHashes implements [tlog.HashReader].
func (w *world) ReadHashes(indexes []int64) (all []tlog.Hash, err error) {
	for _, i := range indexes {
		all = append(all, w.stored[i])
	}
	return all, nil
}

func (w *world) grow(t testing.TB, to int) *world {
	t.Helper()
	for n := len(w.lines); n < to; n++ {
		e := &api.AuditEntry{Number: int64(n), Time: 1_790_000_000 + int64(n), What: "request", Outcome: api.AuditDone, Who: "alice",
			Verb: "edit", Route: "PATCH /api/v1/hosts/{id}", Target: fmt.Sprintf("pc-%d", n), Content: `{"name":"<pc>"}`}
		data, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		hashes, err := tlog.StoredHashes(int64(n), data, w)
		if err != nil {
			t.Fatal(err)
		}
		w.stored, w.lines = append(w.stored, hashes...), append(w.lines, data)
	}
	return w
}

func (w *world) checkpoint(t testing.TB, size int64) string {
	t.Helper()
	root, err := tlog.TreeHash(size, w)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Sign(tlog.Tree{N: size, Hash: root}, w.signer)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// export writes the log, with checkpoints at some sizes and at the end.
func (w *world) export(t testing.TB, sizes ...int64) []byte {
	t.Helper()
	var notes []string
	for _, n := range append(sizes, int64(len(w.lines))) {
		notes = append(notes, w.checkpoint(t, n))
	}
	var b bytes.Buffer
	out, err := NewWriter(&b, w.text, notes)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range w.lines {
		if err := out.Entry(tlog.RecordHash(line), line); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// between is what a server answers to who has a log of the size from.
func (w *world) between(t testing.TB, from, to int64) api.Checkpoint {
	t.Helper()
	c := api.Checkpoint{Note: w.checkpoint(t, to), Key: w.text}
	if from > 0 && from < to {
		proof, err := tlog.ProveTree(to, from, w)
		if err != nil {
			t.Fatal(err)
		}
		c.Proof = EncodeProof(proof)
	}
	return c
}
