package chart

import (
	"encoding/xml"
	"flag"
	"html/template"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

var days = func() (all []time.Time) {
	for i := range 30 {
		all = append(all, time.Date(2026, 10, 1+i, 0, 0, 0, 0, time.UTC))
	}
	return all
}()

// spread is how three versions of a package follow each other.
func spread() (all []Series) {
	for i, name := range []string{"1.2-1", "1.3-1", "1.3-2"} {
		s := Series{Name: name}
		for day := range days {
			d := float64(day - 10*i)
			s.Values = append(s.Values, 400*math.Exp(-d*d/60))
		}
		all = append(all, s)
	}
	return all
}

var plots = map[string]func() template.HTML{
	"graph": func() template.HTML {
		return Graph("What tool needs", Node{Name: "tool", Class: "here"}, Node{Name: "suite", Href: "/packages/suite", Needs: []string{"tool"}},
			Node{Name: "libtool", Href: "//evil.example"}, Node{Name: "<missing>", Class: "error"}, Node{Name: "round", Needs: []string{"about", "none"}}, Node{Name: "about", Needs: []string{"round"}})
	},
	"share": func() template.HTML {
		return Share("Rollout of age 1.3-1", 200, Part{Name: "done", Value: 120, Class: "ok", Href: "/hosts?q=a"}, Part{Name: "failed", Value: 6, Class: "bad"})
	},
	"bars": func() template.HTML {
		return Bars("Software", Part{Name: "openssl", Value: 12345}, Part{Name: `<script>alert("x")</script>`, Value: 20, Href: "javascript:alert(1)"}, Part{Name: strings.Repeat("é", 60), Value: -3, Text: "none"})
	},
	"spark":       func() template.HTML { return Spark("Online", 3, 4, math.NaN(), 8, 2) },
	"spark-level": func() template.HTML { return Spark("Online", 3, 3, 3) },
	"lines": func() template.HTML {
		return Lines(Plot{Title: "Patched", Times: days, Lines: spread(), Unit: "%", Top: 500})
	},
	"stacked": func() template.HTML {
		return Lines(Plot{Title: "Versions of age", Times: days, Lines: spread(), Stacked: true})
	},
	"lines-empty": func() template.HTML { return Lines(Plot{Title: "Nothing yet"}) },
}

// TestGolden holds the plots against files that a person has looked at.
func TestGolden(t *testing.T) {
	for name, plot := range plots {
		got := string(plot()) + "\n"
		file := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; look at it, then run go test -update\n%s", file, got)
		}
	}
}

// wellFormed reads a plot as XML and holds it to what the page's policy allows.
func wellFormed(t *testing.T, plot template.HTML) {
	t.Helper()
	if strings.Contains(string(plot), "NaN") || strings.Contains(string(plot), "Inf") {
		t.Errorf("a number is none: %s", plot)
	}
	dec := xml.NewDecoder(strings.NewReader(string(plot)))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%v: %s", err, plot)
		}
		el, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if el.Name.Local == "script" || el.Name.Local == "style" {
			t.Errorf("element %s: %s", el.Name.Local, plot)
		}
		for _, a := range el.Attr {
			if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" && safe(a.Value) != a.Value {
				t.Errorf("attribute %s=%q", a.Name.Local, a.Value)
			}
		}
	}
}

func TestWellFormed(t *testing.T) {
	for _, plot := range plots {
		wellFormed(t, plot())
	}
}

// FuzzPlots has every plot drawn of any numbers and texts.
func FuzzPlots(f *testing.F) {
	f.Add("a", 1.0, 2.0, 3.0, "/hosts")
	f.Add(`"<&>'`, math.NaN(), math.Inf(1), -1.0, "//evil.example")
	f.Add("", math.MaxFloat64, math.MaxFloat64, math.SmallestNonzeroFloat64, `/\evil.example`)
	f.Add("", 0.0, 0.0, 0.0, "javascript:alert(1)")
	f.Fuzz(func(t *testing.T, text string, a, b, c float64, href string) {
		if strings.ContainsFunc(text+href, func(r rune) bool { return r < ' ' || r == 0xFFFD || r == 0xFFFE || r == 0xFFFF }) {
			t.Skip("no text of XML, whatever is done with it")
		}
		parts := []Part{{Name: text, Value: a, Href: href}, {Name: text, Value: b}, {Name: text, Value: c}}
		wellFormed(t, Share(text, c, parts...))
		wellFormed(t, Bars(text, parts...))
		wellFormed(t, Spark(text, a, b, c))
		for _, stacked := range []bool{false, true} {
			wellFormed(t, Lines(Plot{Title: text, Times: days[:3], Lines: []Series{{Name: text, Values: []float64{a, b}}, {Name: text, Values: []float64{c, a, b, c}}}, Stacked: stacked, Top: c}))
		}
	})
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 3.14: "3.1", 950: "950", 9999: "9999", 12345: "12.3 k", 4e6: "4 M", 2.5e9: "2.5 G", -0.01: "0"} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) is %q, not %q", v, got, want)
		}
	}
}
