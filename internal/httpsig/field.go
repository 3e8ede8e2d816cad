package httpsig

import (
	"encoding/base64"
	"strings"

	"muster"
)

// Bounds of what is read. A signature by RSA of 8192 bits has 1,368 characters.
const (
	maxField      = 2048 // characters of Signature-Input, Signature, Content-Digest
	maxComponents = 16
	maxString     = 256
	maxInteger    = 999_999_999_999_999 // RFC 8941, section 3.3.1
)

var strictBase64 = base64.StdEncoding.Strict()

// A fieldReader reads a structured field (RFC 8941) in its canonical form. After
// the first mistake it reads nothing more, and err says what was wrong.
type fieldReader struct {
	name string // of the field, for err
	rest string
	err  error
}

func newFieldReader(name, text string) fieldReader {
	r := fieldReader{name: name, rest: text}
	if len(text) > maxField {
		r.fail("it has more than %d characters", maxField)
	}
	return r
}

func (r *fieldReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = muster.Errorf(muster.Invalid, "cannot read the field %s: "+format, append([]any{r.name}, args...)...)
	}
	r.rest = ""
}

// next reads past text, if it comes next.
func (r *fieldReader) next(text string) bool {
	rest, ok := strings.CutPrefix(r.rest, text)
	if ok {
		r.rest = rest
	}
	return ok
}

// expect reads past text, which must come next.
func (r *fieldReader) expect(text string) {
	if !r.next(text) {
		r.fail("there is no %q where it must be, at %q", text, short(r.rest))
	}
}

// end refuses whatever is left. Another member of a dictionary begins with a comma.
func (r *fieldReader) end() error {
	if strings.HasPrefix(r.rest, ",") {
		r.fail("it has more than one member")
	}
	if r.rest != "" {
		r.fail("%q follows its end", short(r.rest))
	}
	return r.err
}

// key reads the name of a member or parameter (section 3.1.2).
func (r *fieldReader) key() string {
	n := 0
	for n < len(r.rest) && isKeyByte(r.rest[n], n == 0) {
		n++
	}
	if n == 0 {
		r.fail("there is no name where one must be, at %q", short(r.rest))
		return ""
	}
	return r.take(n)
}

func isKeyByte(c byte, first bool) bool {
	if c >= 'a' && c <= 'z' || c == '*' {
		return true
	}
	return !first && (c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.')
}

// take reads n characters.
func (r *fieldReader) take(n int) string {
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// str reads a string (section 3.3.3) without escapes.
func (r *fieldReader) str() string {
	r.expect(`"`)
	n := 0
	for n < len(r.rest) && isStringByte(r.rest[n]) {
		n++
	}
	if n > maxString {
		r.fail("a string has more than %d characters", maxString)
	}
	s := r.take(min(n, len(r.rest)))
	r.expect(`"`)
	return s
}

func isStringByte(c byte) bool { return c >= ' ' && c <= '~' && c != '"' && c != '\\' }

// integer reads an integer of 0 to maxInteger (section 3.3.1), without leading zeros.
func (r *fieldReader) integer() int64 {
	n, v := 0, int64(0)
	for n < len(r.rest) && n < 16 && r.rest[n] >= '0' && r.rest[n] <= '9' {
		v = v*10 + int64(r.rest[n]-'0')
		n++
	}
	if n == 0 || v > maxInteger || n > 1 && r.rest[0] == '0' {
		r.fail("there is no integer where one must be, at %q", short(r.rest))
		return 0
	}
	r.take(n)
	return v
}

// bytes reads a byte sequence (section 3.3.5) and appends it to b.
func (r *fieldReader) bytes(b []byte) []byte {
	r.expect(":")
	n := strings.IndexByte(r.rest, ':')
	if n < 0 {
		r.fail("a byte sequence has no end")
		return b
	}
	var array [128]byte // enough for ECDSA on the stack
	out, err := strictBase64.AppendDecode(b, append(array[:0], r.take(n)...))
	// The decoder passes over line breaks.
	if err != nil || strictBase64.EncodedLen(len(out)-len(b)) != n {
		r.fail("a byte sequence is not base64")
		return b
	}
	r.expect(":")
	return out
}

// short makes a text of others fit for a message.
func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
