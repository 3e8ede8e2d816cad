package repo

import (
	"slices"
	"strings"
	"time"

	"muster"
	"muster/index"
	"muster/rollout"
	"muster/version"
)

// A rollout that is over is spent once nobody can need its document: it is taken out
// of the index, which would grow for ever, and hosts read each that is listed. Who
// saw it keeps it as long as it could still hold.

// lingers is how long a version is called back that is not listed any more, behind the
// time at which its rollout could have been over: hosts that saw the document go by
// it as long.
const lingers = 365 * 24 * time.Hour

// spent is the files of rollouts that are spent once the files in drop are gone.
func (p *Publisher) spent(c *contents, drop map[string]bool) map[string]bool {
	states := map[[2]string][]rollout.State{} // by package and version
	docs := map[string]*rollout.Document{}
	for _, e := range c.index.Rollouts() {
		d, err := p.openRollout(c, e)
		if err != nil {
			if name, v, err := rollout.About(e.Control); err == nil { // it holds
				states[[2]string{name, v}] = append(states[[2]string{name, v}], rollout.Running)
			}
			continue
		}
		docs[d.ID] = d
		states[[2]string{d.Package, d.Version}] = append(states[[2]string{d.Package, d.Version}], d.State)
	}
	free := func(e *index.Entry) bool {
		all := states[[2]string{e.Name, e.Version}]
		return (e.Rollout == "" || len(all) > 0) && !slices.ContainsFunc(all, func(s rollout.State) bool { return s != rollout.Completed })
	}
	files := map[string]bool{}
	for id, d := range docs {
		left := slices.DeleteFunc(c.index.Find(d.Package), func(e *index.Entry) bool { return drop[e.Filename] })
		if !over(d, left, p.clock(c.head)) || !superseded(d, left, free) {
			continue
		}
		for _, e := range c.index.Find(id) {
			if e.Kind == muster.Rollout {
				files[e.Filename] = true
			}
		}
	}
	return files
}

// over reports whether nobody has to be told any more that d holds, or calls back.
func over(d *rollout.Document, listed []*index.Entry, now time.Time) bool {
	has := slices.ContainsFunc(listed, func(e *index.Entry) bool { return e.Version == d.Version })
	switch {
	case d.State == rollout.Completed:
		return true
	case d.State == rollout.Running || has:
		return false
	}
	return !d.Return || now.After(d.Opens(len(d.Rings)).Add(lingers))
}

// superseded reports whether nobody needs the version of d: where it is listed there
// is a newer one for the same platforms that everybody may have, and it does not demand
// a rollout, for without one it could not even be gone back to.
func superseded(d *rollout.Document, listed []*index.Entry, free func(*index.Entry) bool) bool {
	return !slices.ContainsFunc(listed, func(e *index.Entry) bool {
		return e.Version == d.Version && (e.Rollout != "" || !slices.ContainsFunc(listed, func(newer *index.Entry) bool {
			return version.Compare(newer.Version, e.Version) > 0 && target(newer) == target(e) && free(newer)
		}))
	})
}

// target names what a package is for: of each there are versions of its own.
func target(e *index.Entry) string {
	return strings.Join([]string{e.Name, strings.Join(e.OS, "+"), strings.Join(e.Architecture, "+")}, " ")
}
