package sign

import (
	"crypto/aes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/asn1"
	"encoding/binary"
	"errors"
)

// wrapIV is the initial value of RFC 3394 section 2.2.3.1. That it comes out
// again is the integrity check of the wrapped key.
const wrapIV = 0xa6a6a6a6a6a6a6a6

// wrapKey encrypts a key of n*8 bytes with AES key wrap (RFC 3394).
func wrapKey(kek, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 8+len(key))
	copy(out[8:], key)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], wrapIV)
	n := len(key) / 8
	for t := 1; t <= 6*n; t++ {
		r := out[8*((t-1)%n+1):][:8]
		copy(b[8:], r)
		block.Encrypt(b[:], b[:])
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])^uint64(t))
		copy(r, b[8:])
	}
	copy(out, b[:8])
	return out, nil
}

// unwrapKey undoes wrapKey.
func unwrapKey(kek, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 24 || len(wrapped)%8 != 0 || len(wrapped) > 72 {
		return nil, errors.New("wrapped key of the wrong length")
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	key := append([]byte(nil), wrapped[8:]...)
	var b, want [16]byte
	copy(b[:8], wrapped)
	n := len(key) / 8
	for t := 6 * n; t >= 1; t-- {
		r := key[8*((t-1)%n):][:8]
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])^uint64(t))
		copy(b[8:], r)
		block.Decrypt(b[:], b[:])
		copy(r, b[8:])
	}
	binary.BigEndian.PutUint64(want[:8], wrapIV)
	if subtle.ConstantTimeCompare(b[:8], want[:8]) != 1 {
		return nil, errors.New("wrapped key does not open")
	}
	return key, nil
}

// agreedKey derives the 256-bit key-encryption key from an ECDH secret: X9.63
// with SHA-256 over ECC-CMS-SharedInfo (RFC 5753 section 7.2), one block long.
func agreedKey(secret, ukm []byte) ([]byte, error) {
	info, err := asn1.Marshal(sharedInfo{
		Key:  wrapAlgorithm,
		UKM:  ukm,
		Bits: []byte{0, 0, 1, 0}, // 256
	})
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	h.Write(secret)
	h.Write([]byte{0, 0, 0, 1})
	h.Write(info)
	return h.Sum(nil), nil
}
