package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/internal/install"
	"muster/internal/script"
)

// An Audited is what audit() of one package found.
type Audited struct {
	Name   string
	Status muster.Status
	Output string
}

// Audit runs audit() of the named packages, of all when none is named, and
// keeps the results in their records. The caller has begun.
func (e *Engine) Audit(ctx context.Context, names []string) ([]Audited, error) {
	recs, err := e.withHook(names, "audit")
	if err != nil {
		return nil, err
	}
	var all []Audited
	for _, rec := range recs {
		code, err := e.Root.Actions(rec.Control.Name)
		if err != nil {
			return all, err
		}
		res, err := e.Root.RunScript(ctx, &rec.Control, "audit", code, func(r *script.Request) { r.Params = rec.Params })
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		found := audited(rec.Control.Name, res, err)
		rec.Audit = &install.AuditResult{Status: found.Status, Time: e.Now().UTC(), Output: found.Output}
		if err := e.Root.SaveRecord(rec); err != nil {
			return all, err
		}
		all = append(all, found)
	}
	return all, nil
}

// audited reads what an audit answered: "OK", "WARNING" or "ERROR"; nothing is
// OK, and whatever else is an error.
func audited(name string, res *script.Result, err error) Audited {
	a := Audited{Name: name, Status: muster.Error}
	if res != nil {
		a.Output = string(res.Output)
	}
	if err != nil {
		a.Output += err.Error()
		return a
	}
	switch v := strings.ToUpper(fmt.Sprint(res.Value)); {
	case v == "OK" || res.Value == nil || res.Value == true:
		a.Status = muster.OK
	case v == "WARNING":
		a.Status = muster.Warning
	case v != "ERROR":
		a.Output += fmt.Sprintf("audit() answered %v, not OK, WARNING or ERROR", res.Value)
	}
	return a
}

// withHook lists the installed packages, of those named, that define a hook. A
// named one that does not is an error.
func (e *Engine) withHook(names []string, hook string) ([]*install.Record, error) {
	all, err := e.Root.Installed()
	if err != nil {
		return nil, err
	}
	var recs []*install.Record
	for _, rec := range all {
		if (len(names) == 0 || slices.Contains(names, rec.Control.Name)) && slices.Contains(rec.Actions, hook) {
			recs = append(recs, rec)
		}
	}
	for _, name := range names {
		if rec, err := e.Root.Record(name); err != nil {
			return nil, err
		} else if !slices.Contains(rec.Actions, hook) {
			return nil, muster.Errorf(muster.NotFound, "%s has no %s()", name, hook)
		}
	}
	return recs, nil
}

// SessionSetup runs session_setup() for the user whose home is given: once for
// each package and version. It returns the names of those that ran.
func (e *Engine) SessionSetup(ctx context.Context, names []string, home string) ([]string, error) {
	recs, err := e.withHook(names, "session_setup")
	if err != nil {
		return nil, err
	}
	stamps := filepath.Join(home, ".local", "state", "muster", "session")
	if err := os.MkdirAll(stamps, 0o700); err != nil {
		return nil, err
	}
	var done []string
	var failed []error
	for _, rec := range recs {
		stamp := filepath.Join(stamps, rec.Control.Name)
		if was, err := os.ReadFile(stamp); err == nil && string(was) == rec.Manifest {
			continue
		}
		if err := e.sessionSetup(ctx, rec, home); err != nil {
			failed = append(failed, err)
			continue
		}
		if err := e.Root.Disk.WriteFile(stamp, []byte(rec.Manifest), 0o600); err != nil {
			return done, err
		}
		done = append(done, rec.Control.Name)
	}
	return done, errors.Join(failed...)
}

func (e *Engine) sessionSetup(ctx context.Context, rec *install.Record, home string) error {
	code, err := e.Root.Actions(rec.Control.Name)
	if err != nil {
		return err
	}
	res, err := e.Root.RunScript(ctx, &rec.Control, "session_setup", code, func(r *script.Request) {
		r.Params, r.Env = rec.Params, []string{"HOME=" + home}
	})
	if err == nil && res.Value != nil && res.Value != false {
		err = fmt.Errorf("session_setup() of %s asks to be run again: %v", &rec.Control, res.Value)
	}
	return err
}
