package reference

import (
	"os"
	"strings"
	"testing"

	"muster"
)

func TestParseWant(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "any",
		" any ":                      "any",
		"=1.2":                       "= 1.2",
		"== 1.2":                     "= 1.2",
		">>1.2":                      "> 1.2",
		">=1.2,<2":                   ">= 1.2, < 2",
		">= 1.2 ,  < 2":              ">= 1.2, < 2",
		"= 1.2_1,1":                  "= 1.2_1,1",
		">= 1.2_1,1, < 2,1":          ">= 1.2_1,1, < 2,1",
		"= 1, 0, 0, 1":               "= 1, 0, 0, 1",
		"absent":                     "absent",
		"absent >= 5.6.0, <= 5.6.1":  "absent >= 5.6.0, <= 5.6.1",
		"absent>=5.6.0":              "absent >= 5.6.0",
		"newest":                     "newest",
		"newest >= 4.2, < 5":         "newest >= 4.2, < 5",
		"= 6.1.7601.17514 (win7sp1)": "= 6.1.7601.17514 (win7sp1)",
	} {
		w, err := ParseWant(in)
		if err != nil || w.String() != want {
			t.Errorf("ParseWant(%q) = %q, %v, want %q", in, w, err, want)
		}
	}
	for in, says := range map[string]string{
		"1.2":                                   "has no operator",
		"newer":                                 "has no operator",
		"absently":                              "has no operator",
		"any >= 1":                              "any version, and yet bounds",
		"=> 1.2":                                "unknown operator",
		"!= 1.2":                                "has no operator",
		">=":                                    "no version",
		">= 1, ":                                "is no version",
		"= 1 < 2":                               "", // a version with a space: odd, but Windows has such
		">= 1\x00":                              "does not print",
		">= 1\xff":                              "does not print",
		"= <1":                                  "is no version",
		">= " + strings.Repeat("1", 300):        "more than",
		strings.Repeat(">= 1, ", 8) + "< 2":     "more than 8 bounds",
		strings.Repeat(">= 1, ", 1000) + ">= 1": "bytes",
	} {
		_, err := ParseWant(in)
		if says == "" && err == nil {
			continue
		}
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseWant(%q) = %v, want %q", in, err, says)
		}
	}
	if _, err := ParseWant("1.2"); muster.HintOf(err) != `write "= 1.2" for this version alone or ">= 1.2" for it and later` {
		t.Errorf("hint %q", muster.HintOf(err))
	}
}

// TestVectors reads the vectors of docs/formats/reference.md.
func TestVectors(t *testing.T) {
	data, err := os.ReadFile("../docs/formats/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), "## Vectors")
	_, text, _ = strings.Cut(text, "```\n")
	text, _, _ = strings.Cut(text, "```")
	n := 0
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), " | ")
		if len(f) != 3 || orderOf(f[1]) == nil {
			t.Fatalf("vector %q", line)
		}
		w, err := ParseWant(f[0])
		if err != nil || w.String() != f[0] {
			t.Fatalf("%q reads as %q: %v", f[0], w, err)
		}
		for pair := range strings.FieldsSeq(f[2]) {
			i := strings.LastIndexByte(pair, ':')
			verdict, fits := w.judge(pair[:i], orderOf(f[1]))
			got := verdict.String()
			if !fits {
				got += "!"
			}
			if n++; got != pair[i+1:] {
				t.Errorf("%q of %q: %s, want %s", pair[:i], f[0], got, pair[i+1:])
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d vectors", n)
	}
}

// FuzzWant: a wish that was read prints as one that reads the same; and no version
// both fits and lies outside of the bounds.
func FuzzWant(f *testing.F) {
	for _, s := range []string{"", "any", "absent", "newest >= 4.2", ">= 1.2, < 2", "= 1.2_1,1", "= 1, 0, 0, 1", "absent>=5.6.0,<=5.6.1", "== 1 , >> 2"} {
		f.Add(s, "1.2")
	}
	f.Fuzz(func(t *testing.T, s, v string) {
		w, err := ParseWant(s)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatalf("%q: %v is not of kind invalid", s, err)
			}
			return
		}
		again, err := ParseWant(w.String())
		if err != nil || again.String() != w.String() {
			t.Fatalf("%q prints as %q, which reads as %q: %v", s, w, again, err)
		}
		for manager, order := range orders {
			if w.check(order) != nil {
				continue
			}
			verdict, fits := w.judge(v, order)
			holds := w.holds(v, order)
			if w.Mode == Absent {
				holds = !holds
			}
			if fits != holds || verdict == None || verdict == Behind && fits {
				t.Fatalf("%s: %q of %q is %v, fits %v, holds %v", manager, v, w, verdict, fits, holds)
			}
		}
	})
}
