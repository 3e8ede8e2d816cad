package wapt

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxFields bounds the fields of a control.
const maxFields = 256

// A Control is what a package says of itself: fields in the order in which they
// were written.
//
//	package           : tis-7zip
//	version           : 23.1-20
//	description       : compresses
//	 and this goes on
//
// Names are lower-case. A line that starts with a space continues the value; the
// first empty line ends the control.
type Control struct {
	fields []field
}

type field struct{ name, value string }

// ParseControl reads a control: UTF-8 without byte order mark.
func ParseControl(data []byte) (*Control, error) {
	if len(data) > MaxControl {
		return nil, fmt.Errorf("%d bytes, more than %d", len(data), MaxControl)
	}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return nil, fmt.Errorf("line 1: it starts with a byte order mark")
	}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("it is not UTF-8")
	}
	r := controlReader{c: &Control{}}
	number := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		number++
		if line = strings.TrimRight(line, "\r"); line == "" {
			break
		}
		if err := r.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	r.end()
	return r.c, r.c.check()
}

// A controlReader collects the lines of the last field: joining each at once
// would take the square of their number.
type controlReader struct {
	c     *Control
	lines []string
}

// end gives the last field its value.
func (r *controlReader) end() {
	if n := len(r.c.fields); n > 0 {
		r.c.fields[n-1].value = strings.TrimSpace(strings.Join(r.lines, "\n"))
	}
}

func (r *controlReader) line(line string) error {
	c := r.c
	if rest, ok := strings.CutPrefix(line, " "); ok {
		if len(c.fields) == 0 {
			return fmt.Errorf("it continues nothing")
		}
		r.lines = append(r.lines, rest)
		return nil
	}
	name, value, ok := strings.Cut(line, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	if !ok || !validName(name) {
		return fmt.Errorf("%.80q is not \"name : value\"", line)
	}
	for _, f := range c.fields {
		if f.name == name {
			return fmt.Errorf("%q stands twice", name)
		}
	}
	r.end()
	r.lines = append(r.lines[:0], value)
	if c.fields = append(c.fields, field{name: name}); len(c.fields) > maxFields {
		return fmt.Errorf("more than %d fields", maxFields)
	}
	return nil
}

func validName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// check holds a control to the fields without which there is no package.
func (c *Control) check() error {
	for _, name := range []string{"package", "version"} {
		if c.Get(name) == "" {
			return fmt.Errorf("field %q is missing", name)
		}
	}
	return nil
}

// Get returns the value of a field, its lines joined by line feeds; "" where
// there is none.
func (c *Control) Get(name string) string {
	for _, f := range c.fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// Names lists the fields that are there, in their order.
func (c *Control) Names() []string {
	names := make([]string, len(c.fields))
	for i, f := range c.fields {
		names[i] = f.name
	}
	return names
}

// String prints c in the form that [ParseControl] reads.
func (c *Control) String() string {
	var b strings.Builder
	for _, f := range c.fields {
		fmt.Fprintf(&b, "%-18s: %s\n", f.name, strings.ReplaceAll(f.value, "\n", "\n "))
	}
	return b.String()
}
