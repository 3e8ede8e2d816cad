package version

import (
	"cmp"
	"strings"
)

// RPM is the order of rpm (rpmvercmp since 4.15) on [epoch:]version[-release].
// A missing epoch is 0, and a missing release sorts before every release.
//
// rpm's dependencies are laxer than its order: a bound without a release does
// not look at the release. That is not handled here.
func RPM(a, b string) int {
	ea, a := cutRPMEpoch(a)
	eb, b := cutRPMEpoch(b)
	if c := compareDigits(ea, eb); c != 0 {
		return c
	}
	va, ra, hasA := cutPackaging(a)
	vb, rb, hasB := cutPackaging(b)
	if c := compareRPMPart(va, vb); c != 0 {
		return c
	}
	if hasA != hasB {
		return compareBool(hasA, hasB)
	}
	return compareRPMPart(ra, rb)
}

// cutRPMEpoch takes only digits for an epoch: the colon of "a:1" is a
// separator like any other.
func cutRPMEpoch(v string) (epoch, rest string) {
	digits, rest := cutDigits(v)
	if after, ok := strings.CutPrefix(rest, ":"); ok {
		return digits, after
	}
	return "", v
}

// compareRPMPart compares segments: runs of digits and runs of letters.
// Everything else separates them and is not compared, except tilde and caret.
func compareRPMPart(a, b string) int {
	for {
		a, b = skipRPMSeparators(a), skipRPMSeparators(b)
		if c := cmp.Compare(rpmWeight(a), rpmWeight(b)); c != 0 || a == "" {
			return c
		}
		switch {
		case a[0] == '~' || a[0] == '^':
			a, b = a[1:], b[1:]
			continue
		case isDigit(a[0]):
			var da, db string
			da, a = cutDigits(a)
			db, b = cutDigits(b)
			if c := compareDigits(da, db); c != 0 {
				return c
			}
		default:
			var la, lb string
			la, a = cutLetters(a)
			lb, b = cutLetters(b)
			if c := strings.Compare(la, lb); c != 0 {
				return c
			}
		}
	}
}

// rpmWeight ranks what may follow an equal beginning: 1.0~a < 1.0 < 1.0^a <
// 1.0.a < 1.0.1.
func rpmWeight(s string) int {
	switch {
	case s == "":
		return 0
	case s[0] == '~':
		return -1
	case s[0] == '^':
		return 1
	case isDigit(s[0]):
		return 3
	}
	return 2
}

func skipRPMSeparators(s string) string {
	for s != "" && !isAlnum(s[0]) && s[0] != '~' && s[0] != '^' {
		s = s[1:]
	}
	return s
}

// cutLetters splits s after the ASCII letters at its start.
func cutLetters(s string) (letters, rest string) {
	i := 0
	for i < len(s) && isAlpha(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// compareBool sorts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
