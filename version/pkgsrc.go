package version

import (
	"cmp"
	"strconv"
)

// Pkgsrc is the order of pkgsrc's pkg_install (pkg_info(1), "PACKAGE
// WILDCARDS", and its dewey.c 1.13). A version is a list of integers: a number
// is itself; alpha, beta, pre and rc are -3, -2, -1 and -1; a dot, an
// underscore and pl are 0; any other letter is 0 followed by its place in the
// alphabet (1.2e = 1.2.5). Shorter lists are filled with 0. What "nb"
// introduces, pkgsrc's own revision, is compared last. Case does not count, and
// other characters are skipped.
func Pkgsrc(a, b string) int {
	ra, rb := pkgsrcReader{rest: a}, pkgsrcReader{rest: b}
	for {
		ca, moreA := ra.next()
		cb, moreB := rb.next()
		if !moreA && !moreB {
			return compareDigits(ra.revision, rb.revision)
		}
		if c := ca.compare(cb); c != 0 {
			return c
		}
	}
}

// pkgsrcComponent is the integer below + digits, one of which is 0.
type pkgsrcComponent struct {
	below  int // -3 to 0
	digits string
}

func (c pkgsrcComponent) compare(d pkgsrcComponent) int {
	if n := cmp.Compare(c.below, d.below); n != 0 {
		return n
	}
	return compareDigits(c.digits, d.digits)
}

// pkgsrcWords are tried in this order, before "nb" and single letters.
var pkgsrcWords = []struct {
	word  string
	below int
}{{"alpha", -3}, {"beta", -2}, {"pre", -1}, {"rc", -1}, {"pl", 0}, {"_", 0}, {".", 0}}

type pkgsrcReader struct {
	rest     string
	letter   int    // the place of a letter whose 0 has been returned, or 0
	revision string // the digits after the last "nb"
}

// next returns the next component, or zero and false after the last.
func (r *pkgsrcReader) next() (pkgsrcComponent, bool) {
	if n := r.letter; n > 0 {
		r.letter = 0
		return pkgsrcComponent{digits: strconv.Itoa(n)}, true
	}
	for r.rest != "" {
		if c, ok := r.component(); ok {
			return c, true
		}
	}
	return pkgsrcComponent{}, false
}

// component takes what stands first, which may be no component.
func (r *pkgsrcReader) component() (pkgsrcComponent, bool) {
	if digits, rest := cutDigits(r.rest); digits != "" {
		r.rest = rest
		return pkgsrcComponent{digits: digits}, true
	}
	for _, w := range pkgsrcWords {
		if hasPrefixFold(r.rest, w.word) {
			r.rest = r.rest[len(w.word):]
			return pkgsrcComponent{below: w.below}, true
		}
	}
	if hasPrefixFold(r.rest, "nb") {
		r.revision, r.rest = cutDigits(r.rest[2:])
		return pkgsrcComponent{}, false
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	if !isAlpha(c) {
		return pkgsrcComponent{}, false
	}
	r.letter = int(lower(c)-'a') + 1
	return pkgsrcComponent{}, true
}
