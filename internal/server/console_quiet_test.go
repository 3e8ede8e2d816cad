package server

import (
	"net/http"
	"testing"

	"muster"
	"muster/api"
)

// Who looks at a package and may not read the audit log leaves no refusal in it: nobody
// asked for the log.
func TestConsolePackageQuiet(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	must(publish(t, p, pack(t, "age", "1", 100, w.admin)))(t)
	b := w.browser("carol", "", api.VerbView)
	b.logIn("carol")
	if status, page := b.get("/packages/age"); status != http.StatusOK {
		t.Fatal(status, page)
	}
	for _, e := range w.entries(p, 0) {
		if e.Who == "carol" && e.Outcome == string(muster.Denied) {
			t.Errorf("a page that was looked at: %+v", e)
		}
	}
}
