package advisory

import (
	"slices"

	"muster/sitereport"
)

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
	earlier := len(l.told)
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
		if !hit || patterns && !m.glob || m.arch != "" && m.arch != l.pkg.Arch {
			continue
		}
		told := l.told[:earlier]
		if at.repeats {
			told = l.told
		}
		if slices.Contains(told, row.advisory) {
			continue
		}
		l.told = append(l.told, row.advisory)
		a := x.affected(key, row)
		l.yield(Finding{Advisory: x.advisories[row.advisory], Affected: a, Package: *l.pkg, Platform: l.platform, Fixed: a.repaired(fixed)})
	}
}
