package engine

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/install"
	"muster/rollout"
)

type record = install.Record

// A rolled is rollouts.json: what is known of rollouts. It is written at once and
// whole. Losing it holds what is listed until the next update reads it again, and
// gives a root that no server knows another id.
type rolled struct {
	Root         string               `json:"root,omitempty"` // id, where no server gives one
	Matching     []string             `json:"matching,omitempty"`
	Repositories map[string]*followed `json:"repositories,omitempty"` // by id
}

// A followed is what a repository listed when its index was the one of that sum.
type followed struct {
	Index    string         `json:"index"`
	Rollouts []*keptRollout `json:"rollouts,omitempty"`
}

// A keptRollout is a rollout that was verified.
type keptRollout struct {
	Name     string              `json:"name"`
	Version  string              `json:"version"`
	Manifest string              `json:"manifest"`
	Signers  []string            `json:"signers"`
	Package  string              `json:"package"`
	Of       string              `json:"of"` // version of the package
	Policy   []map[string]string `json:"policy,omitempty"`
	Problem  string              `json:"problem,omitempty"` // why there is no policy
}

func (r *keptRollout) document() (*rollout.Document, error) {
	if r.Problem != "" {
		return nil, muster.Errorf(muster.Invalid, "it cannot be read: %s", r.Problem)
	}
	d, err := rollout.Read(r.Name, r.Policy)
	if err == nil && (d.Package != r.Package || d.Version != r.Of) {
		err = muster.Errorf(muster.Invalid, "it is about something else")
	}
	return d, err
}

// revoked reports that the rollout or all who signed it are revoked by now.
func (r *keptRollout) revoked(chain *index.State) error {
	if chain == nil {
		return nil
	}
	return chain.CheckRevoked(&index.Entry{Control: &control.Control{Name: r.Name, Version: r.Version}, ManifestSHA256: r.Manifest, Signers: r.Signers})
}

// find is nil on nil, too.
func (f *followed) find(name string) *keptRollout {
	if f == nil {
		return nil
	}
	if i := slices.IndexFunc(f.Rollouts, func(r *keptRollout) bool { return r.Name == name }); i >= 0 {
		return f.Rollouts[i]
	}
	return nil
}

// complete reports whether every rollout could be read.
func (f *followed) complete() bool {
	return !slices.ContainsFunc(f.Rollouts, func(r *keptRollout) bool { return r.Problem != "" })
}

// lingers is how long an abort counts that is no longer listed, behind the time at
// which the rollout could have been over.
const lingers = 365 * 24 * time.Hour

// gone lists the rollouts of f that next has not, and that would still hold: those
// that are revoked do not, nor those that could be over.
func (f *followed) gone(next *followed, chain *index.State, now time.Time) (all []*keptRollout) {
	if f == nil {
		return nil
	}
	for _, r := range f.Rollouts {
		d, err := r.document()
		if next.find(r.Name) != nil || err != nil || r.revoked(chain) != nil || d.State == rollout.Completed {
			continue
		}
		over := d.Opens(len(d.Rings))
		if d.State == rollout.Aborted {
			over = over.Add(lingers)
		}
		if now.Before(over) {
			all = append(all, r)
		}
	}
	return all
}

func rolloutsFile(root *install.Root) string { return filepath.Join(root.State, "rollouts.json") }

// maxRolled bounds the file in bytes.
const maxRolled = 64 << 20

func (r rolled) save(root *install.Root) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return root.Disk.WriteFile(rolloutsFile(root), append(data, '\n'), 0o644)
}

// readRolled reads rollouts.json. A damaged file is one that was lost.
func readRolled(root *install.Root) (r rolled) {
	name := rolloutsFile(root)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err != nil || info.Size() > maxRolled {
		return rolled{}
	}
	data, err := os.ReadFile(name)
	if err != nil || json.Unmarshal(data, &r) != nil || !r.whole() {
		return rolled{}
	}
	return r
}

func (r *rolled) whole() bool {
	for _, f := range r.Repositories {
		if f == nil || slices.Contains(f.Rollouts, nil) {
			return false
		}
	}
	return true
}
