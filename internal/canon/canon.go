// Package canon reads and writes JSON of which there is only one encoding, so
// that signed documents cannot say the same thing in two ways.
//
// The encoding is RFC 8785 (JCS) restricted to what muster signs: UTF-8
// without a byte order mark, no white space, object members sorted by name,
// integers only, strings escaped as encoding/json does with HTML escaping off.
// Go structures get there by declaring their fields in the order of their JSON
// names; [Sorted] lets a test hold a type to that.
package canon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// Marshal encodes v. Fields of structures come out in the order of their
// declaration, which must be that of their JSON names.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// Unmarshal decodes data into v and refuses unknown members, anything after
// the value, and any data that [Marshal] would not have written: duplicate
// members, other spacing, other escapes, other spellings of a number. The
// caller bounds len(data).
func Unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	again := comparer{want: data}
	enc := json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	if again.at != len(data) {
		return explain(data, v, again.at)
	}
	return nil
}

// A comparer is written what has to be want and a newline; at is how far it is
// the same.
type comparer struct {
	want    []byte
	at      int
	differs bool
}

func (c *comparer) Write(b []byte) (int, error) {
	if !c.differs {
		n := firstDifference(b, c.want[c.at:])
		c.at += n
		c.differs = n < len(b)
	}
	return len(b), nil
}

// explain says why data is refused, which is the same as v up to byte at.
func explain(data []byte, v any, at int) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(reflect.New(reflect.TypeOf(v).Elem()).Interface()); err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	return fmt.Errorf("invalid JSON: not in canonical form at byte %d", at)
}

// Sorted reports the first place where encoded JSON is not sorted by member
// name, for tests of types that are signed.
func Sorted(data []byte) error {
	var v any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return err
	}
	sorted, err := Marshal(v) // maps are encoded in the order of their keys
	if err != nil {
		return err
	}
	if !bytes.Equal(sorted, data) {
		i := firstDifference(sorted, data)
		return fmt.Errorf("members are not sorted at byte %d: %.60q", i, data[i:])
	}
	return nil
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
