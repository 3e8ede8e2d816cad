package auditlog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"muster"
	"muster/api"
	"muster/internal/canon"
)

// Entries have their members in the order of their names.
func TestCanonical(t *testing.T) {
	full := api.AuditEntry{Address: "a", Body: "b", Content: "c", More: 1, Number: 1, Outcome: "o", Reason: "r", Request: "q", Route: "t",
		Target: "t", Time: 1, Verb: "v", What: "w", Who: "w"}
	data, err := Encode(&full)
	if err != nil {
		t.Fatal(err)
	}
	if err := canon.Sorted(data); err != nil {
		t.Error(err)
	}
}

// What is in order verifies, at every size.
func TestVerify(t *testing.T) {
	w := newWorld(t)
	for n := range 70 {
		w.grow(t, n)
		r, err := Verify(bytes.NewReader(w.export(t, int64(n/2))), w.key, w.checkpoint(t, int64(n/3)))
		if err != nil {
			t.Fatalf("%d entries: %v", n, err)
		}
		if r.Tree.N != int64(n) || r.Checkpoints != 3 {
			t.Errorf("%d entries: %+v", n, r)
		}
		root, err := tlog.TreeHash(int64(n), w)
		if err != nil || root != r.Tree.Hash {
			t.Errorf("%d entries: root %v, want %v (%v)", n, r.Tree.Hash, root, err)
		}
	}
}

// What somebody did to an export is found, and where.
func TestVerifyFindsTheFirstBadEntry(t *testing.T) {
	w := newWorld(t).grow(t, 40)
	lines := func(change func(all [][]byte) [][]byte) []byte {
		head, body, _ := bytes.Cut(w.export(t, 10, 20), []byte("\n\n"))
		all := bytes.SplitAfter(body, []byte("\n"))
		return append(append(head, '\n', '\n'), bytes.Join(change(all[:len(all)-1]), nil)...)
	}
	rehash := func(line []byte) []byte {
		_, record, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		return []byte(tlog.RecordHash(record).String() + " " + string(record) + "\n")
	}
	for name, c := range map[string]struct {
		export      []byte
		first, last int64
	}{
		"edited": {lines(func(all [][]byte) [][]byte {
			all[13] = bytes.Replace(all[13], []byte("alice"), []byte("mallo"), 1)
			return all
		}), 13, 13},
		"edited with its hash": {lines(func(all [][]byte) [][]byte {
			all[13] = rehash(bytes.Replace(all[13], []byte("alice"), []byte("mallo"), 1))
			return all
		}), 10, 19},
		"deleted":   {lines(func(all [][]byte) [][]byte { return append(all[:7:7], all[8:]...) }), 7, 7},
		"cut":       {lines(func(all [][]byte) [][]byte { return all[:33] }), 33, 33},
		"exchanged": {lines(func(all [][]byte) [][]byte { all[4], all[5] = all[5], all[4]; return all }), 4, 4},
		"repeated":  {lines(func(all [][]byte) [][]byte { return append(all, all[39]) }), 40, 40},
		"damaged":   {lines(func(all [][]byte) [][]byte { all[3] = []byte("x y\n"); return all }), 3, 3},
	} {
		_, err := Verify(bytes.NewReader(c.export), w.key)
		var bad *BadError
		if !errors.As(err, &bad) || bad.First != c.first || bad.Last != c.last || muster.KindOf(err) != muster.Conflict {
			t.Errorf("%s: %v, want %d to %d", name, err, c.first, c.last)
		}
	}
}

// A key that is not the right one signs nothing.
func TestVerifyWithAnotherKey(t *testing.T) {
	w, other := newWorld(t).grow(t, 5), newWorld(t).grow(t, 5)
	if _, err := Verify(bytes.NewReader(w.export(t)), other.key); muster.KindOf(err) != muster.Denied {
		t.Errorf("another key: %v", err)
	}
	if _, err := Verify(bytes.NewReader(w.export(t)), nil, other.checkpoint(t, 3)); muster.KindOf(err) != muster.Denied {
		t.Errorf("a checkpoint of another key: %v", err)
	}
	if _, err := OpenCheckpoint(strings.Replace(w.checkpoint(t, 5), "\n5\n", "\n4\n", 1), w.key); muster.KindOf(err) != muster.Denied {
		t.Errorf("a changed checkpoint: %v", err)
	}
}

// Who keeps a checkpoint follows the log from any size to any larger one, and
// sees when it shrinks, forks, or is not proved.
func TestAdvance(t *testing.T) {
	w, fork := newWorld(t).grow(t, 30), newWorld(t)
	fork.signer, fork.key = w.signer, w.key
	fork.grow(t, 12)
	fork.lines[11] = nil
	fork.stored = fork.stored[:tlog.StoredHashIndex(0, 11)]
	fork.lines = fork.lines[:11]
	e := &api.AuditEntry{Number: 11, What: "server", Outcome: api.AuditDone}
	data, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := tlog.StoredHashes(11, data, fork)
	if err != nil {
		t.Fatal(err)
	}
	fork.stored, fork.lines = append(fork.stored, hashes...), append(fork.lines, data)
	fork.grow(t, 30)

	for from := range int64(31) {
		for to := from; to <= 30; to++ {
			if _, err := Advance(w.checkpoint(t, from), w.between(t, from, to), w.key); err != nil {
				t.Fatalf("%d to %d: %v", from, to, err)
			}
			if from == 0 {
				continue
			}
			if _, err := Advance(w.checkpoint(t, to), w.between(t, 0, from-1), w.key); muster.KindOf(err) != muster.Conflict {
				t.Fatalf("back from %d to %d: %v", to, from-1, err)
			}
			_, err := Advance(w.checkpoint(t, from), fork.between(t, from, to), w.key)
			if forked := from > 11; forked != (muster.KindOf(err) == muster.Conflict) || !forked && err != nil {
				t.Fatalf("fork, %d to %d: %v", from, to, err)
			}
		}
	}
	unproved := w.between(t, 9, 20)
	unproved.Proof = unproved.Proof[1:]
	if _, err := Advance(w.checkpoint(t, 9), unproved, w.key); muster.KindOf(err) != muster.Conflict {
		t.Errorf("without a proof: %v", err)
	}
}

// An entry is shown with a proof, which holds for it alone.
func TestCheckEntry(t *testing.T) {
	w := newWorld(t).grow(t, 21)
	for n := range int64(21) {
		e, err := Parse(w.lines[n])
		if err != nil {
			t.Fatal(err)
		}
		proof, err := tlog.ProveRecord(21, n, w)
		if err != nil {
			t.Fatal(err)
		}
		p := api.AuditProof{Entry: *e, Checkpoint: api.Checkpoint{Note: w.checkpoint(t, 21), Proof: EncodeProof(proof)}}
		if err := CheckEntry(&p, w.key); err != nil {
			t.Fatalf("entry %d: %v", n, err)
		}
		p.Entry.Who = "mallory"
		if err := CheckEntry(&p, w.key); muster.KindOf(err) != muster.Conflict {
			t.Errorf("entry %d changed: %v", n, err)
		}
	}
}

// A witness follows one log of one server with one key, and keeps what it has when
// it is shown another.
func TestWitness(t *testing.T) {
	w, other := newWorld(t).grow(t, 9), newWorld(t).grow(t, 12)
	name := filepath.Join(t.TempDir(), "witness")
	seen, err := ReadWitness(name)
	if err != nil || seen.Size() != 0 {
		t.Fatal(seen, err)
	}
	if err := seen.See("another server", w.between(t, 0, 3)); muster.KindOf(err) != muster.Denied {
		t.Errorf("another server: %v", err)
	}
	if err := seen.See(testServer, w.between(t, 0, 3)); err != nil {
		t.Fatal(err)
	}
	if err := seen.Write(nil, name); err != nil {
		t.Fatal(err)
	}
	if seen, err = ReadWitness(name); err != nil || seen.Size() != 3 {
		t.Fatal(seen, err)
	}
	if err := seen.See(testServer, other.between(t, 3, 12)); muster.KindOf(err) != muster.Conflict {
		t.Errorf("another key: %v", err)
	}
	if err := seen.See(testServer, w.between(t, 0, 2)); muster.KindOf(err) != muster.Conflict || seen.Size() != 3 {
		t.Errorf("a shorter log: %v", err)
	}
	if err := seen.See(testServer, w.between(t, 3, 9)); err != nil || seen.Size() != 9 {
		t.Errorf("the log grew: %v", err)
	}
	if err := os.WriteFile(name, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if seen, err = ReadWitness(name); muster.KindOf(err) != muster.Invalid || seen.Size() != 0 {
		t.Errorf("a damaged file: %v %v", seen, err)
	}
}
