package repo

import (
	"os"

	"muster"
	"muster/index"
	"muster/pkgfile"
	"muster/rollout"
	"muster/search"
	"muster/sign"
)

// A RolledOut is a rollout that the repository lists, in its newest version.
type RolledOut struct {
	Entry    *index.Entry
	Document *rollout.Document
}

// Rollouts lists the rollouts and the gates of the head. Those that are revoked or
// cannot be read are left out, with why.
func (p *Publisher) Rollouts() (all []RolledOut, head *index.Head, wrong []error, err error) {
	c, err := p.load()
	if err != nil {
		return nil, nil, nil, err
	}
	for _, e := range c.index.Rollouts() {
		d, err := p.openRollout(c, e)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		all = append(all, RolledOut{e, d})
	}
	return all, c.head, wrong, nil
}

func (p *Publisher) openRollout(c *contents, e *index.Entry) (*rollout.Document, error) {
	f, err := os.Open(p.path(e.Filename))
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot read rollout %q: %w", e.Name, err)
	}
	defer f.Close()
	pkg, err := pkgfile.Open(f, e.Size)
	if err != nil {
		return nil, err
	}
	sigs, err := pkg.Verify(c.state.Trust(), sign.Policy{Now: p.clock(c.head), Listed: true})
	if err == nil {
		err = c.state.CheckPackage(&pkg.Manifest.Control, pkg.ManifestSHA256(), sigs)
	}
	if err == nil {
		err = e.Matches(pkg)
	}
	if err != nil {
		return nil, err
	}
	return rollout.OfPackage(&pkg.Manifest.Control, pkg.Manifest.Policy)
}

// readRollout refuses a rollout whose conditions nobody could understand: hosts
// would hold it, and a server could not count them.
func readRollout(m *pkgfile.Manifest) (*rollout.Document, error) {
	d, err := rollout.OfPackage(&m.Control, m.Policy)
	if err != nil {
		return nil, err
	}
	for _, r := range d.Rings {
		if r.Query == "" {
			continue
		}
		if _, err := search.Parse(r.Query); err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read the query of ring %q of rollout %q: %w", r.Name, d.ID, err)
		}
	}
	return d, nil
}

// going says of each rollout that is listed whether it needs a gate: whether nobody
// has signed that it is over. What cannot be read may need one.
func (p *Publisher) going(c *contents) map[string]bool {
	all := map[string]bool{}
	for _, e := range c.index.Rollouts() {
		d, err := p.openRollout(c, e)
		all[e.Name] = err != nil || d.State == rollout.Running
	}
	return all
}

// checkRoom refuses one more rollout than a head has gates for, or than hosts read:
// either would stop all others.
func (pl *placing) checkRoom(d *rollout.Document) error {
	if pl.rollouts == nil {
		pl.rollouts = pl.going(pl.c)
	}
	gates := 0
	for id, going := range pl.rollouts {
		if going && id != d.ID {
			gates++
		}
	}
	if _, listed := pl.rollouts[d.ID]; !listed && len(pl.rollouts) >= index.MaxRollouts {
		return muster.WithHint(muster.Errorf(muster.Conflict, "%d rollouts are listed, and no more may be", len(pl.rollouts)),
			"take those that are over out with 'muster repo gc REPOSITORY', or one with 'muster repo remove'")
	}
	if d.State == rollout.Running && gates >= index.MaxGates {
		return muster.WithHint(muster.Errorf(muster.Conflict, "%d rollouts go on, and no more may", gates),
			"sign off one that is over with 'muster rollout finish ROLLOUT'")
	}
	return nil
}

// rolls takes note of a rollout that was put: one that is over has no gate.
func (pl *placing) rolls(d *rollout.Document) {
	if pl.rollouts[d.ID] = d.State == rollout.Running; d.State != rollout.Running {
		delete(pl.c.gates, d.ID)
	}
}
