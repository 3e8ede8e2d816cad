package agent

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"muster/api"
	"muster/internal/auditlog"
	"muster/internal/install"
)

// A hashes is a tree in memory.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) (all []tlog.Hash, err error) {
	for _, i := range indexes {
		all = append(all, h[i])
	}
	return all, nil
}

// grown is a log of entries of the person who.
func grown(t *testing.T, n int64, who string) (h hashes) {
	t.Helper()
	for i := range n {
		data, err := auditlog.Encode(&api.AuditEntry{Number: i, What: "login", Who: who, Outcome: api.AuditDone})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := tlog.StoredHashes(i, data, h)
		if err != nil {
			t.Fatal(err)
		}
		h = append(h, stored...)
	}
	return h
}

// A host keeps the newest checkpoint of the server's audit log, looks daily, and raises
// an alarm that stays when the log was cut, until a person removes what it has seen.
func TestWitness(t *testing.T) {
	f := newFleet(t)
	secret, public, err := note.GenerateKey(rand.Reader, auditlog.Origin(f.server().ID))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	entries, who, asked := int64(5), "alice", []int64{}
	f.audit = func(from int64) *api.Checkpoint {
		log := grown(t, entries, who)
		root, err := tlog.TreeHash(entries, log)
		if err != nil {
			t.Fatal(err)
		}
		c := &api.Checkpoint{Key: public}
		if c.Note, err = auditlog.Sign(tlog.Tree{N: entries, Hash: root}, signer); err != nil {
			t.Fatal(err)
		}
		if from > 0 && from < entries {
			proof, err := tlog.ProveTree(entries, from, log)
			if err != nil {
				t.Fatal(err)
			}
			c.Proof = auditlog.EncodeProof(proof)
		}
		asked = append(asked, from)
		return c
	}
	f.host("pc")
	root, err := install.Open(f.path("pc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	name := HomeOf(root.State, nil).file(witnessFile)
	later := func() string {
		t.Helper()
		old := time.Now().Add(-25 * time.Hour)
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
		if out := f.round("pc"); out.Problem != nil {
			return out.Problem.Message
		}
		return ""
	}
	f.round("pc")
	f.round("pc")
	if len(asked) != 1 || asked[0] != 0 {
		t.Fatalf("asked %v", asked)
	}
	if entries = 9; later() != "" || asked[len(asked)-1] != 5 {
		t.Errorf("the log grew: asked %v", asked)
	}
	if entries = 7; !strings.Contains(later(), "its tail from entry 7 on is gone") {
		t.Error("the log was cut, and nothing is said")
	}
	if entries, who = 12, "mallory"; !strings.Contains(later(), "one of the first 9 entries") {
		t.Error("the log was written anew, and nothing is said")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if out := f.round("pc"); out.Problem != nil {
		t.Errorf("after a person looked at it: %v", out.Problem)
	}
}
