package advisories

import (
	"context"
	"maps"
	"slices"

	"muster/advisory"
	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
	"muster/sitereport"
)

// A checked finding is one in a package of a report that nobody keeps.
type checked struct {
	finding
	row  *knownRow
	why  *ignored // nil: it counts
	note string
}

// check holds packages of a system of a site against all advisories.
func (a *Advisories) check(tx *db.Tx, site string, system sitereport.System, packages []sitereport.Package) (all []checked, err error) {
	x, err := a.ignoring(tx)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(packages, matchRows) {
		rows := make([]sites.Known, len(part))
		for i, p := range part {
			rows[i] = sites.Known{ID: int64(i), System: system, Package: p}
		}
		found, err := a.judge(tx, rows)
		if err != nil {
			return nil, err
		}
		for i := range found {
			if advisory.Idle(system, found[i].Package) {
				continue
			}
			r := a.knownRow(found[i].Known)
			for _, f := range found[i].found {
				why, note := x.why(site, r, f.advisory)
				all = append(all, checked{f, r, why, note})
			}
		}
	}
	return all, nil
}

// Check holds a report against all advisories, without keeping anything.
func (a *Advisories) Check(ctx context.Context, site string, system sitereport.System, packages []sitereport.Package, q api.FindingQuery) (out api.FindingPage, err error) {
	s, err := newSieve(q)
	if err != nil {
		return out, err
	}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.check(tx, site, system, packages)
		if err != nil {
			return err
		}
		nums := make([]int64, len(all))
		for i := range all {
			nums[i] = all[i].advisory
		}
		heads, err := a.headsOf(tx, nums)
		out = checkedPage(all, heads, &s)
		return err
	})
	return out, err
}

func checkedPage(all []checked, heads map[int64]*api.Advisory, s *sieve) (out api.FindingPage) {
	var list []api.Finding
	var severities []advisory.Severity
	open, hidden := map[int64]mark{}, map[int64]bool{}
	for i := range all {
		c := &all[i]
		one := c.row.finding(&c.finding, heads[c.advisory])
		one.Note = c.note
		if c.why != nil {
			one.Ignored, hidden[c.advisory] = &c.why.AdvisoryIgnore, true
		} else {
			open[c.advisory] = open[c.advisory].with(markOf(&c.finding))
		}
		if s.lets(&one, c.severity) {
			list, severities = append(list, one), append(severities, c.severity)
		}
	}
	for num, m := range open {
		m.countTo(&out.Counts, 1)
		delete(hidden, num)
	}
	out.Counts.Ignored = int64(len(hidden))
	out.Findings, out.Next = page(worstFirst(list, severities), s.from, limitOf(s.Limit))
	return out
}

// Found lists what is published against the packages of a report and is not ignored, for
// the answer to who sent it.
func (a *Advisories) Found(ctx context.Context, r *sitereport.Report) (out []sitereport.Found, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out = nil
		all, err := a.check(tx, r.Site, r.System, r.Packages)
		if err != nil {
			return err
		}
		ids := map[int64]string{}
		for _, c := range all {
			ids[c.advisory] = ""
		}
		if err := nameNumbers(tx, ids); err != nil {
			return err
		}
		for _, c := range all {
			if c.why != nil {
				continue
			}
			p := &c.row.Package
			f := sitereport.Found{Name: p.Name, Version: p.Version, Arch: p.Arch, ID: ids[c.advisory], Tag: c.severity.String(), Fixed: c.fixed}
			if c.exploited {
				f.Tag += ",exploited"
			}
			out = append(out, f)
		}
		return nil
	})
	return out, err
}

// nameNumbers puts the IDs of advisories beside their numbers.
func nameNumbers(tx *db.Tx, ids map[int64]string) error {
	for part := range slices.Chunk(slices.Sorted(maps.Keys(ids)), someIDs) {
		err := tx.Each("SELECT num, id FROM advisories_advisory WHERE num IN "+db.In(len(part)), anys(part), func(scan db.Scan) error {
			var num int64
			var id string
			err := scan(&num, &id)
			ids[num] = id
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
