package console

import (
	"html/template"
	"net/http"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/control"
	"muster/index"
	"muster/internal/console/chart"
	"muster/internal/steer"
)

// A groupPage is all about one group, unit or profile.
type groupPage struct {
	groupRow
	Entry    *index.Entry // its package; nil: it says nothing
	File     string
	Signers  string
	Hosts    []hostRow // the first ones
	Total    int
	Has      []hasRow
	Against  []assignedBy // who says the opposite
	Rest     bool
	Order    []entry // who decides
	Edit     string
	New      string // query of a new group
	Members  []string
	Confirm  bool
	Existing bool // on the server
}

// A hasRow is a package that hosts should have, with how many do.
type hasRow struct {
	Relation string
	Name     string
	Hosts    int
	Share    template.HTML
}

// decides are the kinds in the order of precedence: docs/decisions/precedence.md.
var decides = []struct {
	kind  muster.Kind
	title string
}{
	{muster.Host, "what the host alone should have"},
	{muster.Unit, "its units, from the innermost"},
	{muster.Profile, "profiles"},
	{muster.Group, "groups"},
	{muster.Config, "settings"},
	{muster.Base, "what people at the machine asked for"},
}

func groupShow(v *visit) (any, error) {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, err
	}
	out, err := v.groupPage(list)
	if err != nil {
		return nil, err
	}
	page, err := v.api.Hosts(v.ctx(), api.HostQuery{Query: out.Search, Limit: maxPreview, Count: true})
	if err != nil && muster.KindOf(err) != muster.Invalid {
		return nil, err
	}
	out.Total = page.Total
	out.Confirm = out.Total > confirmAbove
	for _, h := range page.Hosts {
		out.Hosts = append(out.Hosts, v.hostRow(h, nil))
	}
	if err := out.has(v); err != nil {
		return nil, err
	}
	return out, out.against(v, list)
}

// kindOf reads the kind that the path names.
func (v *visit) kindOf() (muster.Kind, string, error) {
	kind, name := muster.Kind(v.PathValue("kind")), v.PathValue("name")
	if !slices.ContainsFunc(groupKinds, func(k groupKind) bool { return k.kind == kind }) || control.CheckName(name) != nil {
		return "", "", muster.Errorf(muster.NotFound, "there is no such page")
	}
	return kind, name, nil
}

// groupPage is what the server and the repository say of it.
func (v *visit) groupPage(list *steer.List) (*groupPage, error) {
	kind, name, err := v.kindOf()
	if err != nil {
		return nil, err
	}
	out := &groupPage{groupRow: v.groupRow(kind, name), Edit: v.link("/groups/" + string(kind) + "/" + name + "/edit")}
	v.title = out.Title
	if kind == muster.Group {
		g, err := v.api.Group(v.ctx(), name)
		if err := unlessDenied(err); err != nil {
			return nil, err
		}
		out.Existing, out.Note, out.Query, out.Members = err == nil, g.Note, g.Query, g.Members
		out.Chosen = out.Existing && g.Query == ""
	}
	all := list.Find(name)
	if kind == muster.Unit {
		if all, err = list.Of(v.ctx(), name); err != nil {
			return nil, err
		}
	}
	if len(all) > 0 && all[0].Kind == kind {
		out.said(v, all[0])
	}
	for _, d := range decides {
		out.Order = append(out.Order, entry{Title: v.t(d.title), Here: d.kind == kind})
	}
	return out, nil
}

// said shows what its package says.
func (p *groupPage) said(v *visit, e *index.Entry) {
	p.Entry = e
	rows := v.withPackage([]groupRow{p.groupRow}, steer.Assigner{Kind: e.Kind, Name: e.Name, Version: e.Version, AppliesTo: e.AppliesTo, Depends: e.Depends, Conflicts: e.Conflicts})
	p.groupRow = rows[0]
	p.File, p.Signers = v.link("/packages/"+e.Name), v.signerNames(e)
}

// has counts how many of the hosts have what they should.
func (p *groupPage) has(v *visit) error {
	if p.Entry == nil {
		return nil
	}
	var searches []string
	for _, d := range p.Entry.Depends[:min(len(p.Entry.Depends), perPackages)] {
		searches = append(searches, "("+p.Search+") muster:"+d[0].Name)
	}
	counts, err := v.counts(searches)
	if err != nil && muster.KindOf(err) != muster.Invalid {
		return err
	}
	for i, d := range p.Entry.Depends {
		row := hasRow{Relation: d.String(), Name: d[0].Name}
		if i < len(searches) {
			row.Hosts = counts[searches[i]]
		}
		row.Share = chart.Share(v.t("Hosts that have it"), float64(p.Total), chart.Part{Name: row.Name, Value: float64(row.Hosts), Class: "ok", Text: v.words().number(row.Hosts)})
		p.Has = append(p.Has, row)
	}
	return nil
}

// against finds who forbids what this assigns, or assigns what it forbids.
func (p *groupPage) against(v *visit, list *steer.List) error {
	if p.Package == nil {
		return nil
	}
	binned, all, err := list.Binned(v.ctx(), patience)
	if err != nil {
		return err
	}
	p.Rest = !all
	for _, a := range slices.Concat(list.Assigners(), binned) {
		if a.Kind == p.Kind && a.Name == p.Name || a.Kind == muster.Host {
			continue
		}
		var names []string
		for _, d := range p.Package.Depends {
			if a.Forbids(d[0].Name) {
				names = append(names, d[0].Name)
			}
		}
		for _, r := range p.Package.Conflicts {
			if a.Assigns(r.Name) {
				names = append(names, r.Name)
			}
		}
		if len(names) > 0 {
			p.Against = append(p.Against, assignedBy{Assigner: a, What: v.groupRow(a.Kind, a.Name).Title + ": " + strings.Join(names, ", "), Href: v.groupRow(a.Kind, a.Name).Href})
		}
	}
	return nil
}

// newGroup leads to the page where one is made.
func newGroup(v *visit, w http.ResponseWriter) error {
	kind, name := v.query("kind"), strings.TrimSpace(v.query("name"))
	if kind == string(muster.Unit) {
		name = strings.ReplaceAll(strings.Trim(name, "/"), "/", ".")
	}
	if err := control.CheckName(name); err != nil {
		return muster.WithKind(muster.Invalid, err)
	}
	http.Redirect(w, v.Request, v.link("/groups/"+kind+"/"+name+"/edit"), http.StatusSeeOther)
	return nil
}

// removeGroup takes a group off the server. Its package stays in the repository.
func removeGroup(v *visit) (string, error) {
	kind, name, err := v.kindOf()
	if err != nil {
		return "", err
	}
	if kind != muster.Group || v.PostForm.Get("do") != "delete" {
		return "", muster.Errorf(muster.Invalid, "it is not said what to do")
	}
	n, err := v.many("group:" + name)
	if err != nil {
		return "", err
	}
	if err := v.typed(n); err != nil {
		return "", err
	}
	if err := v.api.DeleteGroup(v.ctx(), name); err != nil {
		return "", err
	}
	v.flash(v.t("Removed the group %s", name))
	return v.link("/groups"), nil
}
