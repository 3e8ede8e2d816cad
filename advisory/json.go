package advisory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"muster"
)

// Bounds on JSON. The longest texts are the notes of CSAF, some 10 kB.
const (
	maxJSONDepth = 64
	maxJSONToken = 1 << 20
)

// A jsonReader reads a document (RFC 8259) value by value, so that no more of it
// than one text is held. It is strict, and some five times as fast as the
// tokens of encoding/json: archives of CSAF have 10 GB of text.
type jsonReader struct {
	r     *bufio.Reader
	name  string
	depth int
	at    int64  // bytes read
	held  []byte // of the text that is read
}

func newJSONReader(name string, text io.Reader) *jsonReader {
	return &jsonReader{name: name, r: bufio.NewReaderSize(text, 64<<10)}
}

func (j *jsonReader) fail(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return muster.Errorf(muster.Invalid, "cannot read %q, byte %d: %w", j.name, j.at, err)
}

func (j *jsonReader) unexpected(c byte) error {
	return j.fail(fmt.Errorf("%q stands where it cannot", c))
}

// next passes over white space and returns the byte after it, which stays to be
// read.
func (j *jsonReader) next() (byte, error) {
	for {
		data, err := j.buffered()
		if err != nil {
			return 0, j.fail(err)
		}
		for i, c := range data {
			if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				j.take(i)
				return c, nil
			}
		}
		j.take(len(data))
	}
}

// buffered is what can be read without waiting, at least one byte.
func (j *jsonReader) buffered() ([]byte, error) {
	if j.r.Buffered() == 0 {
		if _, err := j.r.Peek(1); err != nil {
			return nil, err
		}
	}
	return j.r.Peek(j.r.Buffered())
}

// take passes over bytes that are buffered.
func (j *jsonReader) take(n int) {
	j.r.Discard(n)
	j.at += int64(n)
}

// object visits the values of an object, or passes over what is none, as null.
// visit reads the value of the key, wholly.
func (j *jsonReader) object(visit func(key string) error) error {
	return j.inside('{', '}', func() error {
		c, err := j.next()
		if err != nil {
			return err
		}
		if c != '"' {
			return j.unexpected(c)
		}
		key, err := j.quoted(true)
		if err != nil {
			return err
		}
		if c, err = j.next(); err != nil {
			return err
		}
		if c != ':' {
			return j.unexpected(c)
		}
		j.take(1)
		return visit(key)
	})
}

// array visits the values of an array, or passes over what is none, as null.
// visit reads one value, wholly.
func (j *jsonReader) array(visit func() error) error { return j.inside('[', ']', visit) }

func (j *jsonReader) inside(open, closing byte, visit func() error) error {
	c, err := j.next()
	if err != nil {
		return err
	}
	if c != open {
		return j.skip()
	}
	j.take(1)
	if j.depth++; j.depth > maxJSONDepth {
		return j.fail(errors.New("values are nested too deep"))
	}
	for first := true; ; first = false {
		if c, err = j.next(); err != nil {
			return err
		}
		switch {
		case c == closing:
			j.take(1)
			j.depth--
			return nil
		case first:
		case c == ',':
			j.take(1)
			if c, err = j.next(); err != nil {
				return err
			}
			if c == closing {
				return j.unexpected(c)
			}
		default:
			return j.unexpected(c)
		}
		if err := visit(); err != nil {
			return err
		}
	}
}

// skip passes over a value.
func (j *jsonReader) skip() error {
	c, err := j.next()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return j.object(func(string) error { return j.skip() })
	case '[':
		return j.array(j.skip)
	case '"':
		_, err = j.quoted(false)
		return err
	}
	_, err = j.literal()
	return err
}

// text reads a string, or another single value as it is written; null, objects
// and arrays are "".
func (j *jsonReader) text() (string, error) {
	c, err := j.next()
	if err != nil {
		return "", err
	}
	switch c {
	case '{', '[':
		return "", j.skip()
	case '"':
		return j.quoted(true)
	}
	word, err := j.literal()
	if word == "null" {
		word = ""
	}
	return word, err
}

// literal reads true, false, null or a number.
func (j *jsonReader) literal() (string, error) {
	j.held = j.held[:0]
	for {
		data, err := j.buffered()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", j.fail(err)
		}
		i := 0
		for i < len(data) && isLiteral(data[i]) {
			i++
		}
		if len(j.held)+i > maxJSONToken {
			return "", j.fail(fmt.Errorf("a number has more than %d digits", maxJSONToken))
		}
		j.held = append(j.held, data[:i]...)
		j.take(i)
		if i < len(data) {
			break
		}
	}
	word := string(j.held)
	if word != "true" && word != "false" && word != "null" && !isJSONNumber(word) {
		return "", j.fail(fmt.Errorf("%.20q is no value", word))
	}
	return word, nil
}

func isLiteral(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// isJSONNumber: -? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)?
func isJSONNumber(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	whole, rest := cutNumber(s)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	digits := func(s string) (rest string, ok bool) {
		d, rest := cutNumber(s)
		return rest, d != ""
	}
	ok := true
	if rest != "" && rest[0] == '.' {
		rest, ok = digits(rest[1:])
	}
	if ok && rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		rest, ok = digits(rest)
	}
	return ok && rest == ""
}

// quoted reads a string, whose first quote is next. Where keep is false it is
// passed over.
func (j *jsonReader) quoted(keep bool) (string, error) {
	j.take(1)
	j.held = j.held[:0]
	length := 0
	for {
		data, err := j.buffered()
		if err != nil {
			return "", j.fail(err)
		}
		i := 0
		for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
			i++
		}
		if length += i; length > maxJSONToken {
			return "", j.fail(fmt.Errorf("a text has more than %d bytes", maxJSONToken))
		}
		if keep {
			j.held = append(j.held, data[:i]...)
		}
		j.take(i)
		if i == len(data) {
			continue
		}
		switch data[i] {
		case '"':
			j.take(1)
			return validText(j.held), nil
		case '\\':
			length += utf8.UTFMax
			if err := j.escape(); err != nil {
				return "", err
			}
		default:
			return "", j.unexpected(data[i])
		}
	}
}

// validText puts the character for what is none in the place of each such byte.
func validText(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	return string([]rune(string(data)))
}

// escapes are the characters that a letter after a backslash stands for.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads a backslash and what it makes of the letters after it. Halves of
// pairs that stand alone are the character for what is none.
func (j *jsonReader) escape() error {
	head, err := j.r.Peek(2)
	if err != nil {
		return j.fail(err)
	}
	if c, ok := escapes[head[1]]; ok {
		j.take(2)
		j.held = append(j.held, c)
		return nil
	}
	r, err := j.unit(head[1])
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) {
		second, err := j.r.Peek(6)
		if err == nil && second[0] == '\\' && second[1] == 'u' {
			if low, err := strconv.ParseUint(string(second[2:]), 16, 16); err == nil && utf16.DecodeRune(r, rune(low)) != utf8.RuneError {
				j.take(6)
				r = utf16.DecodeRune(r, rune(low))
			}
		}
		if utf16.IsSurrogate(r) {
			r = utf8.RuneError
		}
	}
	j.held = utf8.AppendRune(j.held, r)
	return nil
}

// unit reads \uXXXX.
func (j *jsonReader) unit(letter byte) (rune, error) {
	if letter != 'u' {
		return 0, j.unexpected(letter)
	}
	text, err := j.r.Peek(6)
	if err != nil {
		return 0, j.fail(err)
	}
	n, err := strconv.ParseUint(string(text[2:]), 16, 16)
	if err != nil || text[2] == '+' || text[2] == '-' || text[2] == '_' {
		return 0, j.fail(fmt.Errorf("%q is no character", text))
	}
	j.take(6)
	return rune(n), nil
}

// into reads a string into s.
func (j *jsonReader) into(s *string) (err error) {
	*s, err = j.text()
	return err
}

// texts reads an array of strings, at most most of them.
func (j *jsonReader) texts(most int) (list []string, err error) {
	err = j.array(func() error {
		s, err := j.text()
		if err == nil && len(list) >= most {
			err = j.fail(fmt.Errorf("a list has more than %d entries", most))
		}
		list = append(list, s)
		return err
	})
	return list, err
}

// end reports what follows the document.
func (j *jsonReader) end() error {
	c, err := j.next()
	switch {
	case err == nil:
		return j.unexpected(c)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	}
	return err
}
