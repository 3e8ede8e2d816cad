package sign

import (
	"bytes"
	"crypto"
	"crypto/x509"

	"muster"
)

// An Identity can sign, and open what was sealed to it: a private key and the
// certificates that say whose it is. The certificate of the key comes first,
// then that of its issuer, and so on.
type Identity struct {
	Key   crypto.Signer
	Chain []*x509.Certificate
}

// ParseIdentity reads a private key (PKCS#8 in PEM, plain or encrypted) and the
// certificates that go with it, of which the first must be that of the key.
// password is called only for an encrypted key. A wrong password is
// [muster.Denied].
func ParseIdentity(keyPEM, certPEM []byte, password func() ([]byte, error)) (*Identity, error) {
	chain, err := ParseCerts(certPEM)
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(keyPEM, password)
	if err != nil {
		return nil, err
	}
	id := &Identity{Key: key, Chain: chain}
	return id, id.check()
}

// Leaf is the certificate of the key.
func (id *Identity) Leaf() *x509.Certificate { return id.Chain[0] }

// check reports why id cannot be used, or nil.
func (id *Identity) check() error {
	if id == nil || id.Key == nil || len(id.Chain) == 0 {
		return muster.Errorf(muster.Invalid, "identity without key or certificate")
	}
	leaf := id.Chain[0]
	if err := checkKey(leaf.PublicKey); err != nil {
		return muster.Errorf(muster.Invalid, "certificate of %s: %w", Describe(leaf), err)
	}
	if !sameKey(id.Key.Public(), leaf.PublicKey) {
		return muster.WithHint(
			muster.Errorf(muster.Invalid, "private key does not belong to the certificate of %s", Describe(leaf)),
			"put the certificate of the key first in the file, then its issuers")
	}
	return nil
}

func sameKey(a, b crypto.PublicKey) bool {
	x, err := x509.MarshalPKIXPublicKey(a)
	if err != nil {
		return false
	}
	y, err := x509.MarshalPKIXPublicKey(b)
	return err == nil && bytes.Equal(x, y)
}
