package advisory

import (
	"cmp"
	"slices"

	"muster/sitereport"
)

// Match yields what affects a package of a host on p, as [Match] says. Each advisory is
// yielded once. Of several of its rows that one counts that is of the release before
// those of every one, that is about the source before those about the package itself;
// and of those the worst: by severity, one without a status before others, one without
// a fixed version, the greatest. So the order in which an Index was built does not count.
func (x *Index) Match(p Platform, pkg sitereport.Package, yield func(Finding)) {
	if !p.Known || pkg.Manager != p.Manager {
		return
	}
	l := look{x: x, platform: p, pkg: &pkg, order: comparison{p.Order, p.Manager == "rpm"}}
	s := subjectOf(p, &pkg)
	l.release(p.Release, s)
	if p.Release != "" {
		l.release("", s)
	}
	for i := range l.hits {
		yield(l.finding(&l.hits[i]))
	}
}

// A look is one package being looked up.
type look struct {
	x        *Index
	platform Platform
	pkg      *sitereport.Package
	order    comparison
	hits     []hit   // one of each advisory
	told     []int32 // their advisories
	earlier  int     // how many of them are of rows that count before those that are looked at
}

// A hit is a row that affects the package.
type hit struct {
	key   indexKey
	row   indexRow
	fixed string
}

func (l *look) finding(h *hit) Finding {
	a := l.x.affected(h.key, h.row)
	return Finding{Advisory: l.x.advisories[h.row.advisory], Affected: a, Package: *l.pkg, Platform: l.platform, Fixed: h.fixed}
}

// release looks among the rows of one release, and those of every one.
func (l *look) release(release string, s subject) {
	l.named(indexKey{l.platform.Ecosystem, release, s.source, false}, s.sourceVersion)
	l.named(indexKey{l.platform.Ecosystem, release, l.pkg.Name, true}, l.pkg.Version)
}

// named judges the rows of a name, and of the patterns that it fits.
func (l *look) named(key indexKey, installed string) {
	l.earlier = len(l.hits)
	l.rows(key, installed, false)
	if len(l.x.patterns) == 0 || key.name == "" {
		return
	}
	for _, first := range []byte{key.name[0], 0} {
		for _, pattern := range l.x.patterns[patternKey{key.ecosystem, key.release, key.binary, first}] {
			if pattern.name != key.name && Glob(pattern.name, key.name) {
				l.rows(pattern, installed, true)
			}
		}
	}
}

// rows judges those of one key, or only those of them that are patterns. Rows of
// the same ranges are judged once.
func (l *look) rows(key indexKey, installed string, patterns bool) {
	x := l.x
	at := x.spans[key]
	before := len(l.told)
	var last indexRow
	var fixed string
	var affects bool
	for i, row := range x.rows[at.from:at.to] {
		m := &x.marks[row.mark]
		if i == 0 || row.ranges != last.ranges || row.versions != last.versions || !m.judgesAs(x.marks[last.mark]) {
			a := Affected{Module: m.module, Glob: m.glob, Ranges: x.ranges[row.ranges], Versions: x.versions[row.versions]}
			fixed, affects = a.judge(l.order, installed)
		}
		last = row
		if !affects || patterns && !m.glob || m.arch != "" && m.arch != l.pkg.Arch {
			continue
		}
		told := l.told
		if !at.repeats {
			told = told[:before] // by far most
		}
		l.put(told, hit{key, row, (&Affected{FixElsewhere: m.fixElsewhere}).repaired(fixed)})
	}
}

// put keeps a hit, if none of its advisory counts before it: told are those that it may
// be among.
func (l *look) put(told []int32, h hit) {
	switch i := slices.Index(told, h.row.advisory); {
	case i < 0:
		l.hits, l.told = append(l.hits, h), append(l.told, h.row.advisory)
	case i >= l.earlier && l.compare(&h, &l.hits[i]) < 0:
		l.hits[i] = h
	}
}

// compare puts the worse hit first.
func (l *look) compare(a, b *hit) int {
	ma, mb := &l.x.marks[a.row.mark], &l.x.marks[b.row.mark]
	head := l.x.advisories[a.row.advisory].Severity // of both
	return cmp.Or(cmp.Compare(severityOr(mb.severity, head), severityOr(ma.severity, head)), cmp.Compare(ma.status, mb.status),
		cmp.Compare(truth(a.fixed != ""), truth(b.fixed != "")), l.order.compare(b.fixed, a.fixed), cmp.Compare(ma.module, mb.module), cmp.Compare(ma.arch, mb.arch))
}

func severityOr(s, head Severity) Severity {
	if s == Unknown {
		return head
	}
	return s
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
