package version

import (
	"cmp"
	"strings"
)

// Dpkg is the order of dpkg --compare-versions (Debian Policy 5.6.12): epoch,
// then upstream, then packaging part. A missing epoch is 0; a missing packaging
// part equals "0".
func Dpkg(a, b string) int {
	ea, a := cutEpoch(a)
	eb, b := cutEpoch(b)
	if c := compareDigits(ea, eb); c != 0 {
		return c
	}
	ua, pa, _ := cutPackaging(a)
	ub, pb, _ := cutPackaging(b)
	if c := compareDpkgPart(ua, ub); c != 0 {
		return c
	}
	return compareDpkgPart(pa, pb)
}

func cutEpoch(v string) (epoch, rest string) {
	if e, r, ok := strings.Cut(v, ":"); ok {
		return e, r
	}
	return "0", v
}

// compareDpkgPart alternates between a run of non-digits, compared byte by
// byte in dpkg's weights, and a run of digits, compared as a number.
func compareDpkgPart(a, b string) int {
	for a != "" || b != "" {
		for (a != "" && !isDigit(a[0])) || (b != "" && !isDigit(b[0])) {
			if c := cmp.Compare(dpkgWeight(a), dpkgWeight(b)); c != 0 {
				return c
			}
			// Equal weights: neither is at its end, nor at a digit.
			a, b = a[1:], b[1:]
		}
		var da, db string
		da, a = cutDigits(a)
		db, b = cutDigits(b)
		if c := compareDigits(da, db); c != 0 {
			return c
		}
	}
	return 0
}

// dpkgWeight is the weight of the first byte of s: tilde before the end,
// the end (and a digit) before letters, letters before the rest.
func dpkgWeight(s string) int {
	switch {
	case s == "" || isDigit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case isAlpha(s[0]):
		return int(s[0])
	}
	return int(s[0]) + 256
}
