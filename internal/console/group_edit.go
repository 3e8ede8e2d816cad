package console

import (
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/steer"
)

// A groupEdit is the form of a group, unit or profile, and what it would change.
type groupEdit struct {
	*groupPage
	editing
	members membership

	Depends, Conflicting []saidRelation // what may be taken back
}

// A membership is what a form says of who is in a group.
type membership struct {
	query, note string
	add, drop   []string // ids of hosts
	given       bool
}

func editGroup(v *visit) (any, error) {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, err
	}
	page, err := v.groupPage(list)
	if err != nil {
		return nil, err
	}
	out := &groupEdit{groupPage: page, editing: v.editing(list)}
	out.Depends, out.Conflicting = saidOf(page.Entry)
	out.members, err = v.membership(page)
	if err == nil && (out.members.given || out.assignment.Given()) {
		out.Preview, err = out.preview(v, list)
	}
	return out, v.tell(err)
}

// membership reads who is to be in the group. Hosts are named as people like.
func (v *visit) membership(page *groupPage) (m membership, err error) {
	form := v.asked()
	if page.Kind != muster.Group || !form.Has("query") {
		return m, nil
	}
	m.query, m.note = strings.TrimSpace(form.Get("query")), strings.TrimSpace(form.Get("note"))
	for _, f := range []struct {
		name string
		ids  *[]string
	}{{"add", &m.add}, {"drop", &m.drop}} {
		for _, name := range strings.FieldsFunc(form.Get(f.name), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' }) {
			h, err := v.api.Host(v.ctx(), name)
			if err != nil {
				return m, fieldError{f.name, err}
			}
			*f.ids = append(*f.ids, h.ID)
		}
	}
	if m.query != "" && len(m.add)+len(m.drop) > 0 {
		return m, fieldError{"query", muster.Errorf(muster.Conflict, "a group is a search, or hosts that people chose, not both")}
	}
	if m.query == "" && page.Query != "" {
		// The hosts that it found would stay, as if people had chosen them.
		return m, fieldError{"query", muster.WithHint(muster.Errorf(muster.Conflict, "group %q is the search %q: it cannot be left without one", page.Name, page.Query),
			"write another search, or remove the group and make it anew of hosts")}
	}
	m.given = m.query != page.Query || m.note != page.Note || len(m.add)+len(m.drop) > 0
	return m, nil
}

// preview says what the edit changes, and on which hosts.
func (e *groupEdit) preview(v *visit, list *steer.List) (*preview, error) {
	edit := steer.Edit{}
	p, do := &preview{}, e.order()
	if e.assignment.Given() {
		basis, err := v.basis(list, e.Kind, e.Name)
		if err != nil {
			return nil, err
		}
		if edit.Package, err = p.says(list, "", e.Kind, e.Name, basis[e.Name], e.assignment); err != nil {
			return nil, err
		}
		do = v.upon(do, basis[e.Name])
	}
	p.order(do)
	hosts, search, err := e.meant(v, edit, p)
	if err != nil {
		return nil, err
	}
	p.Confirm = p.Total > confirmAbove
	if err := p.count(v, search, e.assignment.Install); err != nil {
		return nil, err
	}
	return p, p.forecast(v, list, hosts)
}

// meant are the first hosts that the edit is about: those in it, those that come and
// those that go. search finds those that are in it afterwards.
func (e *groupEdit) meant(v *visit, edit steer.Edit, p *preview) (hosts []meantHost, search string, err error) {
	m, join, leave := e.members, edit, edit
	join.Join, leave.Leave = []string{e.Name}, []string{e.Name}
	take := func(query string, edit steer.Edit) error {
		page, err := v.api.Hosts(v.ctx(), api.HostQuery{Query: query, Limit: maxPreview, Count: true})
		p.Total += page.Total
		for _, h := range page.Hosts {
			hosts = append(hosts, meantHost{h, edit})
		}
		return err
	}
	search = e.Search
	switch {
	case e.Kind == muster.Group && m.given && m.query != e.groupPage.Query && m.query != "":
		search = m.query
		if err = take(m.query, join); err == nil && e.Existing {
			err = take("group:"+e.Name+" -("+m.query+")", leave)
		}
	default:
		for _, part := range []struct {
			ids  []string
			edit steer.Edit
		}{{m.drop, leave}, {m.add, join}} {
			found, err := v.named(part.ids)
			if err != nil {
				return nil, "", err
			}
			for _, h := range found {
				hosts = append(hosts, meantHost{h, part.edit})
			}
			p.Total += len(found)
		}
		if p.Signs || e.Kind != muster.Group {
			not := ""
			for _, id := range slices.Concat(m.add, m.drop) {
				not += " -id:" + id
			}
			err = take("("+search+")"+not, edit)
		}
	}
	return hosts, search, err
}

// order is the command that makes the edit.
func (e *groupEdit) order() order {
	verb := map[muster.Kind]string{muster.Group: "groups", muster.Unit: "units", muster.Profile: "profiles"}[e.Kind]
	o, m := ordered(verb+" edit", e.Title), e.members
	if m.given {
		if m.query != e.groupPage.Query {
			o = o.with("--query", m.query)
		}
		if m.note != e.Note {
			o.flags = append(o.flags, "--note", m.note)
		}
		for _, id := range m.add {
			o = o.with("--add", id)
		}
		for _, id := range m.drop {
			o = o.with("--remove", id)
		}
	}
	return o.with(flags(e.assignment)...)
}

// saveGroup does what the form says: what hosts should have is signed, who is in a
// group is the server's to keep.
func saveGroup(v *visit) (string, error) {
	data, err := editGroup(v)
	if err != nil {
		return "", err
	}
	e := data.(*groupEdit)
	if err := e.ready(v); err != nil {
		return "", err
	}
	said := v.t("Changed")
	if e.Preview.Signs {
		said, err = v.sign(e.Preview.orders[0])
	} else {
		err = v.putGroup(e.groupPage, e.members)
	}
	if err != nil {
		return "", err
	}
	v.flash(said)
	return v.link("/groups/" + string(e.Kind) + "/" + e.Name), nil
}

func (v *visit) putGroup(page *groupPage, m membership) error {
	g := api.Group{Name: page.Name, Note: m.note, Query: m.query}
	if m.query == "" {
		ids := slices.DeleteFunc(slices.Concat(page.Members, m.add), func(id string) bool { return slices.Contains(m.drop, id) })
		slices.Sort(ids)
		g.Members = slices.Compact(ids)
	}
	_, err := v.api.PutGroup(v.ctx(), g)
	return err
}
