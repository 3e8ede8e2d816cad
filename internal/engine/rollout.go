package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/plan"
	"muster/internal/repo"
	"muster/rollout"
	"muster/search"
	"muster/version"
)

// What rollouts say is kept in rollouts.json, because planning fetches nothing:
// updating fetches and verifies the documents that a repository lists. A version
// that a rollout is about is barred until the document, the gate in the head and
// this host's clock let it be taken. What cannot be read holds.

// maxRollouts bounds what is kept of one repository, with those that are gone.
const maxRollouts = 2 * index.MaxRollouts

// learn reads the rollouts that the repository of c lists now. One that is gone is
// kept as long as it would have held, so that hiding it opens nothing early.
func (e *Engine) learn(ctx context.Context, c *repo.Client) error {
	head := c.Head()
	if head == nil {
		return nil
	}
	known := e.rolled.Repositories[head.Repository]
	if known != nil && known.Index == head.Index.Raw.SHA256 && known.complete() {
		return nil
	}
	x, err := c.Index()
	if err != nil {
		return err
	}
	next := &followed{Index: head.Index.Raw.SHA256}
	for _, entry := range x.Rollouts() {
		r := known.find(entry.Name)
		if r == nil || r.Manifest != entry.ManifestSHA256 && version.Compare(entry.Version, r.Version) >= 0 || r.Problem != "" {
			r = e.read(ctx, c, entry)
		}
		next.Rollouts = append(next.Rollouts, r)
	}
	next.Rollouts = append(next.Rollouts, known.gone(next, c.Chain(), e.clock())...)
	if len(next.Rollouts) > maxRollouts {
		return muster.Errorf(muster.Invalid, "repository %q has %d rollouts, more than %d", head.Repository, len(next.Rollouts), maxRollouts)
	}
	return e.keepRollouts(head.Repository, next)
}

// read fetches and verifies a rollout.
func (e *Engine) read(ctx context.Context, c *repo.Client, entry *index.Entry) *keptRollout {
	r := &keptRollout{Name: entry.Name, Version: entry.Version, Manifest: entry.ManifestSHA256, Signers: entry.Signers}
	var err error
	if r.Package, r.Of, err = rollout.About(entry.Control); err != nil {
		r.Problem = err.Error() // it holds nothing, for it says not what
		return r
	}
	f, err := c.Open(ctx, entry)
	if err == nil {
		defer f.Close()
		_, err = rollout.OfPackage(&f.Manifest.Control, f.Manifest.Policy)
		r.Policy = f.Manifest.Policy
	}
	if err != nil {
		r.Problem, r.Policy = cut(err.Error(), 500), nil
	}
	return r
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

// keepRollouts writes what was learnt, and gives a root that no server knows an id,
// by which it falls into rings.
func (e *Engine) keepRollouts(repository string, f *followed) error {
	next := e.rolled
	next.Repositories = map[string]*followed{repository: f}
	for id, other := range e.rolled.Repositories {
		if id != repository && slices.ContainsFunc(e.Clients, func(c *repo.Client) bool { return c.ID == id }) {
			next.Repositories[id] = other
		}
	}
	if len(f.Rollouts) > 0 && next.Root == "" {
		next.Root = repo.NewID()
	}
	if err := next.save(e.Root); err != nil {
		return err
	}
	e.rolled = next
	return nil
}

// selectRings keeps which of the queries of rings match this host.
func (e *Engine) selectRings(facts search.Facts, now time.Time) error {
	var matching []string
	for _, f := range e.rolled.Repositories {
		for _, r := range f.Rollouts {
			d, err := r.document()
			if err != nil {
				continue
			}
			for _, text := range d.Queries() {
				if q, err := search.Parse(text); err == nil && q.Match(facts, now) {
					matching = append(matching, text)
				}
			}
		}
	}
	slices.Sort(matching)
	matching = slices.Compact(matching)
	if slices.Equal(matching, e.rolled.Matching) {
		return nil
	}
	next := e.rolled
	next.Matching = matching
	if err := next.save(e.Root); err != nil {
		return err
	}
	e.rolled = next
	return nil
}

// ringHost is this root as rollouts see it.
func (e *Engine) ringHost() rollout.Host {
	return rollout.Host{ID: cmp.Or(e.assigned.Host, e.rolled.Root), Groups: e.assigned.Groups,
		Matches: func(q string) bool { return slices.Contains(e.rolled.Matching, q) }}
}

// A held version may not be installed now. Text follows "age 1.3-1 ".
type held struct{ name, version, text string }

// decide says what a kept rollout means for this root.
func (e *Engine) decide(r *keptRollout, head *index.Head, listed bool) (rollout.Decision, *rollout.Document) {
	d, err := r.document()
	if err != nil {
		return rollout.Decision{Action: rollout.Hold, Why: err.Error()}, nil
	}
	if !listed {
		return d.Forgotten(e.ringHost(), e.clock()), d
	}
	var gate *rollout.Gate
	if g, ok := head.Gates[r.Name]; ok {
		gate = &g
	}
	return d.Decide(gate, e.ringHost(), e.clock()), d
}

// holds lists what rollouts of one repository hold. packages are all that it lists.
func (e *Engine) holds(c *repo.Client, packages []plan.Package) (all []held) {
	head, chain := c.Head(), c.Chain()
	if head == nil {
		return nil
	}
	known := e.rolled.Repositories[head.Repository]
	listed := map[string]bool{}
	for i := range packages {
		if p := &packages[i]; p.Kind == muster.Rollout {
			listed[p.Name] = true
			p.Barred = "is a rollout, which nobody installs"
			if known.find(p.Name) == nil {
				name, of, _ := about(p)
				all = append(all, held{name, of, fmt.Sprintf("is held by rollout %s, which was not read yet: look for news with 'muster update'", p.Name)})
			}
		}
	}
	if known == nil {
		return all
	}
	for _, r := range known.Rollouts {
		if err := r.revoked(chain); err != nil && listed[r.Name] {
			all = append(all, held{r.Package, r.Of, fmt.Sprintf("is held by rollout %s, which may not be used: %v", r.Name, err)})
		} else if err != nil {
			continue
		}
		if d, _ := e.decide(r, head, listed[r.Name]); d.Action != rollout.Take {
			all = append(all, held{r.Package, r.Of, fmt.Sprintf("is held by rollout %s: %s", r.Name, d.Why)})
		}
	}
	return all
}

// unlisted holds what needs a rollout and has none in its repository: whoever hides
// the document from a host that never saw it wins nothing. One that was seen and is
// gone does not do.
func (o *offer) unlisted(c *repo.Client, first int) (all []held) {
	named := map[[2]string]bool{}
	for i := range o.packages[first:] {
		if p := &o.packages[first+i]; p.Kind == muster.Rollout {
			name, of, _ := about(p)
			named[[2]string{name, of}] = true
		}
	}
	for _, i := range o.staged {
		p := &o.packages[i]
		if i < first || named[[2]string{p.Name, p.Version}] {
			continue
		}
		all = append(all, held{p.Name, p.Version, "may only be installed by a rollout, and repository " + c.ID + " lists none of it"})
	}
	return all
}

func about(p *plan.Package) (name, version string, err error) {
	return rollout.About(&control.Control{Name: p.Name, Kind: p.Kind, Depends: p.Depends})
}

// holdBack bars what rollouts hold among the packages from number first on, which
// are those of c, unless this root has it already.
func (e *Engine) holdBack(o *offer, c *repo.Client, first int) {
	all := append(e.holds(c, o.packages[first:]), o.unlisted(c, first)...)
	if len(all) == 0 {
		return
	}
	packages := o.packages[first:]
	recs, _ := e.Root.Installed() // what cannot be read is for planning to complain of
	for i := range packages {
		p := &packages[i]
		at := slices.IndexFunc(all, func(h held) bool { return h.name == p.Name && version.Compare(h.version, p.Version) == 0 })
		if at < 0 || p.Barred != "" {
			continue
		}
		has := func(v string) bool { return version.Compare(v, p.Version) == 0 }
		if !slices.ContainsFunc(recs, func(r *record) bool { return r.Control.Name == p.Name && has(r.Control.Version) }) {
			p.Barred = all[at].text
			o.held = append(o.held, first+i)
		}
	}
}

// returning lists what goes back to the version before: the word of a person who
// aborted a rollout, for packages that came from the repository which says so.
func (e *Engine) returning(s plan.State) (list []plan.Wanted) {
	for _, c := range e.Clients {
		head, chain := c.Head(), c.Chain()
		if head == nil || e.rolled.Repositories[head.Repository] == nil {
			continue
		}
		for _, r := range e.rolled.Repositories[head.Repository].Rollouts {
			in := slices.IndexFunc(s.Installed, func(in plan.Installed) bool {
				return in.Name == r.Package && in.Version == r.Of && in.Repo == head.Repository
			})
			if in < 0 || r.revoked(chain) != nil {
				continue
			}
			if d, doc := e.decide(r, head, true); d.Action == rollout.Return {
				back := control.Relation{Name: r.Package, Constraint: version.Exactly(doc.From)}
				list = append(list, plan.Wanted{Relation: back, By: "rollout " + r.Name, Back: true})
			}
		}
	}
	return list
}

// heldBack tells of each installed package whose newest version a rollout holds.
func (o *offer) heldBack(s plan.State) (all []string) {
	for _, i := range o.held {
		p := &o.packages[i]
		older := func(in plan.Installed) bool {
			return in.Name == p.Name && version.Compare(in.Version, p.Version) < 0
		}
		if slices.ContainsFunc(s.Installed, older) {
			all = append(all, p.String()+" "+p.Barred)
		}
	}
	return all
}

// waits reports whether it is a rollout for which something cannot be had.
func (o *offer) waits(why *plan.Unsatisfiable) bool {
	return slices.ContainsFunc(why.Barred, func(i int) bool { return slices.Contains(o.held, i) })
}

// heldStatus has what rollouts hold not count as available.
func (o *offer) heldStatus(all map[string]*Status) {
	for _, i := range o.held {
		p := &o.packages[i]
		s := all[p.Name]
		if s == nil || s.Available != p.Version {
			continue
		}
		s.Available = s.Version
		if best := o.newest(p.Kind, p.Name); best != nil && version.Compare(best.Version, s.Available) > 0 {
			s.Available = best.Version
		}
	}
}
