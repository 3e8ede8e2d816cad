package advisory

import (
	"cmp"
	"slices"
	"strings"
)

// A Builder collects advisories for an [Index].
type Builder struct {
	index    Index
	rows     map[indexKey][]indexRow
	ranges   map[string]int32
	versions map[string]int32
	marks    map[mark]int32
	texts    map[string]string
	count    int
}

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder {
	return &Builder{
		rows: map[indexKey][]indexRow{}, ranges: map[string]int32{}, versions: map[string]int32{},
		marks: map[mark]int32{}, texts: map[string]string{},
	}
}

// Add adds what an advisory says; one that is withdrawn says nothing. What it
// points to is kept, less its Affected: it must not be changed any more.
func (b *Builder) Add(a *Advisory) {
	if a.Withdrawn != 0 {
		return
	}
	number := int32(len(b.index.advisories))
	for i := range a.Affected {
		f := &a.Affected[i]
		key := indexKey{b.text(f.Ecosystem), b.text(f.Release), b.text(f.Name), f.Binary}
		b.rows[key] = append(b.rows[key], indexRow{number, b.rangesOf(f.Ranges), b.versionsOf(f.Versions), b.markOf(f)})
		b.count++
	}
	head := *a
	head.Affected = nil
	b.index.advisories = append(b.index.advisories, &head)
}

// Index returns what was added. The Builder is empty afterwards and of no more use.
func (b *Builder) Index() *Index {
	x := b.index
	x.rows = make([]indexRow, 0, b.count)
	x.spans = make(map[indexKey]span, len(b.rows))
	for key, rows := range b.rows {
		// Rows of the same ranges stand together, and are judged once.
		slices.SortFunc(rows, indexRow.compare)
		rows = slices.Compact(rows)
		from := int32(len(x.rows))
		x.rows = append(x.rows, rows...)
		x.spans[key] = span{from, int32(len(x.rows)), repeats(rows)}
		delete(b.rows, key)
	}
	*b = Builder{}
	x.findPatterns()
	return &x
}

func (r indexRow) compare(o indexRow) int {
	return cmp.Or(cmp.Compare(r.ranges, o.ranges), cmp.Compare(r.versions, o.versions),
		cmp.Compare(r.advisory, o.advisory), cmp.Compare(r.mark, o.mark))
}

// repeats says whether an advisory has several of these rows.
func repeats(rows []indexRow) bool {
	numbers := make([]int32, 0, len(rows))
	for _, r := range rows {
		numbers = append(numbers, r.advisory)
	}
	slices.Sort(numbers)
	return len(slices.Compact(numbers)) < len(rows)
}

// findPatterns lists the names that are patterns, as no look-up finds them.
func (x *Index) findPatterns() {
	x.patterns = map[patternKey][]indexKey{}
	for key, at := range x.spans {
		isGlob := func(r indexRow) bool { return x.marks[r.mark].glob }
		if !IsGlob(key.name) || !slices.ContainsFunc(x.rows[at.from:at.to], isGlob) {
			continue
		}
		p := patternKey{key.ecosystem, key.release, key.binary, key.name[0]}
		if IsGlob(key.name[:1]) || p.first == '\\' {
			p.first = 0
		}
		x.patterns[p] = append(x.patterns[p], key)
	}
	for _, keys := range x.patterns {
		slices.SortFunc(keys, func(a, b indexKey) int { return cmp.Compare(a.name, b.name) })
	}
}

// text is the one copy of s.
func (b *Builder) text(s string) string {
	if t, ok := b.texts[s]; ok {
		return t
	}
	s = strings.Clone(s)
	b.texts[s] = s
	return s
}

func (b *Builder) markOf(f *Affected) int32 {
	m := mark{b.text(f.Status), b.text(f.Module), b.text(f.Arch), f.Severity, f.FixElsewhere, f.Glob}
	n, ok := b.marks[m]
	if !ok {
		n = int32(len(b.index.marks))
		b.index.marks = append(b.index.marks, m)
		b.marks[m] = n
	}
	return n
}

func (b *Builder) rangesOf(all []Range) int32 {
	var key strings.Builder
	for _, r := range all {
		key.WriteString(r.Introduced + "\x00" + r.After + "\x00" + r.Fixed + "\x00" + r.Last + "\x00" + r.Branch + "\x00")
	}
	if n, ok := b.ranges[key.String()]; ok {
		return n
	}
	own := make([]Range, 0, len(all))
	for _, r := range all {
		own = append(own, Range{b.text(r.Introduced), b.text(r.After), b.text(r.Fixed), b.text(r.Last), b.text(r.Branch)})
	}
	n := int32(len(b.index.ranges))
	b.index.ranges = append(b.index.ranges, own)
	b.ranges[key.String()] = n
	return n
}

func (b *Builder) versionsOf(all []string) int32 {
	key := strings.Join(all, "\x00")
	if n, ok := b.versions[key]; ok {
		return n
	}
	own := make([]string, 0, len(all))
	for _, v := range all {
		own = append(own, b.text(v))
	}
	n := int32(len(b.index.versions))
	b.index.versions = append(b.index.versions, own)
	b.versions[key] = n
	return n
}
