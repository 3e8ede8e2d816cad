package agent

import (
	"runtime"

	"muster"
	"muster/internal/engine"
	"muster/internal/plan"
	"muster/settings"
)

// allow reports, as an error of kind muster.Denied, that p may not do what req asks
// and the plan would do. Signed packages of kind self-service say who may what; what
// a package that may be installed needs comes with it.
func allow(e *engine.Engine, p *settings.Person, req *engine.Request, planned *engine.Plan) error {
	// Rules that cannot be read allow nothing, and keep no other from counting.
	rules, _, _ := e.SelfService()
	person := *p
	person.Fold = runtime.GOOS == "windows"
	may := func(op settings.Op, name string) error {
		if rules.Allow(person, op, name, kindOf(e, name)) == nil {
			return muster.WithHint(muster.Errorf(muster.Denied, "%s may not %s %s here", p.User, op, name), "ask an administrator, or use sudo")
		}
		return nil
	}
	for _, rel := range req.Install {
		if err := may(settings.Install, rel.Name); err != nil {
			return err
		}
	}
	for _, name := range req.Remove {
		if err := may(settings.Remove, name); err != nil {
			return err
		}
	}
	if !req.Upgrade {
		return nil
	}
	for _, s := range planned.Steps {
		if s.Op == plan.Keep {
			continue
		}
		if err := may(settings.Upgrade, s.Name()); err != nil {
			return err
		}
	}
	return nil
}

// kindOf is the kind of the package of that name: of the one that is installed, or
// of the newest that may be. "" is of no rule.
func kindOf(e *engine.Engine, name string) muster.Kind {
	if rec, err := e.Root.Record(name); err == nil {
		return rec.Control.Kind
	}
	if all, err := e.Versions(name); err == nil && len(all) > 0 {
		return all[0].Kind
	}
	return ""
}
