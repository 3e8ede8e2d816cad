package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"time"

	"muster"
)

// A Signature is one person's signature under a content.
type Signature struct {
	Signer *x509.Certificate
	Chain  []*x509.Certificate // from the signer to an anchor; from Inspect only the signer
	Time   time.Time           // as the signer claims
}

// Policy is what a verifier demands. The zero value of every field but Now is
// the usual choice.
type Policy struct {
	Now    time.Time // see [Floor]
	Right  Right     // that each counted signer needs; "" none
	Need   int       // number of different signers; 0 means 1
	Listed bool      // a current head lists the content: a signer who has expired since stays good
}

// Verify checks a detached message over content and returns the signatures
// that count.
//
// Every signature in the message must be right, whoever made it. Of the
// signers those count whose chain ends in an anchor of trust, who were valid at
// the time they claim and are now, are not revoked and have the right; the
// others neither help nor harm, so that a site can approve a package whose
// author its hosts do not know. With fewer than p.Need different persons the
// error is [muster.Denied] and says why each of the others does not count.
func Verify(der, content []byte, trust *Trust, p Policy) ([]Signature, error) {
	m, err := parseMessage(der)
	if err != nil {
		return nil, err
	}
	if m.attached {
		return nil, muster.Errorf(muster.Invalid, "cannot read signature: it holds a content of its own")
	}
	return m.verify(content, trust, p)
}

// VerifyAttached checks a message as [Verify] does, and returns the content
// that it holds.
func VerifyAttached(der []byte, trust *Trust, p Policy) ([]byte, []Signature, error) {
	m, err := parseMessage(der)
	if err != nil {
		return nil, nil, err
	}
	if !m.attached {
		return nil, nil, muster.Errorf(muster.Invalid, "cannot read signed message: it holds no content")
	}
	sigs, err := m.verify(m.content, trust, p)
	if err != nil {
		return nil, nil, err
	}
	return m.content, sigs, nil
}

// Inspect reads a message and checks its signatures against the certificates
// in it, which anybody can make: the answer is for people to look at, not to
// act on. Content is nil for a detached message; then only the signatures over
// the attributes are checked, and [InspectDetached] checks all.
func Inspect(der []byte) ([]Signature, []byte, error) {
	m, err := parseMessage(der)
	if err != nil {
		return nil, nil, err
	}
	if m.attached {
		err = m.checkSignatures(m.content)
	} else {
		err = m.checkAttrs()
	}
	if err != nil {
		return nil, nil, err
	}
	return m.claims(), m.content, nil
}

// InspectDetached is [Inspect] for a detached message whose content is at hand.
func InspectDetached(der, content []byte) ([]Signature, error) {
	m, err := parseMessage(der)
	if err != nil {
		return nil, err
	}
	if m.attached {
		return nil, muster.Errorf(muster.Invalid, "cannot read signature: it holds a content of its own")
	}
	if err := m.checkSignatures(content); err != nil {
		return nil, err
	}
	return m.claims(), nil
}

func (m *message) claims() []Signature {
	var sigs []Signature
	for _, s := range m.signers {
		sigs = append(sigs, Signature{Signer: s.cert, Chain: []*x509.Certificate{s.cert}, Time: s.time})
	}
	return sigs
}

// contentOr is the content that m is about: its own, else the one given.
func (m *message) contentOr(given []byte) ([]byte, error) {
	if !m.attached && given == nil {
		return nil, muster.Errorf(muster.Invalid, "signature holds no content and none was given")
	}
	if !m.attached {
		return given, nil
	}
	if given != nil && !bytes.Equal(given, m.content) {
		return nil, muster.Errorf(muster.Denied, "signature is about another content")
	}
	return m.content, nil
}

func (m *message) verify(content []byte, trust *Trust, p Policy) ([]Signature, error) {
	if err := m.checkSignatures(content); err != nil {
		return nil, err
	}
	return trust.count(m, p)
}

// checkSignatures refuses m unless every signature in it is one over content.
func (m *message) checkSignatures(content []byte) error {
	for _, s := range m.signers {
		if !bytes.Equal(sum(s.hash, content), s.digest) {
			return muster.Errorf(muster.Denied, "content was changed after %s signed it", Describe(s.cert))
		}
	}
	return m.checkAttrs()
}

func (m *message) checkAttrs() error {
	for _, s := range m.signers {
		if !goodSignature(s.cert.PublicKey, s.hash, s.attrs, s.signature) {
			return muster.Errorf(muster.Denied, "signature of %s is false", Describe(s.cert))
		}
	}
	return nil
}

func goodSignature(pub crypto.PublicKey, h crypto.Hash, signed, signature []byte) bool {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, h, sum(h, signed), signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, sum(h, signed), signature)
	}
	return false
}
