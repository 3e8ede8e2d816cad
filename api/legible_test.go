package api

import (
	"strings"
	"testing"
	"unicode"
)

func TestLegible(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"Élodie Martin, 東京":           "Élodie Martin, 東京",
		"x\x1b[2J\x1b]0;owned\x07":    "x�[2J�]0;owned�",
		"a\r\nb\tc\x00d\x7fe\u009b1m": "a  b c�d�e�1m",
		"\u202eexe.txt\u2066":         "�exe.txt�", // right to left
		"bad \xff utf-8":              "bad � utf-8",
	} {
		if got := Legible(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := LegibleLines("a\x1bb\r\n\tc"); got != "a�b \n    c" {
		t.Errorf("%q", got)
	}
}

// FuzzLegible: whatever comes in, only what prints comes out, and once is enough.
func FuzzLegible(f *testing.F) {
	f.Add("a\x1b[2J\nb\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := Legible(text)
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q at %d", got, i)
		}
		if Legible(got) != got || strings.Count(LegibleLines(text), "\n") != strings.Count(text, "\n") {
			t.Errorf("%q", got)
		}
	})
}
