package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"math/big"

	"muster"
)

// An algorithm is one of RFC 9421, section 3.3.
type algorithm string

const (
	ecdsaP256 algorithm = "ecdsa-p256-sha256"
	ecdsaP384 algorithm = "ecdsa-p384-sha384"
	rsaSHA256 algorithm = "rsa-v1_5-sha256"
	eddsa     algorithm = "ed25519"
)

// Sizes of RSA keys, in bits: those that package sign takes.
const (
	minRSA = 3072
	maxRSA = 8192
)

// algorithmOf is the one algorithm of a key, "" where there is none: the
// signer has no choice that a verifier would have to judge.
func algorithmOf(pub crypto.PublicKey) algorithm {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return ecdsaP256
		case elliptic.P384():
			return ecdsaP384
		}
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n >= minRSA && n <= maxRSA {
			return rsaSHA256
		}
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return eddsa
		}
	}
	return ""
}

// sign signs base. key may be outside of the process, in a token.
func (a algorithm) sign(key crypto.Signer, base []byte) ([]byte, error) {
	switch a {
	case ecdsaP256:
		sum := sha256.Sum256(base)
		return signECDSA(key, sum[:], crypto.SHA256, 32)
	case ecdsaP384:
		sum := sha512.Sum384(base)
		return signECDSA(key, sum[:], crypto.SHA384, 48)
	case rsaSHA256:
		sum := sha256.Sum256(base)
		return key.Sign(rand.Reader, sum[:], crypto.SHA256)
	}
	return key.Sign(rand.Reader, base, crypto.Hash(0))
}

func signECDSA(key crypto.Signer, sum []byte, hash crypto.Hash, size int) ([]byte, error) {
	der, err := key.Sign(rand.Reader, sum, hash)
	if err != nil {
		return nil, err
	}
	return rawFromDER(der, size)
}

// rawFromDER makes r and s of size bytes each (RFC 9421, section 3.3.4) of the
// DER that signers return.
func rawFromDER(der []byte, size int) ([]byte, error) {
	var v struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &v)
	if err != nil || len(rest) > 0 || v.R.Sign() < 0 || v.S.Sign() < 0 || max(v.R.BitLen(), v.S.BitLen()) > 8*size {
		return nil, muster.Errorf(muster.Invalid, "the key returned something that is no ECDSA signature")
	}
	raw := make([]byte, 2*size)
	v.R.FillBytes(raw[:size])
	v.S.FillBytes(raw[size:])
	return raw, nil
}

// verify reports whether sig is of pub over base. pub must be a key of a.
func (a algorithm) verify(pub crypto.PublicKey, base, sig []byte) bool {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if a == ecdsaP256 {
			sum := sha256.Sum256(base)
			return verifyECDSA(k, sum[:], sig, 32)
		}
		sum := sha512.Sum384(base)
		return verifyECDSA(k, sum[:], sig, 48)
	case *rsa.PublicKey:
		sum := sha256.Sum256(base)
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], sig) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(k, base, sig)
	}
	return false
}

func verifyECDSA(pub *ecdsa.PublicKey, sum, raw []byte, size int) bool {
	if len(raw) != 2*size {
		return false
	}
	var array [104]byte // two integers of 49 bytes, with their heads
	return ecdsa.VerifyASN1(pub, sum, appendDER(array[:0], raw))
}

// appendDER is the inverse of rawFromDER. raw has at most 96 bytes: each length
// is of one byte.
func appendDER(b, raw []byte) []byte {
	start := len(b)
	b = append(b, 0x30, 0)
	b = appendInteger(b, raw[:len(raw)/2])
	b = appendInteger(b, raw[len(raw)/2:])
	b[start+1] = byte(len(b) - start - 2)
	return b
}

func appendInteger(b, v []byte) []byte {
	for len(v) > 1 && v[0] == 0 {
		v = v[1:]
	}
	if v[0] >= 0x80 { // without a zero it would be negative
		return append(append(b, 2, byte(len(v)+1), 0), v...)
	}
	return append(append(b, 2, byte(len(v))), v...)
}
