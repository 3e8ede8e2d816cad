package advisory

import (
	"cmp"
	"slices"

	"muster"
	"muster/version"
)

type osvRange struct {
	Type   string     `json:"type"`
	Events []osvEvent `json:"events"`
}

// An osvEvent has one field that is not empty.
type osvEvent struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

// ranges are the intervals that the events of a range make, by the algorithm of
// the schema. Commits (GIT) are none of ours.
func (doc *osvRange) ranges(order version.Order) ([]Range, error) {
	if doc.Type != "ECOSYSTEM" && doc.Type != "SEMVER" {
		return nil, nil
	}
	var points []osvPoint
	limit, unlimited, begins := "", false, false
	for _, e := range doc.Events {
		p, err := e.point()
		if err != nil {
			return nil, err
		}
		switch {
		case p.kind != osvLimit:
			points = append(points, p)
			begins = begins || p.kind == osvIntroduced
		case p.version == "*":
			unlimited = true
		case limit == "" || order(p.version, limit) > 0:
			limit = p.version
		}
	}
	if unlimited { // any limit that is passed is enough
		limit = ""
	}
	slices.SortStableFunc(points, func(a, b osvPoint) int { return a.compare(b, order) })
	return clipped(osvIntervals(points, !begins), limit, order), nil
}

// An osvPoint is an event: where it stands, and what happens there.
type osvPoint struct {
	kind    int
	version string // "" before all others
}

// Kinds of events, in the order in which those of one version are taken.
const (
	osvIntroduced = iota
	osvLast
	osvFixed
	osvLimit
)

func (e osvEvent) point() (p osvPoint, err error) {
	count := 0
	for kind, v := range []string{e.Introduced, e.LastAffected, e.Fixed, e.Limit} {
		if v == "" {
			continue
		}
		count++
		p = osvPoint{kind, v}
		if err := checkText("version", v); err != nil {
			return p, err
		}
	}
	if count != 1 {
		return p, muster.Errorf(muster.Invalid, "an event says %d things, not one", count)
	}
	if p.kind == osvIntroduced && p.version == "0" {
		p.version = ""
	}
	return p, nil
}

func (p osvPoint) compare(q osvPoint, order version.Order) int {
	if p.version == "" || q.version == "" {
		return cmp.Or(cmp.Compare(len(p.version), len(q.version)), cmp.Compare(p.kind, q.kind))
	}
	return cmp.Or(order(p.version, q.version), cmp.Compare(p.kind, q.kind))
}

// osvIntervals goes through sorted events. A range without a beginning begins
// with the first version: FreeBSD publishes such.
func osvIntervals(points []osvPoint, open bool) []Range {
	var all []Range
	var r Range
	for _, p := range points {
		switch {
		case p.kind == osvIntroduced && !open:
			r, open = Range{Introduced: p.version}, true
		case p.kind == osvFixed && open:
			r.Fixed, open = p.version, false
			all = append(all, r)
		case p.kind == osvLast && open:
			r.Last, open = p.version, false
			all = append(all, r)
		}
	}
	if open && len(points) > 0 {
		all = append(all, r)
	}
	return all
}

// clipped are ranges without what is not below a limit; "" is none.
func clipped(all []Range, limit string, order version.Order) []Range {
	if limit == "" {
		return all
	}
	below := all[:0]
	for _, r := range all {
		if r.Introduced != "" && order(r.Introduced, limit) >= 0 {
			continue
		}
		if end := r.Fixed + r.Last; end == "" || order(end, limit) >= 0 {
			r.Fixed, r.Last = limit, ""
		}
		below = append(below, r)
	}
	return below
}
