package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"muster"
	"muster/control"
	"muster/version"
)

// A Package is one version of one package, as planning sees it.
type Package struct {
	Name      string
	Version   string
	Kind      muster.Kind
	Depends   []control.Dependency
	Conflicts []control.Relation
	Provides  []control.Relation // each with at most one bound "= version"
	// Repo labels where the package comes from, for people.
	Repo string
	// Rank prefers the lower one among packages of the same name and version.
	Rank int
	// Essential packages are removed only by force.
	Essential bool
	// Barred says why the package is not for this root, in words that follow "foo
	// 1.2 " ("is for windows/amd64"). Empty: it is.
	Barred string
	// Index is the caller's own, carried along untouched.
	Index int
}

// String is "name version".
func (p *Package) String() string { return p.Name + " " + p.Version }

// FromControl is the package that c describes, as seen from platform on. It does not
// look at the time: the caller bars what is not yet or no longer valid.
func FromControl(c *control.Control, on muster.Platform) Package {
	p := Package{
		Name: c.Name, Version: c.Version, Kind: c.Kind,
		Depends: c.Depends, Conflicts: c.Conflicts, Provides: c.Provides,
	}
	if !c.RunsOn(on) {
		p.Barred = fmt.Sprintf("is for %s/%s%s, not %s", strings.Join(c.OS, "+"),
			strings.Join(c.Architecture, "+"), osBounds(c), strings.TrimSpace(on.String()+" "+on.Version))
	}
	return p
}

func osBounds(c *control.Control) string {
	s := ""
	if c.MinOSVersion != "" {
		s += " from " + c.MinOSVersion
	}
	if c.MaxOSVersion != "" {
		s += " up to " + c.MaxOSVersion
	}
	return s
}

// Rules say how versions compare and match. The zero value is muster's own order.
type Rules struct {
	Order version.Order
	Match func(c version.Constraint, v string) bool
}

// DebianRules are those of dpkg.
func DebianRules() Rules {
	return Rules{
		Order: version.Dpkg,
		Match: func(c version.Constraint, v string) bool { return c.MatchOrder(version.Dpkg, v) },
	}
}

// A Pool is the available packages with their indexes. It is not changed
// once made and may be used by several goroutines.
type Pool struct {
	rules    Rules
	packages []Package        // as given
	names    map[string]int32 // of packages and of what they provide, numbered
	// By name: the packages of that name, newest first, without those
	// barred; those barred; and the packages that provide the name.
	versions  [][]int32
	barred    [][]int32
	providers [][]int32
}

// NewPool indexes packages, which the pool keeps and the caller no longer changes.
func NewPool(rules Rules, packages []Package) *Pool {
	if rules.Order == nil {
		rules.Order = version.Compare
	}
	if rules.Match == nil {
		rules.Match = version.Constraint.Match
	}
	p := &Pool{rules: rules, packages: packages, names: make(map[string]int32, len(packages)+len(packages)/2)}
	var versions, barred, providers pairs
	for i := range packages {
		pkg, id := &packages[i], int32(i)
		if pkg.Barred != "" {
			barred = append(barred, pair{p.intern(pkg.Name), id})
			continue
		}
		versions = append(versions, pair{p.intern(pkg.Name), id})
		for _, r := range pkg.Provides {
			providers = append(providers, pair{p.intern(r.Name), id})
		}
	}
	p.versions = p.index(versions)
	p.barred = p.index(barred)
	p.providers = p.index(providers)
	return p
}

// Len is the number of packages in the pool.
func (p *Pool) Len() int { return len(p.packages) }

// Package returns the i-th package as it was given to NewPool.
func (p *Pool) Package(i int) *Package { return &p.packages[i] }

func (p *Pool) intern(name string) int32 {
	id, ok := p.names[name]
	if !ok {
		id = int32(len(p.names))
		p.names[name] = id
	}
	return id
}

// A pair is a name and a package that belongs in a list of it.
type pair struct{ name, pkg int32 }
type pairs []pair

// index makes the lists by name, all in one piece of memory.
func (p *Pool) index(all pairs) [][]int32 {
	counts := make([]int32, len(p.names))
	for _, a := range all {
		counts[a.name]++
	}
	lists := make([][]int32, len(p.names))
	memory := make([]int32, len(all))
	for name, n := range counts {
		lists[name], memory = memory[:0:n], memory[n:]
	}
	for _, a := range all {
		if list := lists[a.name]; len(list) == 0 || list[len(list)-1] != a.pkg {
			lists[a.name] = append(list, a.pkg)
		}
	}
	for _, list := range lists {
		p.sort(list)
	}
	return lists
}

func (p *Pool) sort(list []int32) {
	if len(list) > 1 {
		slices.SortFunc(list, func(a, b int32) int {
			return p.rules.preference(&p.packages[a], &p.packages[b])
		})
	}
}

// preference orders packages by name, newest version, rank, and then by
// whatever tells them apart, so that the order of the input does not matter.
func (r Rules) preference(a, b *Package) int {
	return cmp.Or(
		strings.Compare(a.Name, b.Name),
		r.Order(b.Version, a.Version),
		cmp.Compare(a.Rank, b.Rank),
		strings.Compare(a.Repo, b.Repo),
		strings.Compare(b.Version, a.Version),
		cmp.Compare(a.Index, b.Index),
	)
}

// provides reports whether p provides what r names, by something other than its
// own name.
func (rules Rules) provides(p *Package, r control.Relation) bool {
	for _, given := range p.Provides {
		if given.Name != r.Name {
			continue
		}
		if r.Constraint.IsZero() {
			return true
		}
		v, ok := strings.CutPrefix(given.Constraint.String(), "= ")
		if ok && rules.Match(r.Constraint, v) {
			return true
		}
	}
	return false
}

// names reports whether r means p by p's own name and version.
func (rules Rules) names(r control.Relation, p *Package) bool {
	return p.Name == r.Name && rules.Match(r.Constraint, p.Version)
}

// satisfies reports whether p is what r names, or provides it.
func (rules Rules) satisfies(p *Package, r control.Relation) bool {
	return rules.names(r, p) || rules.provides(p, r)
}
