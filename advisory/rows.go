package advisory

import (
	"cmp"
	"slices"
	"strings"
)

// maxRows bounds the Affected of one advisory. A kernel of Red Hat has some
// 10,000 before they are brought together.
const maxRows = 200_000

// together makes one row of those that differ by architecture alone, and of
// those that differ by range alone. It changes its argument.
//
// Where all architectures that are listed, at least two, have the same ranges,
// the row is of every architecture.
func together(rows []Affected) []Affected {
	if len(rows) == 1 {
		return rows
	}
	slices.SortStableFunc(rows, func(a, b Affected) int { return cmp.Or(a.compareKey(&b), cmp.Compare(a.Arch, b.Arch)) })
	var out []Affected
	for start := 0; start < len(rows); {
		end := start + 1
		for end < len(rows) && rows[start].compareKey(&rows[end]) == 0 {
			end++
		}
		out = append(out, oneKey(rows[start:end])...)
		start = end
	}
	return out
}

// compareKey compares all but architecture, ranges and versions.
func (a *Affected) compareKey(b *Affected) int {
	return cmp.Or(
		cmp.Compare(a.Name, b.Name), compareBool(a.Binary, b.Binary),
		cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Release, b.Release),
		cmp.Compare(a.Module, b.Module), cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.Severity, b.Severity), compareBool(a.Glob, b.Glob))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// oneKey brings rows together that differ by architecture, by which they are
// sorted, and by versions.
func oneKey(rows []Affected) []Affected {
	var archs []Affected
	for _, r := range rows {
		last := len(archs) - 1
		if last < 0 || archs[last].Arch != r.Arch {
			archs = append(archs, r)
			continue
		}
		if archs[last].every() || r.every() { // which has no ranges to add
			archs[last].Ranges, archs[last].Versions = nil, nil
			continue
		}
		archs[last].Ranges = append(archs[last].Ranges, r.Ranges...)
		archs[last].Versions = append(archs[last].Versions, r.Versions...)
	}
	for i := range archs {
		archs[i].sortVersions()
	}
	for i := range archs[1:] {
		if !archs[0].sameVersions(&archs[i+1]) {
			return archs
		}
	}
	if len(archs) > 1 {
		archs[0].Arch = ""
	}
	return archs[:1]
}

// every reports whether every version is affected.
func (a *Affected) every() bool { return len(a.Ranges) == 0 && len(a.Versions) == 0 }

func (a *Affected) sortVersions() {
	slices.SortFunc(a.Ranges, compareRanges)
	a.Ranges = slices.Compact(a.Ranges)
	slices.Sort(a.Versions)
	a.Versions = slices.Compact(a.Versions)
}

func (a *Affected) sameVersions(b *Affected) bool {
	return slices.Equal(a.Ranges, b.Ranges) && slices.Equal(a.Versions, b.Versions)
}

func compareRanges(a, b Range) int {
	return cmp.Or(
		strings.Compare(a.Branch, b.Branch), strings.Compare(a.Introduced, b.Introduced),
		strings.Compare(a.After, b.After), strings.Compare(a.Fixed, b.Fixed), strings.Compare(a.Last, b.Last))
}
