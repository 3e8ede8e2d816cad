package auditlog

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strconv"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"muster/api"
)

// Text that is accepted as the text of a checkpoint is the one way to write it.
func FuzzTree(f *testing.F) {
	f.Add("muster/x/audit\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Add("muster/x/audit\n012\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n")
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := parseTree(text)
		if err == nil && tree.Origin+"\n"+strconv.FormatInt(tree.N, 10)+"\n"+tree.Hash.String()+"\n" != text {
			t.Errorf("%q reads as %+v", text, tree)
		}
	})
}

// What is accepted as an entry prints as it was.
func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"number":1,"outcome":"done","time":1,"what":"request","who":"alice"}`))
	f.Add([]byte(`{"number":-0,"outcome":"","time":1,"what":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse(data)
		if err != nil {
			return
		}
		if again, err := Encode(e); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q prints as %q (%v)", data, again, err)
		}
	})
}

// A proof that is accepted prints as it was.
func FuzzProof(f *testing.F) {
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 2)
	f.Fuzz(func(t *testing.T, text string, n int) {
		all := make([]string, min(max(n, 0), maxProof+1))
		for i := range all {
			all[i] = text
		}
		hashes, err := ParseProof(all)
		if err != nil {
			return
		}
		for i, again := range EncodeProof(hashes) {
			if again != all[i] {
				t.Errorf("%q prints as %q", all[i], again)
			}
		}
		if len(hashes) > maxProof {
			t.Errorf("%d hashes", len(hashes))
		}
	})
}

// fixed is a log whose key is the same in every process, so that inputs of one
// mean something in the others.
func fixed(t testing.TB) *world {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	text, err := note.NewEd25519VerifierKey(Origin(testServer), key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{text: text}
	if w.key, err = ParseKey(text); err != nil {
		t.Fatal(err)
	}
	w.signer = &fixedSigner{w.key, key}
	return w
}

type fixedSigner struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s *fixedSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// Whatever is done to an export, what verifies has the entries that were signed.
func FuzzVerify(f *testing.F) {
	w := fixed(f).grow(f, 9)
	whole := w.export(f, 3, 8)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(bytes.Replace(whole, []byte("alice"), []byte("mallo"), 1))
	f.Add(w.export(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Verify(bytes.NewReader(data), w.key)
		var bad *BadError
		switch {
		case errors.As(err, &bad) && (bad.First < 0 || bad.First > bad.Last):
			t.Errorf("bad from %d to %d", bad.First, bad.Last)
		case err != nil:
			return
		}
		root, err := tlog.TreeHash(r.Tree.N, w)
		if r.Tree.N > 9 || err != nil || root != r.Tree.Hash {
			t.Errorf("another log verifies: %+v", r)
		}
		at := 0
		for n := range r.Tree.N {
			next := bytes.Index(data[at:], w.lines[n])
			if next < 0 {
				t.Fatalf("entry %d is not there", n)
			}
			at += next
		}
	})
}

// What a server may answer to who keeps a checkpoint: nothing but the log itself
// passes.
func FuzzAdvance(f *testing.F) {
	w := fixed(f).grow(f, 12)
	c := w.between(f, 5, 12)
	f.Add(c.Note, c.Proof[0], c.Proof[1], c.Proof[len(c.Proof)-1])
	f.Add(w.checkpoint(f, 5), "", "", "")
	old := w.checkpoint(f, 5)
	f.Fuzz(func(t *testing.T, text, a, b, d string) {
		proof := append([]string{a, b}, c.Proof[2:len(c.Proof)-1]...)
		tree, err := Advance(old, api.Checkpoint{Note: text, Proof: append(proof, d)}, w.key)
		if err != nil {
			return
		}
		root, err := tlog.TreeHash(tree.N, w)
		if tree.N < 5 || tree.N > 12 || err != nil || root != tree.Hash {
			t.Errorf("went on to %+v", tree)
		}
	})
}
