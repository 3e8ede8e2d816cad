package index

import (
	"strings"
	"testing"
)

// A long text is read in parts; the answer and the errors are the same.
func TestParseInParts(t *testing.T) {
	entries := world(5000)
	text := string(newIndex(t, entries...).Print())
	if len(text) < 3*minPart {
		t.Fatalf("%d bytes are too few for several parts", len(text))
	}
	x, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if string(x.Print()) != text {
		t.Error("printed again differs")
	}
	last := strings.LastIndex(text, "package: ")
	for name, broken := range map[string]string{
		"unknown field":  text[:last] + "colour: red\n" + text[last:],
		"not sorted":     text + text[:strings.Index(text, "\n\n")+2],
		"canonical":      strings.TrimSuffix(text, "\n"),
		"belongs to no ": text + "\n",
	} {
		if _, err := Parse(broken); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %q", err, name)
		} else if strings.Contains(name, "field") && !strings.Contains(err.Error(), "line ") {
			t.Errorf("error %v names no line", err)
		}
	}
	half := strings.Index(text[len(text)/2:], "\n\n") + len(text)/2 + 2
	if _, err := Parse(text[half:] + text[:half]); err == nil || !strings.Contains(err.Error(), "not sorted") {
		t.Errorf("parts in the wrong order: %v", err)
	}
}
