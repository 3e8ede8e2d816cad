package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
)

// errNotMine passes over a recipient that is someone else.
var errNotMine = errors.New("sealed to another key")

// takeKey reads one RecipientInfo: KeyTransRecipientInfo is a SEQUENCE,
// KeyAgreeRecipientInfo is [1]. Other kinds are somebody else's.
func takeKey(r asn1.RawValue, id *Identity) ([]byte, error) {
	switch {
	case r.Class == asn1.ClassUniversal && r.Tag == asn1.TagSequence:
		return takeTransported(r.FullBytes, id)
	case r.Class == asn1.ClassContextSpecific && r.Tag == 1:
		return takeAgreed(r.FullBytes, id)
	}
	return nil, errNotMine
}

func takeTransported(der []byte, id *Identity) ([]byte, error) {
	var t keyTransport
	if err := decode(der, &t, ""); err != nil {
		return nil, err
	}
	mine, err := names(t.Recipient, id.Leaf())
	if err != nil {
		return nil, err
	}
	if !mine {
		return nil, errNotMine
	}
	if want := t.version(); t.Version != want {
		return nil, fmt.Errorf("version of recipient is %d and not %d", t.Version, want)
	}
	key, ok := id.Key.(crypto.Decrypter)
	if _, isRSA := id.Key.Public().(*rsa.PublicKey); !ok || !isRSA {
		return nil, errors.New("the recipient's key cannot decrypt")
	}
	opts, err := transportOptions(t)
	if err != nil {
		return nil, err
	}
	plain, err := key.Decrypt(rand.Reader, t.Key, opts)
	if err != nil || len(plain) != contentKeySize {
		return randomKey(), nil
	}
	return plain, nil
}

// version is what RFC 5652 section 6.2.1 prescribes.
func (t *keyTransport) version() int {
	if t.Recipient.Class == asn1.ClassUniversal {
		return 0
	}
	return 2
}

// transportOptions says how the content key was encrypted: OAEP with SHA-256,
// or PKCS#1 v1.5, which openssl uses unless told otherwise; decrypting that
// gives a random key in constant time when the padding is wrong.
func transportOptions(t keyTransport) (crypto.DecrypterOpts, error) {
	switch {
	case t.Algorithm.Algorithm.Equal(oidRSA):
		return &rsa.PKCS1v15DecryptOptions{SessionKeyLen: contentKeySize}, nil
	case t.Algorithm.Algorithm.Equal(oidOAEP):
		if err := checkOAEP(t.Algorithm.Parameters.FullBytes); err != nil {
			return nil, err
		}
		return &rsa.OAEPOptions{Hash: crypto.SHA256}, nil
	}
	return nil, fmt.Errorf("key transport %v is not accepted", t.Algorithm.Algorithm)
}

func checkOAEP(der []byte) error {
	var params oaepParams
	if err := decode(der, &params, ""); err != nil {
		return fmt.Errorf("OAEP parameters: %w", err)
	}
	var mgfHash pkix.AlgorithmIdentifier
	if err := decode(params.MGF.Parameters.FullBytes, &mgfHash, ""); err != nil {
		return fmt.Errorf("OAEP parameters: %w", err)
	}
	if digestOf(params.Hash) != crypto.SHA256 || !params.MGF.Algorithm.Equal(oidMGF1) || digestOf(mgfHash) != crypto.SHA256 {
		return errors.New("OAEP is accepted with SHA-256 only")
	}
	return nil
}

func takeAgreed(der []byte, id *Identity) ([]byte, error) {
	var a keyAgreement
	if err := decode(der, &a, "tag:1"); err != nil {
		return nil, err
	}
	wrapped, err := a.find(id.Leaf())
	if err != nil {
		return nil, err
	}
	if err := a.checkAlgorithm(); err != nil {
		return nil, err
	}
	key, ok := id.Key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the recipient's key cannot agree on a key")
	}
	mine, err := key.ECDH()
	if err != nil {
		return nil, err
	}
	theirs, err := a.originator(mine.Curve())
	if err != nil {
		return nil, err
	}
	secret, err := mine.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	kek, err := agreedKey(secret, a.UKM)
	if err != nil {
		return nil, err
	}
	plain, err := unwrapKey(kek, wrapped)
	if err != nil || len(plain) != contentKeySize {
		return randomKey(), nil
	}
	return plain, nil
}

// find returns the wrapped key that is for cert.
func (a *keyAgreement) find(cert *x509.Certificate) ([]byte, error) {
	for _, r := range a.Recipients {
		mine, err := names(r.Recipient, cert)
		if err != nil {
			return nil, err
		}
		if mine {
			return r.Key, nil
		}
	}
	return nil, errNotMine
}

func (a *keyAgreement) checkAlgorithm() error {
	var inner pkix.AlgorithmIdentifier
	if a.Version != 3 || !a.Algorithm.Algorithm.Equal(oidStdDHSHA256) {
		return fmt.Errorf("key agreement %v is not accepted", a.Algorithm.Algorithm)
	}
	if err := decode(a.Algorithm.Parameters.FullBytes, &inner, ""); err != nil {
		return err
	}
	if !inner.Algorithm.Equal(oidAES256Wrap) {
		return fmt.Errorf("key wrap %v is not accepted", inner.Algorithm)
	}
	return nil
}

// originator is the sender's public key, which must be on the recipient's
// curve; the point is checked, against invalid-curve attacks.
func (a *keyAgreement) originator(curve ecdh.Curve) (*ecdh.PublicKey, error) {
	var o originatorKey
	if err := decode(a.Originator.Bytes, &o, "tag:1"); err != nil {
		return nil, fmt.Errorf("sender's key: %w", err)
	}
	if !o.Algorithm.Algorithm.Equal(oidECPublicKey) || o.Key.BitLength%8 != 0 {
		return nil, errors.New("sender's key is not an EC key")
	}
	return curve.NewPublicKey(o.Key.Bytes)
}

// names reports whether a RecipientIdentifier means cert: issuer and serial
// number, or [0] with the subject key identifier, which is an octet string for
// key transport and a structure that starts with one for key agreement.
func names(id asn1.RawValue, cert *x509.Certificate) (bool, error) {
	if id.Class == asn1.ClassUniversal {
		match, err := matchIssuer(id.FullBytes)
		if err != nil {
			return false, err
		}
		return match(cert), nil
	}
	if id.Class != asn1.ClassContextSpecific || id.Tag != 0 {
		return false, nil
	}
	keyID := id.Bytes
	if id.IsCompound {
		if _, err := asn1.Unmarshal(id.Bytes, &keyID); err != nil {
			return false, err
		}
	}
	return len(keyID) > 0 && bytes.Equal(keyID, cert.SubjectKeyId), nil
}

func randomKey() []byte {
	key := make([]byte, contentKeySize)
	rand.Read(key)
	return key
}
