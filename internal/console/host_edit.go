package console

import (
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/steer"
)

// A hostForm is the form of one host, and what it would change.
type hostForm struct {
	api.HostDetail
	editing
	Unit  string
	Known []string // groups, for completion
	edit  api.HostEdit

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
	own, err := list.Newest(v.ctx(), muster.Host, d.ID)
	if err != nil {
		return nil, err
	}
	v.title = d.Name
	out := &hostForm{HostDetail: d, Unit: (&hostPage{HostDetail: d}).Unit(), editing: v.editing(list)}
	out.Depends, out.Conflicting = saidOf(own)
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
	return out, v.tell(err)
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
	p, do := &preview{Total: 1}, f.order()
	if f.assignment.Given() {
		basis, err := v.basis(list, muster.Host, f.ID)
		if err != nil {
			return err
		}
		if edit.Package, err = p.says(list, "", muster.Host, f.ID, basis[f.ID], f.assignment); err != nil {
			return err
		}
		do = v.upon(do, basis[f.ID])
	}
	p.order(do)
	f.Preview = p
	return p.forecast(v, list, []meantHost{{f.Host, edit}})
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

// order is the command that makes the edit.
func (f *hostForm) order() order {
	o := ordered("host edit", f.ID)
	if f.edit.Name != nil {
		o = o.with("--name", *f.edit.Name)
	}
	if f.edit.Unit != nil {
		o.flags = append(o.flags, "--unit", *f.edit.Unit)
	}
	for _, g := range f.edit.AddGroups {
		o = o.with("--add-group", g)
	}
	for _, g := range f.edit.RemoveGroups {
		o = o.with("--remove-group", g)
	}
	return o.with(flags(f.assignment)...)
}

// saveHost does what the form says.
func saveHost(v *visit) (string, error) {
	data, err := hostForEdit(v)
	if err != nil {
		return "", err
	}
	f := data.(*hostForm)
	if err := f.ready(v); err != nil {
		return "", err
	}
	if f.Preview.Signs {
		_, err = v.sign(f.Preview.orders[0])
	} else {
		f.edit.Wake = true
		_, err = v.api.EditHost(v.ctx(), f.ID, f.edit)
	}
	if err != nil {
		return "", err
	}
	v.flash(v.t("Changed"))
	return v.link("/hosts/" + f.ID), nil
}
