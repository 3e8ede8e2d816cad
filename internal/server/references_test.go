package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"muster/api"
	"muster/internal/access"
)

// TestReferencesOfOthers has somebody who may see one site ask for hosts and lists of
// another: whatever became of them, the answer is that of what never was.
func TestReferencesOfOthers(t *testing.T) {
	m := newMatrix(t)
	s := subject{name: "ldap:carla"}
	m.rules = append(m.rules, api.Rule{Who: "person:" + s.name, Verbs: []api.Verb{api.VerbView, api.VerbReport}, Hosts: "site:cern"})
	s.secret = must(m.access.Begin(t.Context(), access.Login{Caller: access.Caller{Name: s.name}, Way: "ldap", Address: netip.MustParseAddr("192.0.2.1")}))(t).Token
	m.write()
	same := func(what, path, name, none string) {
		t.Helper()
		other := regexp.MustCompile(`\b` + name + `\b`)
		status, got := m.ask(s, http.MethodGet, path, "")
		_, want := m.ask(s, http.MethodGet, other.ReplaceAllString(path, none), "")
		if status != http.StatusNotFound || other.ReplaceAllString(got, none) != want {
			t.Errorf("%s: %d %s, and of what never was: %s", what, status, got, want)
		}
	}

	host := func(site string) int64 { return must(m.Server.sites.HostNamed(t.Context(), site, "node"))(t).ID }
	path := func(host int64) string {
		return strings.NewReplacer("{name}", "all", "{host}", fmt.Sprint(host)).Replace(api.RouteReferenceHost)
	}
	if status, answer := m.ask(s, http.MethodGet, path(host("cern")), ""); status != http.StatusOK {
		t.Errorf("a host of the site: %d %s", status, answer)
	}
	ral := host("ral")
	same("a host", path(ral), fmt.Sprint(ral), "999")
	same("a host before it was", path(ral)+"?at=1", fmt.Sprint(ral), "999")
	check(t, m.Server.sites.Forget(t.Context(), time.Now(), ral))
	same("a forgotten host", path(ral), fmt.Sprint(ral), "999")

	put := func(name, site string) int64 {
		must(m.references.Put(t.Context(), "officer", name, api.ReferencePut{Form: "csv", Text: "name,want\nzlib,>= 2\n", Sites: []string{site}}))(t)
		check(t, m.references.Follow(t.Context()))
		return must(m.references.Get(t.Context(), name, 0))(t).Revision
	}
	list := func(name string) string { return strings.Replace(api.RouteReference, "{name}", name, 1) }
	put("secret", "ral")
	same("a list", list("secret"), "secret", "nothing")
	check(t, m.references.Remove(t.Context(), "officer", "secret"))
	check(t, m.references.Follow(t.Context()))
	same("a list that was taken away", list("secret"), "secret", "nothing")

	old := put("moved", "cern")
	if status, answer := m.ask(s, http.MethodGet, list("moved"), ""); status != http.StatusOK {
		t.Errorf("a list of the site: %d %s", status, answer)
	}
	put("moved", "ral")
	same("a list that is another's now", list("moved"), "moved", "nothing")
	status, answer := m.ask(s, http.MethodGet, fmt.Sprintf("%s?revision=%d", list("moved"), old), "")
	if status != http.StatusNotFound || strings.Contains(answer, "officer") {
		t.Errorf("what a list said before it was another's: %d %s", status, answer)
	}
}
