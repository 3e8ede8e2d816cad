package advisory

import (
	"encoding/json"
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

// A jsonReader reads a document value by value, so that no more of it than one
// text is held.
type jsonReader struct {
	d     *json.Decoder
	name  string
	depth int
}

func newJSONReader(name string, text io.Reader) *jsonReader {
	j := &jsonReader{name: name}
	bound := &tokenBound{r: text, name: name, most: maxJSONToken, offset: func() int64 { return j.d.InputOffset() }}
	j.d = json.NewDecoder(bound)
	j.d.UseNumber() // no number is read that a float could change
	return j
}

func (j *jsonReader) fail(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return muster.Errorf(muster.Invalid, "cannot read %q, byte %d: %w", j.name, j.d.InputOffset(), err)
}

func (j *jsonReader) token() (json.Token, error) {
	t, err := j.d.Token()
	if err != nil {
		return nil, j.fail(err)
	}
	return t, nil
}

// object visits the values of an object, or passes over what is none, as null.
// visit reads the value of the key, wholly.
func (j *jsonReader) object(visit func(key string) error) error {
	return j.inside('{', func() error {
		t, err := j.token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // the decoder takes nothing else for a key
		return visit(key)
	})
}

// array visits the values of an array, or passes over what is none, as null.
// visit reads one value, wholly.
func (j *jsonReader) array(visit func() error) error { return j.inside('[', visit) }

func (j *jsonReader) inside(open json.Delim, visit func() error) error {
	t, err := j.token()
	if err != nil {
		return err
	}
	if t != open {
		return j.rest(t)
	}
	if j.depth++; j.depth > maxJSONDepth {
		return j.fail(errors.New("values are nested too deep"))
	}
	for j.d.More() {
		if err := visit(); err != nil {
			return err
		}
	}
	j.depth--
	_, err = j.token()
	return err
}

// skip passes over a value.
func (j *jsonReader) skip() error {
	t, err := j.token()
	if err != nil {
		return err
	}
	return j.rest(t)
}

// rest passes over what is left of a value whose first token is t.
func (j *jsonReader) rest(t json.Token) error {
	for depth := j.depth; ; {
		switch t {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxJSONDepth {
				return j.fail(errors.New("values are nested too deep"))
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == j.depth {
			return nil
		}
		var err error
		if t, err = j.token(); err != nil {
			return err
		}
	}
}

// text reads a string, or another single value as it is written; null, objects
// and arrays are "".
func (j *jsonReader) text() (string, error) {
	t, err := j.token()
	if err != nil {
		return "", err
	}
	switch t := t.(type) {
	case string:
		return t, nil
	case nil:
		return "", nil
	case json.Delim:
		return "", j.rest(t)
	}
	return fmt.Sprint(t), nil
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
	if _, err := j.d.Token(); err != io.EOF {
		return j.fail(errors.New("something follows the document"))
	}
	return nil
}
