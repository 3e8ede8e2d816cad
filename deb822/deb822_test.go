package deb822

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const text = "# a comment\nPackage: age\nDescription: simple\n modern\n .\n  indented\nempty:\n\n\nPackage: next\r\nLines:\r\n one\r\n two"
	got, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("%d stanzas, want 2: %v", len(got), got)
	}
	if v := got[0].Get("package"); v != "age" {
		t.Errorf("package = %q", v)
	}
	f, _ := got[0].Field("description")
	if want := "simple\nmodern\n\n indented"; f.Text() != want {
		t.Errorf("description = %q, want %q", f.Text(), want)
	}
	if f.Line != 3 {
		t.Errorf("description is in line %d, want 3", f.Line)
	}
	if _, ok := got[0].Field("empty"); !ok {
		t.Errorf("the empty field is missing")
	}
	if v := got[1].Get("Lines"); v != "\n one\n two" {
		t.Errorf("lines = %q", v)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{" lost: continuation", "line 1: a continuation line"},
		{"a: 1\nno colon here", "line 2: \"no colon here\" is not a field"},
		{"a: 1\nb: 2\nA: 3", "line 3: field \"A\" stands twice, first in line 1"},
		{"a b: 1", "line 1: \"a b\" is not a field name"},
		{": 1", "line 1: \"\" is not a field name"},
		{"a: \x00", `control character '\x00'`},
		{"a: " + strings.Repeat("x", MaxValue+1), "larger than"},
	} {
		_, err := Parse(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse(%.40q) = %v, want %q", c.text, err, c.want)
		}
	}
}
