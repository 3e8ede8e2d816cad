package api

import (
	"strings"
	"unicode"
)

// Legible is text of others as one line that a terminal shows, and does nothing more:
// white space becomes a space, and what else is no printable character U+FFFD. Names of hosts, names that strangers
// claim at a login, reasons and results are chosen by whoever sent them; an escape
// sequence in one of them would rule the terminal of who reads it, a line feed would
// make up a line of a log.
func Legible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, text)
}

// LegibleLines is text of others of several lines, each [Legible].
func LegibleLines(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\t", "    "), "\n")
	for i, line := range lines {
		lines[i] = Legible(line)
	}
	return strings.Join(lines, "\n")
}
