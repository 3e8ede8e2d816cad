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
// package it has not heard of yet is not taken for one that was withdrawn. Until a
// is kept, the update is for the names before too: if it fails, or the machine
// stops, they are as well known as they were. What changes is for the next
// upgrade. The caller has begun.
func (e *Engine) Assign(ctx context.Context, a Assignments) ([]Updated, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	old := e.assigned
	e.name(old, a)
	news, err := e.Update(ctx)
	if err == nil {
		err = save(e.Root, assignedFile{a, e.applies})
	}
	if err != nil {
		e.name(old)
		return news, err
	}
	e.name(a)
	e.assigned = a
	return news, nil
}

// managed reports whether something else than people says what the root should have.
func (e *Engine) managed() bool { return e.assigned.Host != "" || len(e.applies) > 0 }

// name tells the repositories which packages of hosts and units this root is about.
func (e *Engine) name(all ...Assignments) {
	var names []string
	for _, a := range all {
		names = append(names, a.Units...)
		if a.Host != "" {
			names = append(names, a.Host)
		}
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

// assignedFile is assigned.json.
type assignedFile struct {
	Assignments
	Applies []string `json:"applies,omitempty"` // packages whose applies-to holds
}

func save(root *install.Root, a assignedFile) error {
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if len(data) > maxAssignments {
		return muster.Errorf(muster.Invalid, "a host is counted among too many groups: %d bytes", len(data))
	}
	return root.Disk.WriteFile(assignmentsFile(root), append(data, '\n'), 0o644)
}

func readAssignments(root *install.Root) (a assignedFile, err error) {
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
		return assignedFile{}, muster.WithHint(muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err),
			"remove the file; the agent writes it anew")
	}
	return a, nil
}

// wanted lists what is assigned, in the order of precedence: the host itself, its
// units from the innermost, profiles, groups, and what else applies. A name under which no package of
// that kind is published assigns nothing. Without all, only what is there
// already: a change of something else does not bring what an upgrade has not.
func (e *Engine) wanted(o *offer, s plan.State, all bool) []plan.Wanted {
	a := e.assigned
	units := slices.Clone(a.Units)
	slices.Reverse(units)
	named := map[muster.Kind][]string{muster.Host: {a.Host}, muster.Unit: units, muster.Profile: a.Directory, muster.Group: a.Groups}
	var list []plan.Wanted
	if all {
		list = e.returning(s) // before all else: a person called the version back
	}
	for _, kind := range slices.Concat([]muster.Kind{muster.Host, muster.Unit}, selecting) {
		names := slices.Clone(named[kind])
		if slices.Contains(selecting, kind) {
			names = append(names, e.applies...)
		}
		for i, name := range names {
			newest := o.newest(kind, name)
			if newest == nil || !all && !there(s, name) || slices.Contains(names[:i], name) {
				continue
			}
			if all {
				list = append(list, plan.Assign(s, newest)...)
				continue
			}
			list = append(list, plan.Wanted{Relation: control.Relation{Name: name}, By: string(kind) + " " + name})
		}
	}
	return list
}

func there(s plan.State, name string) bool {
	return slices.ContainsFunc(s.Installed, func(in plan.Installed) bool { return in.Name == name })
}
