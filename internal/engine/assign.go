package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"muster"
	"muster/control"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/version"
)

// Assignments are what a server counts a root among. What they mean stands in
// signed packages of these names: of kind host, unit, profile and group.
type Assignments struct {
	Host      string   `json:"host,omitempty"`      // id
	Units     []string `json:"units,omitempty"`     // the outermost first
	Groups    []string `json:"groups,omitempty"`    // of the server
	Directory []string `json:"directory,omitempty"` // groups of LDAP or Active Directory
}

// maxAssignments bounds the file, and with it what a server may say.
const maxAssignments = 1 << 20

// Assignments are those that the root has.
func (e *Engine) Assignments() Assignments { return e.assigned }

// Assign has the root be counted among a from now on: it looks for the packages
// of that host and those units, and keeps a only when it knows them, so that a
// package it has not heard of yet is not taken for one that was withdrawn. What
// changes is for the next upgrade. The caller has begun.
func (e *Engine) Assign(ctx context.Context, a Assignments) ([]Updated, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	old := e.assigned
	e.name(a)
	news, err := e.Update(ctx)
	if err == nil {
		err = a.save(e.Root)
	}
	if err != nil {
		e.name(old)
		return news, err
	}
	e.assigned = a
	return news, nil
}

// name tells the repositories which packages of hosts and units this root is about.
func (e *Engine) name(a Assignments) {
	names := slices.Clone(a.Units)
	if a.Host != "" {
		names = append(names, a.Host)
	}
	for _, c := range e.Clients {
		c.SetNames(names...)
	}
}

func (a *Assignments) check() error {
	for _, list := range [][]string{a.Units, a.Groups, a.Directory} {
		for _, name := range list {
			if err := control.CheckName(name); err != nil {
				return muster.Errorf(muster.Invalid, "a host cannot be counted among %q: %w", name, err)
			}
		}
	}
	if a.Host == "" {
		return nil
	}
	return control.CheckName(a.Host)
}

func assignmentsFile(root *install.Root) string { return filepath.Join(root.State, "assigned.json") }

func (a *Assignments) save(root *install.Root) error {
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if len(data) > maxAssignments {
		return muster.Errorf(muster.Invalid, "a host is counted among too many groups: %d bytes", len(data))
	}
	return root.Disk.WriteFile(assignmentsFile(root), append(data, '\n'), 0o644)
}

func readAssignments(root *install.Root) (a Assignments, err error) {
	name := assignmentsFile(root)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err == nil && info.Size() > maxAssignments {
		err = muster.Errorf(muster.Invalid, "it has %d bytes", info.Size())
	}
	if err != nil {
		return a, muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	data, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return Assignments{}, muster.WithHint(muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err),
			"remove the file; the agent writes it anew")
	}
	return a, nil
}

// wanted lists what is assigned, in the order of precedence: the host itself, its
// units from the innermost, profiles, groups. A name under which no package of
// that kind is published assigns nothing. Without all, only what is there
// already: a change of something else does not bring what an upgrade has not.
func (e *Engine) wanted(o *offer, s plan.State, all bool) []plan.Wanted {
	a := e.assigned
	units := slices.Clone(a.Units)
	slices.Reverse(units)
	var list []plan.Wanted
	for _, part := range []struct {
		kind  muster.Kind
		names []string
	}{{muster.Host, []string{a.Host}}, {muster.Unit, units}, {muster.Profile, a.Directory}, {muster.Group, a.Groups}} {
		for _, name := range part.names {
			newest := o.newest(part.kind, name)
			if newest == "" || !all && !there(s, name) {
				continue
			}
			w := plan.Wanted{Relation: control.Relation{Name: name}, By: string(part.kind) + " " + name}
			if _, pinned := s.Pins[name]; !pinned && all {
				w.Constraint = version.Exactly(newest) // an older one said something else
			}
			list = append(list, w)
		}
	}
	return list
}

func there(s plan.State, name string) bool {
	return slices.ContainsFunc(s.Installed, func(in plan.Installed) bool { return in.Name == name })
}

// newest is the version of the package of that kind and name that may be
// installed, "" where there is none.
func (o *offer) newest(kind muster.Kind, name string) (best string) {
	for i := range o.packages {
		p := &o.packages[i]
		if p.Name == name && p.Kind == kind && p.Barred == "" && (best == "" || version.Compare(p.Version, best) > 0) {
			best = p.Version
		}
	}
	return best
}

// inOrder leaves out assignments that cannot be had beside those before them, and
// returns the problem without them, and why.
func inOrder(p plan.Problem) (plan.Problem, []plan.Unmet, error) {
	all := p.Request.Wanted
	if len(all) == 0 {
		return p, nil, nil
	}
	p.Request.SkipUnmet = false
	if _, err := plan.Solve(p); err == nil {
		return p, nil, nil
	}
	var unmet []plan.Unmet
	p.Request.Wanted = nil
	if _, err := plan.Solve(p); err != nil {
		return p, nil, err // it is not for the assignments
	}
	for _, w := range all {
		q := p
		q.Request.Wanted = append(slices.Clip(p.Request.Wanted), w)
		_, err := plan.Solve(q)
		var why *plan.Unsatisfiable
		switch {
		case err == nil:
			p = q
		case errors.As(err, &why):
			unmet = append(unmet, plan.Unmet{Wanted: w, Err: why})
		default:
			return p, nil, err
		}
	}
	return p, unmet, nil
}
