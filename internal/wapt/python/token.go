package python

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Problem is what cannot be converted, and in which line of setup.py.
type Problem struct {
	Line int
	Text string
}

func (p *Problem) Error() string { return fmt.Sprintf("line %d: %s", p.Line, p.Text) }

func problem(line int, format string, args ...any) error {
	return &Problem{line, fmt.Sprintf(format, args...)}
}

type kind byte

const (
	name kind = iota + 1 // keywords, too
	number
	text // a string with its prefix and quotes
	op
)

// A token is a piece of Python, with what stands before it in its line: blanks,
// and inside of brackets line ends and comments.
type token struct {
	kind  kind
	text  string
	space string
	line  int
}

// is reports whether t is the keyword or operator s.
func (t *token) is(s string) bool { return t.text == s && (t.kind == name || t.kind == op) }

// A line is a logical line: what stands between two line ends that count.
type line struct {
	indent  int // columns; a tab goes to the next multiple of 8
	tokens  []token
	before  []string // comments and empty lines above it
	comment string   // behind it
}

// maxBrackets bounds the nesting of brackets.
const maxBrackets = 50

// A lexer cuts source into lines.
type lexer struct {
	src      string
	pos      int
	number   int // of the physical line, from 1
	brackets []bracket
}

// A bracket is one that is open.
type bracket struct {
	char byte
	line int
}

// lines cuts source whose line ends are line feeds. tail is comments at the end.
func (l *lexer) lines() (all []line, tail []string, err error) {
	for l.pos < len(l.src) {
		indent := l.indentation()
		switch {
		case l.pos == len(l.src):
		case l.src[l.pos] == '\n':
			l.newline()
			tail = append(tail, "")
		case l.src[l.pos] == '#':
			tail = append(tail, l.comment())
			l.newline()
		default:
			ln := line{indent: indent, before: tail}
			if err := l.logical(&ln); err != nil {
				return nil, nil, err
			}
			if len(ln.tokens) == 0 { // nothing but a line end that does not count
				tail = append(tail, ln.comment)
				continue
			}
			all, tail = append(all, ln), nil
		}
	}
	return all, tail, nil
}

func (l *lexer) indentation() int {
	n := 0
	for ; l.pos < len(l.src); l.pos++ {
		switch l.src[l.pos] {
		case ' ':
			n++
		case '\t':
			n += 8 - n%8
		case '\f':
			n = 0
		default:
			return n
		}
	}
	return n
}

func (l *lexer) newline() {
	if l.pos < len(l.src) {
		l.pos++
		l.number++
	}
}

// comment reads to the end of the line.
func (l *lexer) comment() string {
	end := strings.IndexByte(l.src[l.pos:], '\n')
	if end < 0 {
		end = len(l.src) - l.pos
	}
	s := l.src[l.pos : l.pos+end]
	l.pos += end
	return strings.TrimRight(s, " \t\f")
}

// logical reads the tokens of one logical line and its end.
func (l *lexer) logical(ln *line) error {
	for {
		space := l.space()
		if l.pos == len(l.src) && len(l.brackets) > 0 {
			last := l.brackets[len(l.brackets)-1]
			return problem(last.line, "%q is never closed", last.char)
		}
		if l.pos == len(l.src) || l.src[l.pos] == '\n' {
			l.newline()
			return nil
		}
		if l.src[l.pos] == '#' {
			ln.comment = l.comment()
			continue
		}
		t, err := l.token()
		if err != nil {
			return err
		}
		t.space = space
		ln.tokens = append(ln.tokens, t)
	}
}

// space reads what has no meaning here.
func (l *lexer) space() string {
	start := l.pos
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\f':
			l.pos++
		case strings.HasPrefix(rest, "\\\n"):
			l.pos++
			l.newline()
		case rest[0] == '\n' && len(l.brackets) > 0:
			l.newline()
		case rest[0] == '#' && len(l.brackets) > 0:
			l.comment()
		default:
			return strings.ReplaceAll(l.src[start:l.pos], "\f", " ")
		}
	}
	return strings.ReplaceAll(l.src[start:l.pos], "\f", " ")
}

func (l *lexer) token() (token, error) {
	start, at := l.pos, l.number
	c := l.src[l.pos]
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	var k kind
	var err error
	switch {
	case l.quoteAhead() > 0:
		k, err = text, l.quoted()
	case c == '_' || unicode.IsLetter(r):
		k = name
		l.word(false)
	case isDigit(c) || c == '.' && l.pos+1 < len(l.src) && isDigit(l.src[l.pos+1]):
		k = number
		l.word(true)
	default:
		k, err = op, l.operator()
	}
	return token{kind: k, text: l.src[start:l.pos], line: at}, err
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// word reads a name, or a number with its dots and the sign of an exponent.
func (l *lexer) word(number bool) {
	for l.pos < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		last := l.src[max(l.pos-1, 0)]
		switch {
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
		case number && r == '.':
		case number && (r == '+' || r == '-') && (last == 'e' || last == 'E') && !l.hexadecimal():
		default:
			return
		}
		l.pos += n
	}
}

// hexadecimal reports whether the number that ends here began with 0x: its e is
// a digit.
func (l *lexer) hexadecimal() bool {
	i := l.pos
	for i > 0 && (isDigit(l.src[i-1]) || unicode.IsLetter(rune(l.src[i-1]))) {
		i--
	}
	return strings.HasPrefix(strings.ToLower(l.src[i:l.pos]), "0x")
}

// operators are those of more than one character, longest first.
var operators = []string{
	"**=", "//=", ">>=", "<<=", "...",
	"->", ":=", "==", "!=", "<=", ">=", "<>", "**", "//", "<<", ">>",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=",
}

var shutters = map[byte]byte{')': '(', ']': '[', '}': '{'}

func (l *lexer) operator() error {
	for _, o := range operators {
		if strings.HasPrefix(l.src[l.pos:], o) {
			l.pos += len(o)
			return nil
		}
	}
	c := l.src[l.pos]
	if strings.IndexByte("+-*/%@&|^~<>()[]{},:.;=", c) < 0 {
		r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
		return problem(l.number, "character %q is not understood", r)
	}
	l.pos++
	switch {
	case strings.IndexByte("([{", c) >= 0:
		if l.brackets = append(l.brackets, bracket{c, l.number}); len(l.brackets) > maxBrackets {
			return problem(l.number, "brackets are nested more than %d deep", maxBrackets)
		}
	case shutters[c] != 0:
		n := len(l.brackets)
		if n == 0 || l.brackets[n-1].char != shutters[c] {
			return problem(l.number, "%q closes nothing", c)
		}
		l.brackets = l.brackets[:n-1]
	}
	return nil
}

// quoteAhead is the length of the prefix and the quote of a string that begins
// here, 0 where none does.
func (l *lexer) quoteAhead() int {
	rest := l.src[l.pos:]
	for n := 0; n < len(rest) && n < 3; n++ {
		switch c := rest[n]; {
		case c == '"' || c == '\'':
			return n + 1
		case strings.IndexByte("rRuUbBfF", c) < 0:
			return 0
		}
	}
	return 0
}

func (l *lexer) quoted() error {
	at := l.number
	l.pos += l.quoteAhead()
	quote := l.src[l.pos-1 : l.pos]
	if strings.HasPrefix(l.src[l.pos:], quote+quote) {
		l.pos += 2
		quote += quote + quote
	}
	for l.pos < len(l.src) {
		switch {
		case strings.HasPrefix(l.src[l.pos:], quote):
			l.pos += len(quote)
			return nil
		case l.src[l.pos] == '\\' && l.pos+1 < len(l.src):
			l.pos++
			if l.src[l.pos] == '\n' {
				l.number++
			}
		case l.src[l.pos] == '\n' && len(quote) == 1:
			return problem(at, "a string has no end")
		case l.src[l.pos] == '\n':
			l.number++
		}
		l.pos++
	}
	return problem(at, "a string has no end")
}
