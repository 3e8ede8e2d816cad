package hooks

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"strings"

	"muster"
	"muster/internal/db"
)

// KeySize is the length in bytes of [Config.Key].
const KeySize = 32

// A seal keeps the secrets of webhooks in the database so that nobody reads them who
// has only that: AES-256-GCM with a random nonce, and the id of the webhook as
// associated data, so that a row cannot be given the secret of another.
type seal struct{ cipher.AEAD }

// What a secret begins with, as people have it and as the database has it. There it
// is base64 of the nonce and of the sealed 32 bytes.
const (
	plainPrefix  = "whsec_"
	sealedPrefix = "v1:"
)

func newSeal(key []byte) (seal, error) {
	if len(key) != KeySize {
		return seal{}, muster.Errorf(muster.Invalid, "the key for the secrets of webhooks has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return seal{}, err
	}
	gcm, err := cipher.NewGCM(block)
	return seal{gcm}, err
}

// shut is the secret of a webhook as the database keeps it.
func (s seal) shut(id, secret string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, plainPrefix))
	if err != nil || len(raw) > 64 {
		return "", muster.Errorf(muster.Invalid, "the secret of webhook %q is none", id)
	}
	nonce := make([]byte, s.NonceSize())
	rand.Read(nonce)
	return sealedPrefix + base64.RawStdEncoding.EncodeToString(s.Seal(nonce, nonce, raw, []byte(id))), nil
}

// unseal is the secret of a webhook as its receiver has it.
func (s seal) unseal(id, kept string) (string, error) {
	text, ok := strings.CutPrefix(kept, sealedPrefix)
	data, err := base64.RawStdEncoding.DecodeString(text)
	if ok && err == nil && len(data) >= s.NonceSize() && base64.RawStdEncoding.EncodeToString(data) == text {
		n := s.NonceSize()
		if raw, err := s.Open(nil, data[:n], data[n:], []byte(id)); err == nil {
			return plainPrefix + base64.StdEncoding.EncodeToString(raw), nil
		}
	}
	return "", muster.WithHint(muster.Errorf(muster.Denied, "the secret of webhook %q was sealed with another key than this server has", id),
		"copy the folder seal from the server's backup or from the first server on this database, or add the webhook anew")
}

// sealAll seals the secrets that an older server left as they are. Of several servers
// that do so at once one does each.
func (h *Hooks) sealAll(ctx context.Context) error {
	all, err := h.all(ctx)
	if err != nil {
		return err
	}
	return h.DB.Write(ctx, func(tx *db.Tx) error {
		for _, k := range all {
			if !strings.HasPrefix(k.secret, plainPrefix) {
				continue
			}
			kept, err := h.seal.shut(k.ID, k.secret)
			if err != nil {
				return err
			}
			if _, err := tx.Exec("UPDATE hooks_hook SET secret = ? WHERE id = ? AND secret = ?", kept, k.ID, k.secret); err != nil {
				return err
			}
		}
		return nil
	})
}
