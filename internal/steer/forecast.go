package steer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/control"
	"muster/index"
	"muster/internal/plan"
	"muster/rollout"
	"muster/version"
)

// An Edit is what would be different for a host.
type Edit struct {
	// Package is a package of kind host, unit, profile or group as it would be; nil:
	// none changes.
	Package     *control.Control
	Join, Leave []string // groups
	Unit        *string  // outermost first, with slashes
}

// A Forecast is what an upgrade would do to a host.
type Forecast struct {
	Steps   []plan.Step // because of the edit
	Instead []plan.Step // that it would do today, and not after the edit
	Waiting int         // steps that it would do anyway
	Problem string      // why what is assigned cannot be had
}

// A Planner plans for hosts as they would themselves, as far as a server knows them:
// by what they have, what they are counted among, and what the repository lists. It
// does not know pins, nor maturities that a host takes; a version that is being rolled
// out it gives to nobody; and of packages that say themselves to whom they apply it
// knows only that a host has them.
type Planner struct {
	list *List
	own  map[string][]*index.Entry // packages of units and hosts, by name
	same map[string]Forecast       // of hosts that are alike
}

// NewPlanner makes one, of what a repository lists.
func NewPlanner(l *List) *Planner {
	return &Planner{list: l, own: map[string][]*index.Entry{}, same: map[string]Forecast{}}
}

// Forecast says what an edit would change on a host. One goroutine asks at a time. Hosts
// of a group are often alike, and planned for once.
func (p *Planner) Forecast(ctx context.Context, h *api.HostDetail, e Edit) (Forecast, error) {
	key, err := p.likeness(ctx, h, &e)
	if err != nil {
		return Forecast{}, err
	}
	f, ok := p.same[key]
	if !ok {
		if f, err = p.forecast(ctx, h, e); err == nil {
			p.same[key] = f
		}
	}
	return f, err
}

// likeness is the same for hosts of which a plan is the same.
func (p *Planner) likeness(ctx context.Context, h *api.HostDetail, e *Edit) (string, error) {
	own, err := p.list.Of(ctx, h.ID)
	if err != nil {
		return "", err
	}
	p.own[h.ID] = own
	id := ""
	if len(own) > 0 || e.Package != nil && e.Package.Name == h.ID {
		id = h.ID
	}
	return fmt.Sprintf("%q %q %q %q %v %p %q %q %v", id, h.Facts.OS, h.Facts.Arch, h.Memberships, h.Installed, e.Package, e.Join, e.Leave, e.Unit), nil
}

func (p *Planner) forecast(ctx context.Context, h *api.HostDetail, e Edit) (Forecast, error) {
	before, _, err := p.plan(ctx, h, h.Memberships, nil)
	if err != nil {
		return Forecast{}, err
	}
	after, problem, err := p.plan(ctx, h, e.members(h.Memberships), e.Package)
	if err != nil {
		return Forecast{}, err
	}
	f := Forecast{Problem: problem}
	for _, s := range after {
		if slices.ContainsFunc(before, same(s)) {
			f.Waiting++
		} else {
			f.Steps = append(f.Steps, s)
		}
	}
	for _, s := range before {
		if !slices.ContainsFunc(after, same(s)) && !slices.ContainsFunc(after, func(t plan.Step) bool { return t.Name() == s.Name() }) {
			f.Instead = append(f.Instead, s)
		}
	}
	return f, nil
}

func same(s plan.Step) func(plan.Step) bool {
	return func(t plan.Step) bool {
		return s.Op == t.Op && s.Name() == t.Name() && (s.To == nil) == (t.To == nil) && (s.To == nil || s.To.Version == t.To.Version)
	}
}

// members are what the host is counted among after the edit.
func (e *Edit) members(m api.Memberships) api.Memberships {
	m.Groups = slices.DeleteFunc(slices.Clone(m.Groups), func(g string) bool { return slices.Contains(e.Leave, g) })
	for _, g := range e.Join {
		if !slices.Contains(m.Groups, g) {
			m.Groups = append(m.Groups, g)
		}
	}
	if e.Unit != nil {
		m.Units = nil
		path := ""
		for part := range strings.SplitSeq(strings.Trim(*e.Unit, "/"), "/") {
			if part != "" {
				path = strings.TrimPrefix(path+"."+part, ".")
				m.Units = append(m.Units, path)
			}
		}
	}
	return m
}

// plan is what an upgrade of everything does: the packages of muster that only say what
// should be there are left out of the answer.
func (p *Planner) plan(ctx context.Context, h *api.HostDetail, m api.Memberships, edited *control.Control) ([]plan.Step, string, error) {
	k := &known{planner: p, ctx: ctx, host: h, edited: edited, on: muster.Platform{OS: h.Facts.OS, Arch: h.Facts.Arch}, at: map[string]bool{}}
	state := k.state()
	var wanted []plan.Wanted
	for _, n := range assigners(h, m) {
		if newest := k.newest(n.kind, n.name); newest != nil {
			wanted = append(wanted, plan.Assign(state, newest)...)
		}
	}
	for i := 0; i < len(k.all); i++ { // it grows
		k.reach(k.all[i].Depends)
	}
	if k.err != nil {
		return nil, "", k.err
	}
	a, unmet, err := plan.InOrder(plan.Problem{Pool: plan.NewPool(plan.Rules{}, k.all), State: state,
		Request: plan.Request{UpgradeAll: true, Autoremove: true, Wanted: wanted}})
	if err == nil && a.Plan == nil {
		a, err = a.Problem.Answer()
	}
	if muster.KindOf(err) == muster.Conflict || muster.KindOf(err) == muster.NotFound {
		return nil, err.Error(), nil
	}
	if err != nil {
		return nil, "", err
	}
	return slices.DeleteFunc(slices.Clone(a.Plan.Steps), silent), problems(unmet), nil
}

// silent steps change nothing that anybody sees.
func silent(s plan.Step) bool {
	kind := muster.Base
	switch {
	case s.Op == plan.Keep:
		return true
	case s.To != nil:
		kind = s.To.Kind
	case s.From != nil:
		kind = s.From.Kind
	}
	return kind == muster.Host || kind == muster.Unit || kind == muster.Profile || kind == muster.Group
}

func problems(unmet []plan.Unmet) string {
	var all []string
	for _, u := range unmet {
		all = append(all, u.By+": "+u.Err.Error())
	}
	return strings.Join(all, "; ")
}

// assigned is a name by which a package of that kind is assigned.
type assigned struct {
	kind muster.Kind
	name string
}

// assigners lists what may assign something to a host, the highest precedence first: see
// docs/decisions/precedence.md.
func assigners(h *api.HostDetail, m api.Memberships) (all []assigned) {
	add := func(kind muster.Kind, names ...string) {
		for _, n := range names {
			if a := (assigned{kind, n}); !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	units := slices.Clone(m.Units)
	slices.Reverse(units)
	add(muster.Host, h.ID)
	add(muster.Unit, units...)
	add(muster.Profile, m.Directory...)
	add(muster.Group, m.Groups...)
	for _, in := range h.Installed { // what applies says so itself: "config proxy"
		if kind, name, ok := strings.Cut(in.By, " "); ok && name == in.Name {
			switch k := muster.Kind(kind); k {
			case muster.Config, muster.SelfService, muster.WSUS:
				add(k, name)
			}
		}
	}
	return all
}

// known is what planning for one host needs to know of the repository: the packages
// that it has or may come to have, and what these need.
type known struct {
	planner *Planner
	ctx     context.Context
	host    *api.HostDetail
	edited  *control.Control
	on      muster.Platform
	at      map[string]bool // names that were taken
	all     []plan.Package
	err     error
}

// state is what the host has: in the machine's own root or, where the agent keeps an area
// of an ordinary user alone, in that.
func (k *known) state() (s plan.State) {
	s.Pins = map[string]version.Constraint{}
	own := ""
	if all := k.host.Installed; len(all) > 0 && !slices.ContainsFunc(all, func(in api.InstalledPackage) bool { return in.Root != all[0].Root }) {
		own = all[0].Root
	}
	for _, in := range k.host.Installed {
		if in.Version == "" || in.Root != own {
			continue
		}
		one := plan.Installed{Package: plan.Package{Name: in.Name, Version: in.Version, Kind: muster.Base}, How: plan.Implicit, By: in.By}
		for _, e := range k.find(in.Name) {
			if e.Version == in.Version && e.RunsOn(k.on) {
				one.Package = plan.FromControl(e.Control, k.on)
				one.Barred = ""
			}
		}
		switch in.By {
		case "":
		case "user":
			one.How, one.By = plan.Explicit, ""
		default:
			one.How = plan.Assigned
		}
		s.Installed = append(s.Installed, one)
		k.take(in.Name)
	}
	return s
}

// find returns the packages of a name, wherever they stand.
func (k *known) find(name string) []*index.Entry {
	if all := k.planner.list.Find(name); all != nil {
		return all
	}
	if !k.binned(name) {
		return nil
	}
	all, ok := k.planner.own[name]
	if !ok && k.err == nil {
		all, k.err = k.planner.list.Of(k.ctx, name)
		k.planner.own[name] = all
	}
	return all
}

// binned reports whether a name is that of the host or a unit: only these stand in
// small indexes of their own.
func (k *known) binned(name string) bool {
	return name == k.host.ID || slices.Contains(k.host.Units, name) || k.edited != nil && k.edited.Name == name || strings.Contains(name, ".")
}

// newest takes the package that is assigned by a name; nil: there is none.
func (k *known) newest(kind muster.Kind, name string) *plan.Package {
	k.take(name)
	var best *plan.Package
	for i := range k.all {
		if p := &k.all[i]; p.Name == name && p.Kind == kind && p.Barred == "" && (best == nil || version.Compare(p.Version, best.Version) > 0) {
			best = p
		}
	}
	if best == nil {
		return nil
	}
	one := *best // the list grows and moves
	return &one
}

// take adds all packages of a name, as the host sees them.
func (k *known) take(name string) {
	if k.at[name] {
		return
	}
	k.at[name] = true
	for _, e := range k.find(name) {
		k.add(e.Control)
	}
	if e := k.edited; e != nil && e.Name == name {
		k.add(e)
	}
}

func (k *known) add(c *control.Control) {
	p := plan.FromControl(c, k.on)
	if p.Barred == "" && c.Maturity != "" && c.Maturity != "PROD" {
		p.Barred = "is of maturity " + c.Maturity
	}
	if p.Barred == "" && k.planner.list.rollingOut(c) {
		p.Barred = "is being rolled out"
	}
	p.Index = len(k.all)
	k.all = append(k.all, p)
}

// reach adds what a package needs. What it adds stands behind it in the list, and is
// looked at later.
func (k *known) reach(depends []control.Dependency) {
	for _, d := range depends {
		for _, r := range d {
			k.take(r.Name)
			for _, name := range k.planner.list.Providers(r.Name) {
				k.take(name)
			}
		}
	}
}

// rollingOut reports whether a rollout of that version is not over.
func (l *List) rollingOut(c *control.Control) bool {
	if l.Head == nil {
		return false
	}
	gate, ok := l.Head.Gates[rollout.NewID(c.Name, c.Version)]
	return ok && gate.State != rollout.Completed
}
