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
	"io"
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
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("invalid JSON: data after the document")
	}
	again, err := Marshal(v)
	if err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("invalid JSON: not in canonical form at byte %d", firstDifference(again, data))
	}
	return nil
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
