package settings

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"muster"
)

// FuzzPolicy: what is accepted prints as something that reads the same, is read
// without problems, and reading it twice gives the same.
func FuzzPolicy(f *testing.F) {
	for i, kind := range Kinds {
		f.Add(i, Template(kind))
	}
	f.Add(0, "upgrade-at: 02:30, sat-mon 12:00\nbandwidth: 2M\nlocales: fr,\n en\n")
	f.Add(1, "who: @a, CORP\\b\npackages: *, !x\nmay: install\n\nwho: *\npackages: y?\n")
	f.Fuzz(func(t *testing.T, n int, text string) {
		kind := Kinds[uint(n)%uint(len(Kinds))]
		doc, err := Parse(kind, text)
		if err != nil {
			return
		}
		again, err := Parse(kind, doc.Print())
		if err != nil || !(reflect.DeepEqual(doc, again) || len(doc) == 0) {
			t.Fatalf("%q\nprints as\n%s\nwhich is %v, %v", text, doc.Print(), again, err)
		}
		var problems []Problem
		switch kind {
		case muster.Config:
			if len(doc) == 1 {
				a, _, p := Resolve([]Layer{{"x", doc[0]}})
				problems = p
				timesAgain(t, a)
			}
		case muster.SelfService:
			_, problems = ReadRules(doc, "x")
		case muster.WSUS:
			_, problems = ReadUpdates(doc, "x")
		}
		if len(problems) > 0 {
			t.Fatalf("%q: %v", text, problems)
		}
	})
}

// timesAgain holds that slots and windows print as what reads the same.
func timesAgain(t *testing.T, a *Agent) {
	var texts []string
	for _, s := range a.Upgrade {
		texts = append(texts, s.String())
	}
	var b Agent
	if len(texts) > 0 && (slots(&b, strings.Join(texts, ", ")) != nil || !slices.Equal(a.Upgrade, b.Upgrade)) {
		t.Fatalf("%v prints as %v", a.Upgrade, texts)
	}
	texts = nil
	for _, w := range a.Windows {
		texts = append(texts, w.String())
	}
	if len(texts) > 0 && (windows(&b, strings.Join(texts, ", ")) != nil || !slices.Equal(a.Windows, b.Windows)) {
		t.Fatalf("%v prints as %v", a.Windows, texts)
	}
}
