package httpsig

import (
	"crypto"
	"crypto/sha256"
	"net/http"
	"time"

	"muster"
)

// A Message is what a request says of itself. Until [Message.Verify] has
// returned nil all of it is what somebody claims.
type Message struct {
	KeyID   string    // whose key: the id of a host, or the fingerprint of a key
	Counter uint64    // 0: the signer keeps none
	Nonce   string    // of the signer's choice
	Created time.Time // to the second
	Expires time.Time // zero: not said

	alg    algorithm
	digest [sha256.Size]byte // of the body
	length int64             // of the body; -1: not known before it is read
	base   []byte            // what was signed
	sig    []byte
	id     [sha256.Size]byte // of base, once verified
	ok     bool              // verified

	// One piece of memory for a message is enough, except for RSA.
	baseArray [1024]byte
	sigArray  [96]byte
}

// Parse reads the signature of a request that is for the server with this id. It
// keeps nothing of req. A request for another server is denied here, before
// anybody looks for a key.
func Parse(req *http.Request, server string) (*Message, error) {
	var in input
	m := &Message{length: req.ContentLength}
	if err := m.readSignature(&in, req.Header); err != nil {
		return nil, err
	}
	if err := m.readFields(&in, req.Header, server); err != nil {
		return nil, err
	}
	s, err := received(req)
	if err != nil {
		return nil, err
	}
	m.base, err = s.appendBase(m.baseArray[:0], in.components, in.params)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// readSignature reads the fields that RFC 9421 has for a signature.
func (m *Message) readSignature(in *input, h http.Header) error {
	if len(h[headerInput])+len(h[headerSignature]) == 0 {
		return muster.Errorf(muster.Denied, "the request is not signed")
	}
	text, err := single(h, headerInput)
	if err != nil {
		return err
	}
	if err := parseInput(in, text); err != nil {
		return err
	}
	if err := in.checkProfile(); err != nil {
		return err
	}
	if text, err = single(h, headerSignature); err != nil {
		return err
	}
	label, sig, err := parseSignature(m.sigArray[:0], text)
	if err == nil && label != in.label {
		err = muster.Errorf(muster.Invalid, "the signature %q has no bytes", in.label)
	}
	m.sig, m.alg = sig, algorithm(in.alg)
	m.KeyID, m.Nonce = in.keyID, in.nonce
	m.Created = time.Unix(in.created, 0)
	if in.expires >= 0 {
		m.Expires = time.Unix(in.expires, 0)
	}
	return err
}

// readFields reads the fields that the signature covers.
func (m *Message) readFields(in *input, h http.Header, server string) error {
	id, err := single(h, headerServer)
	if err != nil {
		return err
	}
	if id != server || server == "" {
		return muster.WithHint(muster.Errorf(muster.Denied, "the request is for the server %q, not for this one", short(id)),
			"GET /api/v1/server says the id of a server")
	}
	text, err := single(h, headerDigest)
	if err != nil {
		return err
	}
	if m.digest, err = parseDigest(text); err != nil {
		return err
	}
	m.Counter, err = readCounter(in, h)
	return err
}

// readCounter reads Muster-Counter, which must be there when it is covered, and
// only then.
func readCounter(in *input, h http.Header) (uint64, error) {
	if !in.hasCounter() {
		if len(h[headerCounter]) > 0 {
			return 0, muster.Errorf(muster.Denied, "the signature does not cover %q", "muster-counter")
		}
		return 0, nil
	}
	text, err := single(h, headerCounter)
	if err != nil {
		return 0, err
	}
	return parseCounter(text)
}

// parseCounter reads an integer of 1 to maxInteger.
func parseCounter(text string) (uint64, error) {
	r := newFieldReader(headerCounter, text)
	n := r.integer()
	if r.err == nil && n == 0 {
		r.fail("counters begin with 1")
	}
	return uint64(n), r.end()
}

// single is the one line of a field. Several lines are one value to some
// programs, and the first or the last alone to others.
func single(h http.Header, name string) (string, error) {
	switch lines := h[name]; len(lines) {
	case 1:
		return lines[0], nil
	case 0:
		return "", muster.Errorf(muster.Invalid, "the request has no field %s", name)
	}
	return "", muster.Errorf(muster.Invalid, "the request has the field %s more than once", name)
}

// Verify reports, as an error of kind muster.Denied, whether m was not signed by
// pub, or not within maxSkew of now. pub is *ecdsa.PublicKey (P-256, P-384),
// *rsa.PublicKey (3072 to 8192 bits) or ed25519.PublicKey.
func (m *Message) Verify(pub crypto.PublicKey, now time.Time, maxSkew time.Duration) error {
	if alg := algorithmOf(pub); alg == "" || alg != m.alg {
		return muster.Errorf(muster.Denied, "the algorithm %q is not that of the key of %q", short(string(m.alg)), short(m.KeyID))
	}
	if err := m.checkTime(now, maxSkew); err != nil {
		return err
	}
	if !m.alg.verify(pub, m.base, m.sig) {
		return muster.Errorf(muster.Denied, "the signature is not of the key of %q", short(m.KeyID))
	}
	m.id, m.ok = sha256.Sum256(m.base), true
	return nil
}

// checkTime comes before the signature: it costs less, and says nothing that a
// stranger could not know.
func (m *Message) checkTime(now time.Time, maxSkew time.Duration) error {
	off := m.Created.Sub(now)
	if off > maxSkew || off < -maxSkew {
		return muster.WithHint(muster.Errorf(muster.Denied, "the request was signed at %s, and here it is %s",
			m.Created.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)), "set the clock of the machine that signs")
	}
	if !m.Expires.IsZero() && !now.Before(m.Expires) {
		return muster.Errorf(muster.Denied, "the signature has expired at %s", m.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// ID is the SHA-256 of what was signed; zero before [Message.Verify]. Two
// messages with one ID are one message that came twice. (Two signatures of
// one message may differ: ECDSA signatures can be made anew by anybody.)
func (m *Message) ID() [sha256.Size]byte { return m.id }
