package rollout

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"muster"
	"muster/control"
	"muster/version"
)

// The package of a rollout has the rollout's id for a name and depends on exactly
// the version that is rolled out, so that an index alone says what is held.

// NewID is an id for the rollout of a version. Where the version does not fit into a
// name as it is, a hash keeps it apart from others that look the same then.
func NewID(name, version string) string {
	id := "rollout-" + name + "-" + strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("+.~-", r) {
			return r
		}
		return '-'
	}, strings.ToLower(version))
	if strings.HasSuffix(id, "-"+version) && len(id) <= control.MaxName {
		return id
	}
	sum := sha256.Sum256([]byte(name + "\n" + version))
	end := fmt.Sprintf("-%x", sum[:4])
	return id[:min(len(id), control.MaxName-len(end))] + end
}

// Control is that of the package that carries d.
func (d *Document) Control(v string) control.Control {
	about := control.Relation{Name: d.Package, Constraint: version.Exactly(d.Version)}
	return control.Control{Name: d.ID, Version: v, Kind: muster.Rollout, OS: []string{control.All}, Architecture: []string{control.All},
		Depends: []control.Dependency{{about}}, Description: d.Reason}
}

// About says what version of what package a package of kind rollout rolls out.
func About(c *control.Control) (name, v string, err error) {
	if c.Kind == muster.Rollout && len(c.Depends) == 1 && len(c.Depends[0]) == 1 {
		r := c.Depends[0][0]
		text, ok := strings.CutPrefix(r.Constraint.String(), "= ")
		if ok && version.Check(text) == nil {
			return r.Name, text, nil
		}
	}
	return "", "", muster.Errorf(muster.Invalid, "%s does not depend on one version of one package: that is what a rollout is about", c)
}

// OfPackage reads the document of a package of kind rollout.
func OfPackage(c *control.Control, policy []map[string]string) (*Document, error) {
	name, v, err := About(c)
	if err != nil {
		return nil, err
	}
	d, err := Read(c.Name, policy)
	if err != nil {
		return nil, fmt.Errorf("cannot read rollout %q: %w", c.Name, err)
	}
	if d.Package != name || d.Version != v {
		return nil, muster.Errorf(muster.Invalid, "rollout %q depends on %s %s, but is about %s %s", c.Name, name, v, d.Package, d.Version)
	}
	return d, nil
}
