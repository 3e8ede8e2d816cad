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
	put := func(r *knownRow, found []finding, more string) {
		for _, f := range found {
			why, note := x.why(site, r, f.advisory)
			all = append(all, checked{f, r, why, advisory.Notes(more, note)})
		}
	}
	k := advisory.KernelsOf(system, a.Systems.Of(system.ID, system.Version, system.Name), slices.Values(packages))
	c := a.counter()
	for _, o := range k.Own {
		row, err := c.ownRow(tx, system, o, k.Adrift)
		if err != nil {
			return nil, err
		}
		put(row.knownRow, row.all, row.note)
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
			if !k.Idle(found[i].Package) {
				put(a.knownRow(found[i].Known), found[i].found, "")
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
		if err != nil {
			return err
		}
		out = checkedPage(all, heads, &s)
		x, err := a.facts(tx)
		if err != nil {
			return err
		}
		r := x.release(a.releaseOf(&system), a.Now().Unix())
		out.Release = &r
		return nil
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
	out.Findings, out.Next = page(s.sorted(list, severities), s.from, limitOf(s.Limit))
	return out
}

// NotCovered is the ID of what [Advisories.Found] says where no list speaks of the system.
const NotCovered = "not-covered"

// Found lists what is published against the packages of a report and is not ignored, for
// the answer to who sent it. Where no list of advisories speaks of the system that is said
// in a line of its own: no line would look like no danger.
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
		x, err := a.facts(tx)
		if err != nil {
			return err
		}
		if of := a.releaseOf(&r.System); !x.covers(of.platform) {
			out = append(out, sitereport.Found{Name: "system", Version: of.os, Arch: r.System.Arch, ID: NotCovered, Tag: advisory.Unknown.String()})
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
