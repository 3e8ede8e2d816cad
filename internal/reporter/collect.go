package reporter

import (
	"cmp"
	"context"
	"fmt"

	"muster"
	"muster/internal/collect"
	"muster/sitereport"
)

// collect makes the report of this host. Where a package manager cannot be read
// there is none: packages that are not listed would look as if they were removed.
func (r *reporter) collect(ctx context.Context) (*sitereport.Report, error) {
	now := r.now()
	found, err := collect.Collect(ctx, collect.Options{
		Root: cmp.Or(r.opts.root, rootOfSystem()), Sections: []string{"system", "packages"}, Now: now, Fixed: true,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot look at this host: %w", err)
	}
	for _, f := range found.Failures {
		return nil, muster.WithHint(fmt.Errorf("cannot read %s of this host, and reports nothing rather than too little: %w", f.Section, f.Err),
			"try again; if it stays so, check the database of that package manager")
	}
	report := sitereport.Of(found.Document)
	report.Site, report.Tag = r.opts.site, r.opts.tag
	report.Host = cmp.Or(r.opts.host, report.Host)
	report.Time, report.Nonce = now.Unix(), newNonce()
	if len(report.Packages) == 0 {
		return nil, muster.Errorf(muster.NotFound, "found no packages of any package manager on this host")
	}
	return report, nil
}
