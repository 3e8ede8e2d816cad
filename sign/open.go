package sign

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"muster"
)

// errCannotOpen is the one answer to whatever goes wrong once the private key
// is in use. Different answers would let whoever sends messages and watches
// find out a key or a content step by step (Bleichenbacher 1998, Vaudenay 2002).
var errCannotOpen = muster.Errorf(muster.Denied, "cannot open sealed message: it was not sealed to this key, or was changed")

// errNotMine passes over a recipient that is someone else.
var errNotMine = errors.New("sealed to another key")

// Open decrypts what [Seal] made. It also opens EnvelopedData with AES-256-CBC,
// which "openssl smime -encrypt -aes-256-cbc" makes, but only when the content
// is a signed message whose signatures are right, because CBC alone does not
// protect against changes. Who signed is for the caller to verify.
func Open(der []byte, id *Identity) ([]byte, error) {
	content, authenticated, err := OpenAny(der, id)
	if err != nil {
		return nil, err
	}
	if authenticated {
		return content, nil
	}
	if _, _, err := Inspect(content); err != nil {
		return nil, errCannotOpen
	}
	return content, nil
}

// OpenAny is [Open] for callers that protect the content by other means: when
// authenticated is false, anyone on the way may have changed the content, and
// the caller must answer alike whatever it finds wrong in it.
func OpenAny(der []byte, id *Identity) (content []byte, authenticated bool, err error) {
	if err := id.check(); err != nil {
		return nil, false, err
	}
	e, err := parseEnvelope(der)
	if err != nil {
		return nil, false, muster.Errorf(muster.Invalid, "cannot read sealed message: %w", err)
	}
	key, err := e.contentKey(id)
	if err != nil {
		return nil, false, err
	}
	content, ok := e.decrypt(key)
	if !ok {
		return nil, false, errCannotOpen
	}
	return content, e.tag != nil, nil
}

// envelope is a sealed message that is well formed.
type envelope struct {
	recipients []asn1.RawValue
	data       []byte
	iv         []byte
	tag        []byte // nil: CBC
}

func parseEnvelope(der []byte) (*envelope, error) {
	if len(der) > MaxMessage+MaxContent {
		return nil, fmt.Errorf("message of %d bytes is too long", len(der))
	}
	if err := checkDER(der); err != nil {
		return nil, err
	}
	var outer contentInfo
	if err := decode(der, &outer, ""); err != nil {
		return nil, err
	}
	e := new(envelope)
	var err error
	switch {
	case outer.Type.Equal(oidAuthEnveloped):
		err = e.readGCM(outer.Content.Bytes)
	case outer.Type.Equal(oidEnvelopedData):
		err = e.readCBC(outer.Content.Bytes)
	default:
		err = fmt.Errorf("message is of type %v, not sealed", outer.Type)
	}
	if err != nil {
		return nil, err
	}
	if n := len(e.recipients); n == 0 || n > MaxRecipients {
		return nil, fmt.Errorf("%d recipients", n)
	}
	return e, nil
}

func (e *envelope) readGCM(der []byte) error {
	var d authEnvelopedData
	if err := decode(der, &d, ""); err != nil {
		return err
	}
	var params gcmParams
	alg := d.Content.Algorithm
	if d.Version != 0 || !d.Content.Type.Equal(oidData) || !alg.Algorithm.Equal(oidAES256GCM) {
		return errors.New("not AES-256-GCM over data")
	}
	if err := decode(alg.Parameters.FullBytes, &params, ""); err != nil {
		return err
	}
	if len(params.Nonce) != nonceSize || params.TagSize != tagSize || len(d.Tag) != tagSize {
		return errors.New("nonce or tag of the wrong length")
	}
	*e = envelope{d.Recipients, d.Content.Data, params.Nonce, d.Tag}
	return nil
}

func (e *envelope) readCBC(der []byte) error {
	var d envelopedData
	if err := decode(der, &d, ""); err != nil {
		return err
	}
	alg := d.Content.Algorithm
	if (d.Version != 0 && d.Version != 2) || !d.Content.Type.Equal(oidData) || !alg.Algorithm.Equal(oidAES256CBC) {
		return errors.New("not AES-256-CBC over data")
	}
	var iv []byte
	if err := decode(alg.Parameters.FullBytes, &iv, ""); err != nil {
		return err
	}
	if len(iv) != aes.BlockSize || len(d.Content.Data) == 0 || len(d.Content.Data)%aes.BlockSize != 0 {
		return errors.New("initialisation vector or content of the wrong length")
	}
	*e = envelope{recipients: d.Recipients, data: d.Content.Data, iv: iv}
	return nil
}

func (e *envelope) decrypt(key []byte) ([]byte, bool) {
	if e.tag != nil {
		gcm, err := newGCM(key)
		if err != nil {
			return nil, false
		}
		content, err := gcm.Open(nil, e.iv, append(bytes.Clone(e.data), e.tag...), nil)
		return content, err == nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	plain := make([]byte, len(e.data))
	cipher.NewCBCDecrypter(block, e.iv).CryptBlocks(plain, e.data)
	return unpadCBC(plain)
}

// contentKey finds the recipient that id is and takes the key out. Where the
// private key fails, a random key is returned in place of an error, which fails
// later like any other wrong key.
func (e *envelope) contentKey(id *Identity) ([]byte, error) {
	for _, r := range e.recipients {
		key, err := takeKey(r, id)
		if errors.Is(err, errNotMine) {
			continue
		}
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read sealed message: %w", err)
		}
		return key, nil
	}
	return nil, errCannotOpen
}

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
	if byIssuer := t.Recipient.Class == asn1.ClassUniversal; byIssuer != (t.Version == 0) || t.Version > 2 {
		return nil, fmt.Errorf("version %d does not fit the recipient's description", t.Version)
	}
	if !mine {
		return nil, errNotMine
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
