package cli

import (
	"context"
	"strconv"

	"muster/api"
)

// findingsOf lists what is published about the versions of a package that hosts have.
func (a *app) findingsOf(ctx context.Context, name string, o *findingFlags) error {
	more := false
	found, err := asPerson(a, func(p *api.PersonClient) ([]api.Finding, error) {
		return pages(o.limit, 1000, func(cursor string, n int) ([]api.Finding, string, error) {
			q := o.FindingQuery
			q.Cursor, q.Limit = cursor, n
			page, err := p.PackageFindings(ctx, name, q)
			more = page.Next != ""
			return page.Findings, page.Next, err
		})
	})
	if err != nil {
		return err
	}
	s := a.sheet(o.csv, "nothing concerns a version that hosts have", "advisory", "severity", "package", "version", "system", "hosts", "fixed", "summary")
	for i := range found {
		f := &found[i]
		s.add(f.Advisory.ID, severityText(f.Severity, f.Advisory.Exploited), f.Package, f.Version, f.System, strconv.FormatInt(f.Hosts, 10), f.Fixed, s.cut(f.Advisory.Summary))
	}
	if more {
		a.talk("there are more: --limit")
	}
	return s.print(found)
}
