package script

import (
	"strings"
	"testing"
)

const sampleIni = "; settings\r\n[Net]\r\nProxy = none\r\n# port:9\r\nport=80\r\n\r\n[empty]\r\n[ui]\r\nlanguage: fr\r\nodd line\r\n"

func TestIni(t *testing.T) {
	f := parseIni(sampleIni)
	for _, c := range []struct{ section, key, want string }{
		{"net", "PROXY", "none"}, {"Net", "port", "80"}, {"ui", "language", "fr"},
	} {
		if got, ok := f.get(c.section, c.key); !ok || got != c.want {
			t.Errorf("[%s] %s: %q, %t", c.section, c.key, got, ok)
		}
	}
	for _, c := range [][2]string{{"net", "# port"}, {"ui", "odd line"}, {"ui", "port"}, {"none", "x"}, {"empty", "x"}} {
		if got, ok := f.get(c[0], c[1]); ok {
			t.Errorf("[%s] %s is %q", c[0], c[1], got)
		}
	}
	f.set("NET", "PORT", "8080")
	f.set("net", "user", "x")
	f.set("empty", "k", "v")
	f.set("new", "a", "1")
	if !f.remove("ui", "Language") || f.remove("ui", "language") || !f.removeSection("ui") || f.removeSection("ui") {
		t.Error("removal")
	}
	const want = "; settings\r\n[Net]\r\nProxy = none\r\n# port:9\r\nport=8080\r\nuser = x\r\n\r\n[empty]\r\nk = v\r\n[new]\r\na = 1\r\n"
	if got := f.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestCheckIni(t *testing.T) {
	for _, c := range [][3]string{
		{"", "k", "v"}, {"s]", "k", "v"}, {"s", "", "v"}, {"s", "k=", "v"}, {"s", "#k", "v"},
		{"s", "k", "v\nx"}, {"s", "k", " v"}, {"s", " k", "v"}, {"s\r", "k", "v"}, {"s", "[k", "v"},
	} {
		if checkIni(c[0], c[1], c[2]) == nil {
			t.Errorf("%q was taken", c)
		}
	}
}

// FuzzIni: printing what was parsed gives the same bytes; what was set is
// read; nothing else is changed by it; removing it brings the rest back.
func FuzzIni(f *testing.F) {
	f.Add(sampleIni, "net", "port", "1")
	f.Add("\ufeff[a]\nb=c", "a", "d", "")
	f.Add("x=1\n[a]\n[a]\ny=2", "A", "y", "=3")
	f.Fuzz(func(t *testing.T, text, section, key, value string) {
		ini := parseIni(text)
		if got := ini.String(); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		if checkIni(section, key, value) != nil {
			return
		}
		before := others(ini, section, key)
		ini.set(section, key, value)
		again := parseIni(ini.String())
		if got, ok := again.get(section, key); !ok || got != value {
			t.Errorf("%q: set %q, got %q, %t", text, value, got, ok)
		}
		if after := others(again, section, key); after != before {
			t.Errorf("%q: others were\n%q\nand are\n%q", text, before, after)
		}
	})
}

// others lists all options but one.
func others(f *iniFile, section, key string) string {
	var b strings.Builder
	current := ""
	for _, line := range f.lines {
		if s, ok := sectionOf(line); ok {
			current = s
		}
		k, v, ok := optionOf(line)
		if ok && !(strings.EqualFold(current, section) && strings.EqualFold(k, key)) {
			b.WriteString(strings.ToLower(current) + "|" + k + "|" + v + "\n")
		}
	}
	return b.String()
}
