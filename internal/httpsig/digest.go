package httpsig

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"

	"muster"
)

// parseDigest reads a Content-Digest (RFC 9530) of one SHA-256.
func parseDigest(text string) (digest [sha256.Size]byte, err error) {
	r := newFieldReader(headerDigest, text)
	if r.key() != "sha-256" {
		r.fail("it is not of SHA-256")
	}
	r.expect("=")
	var array [sha256.Size]byte
	b := r.bytes(array[:0])
	if len(b) != len(digest) {
		r.fail("it has not %d bytes", len(digest))
	}
	copy(digest[:], b)
	return digest, r.end()
}

// printDigest is the inverse of parseDigest.
func printDigest(digest [sha256.Size]byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(digest[:]) + ":"
}

// Body reads the body and returns it when it is the one that was signed, so that
// nobody decodes, or decompresses, what is not. It is as it was sent, before
// Content-Encoding is undone. More than max bytes are an [http.MaxBytesError],
// found before the first is read where the request says how many come.
//
// Body may be called before [Message.Verify], for a key that is in the body.
func (m *Message) Body(r io.Reader, max int64) ([]byte, error) {
	if m.length > max {
		return nil, tooLarge(max)
	}
	var buf bytes.Buffer
	if m.length > 0 {
		// What is announced is no reason to take memory for it.
		buf.Grow(int(min(m.length, 64<<10)) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(r, max+1))
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "the body of the request broke off: %w", err)
	}
	if n > max {
		return nil, tooLarge(max)
	}
	if sha256.Sum256(buf.Bytes()) != m.digest {
		return nil, muster.Errorf(muster.Denied, "the body of the request is not the one that was signed")
	}
	return buf.Bytes(), nil
}

func tooLarge(max int64) error {
	return muster.Errorf(muster.Invalid, "the body of the request has more than %d bytes: %w", max, &http.MaxBytesError{Limit: max})
}
