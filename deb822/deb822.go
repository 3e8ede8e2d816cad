// Package deb822 reads and writes stanzas of fields, the text form of recipe
// controls and repository indexes (deb822(5), the format of Debian's control
// files).
//
//	name: value
//	 a line that continues the value
//	 .
//	 the line above is empty
//
// Stanzas are separated by empty lines. A line that starts with # is a comment.
// Field names are of [A-Za-z0-9-], start with a letter, and mean the same in
// any case; a name stands once in a stanza. [Parse] reads a whole text,
// [Stanza.Append] writes one stanza in the form that Parse reads back.
//
// Strings that come out share the memory of the text that went in: reading
// 60,000 stanzas allocates little besides their list.
package deb822

import (
	"fmt"
	"iter"
	"strings"
)

// Limits on what is read; larger is a [SyntaxError].
const (
	MaxFields = 256     // in one stanza
	MaxValue  = 1 << 20 // bytes of one value
)

// A Field is one field of a stanza. Value holds the lines as they stand,
// without the white space around the whole; continuation lines keep their
// first byte (a space or a tab), which [Field.Text] takes away.
type Field struct {
	Name  string
	Value string
	Line  int // of the text, from 1; 0 when not read from a text
}

// Text is the value as a person wrote it: continuation lines without their
// first byte, and the lone dot that stands for an empty line resolved.
func (f Field) Text() string {
	if !strings.Contains(f.Value, "\n") {
		return f.Value
	}
	lines := strings.Split(f.Value, "\n")
	for i := 1; i < len(lines); i++ {
		line := lines[i][1:]
		if line == "." {
			line = ""
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

// A Stanza is a list of fields.
type Stanza []Field

// Get returns the value of the named field, "" when there is none.
func (s Stanza) Get(name string) string {
	f, _ := s.Field(name)
	return f.Value
}

// Field returns the named field. Names are compared without regard to case.
func (s Stanza) Field(name string) (Field, bool) {
	for _, f := range s {
		if strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return Field{}, false
}

// Add appends a field whose text may have several lines, unless text is empty.
func (s *Stanza) Add(name, text string) {
	if text == "" {
		return
	}
	if strings.Contains(text, "\n") {
		lines := strings.Split(text, "\n")
		for i := 1; i < len(lines); i++ {
			if lines[i] == "" {
				lines[i] = "."
			}
			lines[i] = " " + lines[i]
		}
		text = strings.Join(lines, "\n")
	}
	*s = append(*s, Field{Name: name, Value: text})
}

// Append writes s, without the empty line that ends it, to dst.
func (s Stanza) Append(dst []byte) []byte {
	for _, f := range s {
		dst = append(dst, f.Name...)
		dst = append(dst, ": "...)
		dst = append(dst, f.Value...)
		dst = append(dst, '\n')
	}
	return dst
}

func (s Stanza) String() string { return string(s.Append(nil)) }

// SyntaxError is a text that is not deb822.
type SyntaxError struct {
	Line int // from 1
	Msg  string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

// Parse reads every stanza of text.
func Parse(text string) ([]Stanza, error) {
	var all []Stanza
	for s, err := range Stanzas(text) {
		if err != nil {
			return nil, err
		}
		all = append(all, append(Stanza(nil), s...))
	}
	return all, nil
}

// Stanzas yields the stanzas of text in order. The stanza yielded is valid
// until the next one is asked for; its strings stay valid. After an error
// nothing more is yielded.
func Stanzas(text string) iter.Seq2[Stanza, error] {
	return func(yield func(Stanza, error) bool) {
		if strings.Contains(text, "\r") {
			text = strings.ReplaceAll(text, "\r\n", "\n")
		}
		p := parser{text: text}
		for {
			s, err := p.stanza()
			if err != nil {
				yield(nil, err)
				return
			}
			if s == nil || !yield(s, nil) {
				return
			}
		}
	}
}

type parser struct {
	text   string
	pos    int // of the next line in text
	line   int // number of the line read last
	fields Stanza
}

// stanza reads up to the next empty line; nil at the end of the text.
func (p *parser) stanza() (Stanza, error) {
	p.fields = p.fields[:0]
	for p.pos < len(p.text) {
		line := p.next()
		switch {
		case strings.TrimRight(line, " \t") == "":
			if len(p.fields) > 0 {
				return p.fields, nil
			}
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			return nil, p.errorf("a continuation line without a field above it")
		default:
			if err := p.field(line); err != nil {
				return nil, err
			}
		}
	}
	if len(p.fields) > 0 {
		return p.fields, nil
	}
	return nil, nil
}

// next takes the next line, without its end.
func (p *parser) next() string {
	p.line++
	rest := p.text[p.pos:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		p.pos += i + 1
		return rest[:i]
	}
	p.pos = len(p.text)
	return rest
}

// field reads the field that starts with line, and its continuation lines. Its
// value is one slice of the text.
func (p *parser) field(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return p.errorf("%.40q is not a field: no colon", line)
	}
	if !validName(name) {
		return p.errorf("%.40q is not a field name", name)
	}
	if len(p.fields) == MaxFields {
		return p.errorf("more than %d fields in one stanza", MaxFields)
	}
	if f, ok := p.fields.Field(name); ok {
		return p.errorf("field %q stands twice, first in line %d", name, f.Line)
	}
	f := Field{Name: name, Line: p.line}
	start := p.pos - len(value)
	if p.pos > 0 && p.text[p.pos-1] == '\n' {
		start--
	}
	end := start + len(value)
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		more := p.pos
		line := p.next()
		if strings.TrimRight(line, " \t") == "" {
			p.pos, p.line = more, p.line-1 // white space alone ends the stanza
			break
		}
		end = more + len(line)
	}
	if end-start > MaxValue {
		return p.errorf("the value of field %q is larger than %d bytes", name, MaxValue)
	}
	f.Value = strings.Trim(p.text[start:end], " \t")
	if i := strings.IndexAny(f.Value, "\x00\r"); i >= 0 {
		return p.errorf("the value of field %q has the control character %q", name, f.Value[i])
	}
	p.fields = append(p.fields, f)
	return nil
}

func (p *parser) errorf(format string, args ...any) error {
	return &SyntaxError{Line: p.line, Msg: fmt.Sprintf(format, args...)}
}

func validName(name string) bool {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return name != ""
}
