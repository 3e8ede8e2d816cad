package deb822

import (
	"slices"
	"strings"
	"testing"
)

// FuzzParse holds that what was read is what a plain second reader sees line
// by line, and that what is printed reads as the same and prints the same.
func FuzzParse(f *testing.F) {
	f.Add("Package: a\nVersion: 1\n\nPackage: b\nDescription: x\n y\n .\n z\n")
	f.Add("a:\n b\n\t c\n#x\nb: 1")
	f.Add("a: 1\n \n b: 2")
	f.Add("# c\r\nPackage: next\r\nLines:\r\n one\r\n two\r\n \t\r\nz-1:  x  \n")
	f.Add("a: 1\nA: 2\n")
	f.Add("a:x:y\nb\x00: 1")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := Parse(text)
		if err != nil {
			return
		}
		if want := plain(text); !slices.EqualFunc(first, want, same) {
			t.Fatalf("%q read as %q, a second reader says %q", text, first, want)
		}
		out := print(first)
		second, err := Parse(out)
		if err != nil {
			t.Fatalf("printed text does not parse: %v\n%q", err, out)
		}
		if again := print(second); again != out {
			t.Fatalf("printed %q, then %q", out, again)
		}
	})
}

func print(list []Stanza) string {
	var out []byte
	for _, s := range list {
		out = append(s.Append(out), '\n')
	}
	return string(out)
}

func same(a, b Stanza) bool { return slices.Equal(a, b) }

// plain is a second reader of texts that [Parse] accepts: it splits lines and
// thinks of nothing else.
func plain(text string) (all []Stanza) {
	var s Stanza
	end := func() {
		if s != nil {
			all = append(all, s)
		}
		s = nil
	}
	open := false // a field that may go on
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		switch {
		case strings.Trim(line, " \t") == "":
			end()
			open = false
		case line[0] == '#':
			open = false
		case open && (line[0] == ' ' || line[0] == '\t'):
			s[len(s)-1].Value += "\n" + line
		default:
			name, value, _ := strings.Cut(line, ":")
			s = append(s, Field{Name: name, Value: value, Line: i + 1})
			open = true
		}
	}
	end()
	for _, s := range all {
		for i := range s {
			s[i].Value = strings.Trim(s[i].Value, " \t")
		}
	}
	return all
}

// FuzzText holds that a text of several lines, put into a field, comes out.
func FuzzText(f *testing.F) {
	f.Add("simple\nmodern\n\n indented")
	f.Add("one")
	f.Add("\n a\n\tb")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\x00\r") || text != strings.Trim(text, " \t\n") || len(text) > MaxValue/2 {
			return
		}
		for line := range strings.SplitSeq(text, "\n") {
			if line == "." || line != "" && strings.Trim(line, " \t") == "" {
				return // package control refuses such lines
			}
		}
		var s Stanza
		s.Add("description", text)
		s.Add("last", "x")
		got, err := Parse(s.String())
		if err != nil || len(got) != 1 {
			t.Fatalf("%q: %d stanzas, %v", s, len(got), err)
		}
		if d, _ := got[0].Field("Description"); d.Text() != text {
			t.Fatalf("put %q, got %q", text, d.Text())
		}
	})
}
