package sign

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"muster"
)

// Sign makes a signed message in DER over content, by one or more identities,
// whose whole chains go in. A detached message does not hold the content. at is
// the time that the signature claims, in whole seconds; each certificate must
// be valid then.
func Sign(content []byte, detached bool, at time.Time, ids ...*Identity) ([]byte, error) {
	if len(ids) == 0 {
		return nil, muster.Errorf(muster.Invalid, "nobody is to sign")
	}
	data := signedData{Content: encapsulated{Type: oidData}}
	if !detached {
		inner, err := asn1.Marshal(content)
		if err != nil {
			return nil, err
		}
		data.Content.Content = contextTag(0, inner)
	}
	for _, id := range ids {
		if err := data.add(content, at, id); err != nil {
			return nil, err
		}
	}
	return data.encode()
}

// Approve adds the signature of id to a signed message. The signatures already
// there must be right, though nobody's trust in them matters here. content is
// nil when it is attached.
func Approve(der, content []byte, at time.Time, id *Identity) ([]byte, error) {
	m, err := parseMessage(der)
	if err != nil {
		return nil, err
	}
	if content, err = m.contentOr(content); err != nil {
		return nil, err
	}
	if err := m.checkSignatures(content); err != nil {
		return nil, err
	}
	if err := m.raw.add(content, at, id); err != nil {
		return nil, err
	}
	return m.raw.encode()
}

// add signs content for id and takes signature, chain and digest algorithm in.
func (d *signedData) add(content []byte, at time.Time, id *Identity) error {
	if err := id.check(); err != nil {
		return err
	}
	at = at.UTC().Truncate(time.Second)
	if err := mayStillSign(id.Leaf(), at); err != nil {
		return err
	}
	info, err := newSigner(content, at, id)
	if err != nil {
		return fmt.Errorf("cannot sign as %s: %w", Describe(id.Leaf()), err)
	}
	if d.hasSigner(info.ID) {
		return muster.Errorf(muster.Conflict, "already signed by %s", Describe(id.Leaf()))
	}
	d.Signers = append(d.Signers, info)
	d.addDigest(hashFor(id.Leaf().PublicKey))
	d.addCerts(id.Chain)
	return nil
}

func mayStillSign(cert *x509.Certificate, at time.Time) error {
	if err := validAt(cert, at); err != nil {
		return muster.WithHint(
			muster.Errorf(muster.Denied, "cannot sign: the certificate of %s %w", Describe(cert), err),
			"ask the authority for a new certificate, or check the clock")
	}
	if !usableToSign(cert) {
		return muster.Errorf(muster.Denied, "the certificate of %s is not for signatures (key usage)", Describe(cert))
	}
	return nil
}

func newSigner(content []byte, at time.Time, id *Identity) (signerInfo, error) {
	leaf := id.Leaf()
	h := hashFor(leaf.PublicKey)
	attrs, err := newAttrs(sum(h, content), at)
	if err != nil {
		return signerInfo{}, err
	}
	signature, err := id.Key.Sign(rand.Reader, sum(h, attrs), h)
	if err != nil {
		return signerInfo{}, err
	}
	// A token that signs with another key than announced is found out here, not
	// on a thousand hosts.
	if !goodSignature(leaf.PublicKey, h, attrs, signature) {
		return signerInfo{}, muster.Errorf(muster.Invalid, "the key gave a signature that its certificate does not verify")
	}
	sid, err := asn1.Marshal(issuerAndSerial{asn1.RawValue{FullBytes: leaf.RawIssuer}, leaf.SerialNumber})
	if err != nil {
		return signerInfo{}, err
	}
	signed := bytes.Clone(attrs)
	signed[0] = 0xa0 // [0] in place of the tag of a SET
	return signerInfo{
		Version:      1,
		ID:           asn1.RawValue{FullBytes: sid},
		Digest:       digestAlgorithm(h),
		SignedAttrs:  asn1.RawValue{FullBytes: signed},
		SignatureAlg: signatureAlgorithm(leaf.PublicKey, h),
		Signature:    signature,
	}, nil
}

func sum(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}

func (d *signedData) hasSigner(id asn1.RawValue) bool {
	for _, s := range d.Signers {
		if bytes.Equal(s.ID.FullBytes, id.FullBytes) {
			return true
		}
	}
	return false
}

func (d *signedData) addDigest(h crypto.Hash) {
	for _, a := range d.Digests {
		if digestOf(a) == h {
			return
		}
	}
	d.Digests = append(d.Digests, digestAlgorithm(h))
}

// addCerts adds what is not there yet, and puts all in the order of DER.
func (d *signedData) addCerts(certs []*x509.Certificate) {
	for _, c := range certs {
		if !hasCert(d.Certificates, c.Raw) {
			d.Certificates = append(d.Certificates, asn1.RawValue{FullBytes: c.Raw})
		}
	}
	slices.SortFunc(d.Certificates, func(a, b asn1.RawValue) int {
		return bytes.Compare(a.FullBytes, b.FullBytes)
	})
}

func hasCert(certs []asn1.RawValue, der []byte) bool {
	return slices.ContainsFunc(certs, func(c asn1.RawValue) bool { return bytes.Equal(c.FullBytes, der) })
}

// encode gives the message, which is within the limits that readers have.
func (d *signedData) encode() ([]byte, error) {
	d.Version = d.version()
	inner, err := asn1.Marshal(*d)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot encode signature: %w", err)
	}
	der, err := wrap(oidSignedData, inner)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot encode signature: %w", err)
	}
	if _, err := parseMessage(der); err != nil {
		return nil, err
	}
	return der, nil
}
