package sitereport

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"muster"
)

// A Key is a secret that a collector and the hosts of a site share.
type Key struct {
	ID     string // names the key to the collector, which knows its sites
	Secret string
}

// Bounds of a key. What is shorter than a secret could be guessed.
const (
	maxKeyID  = 64
	minSecret = 32
	maxSecret = 128

	keyIDLetters  = "abcdefghijklmnopqrstuvwxyz0123456789._-"
	secretLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
)

// ParseKey reads the file of a key: one line, ID:SECRET. Errors do not show it.
func ParseKey(data []byte) (Key, error) {
	if len(data) > maxKeyID+maxSecret+16 {
		return Key{}, muster.Errorf(muster.Invalid, "the file of a site key has %d bytes; it is one line, ID:SECRET", len(data))
	}
	id, secret, _ := strings.Cut(strings.TrimSpace(string(data)), ":")
	k := Key{id, secret}
	return k, k.Check()
}

// Check reports why k is no key.
func (k Key) Check() error {
	switch {
	case k.ID == "" || len(k.ID) > maxKeyID || strings.Trim(k.ID, keyIDLetters) != "":
		return muster.Errorf(muster.Invalid, "the id of a site key is 1 to %d characters a-z 0-9 . _ -", maxKeyID)
	case len(k.Secret) < minSecret || len(k.Secret) > maxSecret || strings.Trim(k.Secret, secretLetters) != "":
		return muster.Errorf(muster.Invalid, "the secret of a site key is %d to %d characters A-Z a-z 0-9 _ -", minSecret, maxSecret)
	}
	return nil
}

// Marshal is the file of k.
func (k Key) Marshal() []byte { return []byte(k.ID + ":" + k.Secret + "\n") }

// String names k without its secret, for logs.
func (k Key) String() string { return "site key " + k.ID }

// GoString is String: no verb of fmt shows the secret.
func (k Key) GoString() string { return k.String() }

// A Proof is what stands before a report that is sent with a key.
type Proof struct {
	Key string // id of the key; anybody can write one
	mac [sha256.Size]byte
}

const (
	keyLine   = "Key: "
	proofLine = "Proof: "
)

// Prove returns a report with the proof of k before it.
func (k Key) Prove(report []byte) []byte {
	return fmt.Appendf(nil, "%s%s\n%s%x\n%s", keyLine, k.ID, proofLine, mac(k.Hash(), report), report)
}

// CutProof takes the proof from before a report. It is nil where there is none.
func CutProof(data []byte) (p *Proof, report []byte, err error) {
	if !bytes.HasPrefix(data, []byte(keyLine)) {
		return nil, data, nil
	}
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	second, report, whole := bytes.Cut(rest, []byte("\n"))
	id := string(first[len(keyLine):])
	if id == "" || len(id) > maxKeyID || strings.Trim(id, keyIDLetters) != "" {
		return nil, nil, muster.Errorf(muster.Invalid, "cannot read report: line 1: %.40q is no id of a key", id)
	}
	p = &Proof{Key: id}
	digits, ok := strings.CutPrefix(string(second), proofLine)
	if !ok || !whole || !isHex(digits, 2*len(p.mac)) {
		return nil, nil, muster.Errorf(muster.Invalid, "cannot read report: line 2: a proof is %q and %d hexadecimal digits", proofLine, 2*len(p.mac))
	}
	if _, err := hex.Decode(p.mac[:], []byte(digits)); err != nil {
		return nil, nil, muster.WithKind(muster.Invalid, err)
	}
	return p, report, nil
}

// By reports whether whoever made p over this report had k. It takes the same time
// whatever the answer.
func (p *Proof) By(k Key, report []byte) bool {
	return k.Check() == nil && p.Key == k.ID && p.ByHash(k.Hash(), report)
}

// ByHash is [Proof.By] for a collector, which keeps the hash of the key that p names.
func (p *Proof) ByHash(hash, report []byte) bool { return hmac.Equal(mac(hash, report), p.mac[:]) }

// Hash is the SHA-256 of the secret, with which proofs are made and verified.
func (k Key) Hash() []byte {
	sum := sha256.Sum256([]byte(k.Secret))
	return sum[:]
}

func mac(hash, report []byte) []byte {
	h := hmac.New(sha256.New, hash)
	h.Write(report)
	return h.Sum(nil)
}
