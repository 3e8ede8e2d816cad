package reference

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster"
)

// CheckName reports why name cannot be that of a list, or nil.
func CheckName(name string) error {
	ok := name != "" && len(name) <= 100 && isAlnum(rune(name[0]))
	for _, c := range name {
		ok = ok && (isAlnum(c) || strings.ContainsRune("._-", c))
	}
	if ok {
		return nil
	}
	err := muster.Errorf(muster.Invalid, "%.110q is no name of a list", name)
	return muster.WithHint(err, "use up to 100 letters, digits and . _ -, a letter or digit first")
}

func isAlnum(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// checkWord refuses what no package manager has: text that is empty, long, or would
// change when it is printed and read.
func checkWord(what, s string) error {
	switch {
	case s == "":
		return muster.Errorf(muster.Invalid, "no %s", what)
	case len(s) > MaxWord:
		return muster.Errorf(muster.Invalid, "%s of more than %d bytes", what, MaxWord)
	case strings.TrimSpace(s) != s:
		return muster.Errorf(muster.Invalid, "%s %q begins or ends with a space", what, s)
	case !isText(s):
		return muster.Errorf(muster.Invalid, "%s %q has a character that does not print", what, s)
	}
	return nil
}

func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || c == utf8.RuneError })
}

func checkNote(s string) error {
	if len(s) > MaxNote {
		return muster.Errorf(muster.Invalid, "a note of more than %d bytes", MaxNote)
	}
	if !isText(strings.ReplaceAll(s, "\n", " ")) || strings.TrimSpace(s) != s {
		return muster.Errorf(muster.Invalid, "note %.60q has a character that does not print, or a space at an end", s)
	}
	return nil
}

const (
	day     = 24 * 60 * 60
	maxTime = 253402300800 // the year 10000, of which RFC 3339 does not speak
)

func checkTime(t int64) error {
	if t < 0 || t >= maxTime {
		return muster.Errorf(muster.Invalid, "time %d is out of range", t)
	}
	return nil
}

// parseUntil reads a day, which is the last on which something counts, or a time
// from which on it does not count any more.
func parseUntil(s string) (int64, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil && t.Unix() >= 0 {
		return t.Unix() + day, checkTime(t.Unix() + day)
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Unix() <= 0 {
		return 0, muster.WithHint(muster.Errorf(muster.Invalid, "%.40q is no day or time", s), "write 2026-12-24, or 2026-12-24T18:00:00Z")
	}
	return t.Unix(), checkTime(t.Unix())
}

// printUntil is what parseUntil reads.
func printUntil(t int64) string {
	if t%day == 0 {
		return time.Unix(t-day, 0).UTC().Format(time.DateOnly)
	}
	return time.Unix(t, 0).UTC().Format(time.RFC3339)
}
