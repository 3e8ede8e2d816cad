package server

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"muster/api"
)

// TestConsoleChangesMany has somebody change all hosts that a search finds: those that
// the page showed, and no others.
func TestConsoleChangesMany(t *testing.T) {
	w := newWorld(t)
	admin := w.person()
	token := must(admin.CreateToken(t.Context(), api.TokenRequest{Uses: 3}))(t)
	for i := range 2 {
		w.machine(i + 1).join(token.Secret)
	}
	b := w.browser("bob", "", api.VerbView, api.VerbEdit)
	b.logIn("bob")
	preview := func() []string {
		t.Helper()
		_, page := b.get("/hosts/change?op=unit&value=lab&all=1&q=" + url.QueryEscape("-unit:lab"))
		form := []string{"op", "unit", "value", "lab", "all", "1", "q", "-unit:lab"}
		for _, name := range []string{"count", "digest"} {
			m := regexp.MustCompile(`name="` + name + `" value="(\w+)"`).FindStringSubmatch(page)
			if m == nil {
				t.Fatalf("the page has no %s:\n%s", name, page)
			}
			form = append(form, name, m[1])
		}
		return form
	}
	in := func() int {
		t.Helper()
		return must(admin.Counts(t.Context(), []string{"unit:lab"}))(t).Hosts[0]
	}
	form := preview()
	w.machine(3).join(token.Secret)
	if _, page := b.post("/hosts/change", form...); !strings.Contains(page, "other hosts are meant") || in() != 0 {
		t.Errorf("%d hosts changed after one more had come: %s", in(), page)
	}
	if at, page := b.post("/hosts/change", preview()...); at != "/hosts?q=-unit%3Alab" || !strings.Contains(page, "3 hosts changed") || in() != 3 {
		t.Errorf("%d hosts changed, at %q: %s", in(), at, page)
	}
	page := must(admin.Audit(t.Context(), api.AuditQuery{}))(t)
	last := page.Entries[0]
	if last.Target != "3 hosts" || len(last.Digest) != 64 || last.Who != "bob" || last.Outcome != api.AuditDone {
		t.Errorf("the audit log says %+v", last)
	}
}
