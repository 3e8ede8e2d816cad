package search

import (
	"strings"
	"unicode"
)

// A Pattern is a text with * for any text and ? for one character. Capital letters
// are the same as small ones.
type Pattern struct {
	word []char
	low  []rune // lower case; anyText and anyRune for the two
}

// What * and ? are in a pattern.
const (
	anyText rune = -1
	anyRune rune = -2
)

func newPattern(word []char) Pattern {
	p := Pattern{word: word}
	for _, c := range word {
		switch {
		case c.is('*'):
			if n := len(p.low); n > 0 && p.low[n-1] == anyText {
				continue
			}
			p.low = append(p.low, anyText)
		case c.is('?'):
			p.low = append(p.low, anyRune)
		default:
			p.low = append(p.low, unicode.ToLower(c.r))
		}
	}
	return p
}

// Literal returns the text, in lower case, that alone matches, or false where p has
// * or ?.
func (p Pattern) Literal() (string, bool) {
	for _, r := range p.low {
		if r < 0 {
			return "", false
		}
	}
	return string(p.low), true
}

// around is p with any text before and after it.
func (p Pattern) around() Pattern {
	out := Pattern{low: []rune{anyText}}
	out.low = append(out.low, p.low...)
	out.low = append(out.low, anyText)
	return out
}

// Match reports whether p is the whole of s.
func (p Pattern) Match(s string) bool {
	in := []rune(strings.ToLower(s))
	at, star, from := 0, -1, 0 // star is where the last * was, from what it took up to
	for i := 0; i < len(in); {
		switch {
		case at < len(p.low) && p.low[at] == anyText:
			star, from = at, i
			at++
		case at < len(p.low) && (p.low[at] == anyRune || p.low[at] == in[i]):
			at++
			i++
		case star >= 0:
			from++
			at, i = star+1, from
		default:
			return false
		}
	}
	for at < len(p.low) && p.low[at] == anyText {
		at++
	}
	return at == len(p.low)
}

// Like is p for the LIKE of SQL with ! as its escape character, in lower case.
func (p Pattern) Like() string {
	var b strings.Builder
	for _, r := range p.low {
		switch r {
		case anyText:
			b.WriteByte('%')
		case anyRune:
			b.WriteByte('_')
		case '%', '_', '!':
			b.WriteByte('!')
			fallthrough
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// print writes the pattern as a word, what is not in bare or a letter or number in
// quotes.
func (p Pattern) print(bare string) string { return printWord(p.word, bare) }

func printWord(word []char, bare string) string {
	var b strings.Builder
	for len(word) > 0 {
		n := 0
		for n < len(word) && (word[n].is('*') || word[n].is('?')) {
			b.WriteRune(word[n].r)
			n++
		}
		word = word[n:]
		for n = 0; n < len(word) && !word[n].is('*') && !word[n].is('?'); {
			n++
		}
		b.WriteString(quoted(text(word[:n]), bare))
		word = word[n:]
	}
	if b.Len() == 0 {
		return `""`
	}
	return b.String()
}

// quoted puts s in quotes where that is necessary.
func quoted(s, bare string) string {
	safe := !strings.Contains(s, "..")
	for _, r := range s {
		safe = safe && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(bare, r))
	}
	if safe {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
