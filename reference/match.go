package reference

import (
	"strings"

	"muster/sitereport"
)

// A Matcher finds the rows of a list for packages, and judges them. It does not
// change, and may be used by several goroutines; nor may its list change.
type Matcher struct {
	list     *List
	now      int64
	expired  bool // the list as a whole
	names    map[string][]int
	sources  map[string][]int
	required []int
}

// Matcher prepares l for comparisons at a time.
func (l *List) Matcher(now int64) *Matcher {
	m := &Matcher{list: l, now: now, expired: expired(l.Until, now), names: make(map[string][]int, len(l.Wanted)), sources: map[string][]int{}}
	for i := range l.Wanted {
		w := &l.Wanted[i]
		if source, ok := w.Source(); ok {
			m.sources[source] = append(m.sources[source], i)
		} else {
			m.names[w.Name] = append(m.names[w.Name], i)
		}
		if !w.Optional && !l.Optional {
			m.required = append(m.required, i)
		}
	}
	return m
}

// Find returns the rows that speak of p: of its own name, and of its source package;
// -1 is none. Of several for one name the most particular one speaks of it.
func (m *Matcher) Find(p *sitereport.Package) (own, source int) {
	name := p.Source
	if name == "" {
		name = p.Name
	}
	return m.pick(m.names[p.Name], p), m.pick(m.sources[name], p)
}

func (m *Matcher) pick(rows []int, p *sitereport.Package) int {
	best, found := 0, -1
	for _, i := range rows {
		if n := m.list.Wanted[i].particular(p); n > best {
			best, found = n, i
		}
	}
	return found
}

// particular is 0 where w does not speak of p, and greater the more it says of it. A
// package for every architecture stands for that of each, for between two versions
// a package may become one.
func (w *Wanted) particular(p *sitereport.Package) int {
	n := 0
	switch {
	case w.Arch == p.Arch:
		n = 3
	case w.Arch == "":
		n = 2
	case neutral(w.Arch) || neutral(p.Arch) || p.Arch == "":
		n = 1
	default:
		return 0
	}
	switch w.Manager {
	case p.Manager:
		return n + 3
	case "":
		return n
	}
	return 0
}

// neutral reports whether arch stands for every one: dpkg and muster, rpm and apk,
// pacman, FreeBSD ("FreeBSD:14:*").
func neutral(arch string) bool {
	return arch == "all" || arch == "noarch" || arch == "any" || strings.HasSuffix(arch, ":*")
}

// Required lists the rows whose packages must be there, or must not.
func (m *Matcher) Required() []int { return m.required }

// Complete reports whether packages without a row are unexpected.
func (m *Matcher) Complete() bool { return m.list.Complete && !m.expired }

// Optional reports whether the packages of row i need not be there.
func (m *Matcher) optional(i int) bool { return m.list.Optional || m.list.Wanted[i].Optional }

// Expired reports whether the wish of row i has expired.
func (m *Matcher) Expired(i int) bool {
	return m.expired || expired(m.list.Wanted[i].Until, m.now)
}

// Changes is the next time at which a wish expires; 0: none will.
func (m *Matcher) Changes() (next int64) {
	consider := func(until int64) {
		if !expired(until, m.now) && until != 0 && (next == 0 || until < next) {
			next = until
		}
	}
	consider(m.list.Until)
	for i := range m.list.Wanted {
		consider(m.list.Wanted[i].Until)
	}
	return next
}

// List is what m was made of.
func (m *Matcher) List() *List { return m.list }
