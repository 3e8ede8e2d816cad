package server

import (
	"regexp"
	"strings"
	"testing"

	"muster/api"
)

// TestConsoleFields: what the server says of a field stands beside it, with the focus there,
// and nothing that was typed is lost.
func TestConsoleFields(t *testing.T) {
	w := sited(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	b.post("/sites", "name", "CERN", "note", "Meyrin")
	b.post("/sites/CERN", "do", "record", "note", "Meyrin", "open", "1", "addresses", "192.0.2.0/24", "hosts", "7")
	for _, c := range []struct {
		path  string
		form  []string
		field string   // that is wrong
		kept  []string // on the page
		not   string
	}{
		{path: "/people", form: []string{"name", "x:y", "password", consolePassword, "again", consolePassword}, field: "name", kept: []string{`value="x:y"`}, not: consolePassword},
		{path: "/people", form: []string{"name", "eve", "password", "short", "again", "short"}, field: "password", kept: []string{`value="eve"`}, not: `value="short"`},
		{path: "/settings", form: []string{"do", "password", "old", consolePassword, "password", "short", "again", "short"}, field: "password", not: `value="short"`},
		{path: "/rights", form: []string{"who", "moon", "verbs", "view", "hosts", "os:debian", "note", "why"}, field: "who", kept: []string{`value="moon"`, `value="os:debian"`, `value="why"`, `value="view" checked`}},
		{path: "/rights", form: []string{"who", "person:eve", "verbs", "view", "hosts", "os:("}, field: "hosts", kept: []string{`value="os:("`}},
		{path: "/rights", form: []string{"who", "person:eve", "verbs", "view", "until", "2020-01-01"}, field: "until", kept: []string{`value="2020-01-01"`, `value="person:eve"`}},
		{path: "/rights", form: []string{"who", "person:eve"}, field: "", kept: []string{`<fieldset class="verbs" aria-describedby="wrong">`, `id="wrong"`, `value="person:eve"`}},
		{path: "/tokens", form: []string{"do", "create", "note", "lab", "unit", "a..b"}, field: "unit", kept: []string{`value="lab"`, `value="a..b"`}},
		{path: "/tokens", form: []string{"do", "create", "from", "192.0.2.1 x"}, field: "from", kept: []string{`value="192.0.2.1 x"`}},
		{path: "/tokens", form: []string{"do", "approve", "key", "x", "unit", "lab"}, field: "key", kept: []string{`<details open>`, `value="lab"`}},
		{path: "/webhooks", form: []string{"url", "ftp://x", "hosts", "os:debian"}, field: "url", kept: []string{`value="os:debian"`}},
		{path: "/webhooks", form: []string{"url", "https://example.org", "hosts", "os:("}, field: "hosts", kept: []string{`value="https://example.org"`}},
		{path: "/sites", form: []string{"name", "cern", "note", "again"}, field: "name", kept: []string{`value="cern"`, `value="again"`}},
		{path: "/sites/CERN", form: []string{"do", "record", "note", "", "addresses", "10.0.0.0/8 x", "forget", "30", "hosts", ""}, field: "addresses",
			kept: []string{`name="note" value=""`, `value="10.0.0.0/8 x"`, `name="forget" value="30"`, `name="hosts" value=""`, `name="open" value="1">`}},
		{path: "/sites/CERN", form: []string{"do", "key", "keynote", "batch", "certificate", "nonsense"}, field: "certificate", kept: []string{`value="batch"`, ">nonsense</textarea>", "<details class=\"medium\" open>"}},
		{path: "/advisories/CVE-2026-1", form: []string{"do", "ignore", "reason", "r", "platform", "moon 1"}, field: "platform", kept: []string{`value="moon 1"`, `value="r"`}},
		{path: "/advisories/ignored", form: []string{"do", "ignore", "advisory", "CVE-2026-1", "reason", "r", "until", "2020-01-01"}, field: "until", kept: []string{`value="CVE-2026-1"`}},
		{path: "/references/new", form: []string{"name", "A B", "text", "packages: []"}, field: "name", kept: []string{`value="A B"`, "packages: []"}},
		{path: "/hosts/save", form: []string{"name", "A B", "q", "os:debian", "note", "n"}, field: "name", kept: []string{`value="A B"`, `value="os:debian"`, `value="n"`}},
		{path: "/apitokens", form: []string{"do", "create", "note", "n", "verbs", "view", "hosts", "os:(", "days", "9", "password", consolePassword}, field: "hosts", kept: []string{`value="os:("`, `value="9"`, `value="view" checked`}, not: consolePassword},
	} {
		at, page := b.post(c.path, c.form...)
		if at != c.path {
			t.Errorf("%s %q leads to %s", c.path, c.form, at)
			continue
		}
		marked := regexp.MustCompile(`<(?:input|textarea|select)[^>]*name="` + c.field + `"[^>]*aria-invalid="true" aria-describedby="wrong" autofocus`)
		if c.field != "" && !marked.MatchString(page) || strings.Count(page, `id="wrong"`) != 1 || strings.Contains(page, `class="problem"`) {
			t.Errorf("%s %q: the error does not stand at %q:\n%s", c.path, c.form, c.field, page)
		}
		b.want(page, c.kept...)
		if c.not != "" && strings.Contains(page, c.not) {
			t.Errorf("%s %q shows a secret again", c.path, c.form)
		}
	}
}
