package version

import (
	"fmt"
	"slices"
	"strings"
)

// preReleases are the words that upstreams put into versions that precede a
// release.
var preReleases = []string{"alpha", "beta", "pre", "preview", "rc", "dev", "snapshot"}

// Lint returns what is suspicious about v, which [Check] accepts: sentences
// for the author of a package, each with the version to write instead. The
// version is in order; it may sort where its author does not expect it.
func Lint(v string) []string {
	if Check(v) != nil {
		return nil
	}
	if release, better, found := preRelease(v); found {
		return []string{fmt.Sprintf("%q sorts after %q; for a pre-release of it write %q", v, release, better)}
	}
	upstream, packaging, found := cutPackaging(v)
	if !found {
		return nil
	}
	if isYearMonth(upstream) && len(packaging) == 2 && isNumber(packaging) {
		return []string{fmt.Sprintf("%q is packaging %q of version %q; for a date write %q",
			v, packaging, upstream, strings.ReplaceAll(v, "-", "."))}
	}
	if isAlpha(packaging[0]) {
		return []string{fmt.Sprintf("%q is packaging %q of version %q; if it belongs to the version write %q",
			v, packaging, upstream, v+"-1")}
	}
	return nil
}

// preRelease finds the first word of a pre-release that no tilde precedes, and
// that no plus attaches on purpose (1.0+dev). Where a hyphen stays in front of
// it (1-0.dev-1), what the release would be called is anyone's guess.
func preRelease(v string) (release, better string, found bool) {
	for i := 0; i < len(v) && v[i] != '~'; i++ {
		if !isAlpha(v[i]) {
			continue
		}
		word, rest := cutLetters(v[i:])
		if slices.Contains(preReleases, strings.ToLower(word)) && v[i-1] != '+' && !isPackagingTail(v, i) {
			release = strings.TrimRight(v[:i], "-.")
			return release, release + "~" + word + rest, !strings.Contains(release, "-")
		}
		i += len(word) - 1
	}
	return "", "", false
}

// isPackagingTail reports whether v[i] is inside the packaging part, but not
// its first byte: 1.0-1beta is a matter of packaging, 1.0-beta1 is not.
func isPackagingTail(v string, i int) bool {
	hyphen := strings.LastIndexByte(v, '-')
	return hyphen >= 0 && i > hyphen+1
}

// isYearMonth reports whether s looks like 2024-05.
func isYearMonth(s string) bool {
	year, month, ok := strings.Cut(s, "-")
	return ok && len(year) == 4 && len(month) == 2 && isNumber(year) && isNumber(month)
}
