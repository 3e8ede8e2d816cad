package agent

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"time"

	"muster"
	"muster/api"
	"muster/index"
	"muster/internal/repo"
	"muster/pkgfile"
	"muster/version"
)

// maxProgram bounds the agent's program, in bytes.
const maxProgram = 256 << 20

// A candidate is a version of the agent's own package.
type candidate struct {
	client *repo.Client
	entry  *index.Entry
}

// selfUpdate brings the newest version of the agent's own package and stages it beside
// the one that runs. It is not installed: an agent never changes itself within a
// change of its own.
func (r *round) selfUpdate(ctx context.Context) error {
	v := VersionsOf(r.engine.Root.State, r.engine.Root.Disk)
	s := v.read()
	c := r.newestAgent(s)
	if c == nil {
		return nil
	}
	if c.entry.Version == s.Trial {
		r.out.NewAgent = s.Trial
		return nil
	}
	file, err := c.client.Open(ctx, c.entry)
	if err != nil {
		return err
	}
	defer file.Close()
	name, err := programIn(file.Manifest)
	if err != nil {
		return err
	}
	data, err := file.ReadFile(name, maxProgram)
	if err != nil {
		return err
	}
	if err := v.stage(c.entry.Version, data); err != nil {
		return err
	}
	r.Log("version %s of the agent is staged", c.entry.Version)
	r.out.NewAgent = c.entry.Version
	return nil
}

// newestAgent is the newest version that is newer than the one that runs, is not
// banned, and is in a repository that is not stale.
func (r *round) newestAgent(s *switches) (best *candidate) {
	newest := r.Version
	if s.Current != "" && version.Compare(s.Current, newest) > 0 {
		newest = s.Current // a program may know less of its version than its package
	}
	for _, c := range r.engine.Clients {
		x, err := c.Index()
		if err != nil || c.Fresh() != nil {
			continue
		}
		for _, e := range x.Find(r.Package) {
			if !e.RunsOn(r.engine.Root.Config.Platform) || s.banned(e.Version, r.Now()) || e.Version == s.Current ||
				version.Compare(e.Version, newest) <= 0 || c.Usable(e) != nil {
				continue
			}
			newest, best = e.Version, &candidate{c, e}
		}
	}
	return best
}

// programIn is the path of the program in the agent's package: the executable file
// named muster.
func programIn(m *pkgfile.Manifest) (string, error) {
	i := slices.IndexFunc(m.Files, func(f pkgfile.File) bool {
		base := path.Base(f.Path)
		return f.Type == pkgfile.Regular && (base == "muster" || base == "muster.exe")
	})
	if i < 0 {
		return "", muster.Errorf(muster.Invalid, "there is no file muster in %s", &m.Control)
	}
	return m.Files[i].Path, nil
}

// tellBad has the server hear of versions of the agent that were given up.
func (r *round) tellBad() error {
	v := VersionsOf(r.engine.Root.State, r.engine.Root.Disk)
	s := v.read()
	changed := false
	for bad, why := range s.Bad {
		if s.Told[bad] {
			continue
		}
		b := s.Bans[bad]
		err := r.home.put(&api.Result{ID: badID(r.link.ID, bad, b.Times), Kind: "self-update", Started: b.At, Ended: b.At, By: "agent", Error: why,
			Steps: []api.Change{{Op: "upgrade", Name: r.Package, From: r.Version, To: bad, Status: muster.Error, Error: cut(why, 1000)}}})
		if err != nil {
			return err
		}
		s.Told[bad], changed = true, true
	}
	if !changed {
		return nil
	}
	return v.write(s)
}

// badID is the id of the result that says that a version was given up, the n-th time:
// the same after a crash, so that the server takes it once.
func badID(host, version string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "self-update\n%s\n%s\n%d", host, version, n))
	return formatUUID([16]byte(sum[:16]), 8)
}

// well says, once, that this version of the agent is well: a round went through,
// with or without the server.
func (a *Agent) well() {
	if !a.told && a.Well != nil {
		a.Well()
	}
	a.told = true
}

// settle is how long after its start an agent waits before it makes room for a new
// version, so that one that is published again and again does not keep it from its
// work.
const settle = 10 * time.Minute
