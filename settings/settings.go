// Package settings is what packages say that are not software: how the agent
// behaves (kind config), who may install what themselves (kind self-service)
// and which updates of Windows are wanted (kind wsus).
//
// Such a package carries a [Document] in its manifest, so that whoever signed
// the package signed it. In a recipe it is the file "policy", stanzas of fields
// as in a control:
//
//	update-interval: 4h
//	maintenance-windows: mon-fri 20:00-06:00, sat-sun 00:00-24:00
//
// Start with [Check], which a builder asks, and then [Resolve] for the agent,
// [Rules.Allow] for self-service and [Updates.Judge] for updates of Windows.
// [Reference] prints what every field means.
//
// # Promise
//
// A field keeps its meaning. A host skips what it does not know, says so, and
// keeps to the rest: a newer document does not stop an older agent.
//
// The package is pure: no I/O, no clock, no log.
package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster"
	"muster/deb822"
)

// A Document is the policy of one package: stanzas, each of fields and their
// values. A config has one stanza, the others one for each rule.
type Document []map[string]string

// Kinds are those kinds of package that carry a document.
var Kinds = []muster.Kind{muster.Config, muster.SelfService, muster.WSUS}

// An Error is a field with a wrong value.
type Error struct {
	Stanza int // in the document, from 0
	Field  string
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("field %q: %v", e.Field, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Check reports the first field of a document for that kind of package with which
// something is wrong as an [*Error], or nil.
func Check(kind muster.Kind, doc Document) error {
	read, ok := map[muster.Kind]func(map[string]string) error{
		muster.Config:      checkConfig,
		muster.SelfService: func(s map[string]string) error { _, err := readRule(s); return err },
		muster.WSUS:        func(s map[string]string) error { _, err := readUpdateRule(s); return err },
	}[kind]
	if !ok {
		return muster.Errorf(muster.Invalid, "a package of kind %s has no policy; those of %v have", kind, Kinds)
	}
	if kind == muster.Config && len(doc) > 1 {
		return muster.Errorf(muster.Invalid, "%d stanzas; the policy of a config has one", len(doc))
	}
	for i, stanza := range doc {
		err := read(stanza)
		var wrong *Error
		if errors.As(err, &wrong) {
			wrong.Stanza = i
		}
		if err != nil {
			return muster.WithKind(muster.Invalid, err)
		}
	}
	return nil
}

// maxStanzas bounds the rules of one document.
const maxStanzas = 1000

// Parse reads the text form of a document and checks it. Errors name the line.
func Parse(kind muster.Kind, text string) (Document, error) {
	stanzas, err := deb822.Parse(text)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	if len(stanzas) > maxStanzas {
		return nil, muster.Errorf(muster.Invalid, "%d stanzas, more than %d", len(stanzas), maxStanzas)
	}
	doc := make(Document, len(stanzas))
	for i, s := range stanzas {
		doc[i] = make(map[string]string, len(s))
		for _, f := range s {
			if doc[i][strings.ToLower(f.Name)] = oneLine(f.Text()); f.Value == "" {
				return nil, muster.Errorf(muster.Invalid, "line %d: field %q has no value", f.Line, f.Name)
			}
		}
	}
	err = Check(kind, doc)
	var wrong *Error
	if errors.As(err, &wrong) {
		f, _ := stanzas[wrong.Stanza].Field(wrong.Field)
		if f.Line == 0 {
			f.Line = stanzas[wrong.Stanza][0].Line // of a field that is missing
		}
		return nil, muster.Errorf(muster.Invalid, "line %d: %w", f.Line, err)
	}
	return doc, err
}

// oneLine joins the lines of a list that goes on for several.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Print writes doc in the form that [Parse] reads.
func (doc Document) Print() string {
	var b strings.Builder
	for i, stanza := range doc {
		if i > 0 {
			b.WriteString("\n")
		}
		for _, name := range slices.Sorted(maps.Keys(stanza)) {
			fmt.Fprintf(&b, "%s: %s\n", name, stanza[name])
		}
	}
	return b.String()
}

// unknown is the error for a field that does not exist, with the nearest that does.
func unknown(name string, known []string) error {
	best, distance := "", 4
	for _, k := range known {
		if d := apart(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return &Error{Field: name, Err: errors.New("unknown field")}
	}
	return &Error{Field: name, Err: fmt.Errorf("unknown field; %q is one", best)}
}

// apart is how many letters must change to make a of b (Levenshtein).
func apart(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			swap := last
			if a[i-1] != b[j-1] {
				swap++
			}
			last, row[j] = row[j], min(swap, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
