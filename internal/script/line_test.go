package script

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitLine(t *testing.T) {
	for line, want := range map[string][]string{
		`a b  c`:                          {"a", "b", "c"},
		`./setup --dir "/opt/my tool"`:    {"./setup", "--dir", "/opt/my tool"},
		`echo 'it''s' "a\"b\n" \$x ''`:    {"echo", "its", `a"b\n`, "$x", ""},
		"a\\\nb":                          {"ab"},
		`--x="a b"`:                       {"--x=a b"},
		`grep '|' file`:                   {"grep", "|", "file"},
		`a | b`:                           nil,
		`echo $HOME`:                      nil,
		`echo "$HOME"`:                    nil,
		`rm *.tmp`:                        nil,
		`a > b`:                           nil,
		`a; b`:                            nil,
		`a && b`:                          nil,
		`"open`:                           nil,
		`open\`:                           nil,
		` `:                               nil,
		"a\x00b":                          nil,
		`/usr/bin/x -m 'é' --k=v,w:1%2+3`: {"/usr/bin/x", "-m", "é", "--k=v,w:1%2+3"},
	} {
		got, err := splitLine(line)
		if (err == nil) != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v; want %q", line, got, err, want)
		}
	}
}

func TestSplitWindowsLine(t *testing.T) {
	for line, want := range map[string][]string{
		`"C:\Program Files\x\setup.exe" /S /D=C:\x`: {`C:\Program Files\x\setup.exe`, "/S", `/D=C:\x`},
		`msiexec /i "a b.msi" NAME="x y"`:           {"msiexec", "/i", "a b.msi", "NAME=x y"},
		`a "b\\" c`:                                 {"a", `b\`, "c"},
		`a b\"c`:                                    {"a", `b"c`},
		`a "b""c"`:                                  {"a", `b"c`},
		`a\\b c:\`:                                  {`a\\b`, `c:\`},
		`a ""`:                                      {"a", ""},
		`a & b`:                                     nil,
		`a > b`:                                     nil,
		`"open`:                                     nil,
		``:                                          nil,
	} {
		got, err := splitWindowsLine(line)
		if (err == nil) != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v; want %q", line, got, err, want)
		}
	}
}

// FuzzSplitLine: what quoteWords prints is split into the same words.
func FuzzSplitLine(f *testing.F) {
	f.Add("a\x01b c\x01'\x01\\\"$`")
	f.Add("\x01\x01 ")
	f.Fuzz(func(t *testing.T, joined string) {
		words := strings.Split(joined, "\x01")
		got, err := splitLine(quoteWords(words))
		if strings.Contains(joined, "\x00") {
			if err == nil {
				t.Errorf("%q: a zero byte was taken", words)
			}
			return
		}
		if err != nil || !slices.Equal(got, words) {
			t.Errorf("%q: got %q, %v", words, got, err)
		}
		_, _ = splitLine(joined)
	})
}

// FuzzSplitWindowsLine: words quoted by the rule of Windows come back.
func FuzzSplitWindowsLine(f *testing.F) {
	f.Add("a\x01b c\x01\"\x01\\\\\"\\")
	f.Add("|\x01")
	f.Fuzz(func(t *testing.T, joined string) {
		words := strings.Split(joined, "\x01")
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = quoteWindows(w)
		}
		got, err := splitWindowsLine(strings.Join(quoted, " "))
		if strings.Contains(joined, "\x00") {
			if err == nil {
				t.Errorf("%q: a zero byte was taken", words)
			}
			return
		}
		if err != nil || !slices.Equal(got, words) {
			t.Errorf("%q: got %q, %v", words, got, err)
		}
		_, _ = splitWindowsLine(joined)
	})
}

// quoteWindows quotes for CommandLineToArgvW: backslashes before a quote are
// doubled.
func quoteWindows(w string) string {
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for i := range len(w) {
		switch w[i] {
		case '\\':
			slashes++
		case '"':
			b.WriteString(strings.Repeat(`\`, slashes+1))
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteByte(w[i])
	}
	b.WriteString(strings.Repeat(`\`, slashes))
	b.WriteByte('"')
	return b.String()
}
