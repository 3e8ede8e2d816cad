// Package version orders and matches versions.
//
// muster's own order is that of Debian (Debian Policy 5.6.12), chosen because
// administrators know it and because it can express what upstreams do; see
// docs/decisions. A version is
//
//	[epoch:]upstream[-packaging]
//
// with a decimal epoch, an upstream part of [A-Za-z0-9.+~-] that starts with a
// digit and, after the last hyphen, a packaging part of [A-Za-z0-9.+~]. A tilde sorts before
// everything, even the end: 1.0~rc1 < 1.0.
//
// The orders of other package systems stand beside it as [Order] values
// ([Dpkg], [RPM], [APK], [Pkgsrc], [FreeBSD]), exact for every input that the
// systems themselves accept. Start with [Compare] and [ParseConstraint].
//
// The package is pure: no I/O, no clock, no log.
package version

import (
	"cmp"
	"fmt"
	"strings"
)

// MaxLen bounds the length in bytes of a version that [Check] accepts.
const MaxLen = 128

// An Order compares two versions: negative when a sorts before b, zero when
// they are equal in that order (the strings may differ), positive otherwise.
// It never panics, whatever the strings.
type Order func(a, b string) int

// Compare is muster's own order.
func Compare(a, b string) int { return Dpkg(a, b) }

// Check reports why v is not a version of muster's own grammar, or nil.
func Check(v string) error {
	if v == "" {
		return fmt.Errorf("empty version")
	}
	if len(v) > MaxLen {
		return fmt.Errorf("version of %d bytes is longer than %d", len(v), MaxLen)
	}
	rest := v
	if epoch, r, ok := strings.Cut(v, ":"); ok {
		if epoch == "" || strings.Trim(epoch, "0123456789") != "" || len(epoch) > 9 {
			return fmt.Errorf("version %q: epoch %q is not a number", v, epoch)
		}
		rest = r
	}
	upstream, packaging, hasPackaging := cutPackaging(rest)
	if upstream == "" || upstream[0] < '0' || upstream[0] > '9' {
		return fmt.Errorf("version %q does not start with a digit", v)
	}
	if hasPackaging && packaging == "" {
		return fmt.Errorf("version %q: nothing after the last hyphen", v)
	}
	for i := 0; i < len(rest); i++ {
		if c := rest[i]; !isAlnum(c) && !strings.ContainsRune(".+~-", rune(c)) {
			return fmt.Errorf("version %q: character %q is not allowed", v, c)
		}
	}
	return nil
}

// Software returns v without its packaging part: "1.2.1" for "1.2.1-3".
func Software(v string) string {
	upstream, _, _ := cutPackaging(v)
	return upstream
}

func cutPackaging(v string) (upstream, packaging string, found bool) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:], true
	}
	return v, "", false
}

// Dpkg is the order of dpkg --compare-versions (Debian Policy 5.6.12).
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
			a, b = tail(a), tail(b)
		}
		da, ra := cutDigits(a)
		db, rb := cutDigits(b)
		if c := compareDigits(da, db); c != 0 {
			return c
		}
		a, b = ra, rb
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

func tail(s string) string {
	if s == "" {
		return ""
	}
	return s[1:]
}

func cutDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// compareDigits compares decimal numbers of any length; "" counts as 0.
func compareDigits(a, b string) int {
	a = strings.TrimLeft(a, "0")
	b = strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }
