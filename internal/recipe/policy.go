package recipe

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"muster"
	"muster/control"
	"muster/rollout"
	"muster/search"
	"muster/settings"
)

// policyFile is what a package of kind config, self-service, wsus or rollout says.
const policyFile = "policy"

// maxPolicy bounds the file in bytes.
const maxPolicy = 1 << 20

// loadPolicy reads and checks the policy. One that is still to be written is for
// [Build] to miss: recipes are made from packages that have none.
func (r *Recipe) loadPolicy() error {
	name := filepath.Join(r.Dir, policyFile)
	text, err := readBounded(name, maxPolicy)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !r.speaks():
		return muster.Errorf(muster.Invalid, "%s: a package of kind %s has no policy; those of %v have", name, r.Control.Kind, settings.Kinds)
	}
	if r.Policy, err = r.parsePolicy(string(text)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r *Recipe) speaks() bool {
	return r.Control.Kind == muster.Rollout || slices.Contains(settings.Kinds, r.Control.Kind)
}

// parsePolicy reads a policy in the grammar of the package's kind.
func (r *Recipe) parsePolicy(text string) (settings.Document, error) {
	if r.Control.Kind != muster.Rollout {
		return settings.Parse(r.Control.Kind, text)
	}
	d, err := rollout.Parse(r.Control.Name, text)
	if err != nil {
		return nil, err
	}
	_, err = rollout.OfPackage(r.Control, d.Policy())
	return d.Policy(), err
}

// checkPolicy refuses packages that would say nothing.
func (r *Recipe) checkPolicy() error {
	if len(r.Policy) > 0 || !r.speaks() {
		return nil
	}
	return muster.WithHint(muster.Errorf(muster.Invalid, "%q has no policy, which is all that a package of kind %s says", r.Dir, r.Control.Kind),
		"muster new NAME --kind %s writes one to start from", r.Control.Kind)
}

// checkSelector holds applies-to to the search language.
func (r *Recipe) checkSelector() error {
	if r.Control.AppliesTo == "" {
		return nil
	}
	if _, err := search.Parse(r.Control.AppliesTo); err != nil {
		f, _ := r.stanza.Field("applies-to")
		return &control.FieldError{Line: f.Line, Field: f.Name, Err: err}
	}
	return nil
}
