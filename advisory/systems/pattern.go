package systems

import (
	"strings"

	"muster"
)

// maxStars bounds the work on a pattern, which grows with the power of them.
const maxStars = 3

// maxName bounds what is held against patterns: names come from reports of
// strangers.
const maxName = 256

// A pattern is text in which {a}, {b} and {c} stand for a number and * for any
// text, also none. Of every * the shortest text that fits is taken.
type pattern struct{ parts []part }

type part struct {
	kind byte   // 'l' literal, 'n' number, '*'
	text string // of a literal: in lower case
	name byte   // of a number: 'a', 'b', 'c'
}

// numbers are what stood for {a}, {b}, {c}.
type numbers [3]string

func parsePattern(s string) (pattern, error) {
	if len(s) > maxName {
		return pattern{}, muster.Errorf(muster.Invalid, "pattern of %d bytes is longer than %d", len(s), maxName)
	}
	if strings.Count(s, "*") > maxStars {
		return pattern{}, muster.Errorf(muster.Invalid, "pattern %q has more than %d *", s, maxStars)
	}
	var p pattern
	for s != "" {
		i := strings.IndexAny(s, "{*")
		if i < 0 {
			i = len(s)
		}
		if i > 0 {
			p.parts = append(p.parts, part{kind: 'l', text: strings.ToLower(s[:i])})
			s = s[i:]
			continue
		}
		if s[0] == '*' {
			p.parts = append(p.parts, part{kind: '*'})
			s = s[1:]
			continue
		}
		if len(s) < 3 || s[2] != '}' || s[1] < 'a' || 'c' < s[1] {
			return pattern{}, muster.Errorf(muster.Invalid, "%q: after { comes a, b or c and }", s)
		}
		p.parts = append(p.parts, part{kind: 'n', name: s[1]})
		s = s[3:]
	}
	return p, nil
}

// match holds s, in lower case, against all of p. It takes time in proportion
// to len(s) for each *, of which patterns have few.
func (p pattern) match(s string) (n numbers, ok bool) {
	if len(s) > maxName {
		return n, false
	}
	ok = matchParts(p.parts, s, &n)
	return n, ok
}

func matchParts(parts []part, s string, n *numbers) bool {
	for i, p := range parts {
		switch p.kind {
		case 'l':
			rest, ok := strings.CutPrefix(s, p.text)
			if !ok {
				return false
			}
			s = rest
		case 'n':
			digits := s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
			if digits == "" {
				return false
			}
			n[p.name-'a'], s = digits, s[len(digits):]
		default:
			return matchRest(parts[i+1:], s, n)
		}
	}
	return s == ""
}

// matchRest is a * and what follows it.
func matchRest(parts []part, s string, n *numbers) bool {
	if len(parts) == 0 {
		return true
	}
	for i := range len(s) + 1 {
		if matchParts(parts, s[i:], n) {
			return true
		}
	}
	return false
}

// fill puts the numbers into a release such as "{a}.{b}".
func (n numbers) fill(release string) string {
	if !strings.Contains(release, "{") {
		return release
	}
	return strings.NewReplacer("{a}", n[0], "{b}", n[1], "{c}", n[2]).Replace(release)
}
