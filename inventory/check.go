package inventory

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"muster"
)

// Bounds of what a document holds.
const (
	MaxText   = 1024    // bytes of a text
	MaxOutput = 4096    // bytes of the output of an audit
	MaxRows   = 200_000 // rows of a list
	maxNumber = 1 << 53 // what every reader of JSON represents
)

// Check reports the first place where d is not what docs/formats/inventory.md
// allows: bounds, order of rows, unknown sources, texts that no terminal or
// page should be given.
func (d *Document) Check() error {
	if d.Format != Format {
		return muster.Errorf(muster.Invalid, "inventory has format %d, not %d", d.Format, Format)
	}
	if err := checkTexts(d); err != nil {
		return err
	}
	for source, rows := range d.Packages {
		if !slices.Contains(Sources, source) {
			return muster.Errorf(muster.Invalid, "inventory has packages of an unknown source %q", source)
		}
		// One document, one encoding: without rows there is no section.
		if len(rows) == 0 {
			return muster.Errorf(muster.Invalid, "inventory has no packages of %s, and says so", source)
		}
		if err := checkPackages(source, rows); err != nil {
			return err
		}
	}
	if !ascending(d.Muster, (*Installed).compare) {
		return muster.Errorf(muster.Invalid, "packages of muster are not sorted, or one is there twice")
	}
	if !ascending(d.Status, (*Status).compare) {
		return muster.Errorf(muster.Invalid, "statuses are not sorted, or one is there twice")
	}
	if !ascending(d.Audits, (*Audit).compare) {
		return muster.Errorf(muster.Invalid, "audits are not sorted, or one is there twice")
	}
	return nil
}

func checkPackages(source string, rows []Package) error {
	for i := range rows {
		if err := rows[i].check(source); err != nil {
			return err
		}
		if i > 0 && rows[i-1].Key().compare(rows[i].Key()) >= 0 {
			return muster.Errorf(muster.Invalid, "packages of %s are not sorted, or one is there twice: %q", source, rows[i].Name)
		}
	}
	return nil
}

// check holds that what is as a rule is left out: one host, one document.
func (p *Package) check(source string) error {
	switch {
	case p.Name == "":
		return muster.Errorf(muster.Invalid, "a package of %s has no name", source)
	case p.Source == p.Name:
		return muster.Errorf(muster.Invalid, "package %q of %s names itself as its source", p.Name, source)
	case p.SourceVersion != "" && p.SourceVersion == p.Version:
		return muster.Errorf(muster.Invalid, "package %q of %s names its own version as that of its source", p.Name, source)
	}
	return nil
}

func ascending[T any](rows []T, compare func(a, b *T) int) bool {
	for i := 1; i < len(rows); i++ {
		if compare(&rows[i-1], &rows[i]) >= 0 {
			return false
		}
	}
	return true
}

// checkTexts walks all fields of v: texts are short, UTF-8 and without control
// characters; numbers are not negative and every reader can represent them.
func checkTexts(v any) error { return checkValue(reflect.ValueOf(v), false) }

func checkValue(v reflect.Value, lines bool) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return checkValue(v.Elem(), lines)
		}
	case reflect.Struct:
		return checkFields(v)
	case reflect.Slice:
		if v.Len() > MaxRows {
			return muster.Errorf(muster.Invalid, "a list has %d rows, more than %d", v.Len(), MaxRows)
		}
		for i := range v.Len() {
			if err := checkValue(v.Index(i), lines); err != nil {
				return err
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if err := checkValue(v.MapIndex(key), lines); err != nil {
				return err
			}
		}
	case reflect.String:
		return checkText(v.String(), lines)
	case reflect.Int, reflect.Int64:
		if v.Int() < 0 || v.Int() > maxNumber {
			return muster.Errorf(muster.Invalid, "number %d is out of range", v.Int())
		}
	}
	return nil
}

func checkFields(v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if err := checkValue(v.Field(i), f.Tag.Get("text") == "lines"); err != nil {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkText(s string, lines bool) error {
	limit := MaxText
	if lines {
		limit = MaxOutput
	}
	switch {
	case len(s) > limit:
		return muster.Errorf(muster.Invalid, "a text has %d bytes, more than %d", len(s), limit)
	case !utf8.ValidString(s):
		return muster.Errorf(muster.Invalid, "text %.40q is not UTF-8", s)
	case strings.ContainsFunc(s, func(r rune) bool { return control(r) && !(lines && (r == '\n' || r == '\t')) }):
		return muster.Errorf(muster.Invalid, "text %.40q has control characters", s)
	}
	return nil
}

// control reports characters that move what a person sees: C0, DEL, C1, line
// and paragraph separators, and those that turn the direction of writing.
func control(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Text makes a text that a document takes of what a host holds: control
// characters become blanks, invalid UTF-8 becomes U+FFFD, blanks at the ends go,
// and the rest is cut at a character.
func Text(s string) string { return cut(clean(s, false), MaxText) }

// Output is [Text] for the output of an audit: it keeps lines, and the end of
// what is too long.
func Output(s string) string {
	s = clean(s, true)
	if len(s) <= MaxOutput {
		return s
	}
	s = s[len(s)-MaxOutput:]
	for !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return strings.TrimSpace(s)
}

func clean(s string, lines bool) string {
	if plain(s) {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		if control(r) && !(lines && (r == '\n' || r == '\t')) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.TrimSpace(s)
}

// plain reports printable ASCII, which nearly every text is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.TrimSpace(s[:limit])
}
