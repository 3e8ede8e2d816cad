package search

import "testing"

func siteScope(t *testing.T, query string) Scope {
	t.Helper()
	q, err := Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	return Within(q)
}

func TestScopeOfSite(t *testing.T) {
	for _, c := range []struct {
		query     string
		cern, ral bool
	}{
		{"", true, true},
		{"site:cern", true, false},
		{"site:CERN", true, false},
		{"site:c*", true, false},
		{"site:cern or site:ral", true, true},
		{"-site:cern", false, true},
		{"site:* -site:cern", false, true},
		{"site:cern os:debian", false, false},
		{"site:cern or os:debian", true, false},
		{"os:debian", false, false},
		{"-os:debian", false, false},
		{"-group:lab", false, false},
		{"os:debian or -os:debian", false, false},
		{"-(site:ral os:debian)", true, false},
		{"-(site:ral or os:debian)", false, false},
		{"cern", false, false},
		{"-cern", false, false},
		{"has:site", false, false},
	} {
		s := siteScope(t, c.query)
		if s.Site("cern") != c.cern || s.Site("ral") != c.ral {
			t.Errorf("%q: cern %v, ral %v", c.query, s.Site("cern"), s.Site("ral"))
		}
	}
	if (Scope{}).Site("cern") {
		t.Error("no scope has a site")
	}
	both := siteScope(t, "site:cern").And(siteScope(t, "site:c*"))
	if !both.Site("cern") || both.Site("ral") {
		t.Error("what a person and their token may both see")
	}
}
