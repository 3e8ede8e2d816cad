package plan

import (
	"slices"
	"strings"

	"muster"
	"muster/control"
	"muster/version"
)

// A universe is the pool with the installed packages laid over it. Packages
// have numbers: those of the pool their index there, the i-th installed one
// pool.Len()+i. An available package of the same name and version as an
// installed one is hidden behind it, or, to install it again, takes its place.
type universe struct {
	pool      *Pool
	rules     Rules
	request   *Request
	pins      map[string]version.Constraint
	installed []*Installed // by name
	mine      map[string]*overlay
	fixed     map[string]bool // names whose version the request or an assignment fixes
	removed   map[string]bool // names to be removed
	doomed    map[string]bool // names that depend on those
	idle      map[string]bool // implicit names that nothing needs once all is at its newest version
}

// An overlay replaces a name's lists of the pool.
type overlay struct {
	installed *Installed // of that name
	current   int32      // its number
	versions  []int32
	providers []int32
}

func newUniverse(p *Problem) (*universe, error) {
	u := &universe{
		pool: p.Pool, rules: p.Pool.rules, request: &p.Request, pins: p.State.Pins,
		mine:  make(map[string]*overlay, 2*len(p.State.Installed)),
		fixed: map[string]bool{}, removed: map[string]bool{},
	}
	for i := range p.State.Installed {
		u.installed = append(u.installed, &p.State.Installed[i])
	}
	slices.SortFunc(u.installed, func(a, b *Installed) int { return strings.Compare(a.Name, b.Name) })
	for i, in := range u.installed {
		if i > 0 && in.Name == u.installed[i-1].Name {
			return nil, muster.Errorf(muster.Invalid, "cannot plan: package %q is installed twice", in.Name)
		}
	}
	u.readRequest()
	for i := range u.installed {
		u.lay(i)
	}
	for _, o := range u.mine {
		u.sort(o.versions)
		u.sort(o.providers)
	}
	u.findDoomed()
	return u, nil
}

// readRequest notes which names are fixed to one version and which go.
func (u *universe) readRequest() {
	note := func(r control.Relation) {
		if r.Constraint.Mode() == version.Fixed {
			u.fixed[r.Name] = true
		}
	}
	for _, r := range u.request.Install {
		note(r)
	}
	for _, w := range u.request.Wanted {
		note(w.Relation)
	}
	for _, name := range u.request.Remove {
		u.removed[name] = true
	}
}

// lay lays the i-th installed package over the pool.
func (u *universe) lay(i int) {
	in := u.installed[i]
	id := int32(u.pool.Len() + i)
	o := u.overlay(in.Name)
	o.installed = in
	again := u.again(in.Name)
	var hidden []int32
	for _, other := range o.versions {
		switch {
		case u.rules.Order(u.pkg(other).Version, in.Version) != 0:
		case again:
			id, again = other, false
		default:
			hidden = append(hidden, other)
		}
	}
	u.hide(in.Name, hidden)
	o.current = id
	if id < int32(u.pool.Len()) {
		return
	}
	o.versions = append(o.versions, id)
	for _, r := range in.Provides {
		if o := u.overlay(r.Name); !slices.Contains(o.providers, id) {
			o.providers = append(o.providers, id)
		}
	}
}

// hide takes packages of that name out of every list.
func (u *universe) hide(name string, hidden []int32) {
	out := func(id int32) bool { return slices.Contains(hidden, id) }
	o := u.overlay(name)
	o.versions = slices.DeleteFunc(o.versions, out)
	for _, id := range hidden {
		for _, r := range u.pkg(id).Provides {
			o := u.overlay(r.Name)
			o.providers = slices.DeleteFunc(o.providers, out)
		}
	}
}

// again reports whether the package of that name is to be installed again.
func (u *universe) again(name string) bool {
	return u.request.Reinstall && slices.ContainsFunc(u.request.Install,
		func(r control.Relation) bool { return r.Name == name })
}

func (u *universe) overlay(name string) *overlay {
	o := u.mine[name]
	if o == nil {
		o = &overlay{}
		if id, ok := u.pool.names[name]; ok {
			o.versions = slices.Clone(u.pool.versions[id])
			o.providers = slices.Clone(u.pool.providers[id])
		}
		u.mine[name] = o
	}
	return o
}

func (u *universe) sort(list []int32) {
	slices.SortFunc(list, func(a, b int32) int { return u.rules.preference(u.pkg(a), u.pkg(b)) })
}

func (u *universe) pkg(id int32) *Package {
	if n := int32(u.pool.Len()); id >= n {
		return &u.installed[id-n].Package
	}
	return &u.pool.packages[id]
}

// size is one more than the highest number of a package.
func (u *universe) size() int { return u.pool.Len() + len(u.installed) }

// lookup returns the packages of that name, newest first, and those that
// provide it.
func (u *universe) lookup(name string) (versions, providers []int32) {
	if o := u.mine[name]; o != nil {
		return o.versions, o.providers
	}
	if id, ok := u.pool.names[name]; ok {
		return u.pool.versions[id], u.pool.providers[id]
	}
	return nil, nil
}

// present returns the installed package of that name, or nil.
func (u *universe) present(name string) *Installed {
	if o := u.mine[name]; o != nil {
		return o.installed
	}
	return nil
}

// number is what stands for an installed package.
func (u *universe) number(in *Installed) int32 { return u.mine[in.Name].current }

// isCurrent reports whether number id stands for an installed package.
func (u *universe) isCurrent(id int32) bool {
	if id >= int32(u.pool.Len()) {
		return true
	}
	if !u.request.Reinstall {
		return false
	}
	o := u.mine[u.pkg(id).Name]
	return o != nil && o.installed != nil && o.current == id
}

// matching returns the packages that satisfy r: those of its name, newest
// first, then those that provide it.
func (u *universe) matching(r control.Relation) []int32 { return u.appendMatching(nil, r) }

func (u *universe) appendMatching(list []int32, r control.Relation) []int32 {
	versions, providers := u.lookup(r.Name)
	for _, id := range versions {
		if u.rules.Match(r.Constraint, u.pkg(id).Version) {
			list = append(list, id)
		}
	}
	for _, id := range providers {
		if u.rules.provides(u.pkg(id), r) && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// asked returns the packages that satisfy a request for r. Where the name is a
// package's own, what merely provides it is not meant.
func (u *universe) asked(r control.Relation) []int32 {
	list := u.matching(r)
	n := 0
	for n < len(list) && u.rules.names(r, u.pkg(list[n])) {
		n++
	}
	if n > 0 {
		return list[:n]
	}
	return list
}

// pinned reports whether a pin bars p.
func (u *universe) pinned(p *Package) bool {
	pin, ok := u.pins[p.Name]
	return ok && !u.rules.Match(pin, p.Version)
}

// bar says why package id may not be chosen, as the kind of a rule, or reports
// false.
func (u *universe) bar(id int32) (kind ruleKind, barred bool) {
	p := u.pkg(id)
	if u.removed[p.Name] {
		return ruleRemove, true
	}
	in := u.present(p.Name)
	if in != nil && u.isCurrent(id) {
		return 0, false
	}
	if u.pinned(p) {
		return rulePin, true
	}
	if in == nil {
		return 0, false
	}
	if in.Held && !u.request.Force {
		return ruleHold, true
	}
	if u.rules.Order(p.Version, in.Version) < 0 && !u.fixed[p.Name] && !u.pinned(&in.Package) {
		return ruleDown, true
	}
	return 0, false
}
