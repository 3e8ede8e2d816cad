package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"muster"
)

// Bounds of an RSA modulus in bits. The upper one limits what a hostile
// certificate can make a verifier compute.
const (
	minRSABits = 3072
	maxRSABits = 8192
)

// maxKeyFile bounds a key file in bytes; an RSA-8192 key is some 7 KiB.
const maxKeyFile = 64 << 10

// NewKey makes a private key: "ecdsa-p256", which "" means too, "ecdsa-p384",
// "rsa-3072" or "rsa-4096".
func NewKey(alg string) (crypto.Signer, error) {
	switch alg {
	case "", "ecdsa-p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ecdsa-p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "rsa-3072":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "rsa-4096":
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, muster.WithHint(
		muster.Errorf(muster.Invalid, "unknown key algorithm %q", alg),
		"choose ecdsa-p256, ecdsa-p384, rsa-3072 or rsa-4096")
}

// checkKey reports why no signature by a key like pub is accepted, or nil.
func checkKey(pub crypto.PublicKey) error {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSABits || n > maxRSABits {
			return fmt.Errorf("RSA key of %d bits; %d to %d are accepted", n, minRSABits, maxRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return nil
		}
		return fmt.Errorf("EC key on %s; P-256 and P-384 are accepted", k.Params().Name)
	}
	return fmt.Errorf("key of type %T; RSA and ECDSA are accepted", pub)
}

// hashFor is the hash with which a key like pub signs.
func hashFor(pub crypto.PublicKey) crypto.Hash {
	if k, ok := pub.(*ecdsa.PublicKey); ok && k.Curve == elliptic.P384() {
		return crypto.SHA384
	}
	return crypto.SHA256
}

// MarshalKey encodes a private key as PKCS#8 in PEM. With a password it is
// encrypted: PBES2, PBKDF2-HMAC-SHA256 with 600,000 rounds, AES-256-CBC, which
// openssl reads.
func MarshalKey(key crypto.Signer, password []byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot encode private key: %w", err)
	}
	if len(password) == 0 {
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	}
	sealed, err := encryptKey(der, password, keyRounds)
	if err != nil {
		return nil, fmt.Errorf("cannot encrypt private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: sealed}), nil
}

// ParseKey reads the private key of a PEM file, PKCS#8 plain or encrypted.
// password is called only when it is needed, and may be nil.
func ParseKey(keyPEM []byte, password func() ([]byte, error)) (crypto.Signer, error) {
	if len(keyPEM) > maxKeyFile {
		return nil, muster.Errorf(muster.Invalid, "private key file of %d bytes is longer than %d", len(keyPEM), maxKeyFile)
	}
	block, err := keyBlock(keyPEM)
	if err != nil {
		return nil, err
	}
	der := block.Bytes
	if block.Type == "ENCRYPTED PRIVATE KEY" {
		if der, err = askAndDecrypt(der, password); err != nil {
			return nil, err
		}
	}
	return parsePKCS8(der)
}

// keyBlock finds the private key among the blocks of a PEM file.
func keyBlock(keyPEM []byte) (*pem.Block, error) {
	for {
		block, rest := pem.Decode(keyPEM)
		if block == nil {
			return nil, muster.Errorf(muster.Invalid, "no private key in PEM")
		}
		switch block.Type {
		case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			return block, nil
		case "EC PRIVATE KEY", "RSA PRIVATE KEY":
			return nil, muster.WithHint(
				muster.Errorf(muster.Invalid, "private key is in the older form %q, not PKCS#8", block.Type),
				"convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW")
		}
		keyPEM = rest
	}
}

func askAndDecrypt(der []byte, password func() ([]byte, error)) ([]byte, error) {
	if password == nil {
		return nil, muster.Errorf(muster.Denied, "private key is encrypted and no password was given")
	}
	pw, err := password()
	if err != nil {
		return nil, fmt.Errorf("cannot get the password of the private key: %w", err)
	}
	return decryptKey(der, pw)
}

func parsePKCS8(der []byte) (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read private key: %w", err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, muster.Errorf(muster.Invalid, "private key of type %T cannot sign", parsed)
	}
	if err := checkKey(key.Public()); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot use private key: %w", err)
	}
	return key, nil
}
