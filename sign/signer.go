package sign

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"
)

// signer is one SignerInfo of a message with the certificate it points to.
type signer struct {
	cert      *x509.Certificate
	hash      crypto.Hash
	attrs     []byte // DER of the SET OF signed attributes: what is signed
	digest    []byte // claimed digest of the content
	time      time.Time
	signature []byte
}

func (m *message) readSigners() error {
	n := len(m.raw.Signers)
	if n == 0 {
		return errors.New("nobody signed")
	}
	if n > MaxSigners {
		return fmt.Errorf("%d signers; %d are accepted", n, MaxSigners)
	}
	for i := range m.raw.Signers {
		s, err := m.readSigner(&m.raw.Signers[i])
		if err != nil {
			return fmt.Errorf("signer %d: %w", i+1, err)
		}
		m.signers = append(m.signers, s)
	}
	return nil
}

func (m *message) readSigner(raw *signerInfo) (signer, error) {
	s := signer{signature: raw.Signature, hash: digestOf(raw.Digest)}
	if s.hash == 0 {
		return s, weakError{fmt.Errorf("digest algorithm %v is not accepted", raw.Digest.Algorithm)}
	}
	if !m.announces(s.hash) {
		return s, errors.New("digest algorithm is not announced by the message")
	}
	var err error
	if s.cert, err = m.find(raw); err != nil {
		return s, err
	}
	if err := checkKey(s.cert.PublicKey); err != nil {
		return s, weakError{fmt.Errorf("certificate of %s: %w", Describe(s.cert), err)}
	}
	if !signatureFits(raw.SignatureAlg, s.cert.PublicKey, s.hash) {
		return s, weakError{fmt.Errorf("signature algorithm %v is not accepted for the key of %s",
			raw.SignatureAlg.Algorithm, Describe(s.cert))}
	}
	return s, s.readAttrs(raw.SignedAttrs)
}

func (m *message) announces(h crypto.Hash) bool {
	for _, a := range m.raw.Digests {
		if digestOf(a) == h {
			return true
		}
	}
	return false
}

// find returns the certificate that a SignerInfo points to. It must be in the
// message, and no other may answer to the same description: whoever carries the
// message could otherwise choose whose signature it is.
func (m *message) find(raw *signerInfo) (*x509.Certificate, error) {
	match, err := matcher(raw.Version, raw.ID)
	if err != nil {
		return nil, err
	}
	var found *x509.Certificate
	for _, c := range m.certs {
		if !match(c) {
			continue
		}
		if found != nil {
			return nil, errors.New("two certificates answer to the signer's description")
		}
		found = c
	}
	if found == nil {
		return nil, errors.New("the signer's certificate is not in the message")
	}
	return found, nil
}

// matcher reads a SignerIdentifier, RFC 5652 section 5.3: issuer and serial
// number in version 1, the subject key identifier in version 3.
func matcher(version int, id asn1.RawValue) (func(*x509.Certificate) bool, error) {
	switch {
	case version == 1 && id.Class == asn1.ClassUniversal:
		return matchIssuer(id.FullBytes)
	case version == 3 && id.Class == asn1.ClassContextSpecific && id.Tag == 0 && !id.IsCompound:
		return func(c *x509.Certificate) bool {
			return len(id.Bytes) > 0 && bytes.Equal(c.SubjectKeyId, id.Bytes)
		}, nil
	}
	return nil, fmt.Errorf("version %d does not fit the signer's description", version)
}

func matchIssuer(der []byte) (func(*x509.Certificate) bool, error) {
	var id issuerAndSerial
	if err := decode(der, &id, ""); err != nil {
		return nil, fmt.Errorf("signer's description: %w", err)
	}
	return func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawIssuer, id.Issuer.FullBytes) && c.SerialNumber.Cmp(id.Serial) == 0
	}, nil
}
