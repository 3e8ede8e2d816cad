package console

import (
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/control"
	"muster/index"
	"muster/internal/steer"
)

// A hostForm is the form of one host, and what it would change.
type hostForm struct {
	api.HostDetail
	Own        *index.Entry // its own package; nil: it has none
	Unit       string
	Preview    *preview
	Refused    *problem
	Wrong      string   // field that it is about
	Names      []string // of packages, for completion
	Known      []string // groups, for completion
	assignment steer.Assignment
	edit       api.HostEdit
	old        *control.Control

	Depends, Conflicting []saidRelation
}

func hostForEdit(v *visit) (any, error) {
	d, err := v.api.Host(v.ctx(), v.PathValue("id"))
	if err != nil {
		return nil, err
	}
	// Whom a name means could change between what is shown and what is signed.
	if d.ID != v.PathValue("id") {
		return nil, muster.Errorf(muster.Denied, "the host to change is not named by its id")
	}
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, err
	}
	own, err := list.Of(v.ctx(), d.ID)
	if err != nil {
		return nil, err
	}
	v.title = d.Name
	out := &hostForm{HostDetail: d, Unit: (&hostPage{HostDetail: d}).Unit(), assignment: v.assignmentOf(), Names: list.Names()[:min(len(list.Names()), 1000)]}
	if len(own) > 0 {
		out.Own, out.old = own[0], own[0].Control
	}
	out.Depends, out.Conflicting = saidOf(out.Own)
	groups, err := v.api.Groups(v.ctx())
	if err := unlessDenied(err); err != nil {
		return nil, err
	}
	for _, g := range groups.Groups {
		if g.Query == "" {
			out.Known = append(out.Known, g.Name)
		}
	}
	if v.asked().Has("name") {
		err = out.preview(v, list)
	}
	switch muster.KindOf(err) {
	case muster.Invalid, muster.NotFound, muster.Conflict:
		out.Refused, out.Wrong, err = problemOf(err), fieldOf(err), nil
	}
	return out, err
}

// preview says what the form changes of the host.
func (f *hostForm) preview(v *visit, list *steer.List) error {
	form := v.asked()
	changed := f.fields(strings.TrimSpace(form.Get("name")), strings.Trim(strings.TrimSpace(form.Get("unit")), "/"))
	f.edit.AddGroups = strings.FieldsFunc(form.Get("join"), func(r rune) bool { return r == ',' || r == ' ' })
	f.edit.RemoveGroups = slices.Clone(form["leave"])
	if !changed && len(f.edit.AddGroups)+len(f.edit.RemoveGroups) == 0 && !f.assignment.Given() {
		return nil
	}
	edit := steer.Edit{Join: f.edit.AddGroups, Leave: f.edit.RemoveGroups, Unit: f.edit.Unit}
	if f.assignment.Given() {
		var err error
		if edit.Package, err = drafted(list, muster.Host, f.ID, f.old, f.assignment); err != nil {
			return err
		}
	}
	f.Preview = &preview{Total: 1, Signs: f.assignment.Given(), Commands: []string{command(f.command()...)}}
	return f.Preview.forecast(v, list, []meantHost{{f.Host, edit}})
}

// fields takes the name and the unit, where they are others.
func (f *hostForm) fields(name, unit string) (changed bool) {
	if name != "" && name != f.Name {
		f.edit.Name, changed = &name, true
	}
	if unit != f.Unit {
		f.edit.Unit, changed = &unit, true
	}
	return changed
}

// command is what makes the edit, typed.
func (f *hostForm) command() []string {
	args := []string{"host", "edit", f.ID}
	if f.edit.Name != nil {
		args = append(args, "--name", *f.edit.Name)
	}
	if f.edit.Unit != nil {
		args = append(args, "--unit", *f.edit.Unit)
	}
	for _, g := range f.edit.AddGroups {
		args = append(args, "--add-group", g)
	}
	for _, g := range f.edit.RemoveGroups {
		args = append(args, "--remove-group", g)
	}
	return append(args, flags(f.assignment)...)
}

// saveHost does what the form says.
func saveHost(v *visit) (string, error) {
	data, err := hostForEdit(v)
	if err != nil {
		return "", err
	}
	f := data.(*hostForm)
	switch {
	case f.Refused != nil:
		return "", muster.Errorf(f.Refused.Kind, "%s", f.Refused.Message)
	case f.Preview == nil:
		return "", muster.Errorf(muster.Invalid, "nothing is to be changed")
	case f.Preview.Signs:
		if err = f.Preview.shown(v); err == nil {
			_, err = v.sign(f.command()...)
		}
	default:
		f.edit.Wake = true
		_, err = v.api.EditHost(v.ctx(), f.ID, f.edit)
	}
	if err != nil {
		return "", err
	}
	v.flash(v.t("Changed"))
	return v.link("/hosts/" + f.ID), nil
}
