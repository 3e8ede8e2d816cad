package reference

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"muster"
)

// Bounds of a document of XML.
const (
	maxTag   = 1 << 16 // bytes of a tag with its attributes
	maxDepth = 32
	maxValue = 4096 // bytes of text that are kept
)

// An xmlReader reads the elements of a document one after the other, in bounded
// memory: of text it keeps what is asked for, and no more than maxValue bytes. It
// knows no document types, and refuses them.
type xmlReader struct {
	r    *bufio.Reader
	file string
	line int
	open []string // names of the elements that are open, without prefixes

	tag   []byte // the tag that was read last, without its angle brackets
	start bool   // it opened an element, which may be closed by it too
	empty bool   // it did both
	text  []byte // between the tag before and this one; whole only where keep was set
	keep  bool   // what next is to do with text
	long  bool   // text was longer
}

// next reads up to and including the next tag; io.EOF behind the last.
func (x *xmlReader) next() error {
	x.text, x.long = x.text[:0], false
	if x.empty { // its end was not read
		x.empty, x.start = false, false
		x.open = x.open[:len(x.open)-1]
	}
	for {
		if err := x.readText(); err != nil {
			if err == io.EOF && len(x.open) == 0 {
				return io.EOF
			}
			return x.failed(notEOF(err))
		}
		markup, err := x.readMarkup()
		if err != nil {
			return x.failed(notEOF(err))
		}
		if markup {
			return nil
		}
	}
}

func notEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (x *xmlReader) failed(err error) error {
	return muster.WithKind(muster.Invalid, fmt.Errorf("%q, line %d: %w", x.file, x.line+1, err))
}

// readText reads up to and including the next "<".
func (x *xmlReader) readText() error {
	for {
		part, err := x.r.ReadSlice('<')
		x.line += bytes.Count(part, []byte("\n"))
		x.take(bytes.TrimSuffix(part, []byte("<")))
		if !errors.Is(err, bufio.ErrBufferFull) {
			if err == io.EOF && len(x.open) == 0 && len(bytes.TrimSpace(part)) > 0 {
				return errors.New("text outside of elements")
			}
			return err
		}
	}
}

// take keeps text.
func (x *xmlReader) take(part []byte) {
	if !x.keep {
		return
	}
	if len(x.text)+len(part) > maxValue {
		x.long = true
		return
	}
	x.text = append(x.text, part...)
}

// readMarkup reads what follows "<", and reports whether it was a tag.
func (x *xmlReader) readMarkup() (tag bool, err error) {
	head, err := x.r.Peek(8)
	if err != nil && len(head) == 0 {
		return false, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("!--")):
		return false, x.skip("-->", false)
	case bytes.HasPrefix(head, []byte("![CDATA[")) && len(x.open) > 0:
		return false, x.skip("]]>", true)
	case head[0] == '?':
		return false, x.skip("?>", false)
	case head[0] == '!':
		return false, errors.New("document types are not read")
	}
	if err := x.readTag(); err != nil {
		return false, err
	}
	return true, x.nest()
}

// skip reads to the end of a comment or the like; text keeps what stood in it.
func (x *xmlReader) skip(end string, text bool) error {
	opening := 3 // of a comment, so that it does not end before it has begun
	switch {
	case text:
		opening = len("![CDATA[")
	case end == "?>":
		opening = 1
	}
	if _, err := x.r.Discard(opening); err != nil {
		return err
	}
	var last []byte
	for {
		c, err := x.r.ReadByte()
		if err != nil {
			return err
		}
		if c == '\n' {
			x.line++
		}
		last = append(last, c)
		if strings.HasSuffix(string(last), end) {
			if text {
				x.take(escape(last[:len(last)-len(end)]))
			}
			return nil
		}
		if len(last) > len(end) && text { // one byte leaves the window
			x.take(escape(last[:1]))
		}
		if len(last) > len(end) {
			last = append(last[:0], last[1:]...)
		}
	}
}

// escape writes text as it stands outside of a CDATA section.
func escape(text []byte) []byte { return bytes.ReplaceAll(text, []byte("&"), []byte("&amp;")) }

// readTag reads to the ">" that is not inside of quotes.
func (x *xmlReader) readTag() error {
	x.tag = x.tag[:0]
	quote := byte(0)
	for {
		c, err := x.r.ReadByte()
		if err != nil {
			return err
		}
		switch {
		case c == '\n':
			x.line++
		case c == '<':
			return errors.New("a tag inside of a tag")
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '>':
			return nil
		}
		if len(x.tag) == maxTag {
			return fmt.Errorf("a tag of more than %d bytes", maxTag)
		}
		x.tag = append(x.tag, c)
	}
}

// nest opens or closes the element of the tag.
func (x *xmlReader) nest() error {
	x.empty = false
	if name, ok := bytes.CutPrefix(x.tag, []byte("/")); ok {
		x.start = false
		name = bytes.TrimRight(name, " \t\r\n")
		if len(x.open) == 0 || x.open[len(x.open)-1] != string(local(name)) {
			return fmt.Errorf("the end of %.40q, which is not open", name)
		}
		x.open = x.open[:len(x.open)-1]
		return nil
	}
	x.start = true
	x.tag, x.empty = bytes.CutSuffix(x.tag, []byte("/"))
	name := x.tag
	if i := bytes.IndexAny(name, " \t\r\n"); i >= 0 {
		name = name[:i]
	}
	if len(local(name)) == 0 || len(x.open) == maxDepth {
		return fmt.Errorf("an element without a name, or more than %d in each other", maxDepth)
	}
	x.open = append(x.open, intern(local(name)))
	return nil
}

// local is a name without its prefix.
func local(name []byte) []byte { return name[bytes.IndexByte(name, ':')+1:] }

// intern spares the memory of names that come again and again.
func intern(name []byte) string {
	switch string(name) {
	case "package":
		return "package"
	case "name":
		return "name"
	case "entry":
		return "entry"
	case "format":
		return "format"
	case "version":
		return "version"
	case "arch":
		return "arch"
	}
	return string(name)
}

// in reports whether the open elements are these, from the outermost.
func (x *xmlReader) in(names ...string) bool {
	if len(x.open) != len(names) {
		return false
	}
	for i, n := range names {
		if x.open[i] != n {
			return false
		}
	}
	return true
}

// value is the text before the tag that was read last.
func (x *xmlReader) value() (string, error) {
	if x.long {
		return "", fmt.Errorf("text of more than %d bytes", maxValue)
	}
	return unescape(string(bytes.TrimSpace(x.text)))
}

// attribute returns the value of an attribute of the tag that was read last.
func (x *xmlReader) attribute(name string) (string, error) {
	_, rest, _ := strings.Cut(strings.Map(space, string(x.tag)), " ")
	for {
		rest = strings.TrimLeft(rest, " ")
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			return "", nil
		}
		after = strings.TrimLeft(after, " ")
		if after == "" || after[0] != '"' && after[0] != '\'' {
			return "", errors.New("an attribute without quotes")
		}
		value, left, ok := strings.Cut(after[1:], after[:1])
		if !ok {
			return "", errors.New("an attribute without its second quote")
		}
		if strings.TrimRight(key, " ") == name {
			return unescape(value)
		}
		rest = left
	}
}

func space(c rune) rune {
	if c == '\t' || c == '\n' || c == '\r' {
		return ' '
	}
	return c
}

// entities are those that XML itself has.
var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": `"`}

func unescape(s string) (string, error) {
	before, rest, ok := strings.Cut(s, "&")
	if !ok {
		return s, nil
	}
	var b strings.Builder
	for ; ok; before, rest, ok = strings.Cut(rest, "&") {
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, ";")
		text, known := entities[name]
		if digits, number := strings.CutPrefix(name, "#"); number {
			text, known = character(digits)
		}
		if !closed || !known {
			return "", fmt.Errorf("an entity that is not known: %.20q", "&"+name)
		}
		b.WriteString(text)
		rest = after
	}
	b.WriteString(before)
	return b.String(), nil
}

func character(digits string) (string, bool) {
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return "", false
	}
	return string(rune(n)), true
}
