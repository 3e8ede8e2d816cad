package engine

import (
	"strings"

	"muster"
	"muster/internal/install"
	"muster/internal/plan"
)

// recordRefusal notes that the upgrade of a package that is there was refused:
// its bytes or its signature are not what they should be. The package is shown
// as ERROR until an upgrade succeeds. A server that is away is no fault of the
// package, and whoever asks for a new one hears of the refusal themselves.
func (e *Engine) recordRefusal(s plan.Step, cause error) error {
	if s.From == nil || muster.KindOf(cause) != muster.Denied {
		return nil
	}
	w, err := e.Root.Wishes()
	if err != nil {
		return err
	}
	need := muster.NeedUpgrade
	if s.Op == plan.Downgrade {
		need = muster.NeedDowngrade
	}
	text, _, _ := strings.Cut(cause.Error(), "\n")
	w.Fail(install.Failure{Name: s.Name(), Version: s.To.Version, Status: need, Error: text, Time: e.Now().UTC()})
	return e.Root.SaveWishes(w)
}

// advised adds to an error of fetching a package what a person can do, where
// nothing better was said. Nothing was changed.
func advised(err error) error {
	if muster.HintOf(err) != "" {
		return err
	}
	switch muster.KindOf(err) {
	case muster.Denied, muster.Invalid:
		return muster.WithHint(err, "it was refused and nothing was changed; muster update asks for news, and who publishes the repository should hear of it")
	case muster.Unavailable:
		return muster.WithHint(err, "nothing was changed; the same command goes on where the transfer stopped")
	case muster.NotFound:
		return muster.WithHint(err, "nothing was changed; muster update asks for a newer list of packages")
	}
	return err
}
