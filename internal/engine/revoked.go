package engine

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/install"
	"muster/pkgfile"
	"muster/sign"
)

// chains lists the chains of trust of the repositories, as far as they are known.
func (e *Engine) chains() (all []*index.State) {
	for _, c := range e.Clients {
		if s := c.Chain(); s != nil {
			all = append(all, s)
		}
	}
	return all
}

// believed is whom to believe about the package of rec, nil for a file that a
// person names: the anchors of the root, and those that the repository it came
// from has got since. What any repository has revoked is believed by nobody:
// a stolen key is no better in a file than in an index.
func (e *Engine) believed(rec *install.Record) *sign.Trust {
	t := &sign.Trust{Revoked: maps.Clone(e.Trust.Revoked)}
	t.Add(e.Trust.Anchors...)
	for _, s := range e.chains() {
		if rec != nil && rec.Repo == s.Repository {
			t.Add(s.Anchors...)
		}
		for sum := range s.Revoked {
			t.Revoke(sum)
		}
	}
	return t
}

// revokedPackage reports that a repository has revoked the package of that
// manifest, or nil.
func (e *Engine) revokedPackage(manifest string, c *control.Control) error {
	for _, s := range e.chains() {
		if s.RevokedPackages[manifest] {
			return muster.Errorf(muster.Denied, "%s is revoked by repository %q", c, s.Repository)
		}
	}
	return nil
}

// revokedStatus marks installed packages that would be refused today because
// they, or those who signed them, have been revoked since. They are not
// removed: that could stop more than it protects, and is for a person to decide.
func (e *Engine) revokedStatus(all map[string]*Status) error {
	if !e.anyRevoked() {
		return nil
	}
	recs, err := e.Root.Installed()
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if why := e.revoked(rec); why != nil {
			s := all[rec.Control.Name]
			s.Status, s.Error = muster.Revoked, why.Error()
		}
	}
	return nil
}

// anyRevoked reports whether anything was ever revoked: else nobody needs to
// read the signatures of everything that is installed.
func (e *Engine) anyRevoked() bool {
	for _, s := range e.chains() {
		if len(s.Revoked)+len(s.RevokedPackages) > 0 {
			return true
		}
	}
	return len(e.Trust.Revoked) > 0
}

// revoked says why the package of rec is revoked, or nil. A record that cannot
// be read is for [install.Check] to complain of.
func (e *Engine) revoked(rec *install.Record) error {
	if err := e.revokedPackage(rec.Manifest, &rec.Control); err != nil {
		return err
	}
	manifest, err := e.recorded(rec, "manifest", pkgfile.MaxManifest)
	if err != nil {
		return nil
	}
	signature, err := e.recorded(rec, "signature", pkgfile.MaxSignature)
	if err != nil {
		return nil
	}
	trust, policy := e.believed(rec), sign.Policy{Now: e.clock(), Listed: true}
	_, err = sign.Verify(signature, manifest, trust, policy)
	if err == nil {
		return nil
	}
	trust.Revoked = nil // is it only for what was revoked?
	if _, other := sign.Verify(signature, manifest, trust, policy); other != nil {
		return nil
	}
	return fmt.Errorf("%s: %w", &rec.Control, err)
}

// recorded reads a file of at most max bytes beside the record of a package:
// see docs/formats/root.md.
func (e *Engine) recorded(rec *install.Record, name string, max int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(e.Root.State, "packages", rec.Control.Name, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max))
}
