package advisory

import (
	"io"
	"strings"
	"testing"

	"muster"
)

// TestXMLHostile reads documents that want more of a reader than they are worth.
func TestXMLHostile(t *testing.T) {
	const entities = `<?xml version="1.0"?><!DOCTYPE vuxml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>`
	for name, c := range map[string]struct{ text, want string }{
		"entity of its own":  {entities + `<vuxml><vuln vid="1"><topic>&b;</topic></vuln></vuxml>`, "entity"},
		"entity of a file":   {entities + `<vuxml>&f;</vuxml>`, "entity"},
		"nested":             {strings.Repeat("<vuxml>", 100_000), "VuXML"},
		"nested further in":  {`<vuxml><vuln vid="1">` + strings.Repeat("<description>", 100_000), "too deep"},
		"another root":       {`<html><body/></html>`, "VuXML"},
		"encoding":           {`<?xml version="1.0" encoding="utf-16"?><vuxml/>`, "encoding"},
		"not closed":         {`<vuxml><vuln vid="1">`, "EOF"},
		"crossed":            {`<vuxml><vuln vid="1"></vuxml></vuln>`, "closed by"},
		"text that is long":  {`<vuxml><vuln vid="1"><topic>` + strings.Repeat("x", maxXMLText+1) + `</topic></vuln></vuxml>`, "too long"},
		"token that is long": {`<vuxml><vuln vid="` + strings.Repeat("x", 2*maxXMLToken) + `"/></vuxml>`, "bytes"},
	} {
		_, err := importText(VuXML, "vuln.xml", c.text)
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "vuln.xml") || len(err.Error()) > 400 {
			t.Errorf("%s: %.600v", name, err)
		}
	}
}

// TestXMLEndless: a text without an end is given up before it is held.
func TestXMLEndless(t *testing.T) {
	for _, head := range []string{"<vuxml><vuln vid='1'><topic>", "<vuxml><vuln vid='1'><!--", "<vuxml><vuln vid='", "<vuxml><", "<?"} {
		var count countingReader
		count.r = io.MultiReader(strings.NewReader(head), repeated('x'))
		err := VuXML(&count, Options{Name: "vuln.xml"}, nil)
		if muster.KindOf(err) != muster.Invalid || count.n > 2*maxXMLToken {
			t.Errorf("%s...: %v after %d bytes", head, err, count.n)
		}
	}
}

// TestXMLLatin1 reads a document of another encoding.
func TestXMLLatin1(t *testing.T) {
	got, err := importText(VuXML, "vuln.xml", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><vuln vid=\"1\"><topic>gr\xfc\xdfe</topic><affects><package><name>a</name><range/></package></affects></vuln>")
	if err != nil || len(got.all) != 1 || got.all[0].Summary != "grüße" {
		t.Errorf("%v\n%s", err, got.text())
	}
}

// TestXMLLine: an error names the line.
func TestXMLLine(t *testing.T) {
	_, err := importText(OVAL, "oval.xml", "<oval_definitions>\n<definitions>\n</tests>\n")
	if err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Error(err)
	}
}

// TestOVALCircle extends definitions by themselves, and by each other.
func TestOVALCircle(t *testing.T) {
	got, err := importText(OVAL, "oval.xml", `<oval_definitions><definitions>
<definition id="a" class="patch"><criteria><extend_definition definition_ref="b"/></criteria></definition>
<definition id="b" class="patch"><criteria><extend_definition definition_ref="a"/><extend_definition definition_ref="b"/></criteria></definition>
</definitions></oval_definitions>`)
	if err != nil || len(got.all) != 0 || len(got.skipped) != 2 {
		t.Errorf("%v\n%s", err, got.text())
	}
}

// TestOVALWide joins alternatives that would make more rows than anyone has.
func TestOVALWide(t *testing.T) {
	alternatives := "<criteria operator='OR'>" + strings.Repeat("<criterion test_ref='t'/>", 1000) + "</criteria>"
	got, err := importText(OVAL, "oval.xml", `<oval_definitions><definitions><definition id="a" class="patch"><criteria>`+strings.Repeat(alternatives, 10)+`</criteria></definition></definitions>
<tests><rpminfo_test id="t" check="at least one"><object object_ref="o"/></rpminfo_test></tests><objects><rpminfo_object id="o"><name>a</name></rpminfo_object></objects></oval_definitions>`)
	if err != nil || len(got.all) != 0 || len(got.skipped) != 1 || !strings.Contains(got.skipped[0], "too many") {
		t.Errorf("%v\n%.500s", err, got.text())
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"perl5*-DBI", "perl5.42-DBI", true}, {"perl5*-DBI", "perl5-DBI-doc", false}, {"1.3.2[0-4]*", "1.3.24i", true},
		{"1.3.2[0-4]*", "1.3.25", false}, {"[!a]", "b", true}, {"[^a]", "a", false}, {"[]a]", "]", true}, {"[a-]", "-", true},
		{"[a", "[a", true}, {`\*`, "*", true}, {`\*`, "x", false}, {"*", "", true}, {"", "", true}, {"?", "", false},
		{"a*b*c", "aXXbYYbZc", true}, {"a*b*c", "aXXbYY", false},
		{strings.Repeat("*a", 50), strings.Repeat("a", 2000) + "b", false}, // in time
	} {
		if got := Glob(c.pattern, c.text); got != c.want {
			t.Errorf("Glob(%q, %.40q) is %v", c.pattern, c.text, got)
		}
	}
}
