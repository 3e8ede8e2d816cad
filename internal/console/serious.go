package console

import (
	"cmp"
	"slices"

	"muster/api"
)

// A serious card says which grave advisories concern hosts, the newest first.
type serious struct {
	Worst     []tallied // hosts
	Exploited int64     // hosts
	Newest    []advisoryRow
}

// How many grave advisories are looked at, and shown.
const (
	seriousSeen  = 100
	seriousShown = 5
)

// serious is left out where nothing grave is known.
func (o *overviewPage) serious(v *visit) error {
	counts, err := v.api.AdvisoryCounts(v.ctx())
	if err != nil {
		return unlessDenied(err) // a server of before has no such route
	}
	w := &counts.All.Worst
	if w.Critical+w.High+w.Exploited == 0 {
		return nil
	}
	page, err := v.api.Advisories(v.ctx(), api.AdvisoryQuery{FindingQuery: api.FindingQuery{Severity: "high", Limit: seriousSeen}})
	if err != nil {
		return err
	}
	slices.SortStableFunc(page.Advisories, func(a, b api.Advisory) int { return cmp.Compare(b.Published, a.Published) })
	s := &serious{Exploited: w.Exploited, Worst: worst(&api.HostCounts{SeverityCounts: api.SeverityCounts{Critical: w.Critical, High: w.High}}, func(severity string) string { return v.link("/advisories", "severity", severity) })}
	for _, a := range page.Advisories[:min(len(page.Advisories), seriousShown)] {
		s.Newest = append(s.Newest, v.advisoryRow(a))
	}
	o.Serious = s
	return nil
}
