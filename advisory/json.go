package advisory

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"muster"
)

// Bounds on JSON. The longest texts are the notes of CSAF, some 10 kB.
const (
	maxJSONDepth = 64
	maxJSONToken = 1 << 20
)

// A jsonReader reads a document (RFC 8259) value by value, so that no more of it
// than one text is held. It is strict, and some four times as fast as the
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
