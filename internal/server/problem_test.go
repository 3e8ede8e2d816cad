package server

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"muster"
	"muster/api"
)

// TestProblemFields: an error says which field of what was sent it is about, on the wire as
// in the example of RFC 9457, and to who uses the client.
func TestProblemFields(t *testing.T) {
	w := sited(t)
	p, ctx := w.person(), t.Context()
	seat := "paris/../lab"
	for field, call := range map[string]func() error{
		"q":       func() error { _, err := p.Hosts(ctx, api.HostQuery{Query: "os:("}); return err },
		"sort":    func() error { _, err := p.Hosts(ctx, api.HostQuery{Sort: "moon"}); return err },
		"columns": func() error { _, err := p.Hosts(ctx, api.HostQuery{Columns: []string{"moon"}}); return err },
		"cursor":  func() error { _, err := p.Hosts(ctx, api.HostQuery{Cursor: "x"}); return err },
		"/name": func() error {
			_, err := p.AddPerson(ctx, api.PersonNew{Name: " x", Password: consolePassword})
			return err
		},
		"/password": func() error { _, err := p.AddPerson(ctx, api.PersonNew{Name: "x", Password: "short"}); return err },
		"/who":      func() error { _, err := p.AddRule(ctx, api.Rule{Who: "moon", Verbs: api.Verbs()}); return err },
		"/verbs":    func() error { _, err := p.AddRule(ctx, api.Rule{Who: "person:x"}); return err },
		"/hosts": func() error {
			_, err := p.AddRule(ctx, api.Rule{Who: "person:x", Verbs: api.Verbs(), Hosts: "os:("})
			return err
		},
		"/uses": func() error { _, err := p.CreateToken(ctx, api.TokenRequest{}); return err },
		"/unit": func() error { _, err := p.CreateToken(ctx, api.TokenRequest{Uses: 1, Unit: seat}); return err },
		"/from/1": func() error {
			_, err := p.CreateToken(ctx, api.TokenRequest{Uses: 1, From: []string{"192.0.2.1", "x"}})
			return err
		},
		"/query": func() error { _, err := p.PutGroup(ctx, api.Group{Name: "x", Query: "os:("}); return err },
		"/edit/unit": func() error {
			_, err := p.ChangeHosts(ctx, api.HostsChange{Hosts: []string{"x"}, Edit: api.HostEdit{Unit: &seat}, Preview: true})
			return err
		},
		"/url":         func() error { _, err := p.AddWebhook(ctx, api.WebhookNew{URL: "ftp://x"}); return err },
		"/addresses/0": func() error { _, err := p.PutSite(ctx, "X", api.SitePut{Addresses: []string{"x"}}); return err },
		"/quota/hosts": func() error { _, err := p.PutSite(ctx, "X", api.SitePut{Quota: api.SiteQuota{Hosts: -1}}); return err },
		"/certificate": func() error { _, err := p.AddSiteKey(ctx, "NIKHEF", api.NewSiteKey{Certificate: "x"}); return err },
		"/text":        func() error { _, err := p.PutReference(ctx, "x", api.ReferencePut{Text: "packages: 1"}); return err },
		"verdict": func() error {
			_, err := p.CompareReference(ctx, "baseline", api.ReferenceQuery{Verdict: "moon"})
			return err
		},
		"want": func() error {
			_, err := p.Patched(ctx, api.PatchedQuery{Name: "curl", Want: "absent", From: 1})
			return err
		},
		"name": func() error { _, err := p.Sightings(ctx, "", ""); return err },
		"severity": func() error {
			_, err := p.Advisories(ctx, api.AdvisoryQuery{FindingQuery: api.FindingQuery{Severity: "moon"}})
			return err
		},
		"/reason": func() error { _, err := p.IgnoreAdvisory(ctx, api.AdvisoryIgnore{Advisory: "CVE-2026-1"}); return err },
		"/platform": func() error {
			_, err := p.IgnoreAdvisory(ctx, api.AdvisoryIgnore{Advisory: "CVE-2026-1", Reason: "x", Platform: "moon 1"})
			return err
		},
	} {
		err := call()
		if got := muster.FieldOf(err); got != field || muster.KindOf(err) != muster.Invalid {
			t.Errorf("%v is about %q, want %q", err, got, field)
		}
	}
	for body, want := range map[string]string{
		`{"quota":{"hosts":"many"}}`: `"pointer":"#/quota/hosts"`, `{"addresses":["x"]}`: `"pointer":"#/addresses/0"`,
	} {
		status, answer := w.saying(p, http.MethodPut, strings.Replace(api.RouteSite, "{name}", "X", 1), body)
		if status != http.StatusBadRequest || !strings.Contains(answer, want) || !strings.Contains(answer, `"errors":[{"detail":`) {
			t.Errorf("%d %s", status, answer)
		}
	}
	if _, answer := w.saying(p, http.MethodGet, api.RouteHosts+"?limit=x", ""); !strings.Contains(answer, `"parameter":"limit"`) {
		t.Error(answer)
	}
}

// saying sends a body as a person, and returns the answer as it is.
func (w *world) saying(p *api.PersonClient, method, path, body string) (int, string) {
	w.t.Helper()
	r := must(http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body)))(w.t)
	r.Header.Set("Authorization", "Bearer "+p.Token)
	resp := must(w.raw().Do(r))(w.t)
	defer resp.Body.Close()
	return resp.StatusCode, string(must(io.ReadAll(resp.Body))(w.t))
}
