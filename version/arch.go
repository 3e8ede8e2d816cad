package version

import (
	"cmp"
	"strings"
)

// Arch is the order of pacman (vercmp(8), as of pacman 6) on
// [epoch:]version[-release]. A missing epoch is 0, and a missing release sorts
// before every release.
//
// Two cases, which makepkg does not make, are settled here because pacman
// contradicts itself in them: it calls a version without a release equal to
// the same version with any, and a part that ends in a separator ("1.0.")
// newer than what goes on with two separators, and older than that by way of a
// third version.
func Arch(a, b string) int {
	ea, a := cutRPMEpoch(a)
	eb, b := cutRPMEpoch(b)
	if c := compareDigits(ea, eb); c != 0 {
		return c
	}
	va, ra, hasA := cutPackaging(a)
	vb, rb, hasB := cutPackaging(b)
	if c := compareArchPart(va, vb); c != 0 {
		return c
	}
	if hasA != hasB {
		return compareBool(hasA, hasB)
	}
	return compareArchPart(ra, rb)
}

// compareArchPart compares segments, runs of digits and runs of letters, each
// with the separators before it: all other characters, of which only the
// number counts. Tilde and caret are separators like any other.
func compareArchPart(a, b string) int {
	for {
		na, sa := cutSeparators(a)
		nb, sb := cutSeparators(b)
		c := cmp.Compare(archWeight(na, sa), archWeight(nb, sb))
		if c != 0 || sa == "" {
			return c
		}
		if isDigit(sa[0]) {
			var da, db string
			da, a = cutDigits(sa)
			db, b = cutDigits(sb)
			c = compareDigits(da, db)
		} else {
			var la, lb string
			la, a = cutLetters(sa)
			lb, b = cutLetters(sb)
			c = strings.Compare(la, lb)
		}
		if c != 0 {
			return c
		}
	}
}

// archWeight ranks what may follow an equal beginning, n separators and then
// s: 1.0a < 1.0 < 1.0.a < 1.0. < 1.0.1 < 1.0..a < 1.0..1, and a < a1.
func archWeight(n int, s string) int {
	switch {
	case s == "":
		return 3 * min(n, 1)
	case isDigit(s[0]):
		return 3*n + 1
	}
	return 3*n - 1
}

// cutSeparators splits s after the characters at its start that are neither
// ASCII letters nor digits, of which it returns the number of bytes.
func cutSeparators(s string) (n int, rest string) {
	for n < len(s) && !isAlnum(s[n]) {
		n++
	}
	return n, s[n:]
}
