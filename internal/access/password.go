package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"muster"
)

// The parameters of Argon2id are the first of those that OWASP's Password Storage
// Cheat Sheet gives as equally strong. Of them it takes the fewest turns of the
// memory for what it needs of it, and 19 MiB bounds well: some 25 ms a login.
const (
	memory  = 19 * 1024 // KiB
	turns   = 2
	threads = 1
	keySize = 32
	// atOnce bounds how many passwords are worked on: 38 MiB.
	atOnce = 2
)

// Bounds of what a hash of the database may ask for.
const (
	maxMemory = 256 * 1024
	maxTurns  = 16
	maxHash   = 190
)

// Bounds of a password, in bytes. NIST SP 800-63B-4 asks for 15 characters where
// nothing else is asked for, and that 64 are taken.
const (
	minPassword = 15
	maxPassword = 256
)

// hash is a password's, as the PHC string format has it:
// $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY.
type hash struct {
	memory, turns uint32
	threads       uint8
	salt, key     []byte
}

func hashPassword(password string, memory uint32) string {
	h := hash{memory: memory, turns: turns, threads: threads, salt: make([]byte, 16)}
	rand.Read(h.salt) //nolint:errcheck // ends the program rather than fail
	h.key = h.of(password)
	return h.String()
}

func (h *hash) of(password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.turns, h.memory, h.threads, keySize)
}

func (h *hash) String() string {
	b64 := base64.RawStdEncoding.Strict()
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.turns, h.threads, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// parseHash reads what String writes, and nothing else.
func parseHash(text string) (*hash, error) {
	bad := muster.Errorf(muster.Invalid, "the hash of a password cannot be read")
	parts := strings.Split(text, "$")
	if len(text) > maxHash || len(parts) != 6 {
		return nil, bad
	}
	h := new(hash)
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.turns, &h.threads); err != nil || n != 3 {
		return nil, bad
	}
	b64 := base64.RawStdEncoding.Strict()
	var err, err2 error
	h.salt, err = b64.DecodeString(parts[4])
	h.key, err2 = b64.DecodeString(parts[5])
	// argon2 panics without turns or threads.
	fits := h.memory <= maxMemory && h.turns >= 1 && h.turns <= maxTurns && h.threads >= 1 && h.threads <= 4 && len(h.salt) >= 8 && len(h.key) == keySize
	if err != nil || err2 != nil || !fits || h.String() != text {
		return nil, bad
	}
	return h, nil
}

// dummy is a hash that no password has.
var dummy = sync.OnceValue(func() string { return hashPassword(newSecret(), memory) })

// checkPassword compares a password with a hash, when one of the few places to do
// so is free. It takes as long when there is no hash.
func (a *Access) checkPassword(ctx context.Context, text, password string) (bool, error) {
	known := text != ""
	if !known {
		text = dummy()
	}
	h, err := parseHash(text)
	if err != nil {
		return false, err
	}
	var key []byte
	if err := a.work(ctx, func() { key = h.of(password) }); err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, h.key) == 1 && known, nil
}

// work does f when there is a place.
func (a *Access) work(ctx context.Context, f func()) error {
	select {
	case a.hashing <- struct{}{}:
	case <-ctx.Done():
		return muster.Errorf(muster.Busy, "too many passwords are being looked at")
	}
	defer func() { <-a.hashing }()
	f()
	return nil
}

// newHash makes the hash of a password that somebody chose.
func (a *Access) newHash(ctx context.Context, name, password string) (out string, err error) {
	switch {
	case len(password) > maxPassword || !utf8.ValidString(password):
		return "", muster.Errorf(muster.Invalid, "the password is longer than %d bytes, or no UTF-8", maxPassword)
	case utf8.RuneCountInString(password) < minPassword:
		return "", muster.WithHint(muster.Errorf(muster.Invalid, "the password has fewer than %d characters", minPassword), "some words that do not belong together are easy to remember")
	case strings.EqualFold(password, name) || strings.Trim(password, password[:1]) == "":
		return "", muster.Errorf(muster.Invalid, "the password is the first that somebody would try")
	}
	return out, a.work(ctx, func() { out = hashPassword(password, a.Memory) })
}
