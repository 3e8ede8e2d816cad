package version

import (
	"cmp"
	"strings"
)

// FreeBSD is the order of FreeBSD's pkg (pkg version -t, as of pkg 2.8) on
// version[_revision][,epoch]: the epoch first, then the version, then the
// revision; a missing one is 0.
//
// A version is a list of components of a number, a letter and a patch number;
// see [freebsdComponent]. Dots and all characters other than letters, digits,
// + and * separate components. A plus ends a list and begins another, and
// missing components are 0: 1.0 = 1.0.0, 1+5 = 1.0+5 < 1.0.1+5. Of a package
// name with its version only what follows the last hyphen counts.
func FreeBSD(a, b string) int {
	va, revisionA, epochA := cutFreeBSD(a)
	vb, revisionB, epochB := cutFreeBSD(b)
	if c := compareDigits(epochA, epochB); c != 0 {
		return c
	}
	if c := compareFreeBSDVersion(va, vb); c != 0 {
		return c
	}
	return compareDigits(revisionA, revisionB)
}

// cutFreeBSD splits at the last underscore and, behind it, the last comma.
// Without an underscore the last comma alone counts.
func cutFreeBSD(s string) (version, revision, epoch string) {
	s = s[strings.LastIndexByte(s, '-')+1:]
	version, tail := s, s
	if i := strings.LastIndexByte(s, '_'); i >= 0 {
		version, tail = s[:i], s[i+1:]
		revision = freebsdSuffix(tail)
	}
	if i := strings.LastIndexByte(tail, ','); i >= 0 {
		epoch = freebsdSuffix(tail[i+1:])
		version = version[:min(len(version), len(s)-len(tail)+i)]
	}
	return version, revision, epoch
}

// freebsdSuffix reads a revision or an epoch as strtoul(3) does: a sign, then
// the digits, then anything.
func freebsdSuffix(s string) string {
	digits, _ := cutDigits(strings.TrimPrefix(s, "+"))
	return digits
}

func compareFreeBSDVersion(a, b string) int {
	ra, rb := freebsdReader{a}, freebsdReader{b}
	for ra.rest != "" || rb.rest != "" {
		ca, moreA := ra.next()
		cb, moreB := rb.next()
		if !moreA && !moreB {
			ra.rest = strings.TrimPrefix(ra.rest, "+")
			rb.rest = strings.TrimPrefix(rb.rest, "+")
			continue
		}
		if c := ca.compare(cb); c != 0 {
			return c
		}
	}
	return 0
}

// freebsdComponent is a number, a letter and a patch number, compared in that
// order. The zero value stands for a missing component.
type freebsdComponent struct {
	number freebsdNumber // freebsdNone where the component begins with a letter
	letter int           // 0 for none and for pl, then a to z
	patch  freebsdNumber // freebsdNone where no digits follow the letter
}

// freebsdNumber is a number, or below every number.
type freebsdNumber struct {
	below  int
	digits string
}

var (
	freebsdStar = freebsdNumber{below: -2} // "*", below every component
	freebsdNone = freebsdNumber{below: -1}
)

// freebsdWords are taken whole and begin a component, so that 1.0rc1 reads as
// 1.0.rc1. Other words count by their first letter. Before pkg 2.8 "snap" was
// unsettled: it sorted between pl and alpha in 1.17, by its first letter in
// most of what followed.
var freebsdWords = []string{"pl", "snap", "alpha", "beta", "pre", "rc"}

func (c freebsdComponent) compare(d freebsdComponent) int {
	return cmp.Or(c.number.compare(d.number), cmp.Compare(c.letter, d.letter), c.patch.compare(d.patch))
}

func (n freebsdNumber) compare(m freebsdNumber) int {
	return cmp.Or(cmp.Compare(n.below, m.below), compareDigits(n.digits, m.digits))
}

type freebsdReader struct{ rest string }

// next returns the next component, or zero and false at a plus or the end.
func (r *freebsdReader) next() (freebsdComponent, bool) {
	if r.rest == "" || r.rest[0] == '+' {
		return freebsdComponent{}, false
	}
	c := freebsdComponent{number: r.number()}
	if word, _ := cutLetters(r.rest); word != "" && (c.number == freebsdNone || !isFreeBSDWord(word)) {
		c.letter = freebsdLetter(word)
		c.patch = freebsdNone
		r.rest = r.rest[len(word):]
		if digits, rest := cutDigits(r.rest); digits != "" {
			c.patch, r.rest = freebsdNumber{digits: digits}, rest
		}
	}
	for r.rest != "" && !isAlnum(r.rest[0]) && r.rest[0] != '+' && r.rest[0] != '*' {
		r.rest = r.rest[1:]
	}
	return c, true
}

// number takes the number at the start of a component. A star swallows all
// up to the next plus.
func (r *freebsdReader) number() freebsdNumber {
	if r.rest[0] == '*' {
		if i := strings.IndexByte(r.rest, '+'); i >= 0 {
			r.rest = r.rest[i:]
		} else {
			r.rest = ""
		}
		return freebsdStar
	}
	digits, rest := cutDigits(r.rest)
	if digits == "" {
		return freebsdNone
	}
	r.rest = rest
	return freebsdNumber{digits: digits}
}

func isFreeBSDWord(s string) bool {
	for _, w := range freebsdWords {
		if len(s) == len(w) && hasPrefixFold(s, w) {
			return true
		}
	}
	return false
}

func freebsdLetter(word string) int {
	if len(word) == len("pl") && hasPrefixFold(word, "pl") {
		return 0
	}
	return int(lower(word[0])-'a') + 1
}
