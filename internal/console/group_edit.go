package console

import (
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/steer"
)

// A groupEdit is the form of a group, unit or profile, and what it would change.
type groupEdit struct {
	*groupPage
	assignment steer.Assignment
	Preview    *preview // nil: nothing is asked for yet
	Refused    *problem
	Wrong      string   // field that it is about
	Names      []string // of packages, for completion

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
	out := &groupEdit{groupPage: page, assignment: v.assignmentOf()}
	out.Names = list.Names()[:min(len(list.Names()), 1000)]
	out.Depends, out.Conflicting = saidOf(page.Entry)
	members, err := v.membership(page)
	if err == nil && (members.given || out.assignment.Given()) {
		out.Preview, err = out.preview(v, list, members)
	}
	switch muster.KindOf(err) {
	case muster.Invalid, muster.NotFound, muster.Conflict:
		out.Refused, out.Wrong, err = problemOf(err), fieldOf(err), nil
	}
	return out, err
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
func (e *groupEdit) preview(v *visit, list *steer.List, m membership) (*preview, error) {
	edit := steer.Edit{}
	p := &preview{Signs: e.assignment.Given(), Commands: []string{command(e.command(m)...)}}
	if p.Signs {
		var old *control.Control
		if e.Entry != nil {
			old = e.Entry.Control
		}
		var err error
		if edit.Package, err = drafted(list, e.Kind, e.Name, old, e.assignment); err != nil {
			return nil, err
		}
	}
	hosts, search, err := e.meant(v, m, edit, p)
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
func (e *groupEdit) meant(v *visit, m membership, edit steer.Edit, p *preview) (hosts []meantHost, search string, err error) {
	join, leave := edit, edit
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

// command is what makes the edit, typed.
func (e *groupEdit) command(m membership) []string {
	verb := map[muster.Kind]string{muster.Group: "groups", muster.Unit: "units", muster.Profile: "profiles"}[e.Kind]
	args := []string{verb, "edit", e.Title}
	if m.given {
		if m.query != e.groupPage.Query && m.query != "" {
			args = append(args, "--query", m.query)
		}
		if m.note != e.Note {
			args = append(args, "--note", m.note)
		}
		for _, id := range m.add {
			args = append(args, "--add", id)
		}
		for _, id := range m.drop {
			args = append(args, "--remove", id)
		}
	}
	return append(args, flags(e.assignment)...)
}

// saveGroup does what the form says: what hosts should have is signed, who is in a
// group is the server's to keep.
func saveGroup(v *visit) (string, error) {
	data, err := editGroup(v)
	if err != nil {
		return "", err
	}
	e := data.(*groupEdit)
	if e.Refused != nil {
		return "", muster.Errorf(e.Refused.Kind, "%s", e.Refused.Message)
	}
	if e.Preview == nil {
		return "", muster.Errorf(muster.Invalid, "nothing is to be changed")
	}
	if err := v.typed(e.Preview.Total); err != nil {
		return "", err
	}
	if err := e.Preview.shown(v); err != nil {
		return "", err
	}
	members, err := v.membership(e.groupPage)
	if err != nil {
		return "", err
	}
	said := v.t("Changed")
	if e.Preview.Signs {
		said, err = v.sign(e.command(members)...)
	} else {
		err = v.putGroup(e.groupPage, members)
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
