package sign

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"muster"
)

// Seal encrypts content so that each recipient can open it, in DER: AES-256-GCM
// in AuthEnvelopedData (RFC 5083), its key sent by RSA-OAEP-SHA256 or by ECDH.
// "openssl cms -decrypt" opens it. A seal says nothing about who made it, since
// certificates are public: sign inside where that matters.
func Seal(content []byte, recipients ...*x509.Certificate) ([]byte, error) {
	if len(recipients) == 0 || len(recipients) > MaxRecipients {
		return nil, muster.Errorf(muster.Invalid, "cannot seal to %d recipients", len(recipients))
	}
	if len(content) > MaxContent {
		return nil, muster.Errorf(muster.Invalid, "cannot seal %d bytes; %d are the limit", len(content), MaxContent)
	}
	key := make([]byte, contentKeySize)
	rand.Read(key)
	data := authEnvelopedData{Content: encryptedContent{Type: oidData}}
	for _, r := range recipients {
		info, err := sendKey(key, r)
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot seal to %s: %w", Describe(r), err)
		}
		data.Recipients = append(data.Recipients, asn1.RawValue{FullBytes: info})
	}
	if err := data.encrypt(key, content); err != nil {
		return nil, err
	}
	inner, err := asn1.Marshal(data)
	if err != nil {
		return nil, err
	}
	return wrap(oidAuthEnveloped, inner)
}

// encrypt fills in the encrypted content and its tag. The key is used once, so
// a random nonce cannot repeat under it.
func (d *authEnvelopedData) encrypt(key, content []byte) error {
	gcm, err := newGCM(key)
	if err != nil {
		return err
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	d.Content.Algorithm, err = algorithm(oidAES256GCM, gcmParams{nonce, tagSize})
	if err != nil {
		return err
	}
	sealed := gcm.Seal(nil, nonce, content, nil)
	cut := len(sealed) - tagSize
	d.Content.Data, d.Tag = sealed[:cut:cut], sealed[cut:]
	return nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sendKey encodes a RecipientInfo.
func sendKey(key []byte, to *x509.Certificate) ([]byte, error) {
	if err := checkKey(to.PublicKey); err != nil {
		return nil, err
	}
	id, err := asn1.Marshal(issuerAndSerial{asn1.RawValue{FullBytes: to.RawIssuer}, to.SerialNumber})
	if err != nil {
		return nil, err
	}
	switch pub := to.PublicKey.(type) {
	case *rsa.PublicKey:
		return transport(key, pub, id)
	case *ecdsa.PublicKey:
		return agree(key, pub, id)
	}
	return nil, fmt.Errorf("key of type %T", to.PublicKey)
}

func transport(key []byte, pub *rsa.PublicKey, id []byte) ([]byte, error) {
	encrypted, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, pub, key, nil)
	if err != nil {
		return nil, err
	}
	mgf, err := algorithm(oidMGF1, sha256Algorithm)
	if err != nil {
		return nil, err
	}
	oaep, err := algorithm(oidOAEP, oaepParams{sha256Algorithm, mgf})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(keyTransport{0, asn1.RawValue{FullBytes: id}, oaep, encrypted})
}

func agree(key []byte, pub *ecdsa.PublicKey, id []byte) ([]byte, error) {
	theirs, err := pub.ECDH()
	if err != nil {
		return nil, err
	}
	mine, err := theirs.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := mine.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	kek, err := agreedKey(secret, nil)
	if err != nil {
		return nil, err
	}
	wrapped, err := wrapKey(kek, key)
	if err != nil {
		return nil, err
	}
	return encodeAgreement(mine.PublicKey(), id, wrapped)
}

func encodeAgreement(mine *ecdh.PublicKey, id, wrapped []byte) ([]byte, error) {
	point := mine.Bytes()
	origin, err := asn1.MarshalWithParams(originatorKey{
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey},
		Key:       asn1.BitString{Bytes: point, BitLength: 8 * len(point)},
	}, "tag:1")
	if err != nil {
		return nil, err
	}
	alg, err := algorithm(oidStdDHSHA256, wrapAlgorithm)
	if err != nil {
		return nil, err
	}
	return asn1.MarshalWithParams(keyAgreement{
		Version:    3,
		Originator: contextTag(0, origin),
		Algorithm:  alg,
		Recipients: []agreedRecipient{{asn1.RawValue{FullBytes: id}, wrapped}},
	}, "tag:1")
}
