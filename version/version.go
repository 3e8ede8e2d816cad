// Package version orders and matches versions.
//
// muster's own order is that of Debian (Debian Policy 5.6.12), chosen because
// administrators know it and because it can express what upstreams do; see
// docs/decisions. A version is
//
//	[epoch:]upstream[-packaging]
//
// with a decimal epoch of at most nine digits, an upstream part of
// [A-Za-z0-9.+~-] that starts with a digit and, after the last hyphen, a
// packaging part of [A-Za-z0-9.+~]. A tilde sorts before everything, even the
// end: 1.0~rc1 < 1.0.
//
// The orders of other package systems stand beside it as [Order] functions
// ([Dpkg], [RPM], [Arch], [APK], [Pkgsrc], [FreeBSD], [Windows]), exact for every
// version that the system itself accepts, in the release that each names, and
// a total preorder on all strings. Numbers are compared at any length, where
// some of those systems overflow. Start with [Compare] and [ParseConstraint].
//
// The grammar, the orders and the bounds are specified in
// docs/formats/version.md. What a version or a constraint means never changes:
// a package chosen today is the package chosen tomorrow.
//
// The package is pure: no I/O, no clock, no log.
package version

import (
	"cmp"
	"strings"

	"muster"
)

// MaxLen bounds the length in bytes of a version that [Check] accepts.
const MaxLen = 128

// maxEpochDigits keeps an epoch below dpkg's limit of 2^31-1.
const maxEpochDigits = 9

// An Order compares two versions: negative when a sorts before b, zero when
// they are equal in that order (the strings may differ), positive otherwise.
// It never panics, whatever the strings.
type Order func(a, b string) int

// Compare is muster's own order.
func Compare(a, b string) int { return Dpkg(a, b) }

// Check reports why v is not a version of muster's own grammar, or nil.
func Check(v string) error {
	if v == "" {
		return muster.Errorf(muster.Invalid, "empty version")
	}
	if len(v) > MaxLen {
		return muster.Errorf(muster.Invalid, "version of %d bytes is longer than %d", len(v), MaxLen)
	}
	rest := v
	if epoch, r, ok := strings.Cut(v, ":"); ok {
		if !isNumber(epoch) || len(epoch) > maxEpochDigits {
			return muster.Errorf(muster.Invalid, "version %q: epoch %q is not a number of 1 to %d digits", v, epoch, maxEpochDigits)
		}
		rest = r
	}
	return checkParts(v, rest)
}

// checkParts checks rest, which is v without its epoch.
func checkParts(v, rest string) error {
	upstream, packaging, hasPackaging := cutPackaging(rest)
	if upstream == "" || !isDigit(upstream[0]) {
		err := muster.Errorf(muster.Invalid, "version %q does not start with a digit", v)
		return withoutPrefix(err, rest)
	}
	if hasPackaging && packaging == "" {
		return muster.Errorf(muster.Invalid, "version %q: nothing after the last hyphen", v)
	}
	for _, c := range rest {
		if c > 0x7f || !isAlnum(byte(c)) && !strings.ContainsRune(".+~-", c) {
			err := muster.Errorf(muster.Invalid, "version %q: character %q is not allowed", v, c)
			return muster.WithHint(err, "use letters, digits and . + ~ -")
		}
	}
	return nil
}

// withoutPrefix adds the hint that a version like "v1.2" needs, the way most
// upstreams name their tags.
func withoutPrefix(err error, v string) error {
	if i := strings.IndexAny(v, "0123456789"); i > 0 && Check(v[i:]) == nil {
		return muster.WithHint(err, "write %q", v[i:])
	}
	return err
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

// cutDigits splits s after the digits at its start.
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

// hasPrefixFold reports whether s starts with the lower-case ASCII word,
// ignoring the case of ASCII letters only.
func hasPrefixFold(s, word string) bool {
	if len(s) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(s[i]) != word[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool    { return 'a' <= lower(c) && lower(c) <= 'z' }
func isAlnum(c byte) bool    { return isDigit(c) || isAlpha(c) }
