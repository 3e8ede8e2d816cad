package sign

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"muster"
)

// Limits of a signed message. More is refused before it is looked at.
const (
	MaxMessage = 1 << 20  // bytes, without attached content
	MaxContent = 16 << 20 // bytes of attached or sealed content
	MaxSigners = 16
	MaxCerts   = 64
	maxAttrs   = 32 // signed attributes of one signer
)

// message is a SignedData message that is well formed; nothing in it is
// verified yet.
type message struct {
	raw      signedData
	attached bool
	content  []byte
	certs    []*x509.Certificate
	signers  []signer
}

// parseMessage reads a SignedData message strictly.
func parseMessage(der []byte) (*message, error) {
	m, err := readMessage(der)
	if err != nil {
		kind := muster.Invalid
		if errors.As(err, new(weakError)) {
			kind = muster.Denied
		}
		return nil, muster.Errorf(kind, "cannot read signature: %w", err)
	}
	return m, nil
}

// weakError is a well-formed message that asks for too little: an algorithm
// or a key that is not accepted.
type weakError struct{ error }

func readMessage(der []byte) (*message, error) {
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
	if !outer.Type.Equal(oidSignedData) {
		return nil, fmt.Errorf("message is of type %v, not signed data", outer.Type)
	}
	m := new(message)
	if err := decode(outer.Content.Bytes, &m.raw, ""); err != nil {
		return nil, err
	}
	return m, m.read(len(der))
}

// read goes through the fields of m.raw in their order.
func (m *message) read(size int) error {
	if err := m.readContent(); err != nil {
		return err
	}
	if size-len(m.content) > MaxMessage {
		return fmt.Errorf("signatures of %d bytes are too long", size-len(m.content))
	}
	if err := m.readDigests(); err != nil {
		return err
	}
	if err := m.readCerts(); err != nil {
		return err
	}
	if err := m.readSigners(); err != nil {
		return err
	}
	if want := m.raw.version(); m.raw.Version != want {
		return fmt.Errorf("version is %d and not %d", m.raw.Version, want)
	}
	return nil
}

// version is what RFC 5652 section 5.1 prescribes for a message without
// attribute certificates and with content of type data.
func (d *signedData) version() int {
	for _, s := range d.Signers {
		if s.Version == 3 {
			return 3
		}
	}
	return 1
}

func (m *message) readContent() error {
	if !m.raw.Content.Type.Equal(oidData) {
		return fmt.Errorf("content is of type %v, not data", m.raw.Content.Type)
	}
	inner := m.raw.Content.Content.Bytes
	m.attached = len(m.raw.Content.Content.FullBytes) > 0
	if !m.attached {
		return nil
	}
	if err := decode(inner, &m.content, ""); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	if len(m.content) > MaxContent {
		return fmt.Errorf("content of %d bytes is too long", len(m.content))
	}
	return nil
}

func (m *message) readDigests() error {
	if len(m.raw.Digests) > MaxSigners {
		return fmt.Errorf("%d digest algorithms", len(m.raw.Digests))
	}
	for _, a := range m.raw.Digests {
		if digestOf(a) == 0 {
			return weakError{fmt.Errorf("digest algorithm %v is not accepted", a.Algorithm)}
		}
	}
	return nil
}

func (m *message) readCerts() error {
	if len(m.raw.Certificates) > MaxCerts {
		return fmt.Errorf("%d certificates; %d are accepted", len(m.raw.Certificates), MaxCerts)
	}
	for i, raw := range m.raw.Certificates {
		if hasCert(m.raw.Certificates[:i], raw.FullBytes) {
			continue
		}
		cert, err := x509.ParseCertificate(raw.FullBytes)
		if err != nil {
			return fmt.Errorf("certificate %d: %w", i+1, err)
		}
		if k, ok := cert.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() > maxRSABits {
			// A modulus of a megabyte would keep a verifier busy for minutes.
			return weakError{fmt.Errorf("certificate of %s: RSA key of %d bits", Describe(cert), k.N.BitLen())}
		}
		m.certs = append(m.certs, cert)
	}
	return nil
}
