package advisory

import (
	"cmp"
	"slices"

	"muster/version"
)

// A package of backports is one of a newer release, built for an older one: its version
// ends in ~bpo11+1. What is mended in the release that it is for says nothing of it. So
// it is held against the releases from that one on, each as far as the versions that it
// has reach, and behind them all against unstable. The tracker says which versions those
// are; of packages of testing that were there in between, the next release counts.

// backports is the branch of ranges that count for packages of backports alone.
const backports = "bpo"

// A reach is what the tracker says of one release, and how far its versions reach.
type reach struct {
	release string
	high    string // the newest that it has; "" of unstable: all that are behind the others
	doc     debianRelease
}

// backported adds the ranges for packages of backports to a row of a release. Where it is
// about none but those, the release itself being not affected, the row is kept for them.
func (in *debianReader) backported(row *Affected, keep bool, releases map[string]debianRelease, release, unstable string) (bool, error) {
	all, err := in.reaches(releases, release)
	if err != nil || len(all) == 0 || all[0].release != release || keep && len(row.Ranges) == 0 {
		return keep, err // or each version is affected that is not mended anywhere
	}
	own, rest, first := all[0].ranges(in, all[1:], unported(unstable))
	mended := slices.ContainsFunc(all[1:], func(r reach) bool { return r.doc.Status == "resolved" })
	if all[0].doc.Status == "resolved" && len(rest) == 0 || all[0].doc.Status != "resolved" && !mended {
		return keep, nil // other versions of it are judged alike
	}
	if err := in.count(len(own) + len(rest)); err != nil {
		return false, err
	}
	if !keep {
		row.Severity, row.Status = debianUrgency(first.doc.Urgency)
	}
	row.Ranges = slices.Concat(row.Ranges, own, rest)
	return true, nil
}

// reaches are a release and those behind it, in their order.
func (in *debianReader) reaches(releases map[string]debianRelease, from string) (all []reach, err error) {
	for suite, doc := range releases {
		p, ok := in.suite(suite)
		if !ok || version.Dpkg(p.Release, from) < 0 {
			continue
		}
		r := reach{release: p.Release, doc: doc}
		r.doc.Fixed = unported(doc.Fixed) // as the versions that are held against it
		for _, v := range doc.Repositories {
			if err := checkText("version", v); err != nil {
				return nil, err
			}
			if v = unported(v); r.high == "" || version.Dpkg(v, r.high) > 0 {
				r.high = v
			}
		}
		if p.Release == "sid" {
			r.high = ""
		} else if r.high == "" {
			continue
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b reach) int { return cmp.Or(version.Dpkg(a.release, b.release), cmp.Compare(a.high, b.high)) })
	return all, nil
}

// ranges are the affected versions of backports that are of a release, and those of the
// releases behind it, with the first of those that has any.
func (r *reach) ranges(in *debianReader, behind []reach, unstable string) (own, rest []Range, first *reach) {
	own = r.affected(in, "", unstable)
	low := r.high
	for i := range behind {
		b := &behind[i]
		if low == "" || b.high != "" && version.Dpkg(b.high, low) <= 0 {
			continue
		}
		more := b.affected(in, low, unstable)
		if len(more) > 0 && first == nil {
			first = b
		}
		rest, low = append(rest, more...), b.high
	}
	return own, rest, first
}

// affected is which of the versions behind one that are of the release are affected.
func (r *reach) affected(in *debianReader, low, unstable string) []Range {
	out := Range{After: in.text(low), Last: in.text(r.high), Branch: backports}
	fixed := r.doc.Fixed
	if r.doc.Status != "resolved" { // as for other packages of newer releases
		fixed = unstable
	}
	switch {
	case r.doc.Status != "resolved" && fixed == "":
	case fixed == "" || fixed == "0" || low != "" && version.Dpkg(fixed, low) <= 0:
		return nil
	case r.high == "" || version.Dpkg(fixed, r.high) <= 0:
		out.Fixed, out.Last = in.text(fixed), ""
	}
	return []Range{out}
}

// ForBackports says whether a row is about packages of backports alone.
func (a *Affected) ForBackports() bool {
	return len(a.Ranges) > 0 && !slices.ContainsFunc(a.Ranges, func(r Range) bool { return !r.Backports() })
}

// Backports says whether a range counts for packages of backports alone.
func (r Range) Backports() bool { return r.Branch == backports }
