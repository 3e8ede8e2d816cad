package advisory

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"muster"
)

// OSV reads documents in the Open Source Vulnerability format, schema 1.0 to
// 1.7: one, several one after the other, or an array of them.
func OSV(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	in := &osvReader{o: o, yield: yield}
	return in.stream(text, o.Name)
}

// Bounds of what one document of OSV says.
const (
	maxOSV        = 16 << 20 // bytes
	maxOSVObjects = 200_000  // each takes much more memory than the two bytes of {}
	maxAffected   = 50_000   // products of one advisory of SUSE: some 12,000
	maxAliases    = 2_000    // vulnerabilities that one update of a kernel repairs: some 800
	maxReferences = 30
	maxText       = 256 // of a name or a version
	maxKnown      = 10_000
)

// An osvReader is one import: of a file, an archive or a folder.
type osvReader struct {
	o     Options
	yield func(*Advisory) error
	seen  map[string]bool
	known map[string]Platform // what names of ecosystems were asked for
	stop  error               // what yield or Skip returned: it ends the import, not a file alone
}

// stream reads the documents of one file.
func (in *osvReader) stream(r io.Reader, file string) error {
	b := bufio.NewReader(r)
	var dec *json.Decoder
	dec = json.NewDecoder(&tokenBound{r: b, name: file, most: maxOSV, offset: func() int64 { return dec.InputOffset() }})
	array, err := beginsArray(b)
	if err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
	}
	if array {
		if _, err := dec.Token(); err != nil {
			return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
		}
	}
	for array && dec.More() || !array {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) && !array {
			return nil
		}
		if err != nil {
			return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
		}
		if err := in.document(raw, file); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the end of the array
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
	}
	return nil
}

// beginsArray looks at the first byte that is not a space.
func beginsArray(b *bufio.Reader) (bool, error) {
	for {
		c, err := b.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return c == '[', b.UnreadByte()
		}
	}
}

// document reads one document, and yields it where it speaks of a known system.
func (in *osvReader) document(raw []byte, file string) error {
	var doc osvDocument
	var err error
	if bytes.Count(raw, []byte("{")) > maxOSVObjects {
		err = muster.Errorf(muster.Invalid, "more than %d objects", maxOSVObjects)
	} else {
		err = json.Unmarshal(raw, &doc)
	}
	var a *Advisory
	if err == nil {
		a, err = in.advisory(&doc)
	}
	if err == nil && in.seen[a.ID] {
		err = muster.Errorf(muster.Invalid, "a document of this name was read before")
	}
	switch {
	case err != nil:
		in.stop = in.o.skip(cmp.Or(doc.ID, file), err)
	case len(a.Affected) > 0:
		if in.seen == nil {
			in.seen = map[string]bool{}
		}
		in.seen[a.ID] = true
		in.stop = in.yield(a)
	}
	return in.stop
}

// checkText bounds names and versions.
func checkText(what, s string) error {
	if s == "" || len(s) > maxText || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return muster.Errorf(muster.Invalid, "%s %.40q is empty, longer than %d bytes or not plain", what, s, maxText)
	}
	return nil
}
