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
	person := foldedPerson(*p)
	may := func(op settings.Op, name string) error {
		if rules.Allow(person, op, name, kindOf(e, name)) == nil {
			return muster.WithHint(muster.Errorf(muster.Denied, "%s may not %s %s here", p.User, op, name), "ask an administrator, or %s", asRoot)
		}
		return nil
	}
	for _, rel := range req.Install {
		if rel.Constraint.String() != "" {
			return muster.WithHint(muster.Errorf(muster.Denied, "%s may not choose the version of %s", p.User, rel.Name), "ask for it without a version")
		}
		if err := may(settings.Install, rel.Name); err != nil {
			return err
		}
	}
	for _, name := range req.Remove {
		if err := may(settings.Remove, name); err != nil {
			return err
		}
	}
	for _, s := range planned.Steps {
		if err := mayStep(s, req.Upgrade, may); err != nil {
			return err
		}
	}
	return nil
}

// foldedPerson is p by the rules of names of this system.
func foldedPerson(p settings.Person) settings.Person {
	p.Fold = runtime.GOOS == "windows"
	return p
}

// mayStep holds what the plan does beside what was named against the rules: what
// goes with a removal, what goes down, and every step of an upgrade. What nothing
// needs any more, and nobody asked for, may go.
func mayStep(s plan.Step, upgrade bool, may func(settings.Op, string) error) error {
	switch {
	case s.Op == plan.Remove && s.How != plan.Implicit:
		return may(settings.Remove, s.Name())
	case s.Op == plan.Downgrade:
		return muster.WithHint(muster.Errorf(muster.Denied, "%s would go down to an older version", s.Name()), "ask an administrator, or %s", asRoot)
	case upgrade && s.Op != plan.Keep:
		return may(settings.Upgrade, s.Name())
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
