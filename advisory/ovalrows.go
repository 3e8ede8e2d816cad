package advisory

import (
	"fmt"
	"slices"
	"sync"
)

// An ovalTerm is what criteria say: any of its rows. Without rows it is never
// so; a row that says nothing is always so.
type ovalTerm []ovalRow

// An ovalRow says that all of this is so on a host.
type ovalRow struct {
	platform  Platform
	unknown   bool   // of a system that the table does not have
	elsewhere bool   // on hosts of another system, or without a package
	name      string // of a package that is installed; "" none
	versions  Range
	archs     []string // of the package; nil every one
	module    string
	unsaid    string // what no row can say; "" all is said
}

var ovalAlways = ovalTerm{{}}

func ovalUnsaid(format string, args ...any) ovalTerm {
	return ovalTerm{{unsaid: fmt.Sprintf(format, args...)}}
}

// advisory yields a definition as an advisory, together with the others of the
// same ID, which follow it in a list of their own.
func (d *ovalDocument) advisory(f *ovalDefinition, yield func(*Advisory) error) error {
	rows, why := d.rows(f)
	for _, same := range d.sameID[f.id] {
		g := &d.definitions[same]
		more, whyNot := d.rows(g)
		if len(rows)+len(more) > maxRows {
			more, whyNot = nil, []string{"too many rows"}
		}
		rows = append(rows, more...)
		why = append(why, whyNot...)
		f.a.Aliases = append(f.a.Aliases, g.a.Aliases...)
		g.criteria = ovalNode{}
	}
	if d.wrong != nil {
		return d.wrong
	}
	if len(why) > 0 {
		err := fmt.Errorf("%s", why[0])
		if len(why) > 1 {
			err = fmt.Errorf("%s, and %d more", why[0], len(why)-1)
		}
		if err := d.o.skip(f.a.ID, err); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	f.a.Affected = together(rows)
	return d.o.give(&f.a, yield)
}

// rows are those of one definition, and what of it no row says.
func (d *ovalDocument) rows(f *ovalDefinition) (rows []Affected, why []string) {
	said := false
	platforms := sync.OnceValue(func() []Platform { return d.platforms(f) })
	for _, r := range d.expand(&f.criteria) {
		switch {
		case r.unknown:
			said = true
		case r.unsaid != "":
			why = append(why, r.unsaid)
		case r.elsewhere && r.name != "":
			why = append(why, fmt.Sprintf("package %q where another is not", r.name))
		case r.name == "":
			said = said || r.elsewhere
		default:
			said = true
			on := []Platform{r.platform}
			if !r.platform.Known {
				on = platforms()
			}
			if len(on) == 0 {
				why = append(why, fmt.Sprintf("package %q on no known system", r.name))
			}
			n := len(on) * max(len(r.archs), 1)
			if len(rows)+n > maxRows || !d.makes(n) {
				return nil, []string{"too many rows"}
			}
			for _, p := range on {
				rows = append(rows, r.affected(p)...)
			}
		}
	}
	if !said && len(why) == 0 {
		why = append(why, "it names no package")
	}
	return rows, why
}

// makes counts rows before they are made; false ends the document.
func (d *ovalDocument) makes(n int) bool {
	if err := d.o.measure.makes(n); err != nil {
		d.wrong = err
	}
	return d.wrong == nil
}

// platforms are those that a definition is said to be about, where its criteria
// test none; each once.
func (d *ovalDocument) platforms(f *ovalDefinition) (list []Platform) {
	add := func(p Platform, known bool) {
		is := func(q Platform) bool { return q.Ecosystem == p.Ecosystem && q.Release == p.Release }
		if known && !slices.ContainsFunc(list, is) {
			list = append(list, p)
		}
	}
	for _, cpe := range f.cpes {
		add(d.o.platform("cpe", plainCPE(cpe)))
	}
	if len(list) > 0 {
		return list
	}
	for _, name := range f.systems {
		add(d.o.called(name))
	}
	if len(list) == 0 {
		add(d.o.Platform, d.o.Platform.Known)
	}
	return list
}

func (r *ovalRow) affected(p Platform) (rows []Affected) {
	a := Affected{Ecosystem: p.Ecosystem, Release: p.Release, Name: r.name, Binary: true, Module: r.module}
	if r.versions != (Range{}) {
		a.Ranges = []Range{r.versions}
	}
	if r.archs == nil {
		return []Affected{a}
	}
	for _, arch := range r.archs {
		a.Arch = arch
		a.Ranges = slices.Clone(a.Ranges)
		rows = append(rows, a)
	}
	return rows
}

// expand brings criteria into rows. AND joins each row of one with each row of
// the other; joined rows of different releases are never so, and those of two
// different packages are what no row can say.
func (d *ovalDocument) expand(n *ovalNode) ovalTerm {
	var t ovalTerm
	if !d.makes(1) {
		return nil
	}
	switch {
	case n.test != 0:
		t = d.atom(n.test)
	case n.extends != 0:
		t = d.extend(n.extends)
	default:
		t = d.combine(n)
	}
	if n.negated {
		return t.negated()
	}
	return t
}

func (d *ovalDocument) combine(n *ovalNode) (t ovalTerm) {
	var join func(t, u ovalTerm) ovalTerm
	switch n.operator {
	case "", "AND":
		t, join = ovalAlways, d.and
	case "OR":
		join = d.or
	default:
		return ovalUnsaid("criteria joined by %q", n.operator)
	}
	outside := d.held
	defer func() { d.held = outside }()
	for i := range n.inside {
		t = join(t, d.expand(&n.inside[i]))
		if d.held = outside + len(t); d.held > maxOvalHeld {
			return ovalUnsaid("too many alternatives")
		}
	}
	return t
}

func (d *ovalDocument) or(t, u ovalTerm) ovalTerm {
	if len(t)+len(u) > maxRows || !d.makes(len(u)) {
		return ovalUnsaid("too many alternatives")
	}
	return append(t, u...)
}

// extend is what another definition says. One that is an inventory is what its
// tests say, too.
func (d *ovalDocument) extend(id int32) ovalTerm {
	i, ok := d.byID[id]
	if !ok || d.onItself[id] || len(d.onItself) >= maxOvalDepth {
		return ovalUnsaid("definition %q", d.ids[id])
	}
	if t, ok := d.extended[id]; ok {
		return t
	}
	d.onItself[id] = true
	t := d.expand(&d.definitions[i].criteria)
	delete(d.onItself, id)
	d.keep(d.extended, id, t)
	return t
}

// keep remembers what a test or a definition says; of very many it is found out again.
func (d *ovalDocument) keep(in map[int32]ovalTerm, id int32, t ovalTerm) {
	if d.kept += len(t); d.kept <= maxOvalKept {
		in[id] = t
	}
}

func (d *ovalDocument) and(t, u ovalTerm) ovalTerm {
	if len(t)*len(u) > maxRows || !d.makes(len(t)*len(u)) {
		return ovalUnsaid("too many alternatives")
	}
	var out ovalTerm
	for i := range t {
		for j := range u {
			if r, ok := t[i].and(&u[j]); ok {
				out = append(out, r)
			}
		}
	}
	return out
}

// and joins two rows; ok is false where both are never so.
func (r *ovalRow) and(s *ovalRow) (both ovalRow, ok bool) {
	both = *r
	both.unknown = r.unknown || s.unknown
	both.elsewhere = r.elsewhere || s.elsewhere
	if both.unsaid == "" {
		both.unsaid = s.unsaid
	}
	switch {
	case !r.platform.Known:
		both.platform = s.platform
	case s.platform.Known && (r.platform.Ecosystem != s.platform.Ecosystem || r.platform.Release != s.platform.Release):
		return both, false
	}
	switch {
	case r.name == "":
		both.name, both.versions = s.name, s.versions
	case s.name == "":
	case r.name != s.name:
		both.unsaid = fmt.Sprintf("packages %q and %q together", r.name, s.name)
	default:
		both.versions.meet(s.versions, &both.unsaid)
	}
	switch {
	case r.module == "":
		both.module = s.module
	case s.module != "" && s.module != r.module:
		return both, false
	}
	both.archs, ok = meetArchs(r.archs, s.archs)
	return both, ok
}

// meet narrows a range by another.
func (r *Range) meet(s Range, unsaid *string) {
	narrow := func(mine *string, other string) {
		if *mine != "" && other != "" && *mine != other {
			*unsaid = fmt.Sprintf("a version bounded by %q and %q at once", *mine, other)
		}
		if *mine == "" {
			*mine = other
		}
	}
	narrow(&r.Introduced, s.Introduced)
	narrow(&r.After, s.After)
	narrow(&r.Fixed, s.Fixed)
	narrow(&r.Last, s.Last)
}

func meetArchs(a, b []string) (both []string, ok bool) {
	switch {
	case a == nil:
		return b, true
	case b == nil:
		return a, true
	}
	for _, arch := range a {
		if slices.Contains(b, arch) {
			both = append(both, arch)
		}
	}
	return both, len(both) > 0
}

// negated is what is so where t is not. Of a system it says that the host has
// another one, which is no statement about packages.
func (t ovalTerm) negated() ovalTerm {
	if len(t) == 0 {
		return ovalAlways
	}
	for _, r := range t {
		if r.name != "" || r.module != "" || r.unsaid != "" || !r.platform.Known && !r.unknown {
			return ovalUnsaid("what must not be so")
		}
	}
	return ovalTerm{{elsewhere: true}}
}

// same finds definitions of one ID: Debian has one for each package of a CVE.
func (d *ovalDocument) same() {
	first := map[string]int32{}
	for i := range d.definitions {
		f := &d.definitions[i]
		if f.class != "patch" && f.class != "vulnerability" {
			continue
		}
		if f.a.ID == "" {
			f.a.ID = d.ids[f.id]
		}
		if id, ok := first[f.a.ID]; ok {
			d.sameID[id] = append(d.sameID[id], i)
			f.class = "same"
			continue
		}
		first[f.a.ID] = f.id
	}
}
