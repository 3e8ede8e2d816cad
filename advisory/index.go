package advisory

import (
	"cmp"
	"slices"
	"strings"

	"muster/sitereport"
)

// An Index finds the advisories that affect a package among very many. It holds
// a row of 16 bytes for each Affected, and each text once; it is not changed
// once built, and may be used by several goroutines.
type Index struct {
	advisories []*Advisory // without Affected
	spans      map[indexKey]span
	patterns   map[patternKey][]indexKey // of names that are patterns
	rows       []indexRow
	ranges     [][]Range
	versions   [][]string
	marks      []mark
}

// An indexKey is what rows are looked up by.
type indexKey struct {
	ecosystem, release, name string
	binary                   bool
}

type span struct{ from, to int32 }

// A patternKey is what patterns of names are looked up by.
type patternKey struct {
	ecosystem, release string
	binary             bool
	first              byte // of the pattern; 0 where that is a wildcard
}

// An indexRow is an Affected; numbers are places in the lists of the Index.
type indexRow struct{ advisory, ranges, versions, mark int32 }

// A mark is what few rows differ in.
type mark struct {
	status, module, arch string
	severity             Severity
	fixElsewhere, glob   bool
}

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
		slices.SortStableFunc(rows, func(a, c indexRow) int {
			return cmp.Or(cmp.Compare(a.ranges, c.ranges), cmp.Compare(a.versions, c.versions))
		})
		from := int32(len(x.rows))
		x.rows = append(x.rows, rows...)
		x.spans[key] = span{from, int32(len(x.rows))}
		delete(b.rows, key)
	}
	*b = Builder{}
	x.findPatterns()
	return &x
}

// findPatterns lists the names that are patterns, as no look-up finds them.
func (x *Index) findPatterns() {
	x.patterns = map[patternKey][]indexKey{}
	for key, at := range x.spans {
		if !IsGlob(key.name) || !x.marks[x.rows[at.from].mark].glob {
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

// Len is the number of advisories and of rows about packages.
func (x *Index) Len() (advisories, rows int) { return len(x.advisories), len(x.rows) }

// Advisories yields all, without their Affected.
func (x *Index) Advisories(yield func(*Advisory) bool) {
	for _, a := range x.advisories {
		if !yield(a) {
			return
		}
	}
}

// A Finding is an advisory that affects a package.
type Finding struct {
	Advisory *Advisory // without Affected
	Affected *Affected // the row that affects it
	Package  sitereport.Package
	Platform Platform // of the package on its host
	Fixed    string   // first version without it; "" none known
}

// Severity is that of the package on its platform, or else of the advisory.
func (f *Finding) Severity() Severity {
	if f.Affected.Severity != Unknown {
		return f.Affected.Severity
	}
	return f.Advisory.Severity
}

// Match yields what affects a package of a host on p, as [Match] says. An
// advisory that has both its source and the package itself is yielded for the
// source.
func (x *Index) Match(p Platform, pkg sitereport.Package, yield func(Finding)) {
	if !p.Known || pkg.Manager != p.Manager {
		return
	}
	l := look{x: x, platform: p, pkg: &pkg, order: comparison{p.Order, p.Manager == "rpm"}, yield: yield}
	s := subjectOf(p, &pkg)
	l.release(p.Release, s)
	if p.Release != "" {
		l.release("", s)
	}
}

// A look is one package being looked up.
type look struct {
	x        *Index
	platform Platform
	pkg      *sitereport.Package
	order    comparison
	yield    func(Finding)
	told     []int32 // advisories yielded so far
}

// release looks among the rows of one release, and those of every one.
func (l *look) release(release string, s subject) {
	l.named(indexKey{l.platform.Ecosystem, release, s.source, false}, s.sourceVersion)
	l.named(indexKey{l.platform.Ecosystem, release, l.pkg.Name, true}, l.pkg.Version)
}

// named judges the rows of a name, and of the patterns that it fits.
func (l *look) named(key indexKey, installed string) {
	l.rows(key, installed)
	if len(l.x.patterns) == 0 || key.name == "" {
		return
	}
	for _, first := range []byte{key.name[0], 0} {
		for _, pattern := range l.x.patterns[patternKey{key.ecosystem, key.release, key.binary, first}] {
			if pattern.name != key.name && Glob(pattern.name, key.name) {
				l.rows(pattern, installed)
			}
		}
	}
}

// rows judges those of one key. Rows of the same ranges are judged once.
func (l *look) rows(key indexKey, installed string) {
	x := l.x
	at := x.spans[key]
	earlier := l.told
	var last indexRow
	var fixed string
	var hit bool
	for i, row := range x.rows[at.from:at.to] {
		m := &x.marks[row.mark]
		if i == 0 || row.ranges != last.ranges || row.versions != last.versions || !m.judgesAs(x.marks[last.mark]) {
			a := Affected{Module: m.module, Glob: m.glob, Ranges: x.ranges[row.ranges], Versions: x.versions[row.versions]}
			fixed, hit = a.judge(l.order, installed)
		}
		last = row
		if !hit || m.arch != "" && m.arch != l.pkg.Arch || slices.Contains(earlier, row.advisory) {
			continue
		}
		l.told = append(l.told, row.advisory)
		a := x.affected(key, row)
		l.yield(Finding{x.advisories[row.advisory], a, *l.pkg, l.platform, a.repaired(fixed)})
	}
}

// judgesAs says whether rows of the same ranges with these marks judge alike.
func (m *mark) judgesAs(o mark) bool { return m.module == o.module && m.glob == o.glob }

// affected is a row as it was added. Its lists are those of the Index.
func (x *Index) affected(key indexKey, row indexRow) *Affected {
	m := &x.marks[row.mark]
	return &Affected{
		Ecosystem: key.ecosystem, Release: key.release, Name: key.name, Binary: key.binary,
		Arch: m.arch, Module: m.module, Ranges: x.ranges[row.ranges], Versions: x.versions[row.versions],
		FixElsewhere: m.fixElsewhere, Glob: m.glob, Status: m.status, Severity: m.severity,
	}
}
