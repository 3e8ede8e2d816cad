package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"muster"
)

// A char is a character of a word. One that was quoted stands for itself.
type char struct {
	r      rune
	quoted bool
}

// is reports whether c is r and means what r means.
func (c char) is(r rune) bool { return c.r == r && !c.quoted }

// A token is a parenthesis, a minus before something, or a word.
type token struct {
	kind byte // '(', ')', '-', 'w', or 0 at the end
	word []char
	at   int // column, in characters from 1
}

// keyword returns what the token is of "and", "or" and "not", or "".
func (t *token) keyword() string {
	if t.kind != 'w' || len(t.word) > 3 {
		return ""
	}
	for _, c := range t.word {
		if c.quoted {
			return ""
		}
	}
	if s := text(t.word); isKeyword(s) {
		return strings.ToLower(s)
	}
	return ""
}

func isKeyword(s string) bool {
	s = strings.ToLower(s)
	return s == "and" || s == "or" || s == "not"
}

// text is what chars say.
func text(word []char) string {
	var b strings.Builder
	for _, c := range word {
		b.WriteRune(c.r)
	}
	return b.String()
}

// plain is text for the parts of a value that quotes do not change.
func plain(s string) []char {
	var out []char
	for _, r := range s {
		out = append(out, char{r: r})
	}
	return out
}

// lex cuts a query into tokens.
func lex(s string) ([]token, error) {
	if len(s) > MaxText {
		return nil, muster.Errorf(muster.Invalid, "a search of more than %d bytes", MaxText)
	}
	if !utf8.ValidString(s) {
		return nil, muster.Errorf(muster.Invalid, "a search that is not UTF-8")
	}
	l := lexer{in: []rune(s)}
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		l.out = append(l.out, t)
		if t.kind == 0 {
			return l.out, nil
		}
	}
}

type lexer struct {
	in  []rune
	pos int
	out []token
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.in) && unicode.IsSpace(l.in[l.pos]) {
		l.pos++
	}
	t := token{at: l.pos + 1}
	if l.pos == len(l.in) {
		return t, nil
	}
	if r := l.in[l.pos]; r == '(' || r == ')' || r == '-' {
		t.kind = byte(r)
		l.pos++
		return t, nil
	}
	t.kind = 'w'
	return t, l.word(&t)
}

// word reads up to a blank or a parenthesis outside of quotes.
func (l *lexer) word(t *token) error {
	quote := 0 // column of the one that is open
	for ; l.pos < len(l.in); l.pos++ {
		r := l.in[l.pos]
		switch {
		case r == '"' && quote == 0:
			quote = l.pos + 1
		case r == '"':
			quote = 0
		case quote == 0 && (unicode.IsSpace(r) || r == '(' || r == ')'):
			return nil
		case unicode.IsControl(r):
			return errorAt(l.pos+1, "a control character")
		case quote > 0 && r == '\\':
			if l.pos++; l.pos == len(l.in) || l.in[l.pos] != '"' && l.in[l.pos] != '\\' {
				return errorAt(l.pos, `in quotes, \ comes before " or \ only`)
			}
			t.word = append(t.word, char{l.in[l.pos], true})
		default:
			t.word = append(t.word, char{r, quote > 0})
		}
	}
	if quote > 0 {
		return errorAt(quote, "quotes that do not end")
	}
	return nil
}
