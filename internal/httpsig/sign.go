package httpsig

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"muster"
)

// Params are what a signature says beside the request.
type Params struct {
	KeyID   string    // whose key: the id of a host, or the fingerprint of a key
	Server  string    // id of the server that the request is for
	Counter uint64    // above every one used before with the key; 0: there is none, Sign makes a nonce
	Created time.Time // now
}

// Sign signs req, which will be sent with this body, and sets the fields
// Content-Digest, Muster-Server, Muster-Counter, Signature-Input and Signature. Nothing that
// they cover may change afterwards: method, URL, body.
//
// A request that may have arrived is not sent again as it is, but signed anew.
// net/http sends some requests twice by itself: see docs/formats/requests.md.
func Sign(req *http.Request, body []byte, key crypto.Signer, p Params) error {
	alg := algorithmOf(key.Public())
	if alg == "" {
		return muster.Errorf(muster.Invalid, "cannot sign requests with this key: only with ECDSA on P-256 or P-384, RSA of %d to %d bits, or Ed25519", minRSA, maxRSA)
	}
	s := source{req, req.URL.RequestURI()}
	if err := checkTarget(s.target); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	p.setFields(req.Header, sha256.Sum256(body))
	components := counted
	if p.Counter == 0 {
		components = nonced
	}
	params := p.print(components, alg)
	base, err := s.appendBase(nil, components, params)
	if err != nil {
		return err
	}
	sig, err := alg.sign(key, base)
	if err != nil {
		return muster.Errorf(muster.KindOf(err), "cannot sign the request: %w", err)
	}
	req.Header[headerInput] = []string{profile + "=" + params}
	req.Header[headerSignature] = []string{profile + "=:" + base64.StdEncoding.EncodeToString(sig) + ":"}
	return nil
}

// check refuses what a server could not read.
func (p Params) check() error {
	if !plain(p.KeyID, maxKeyID) || !plain(p.Server, maxID) {
		return muster.Errorf(muster.Invalid, "cannot sign a request of %q for the server %q", p.KeyID, p.Server)
	}
	if p.Counter > maxInteger || p.Created.Unix() < 0 || p.Created.Unix() > maxInteger {
		return muster.Errorf(muster.Invalid, "cannot sign a request with the counter %d at %v", p.Counter, p.Created)
	}
	return nil
}

// plain reports whether s can stand in a string and in a field as it is.
func plain(s string, max int) bool {
	for i := range len(s) {
		if s[i] == ' ' || !isStringByte(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= max
}

func (p Params) setFields(h http.Header, digest [sha256.Size]byte) {
	h[headerDigest] = []string{printDigest(digest)}
	h[headerServer] = []string{p.Server}
	delete(h, headerCounter)
	if p.Counter > 0 {
		h[headerCounter] = []string{strconv.FormatUint(p.Counter, 10)}
	}
}

// print prints the inner list with its parameters.
func (p Params) print(components []string, alg algorithm) string {
	s := list(components) + ";created=" + strconv.FormatInt(p.Created.Unix(), 10)
	if p.Counter == 0 {
		s += `;nonce="` + rand.Text() + `"`
	}
	return s + `;keyid="` + p.KeyID + `";alg="` + string(alg) + `";tag="` + profile + `"`
}
