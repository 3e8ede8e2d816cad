package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// confirmAbove is the number of hosts from which on it has to be typed.
const confirmAbove = 100

// maxChange is how many hosts people choose on pages that sign for each.
const maxChange = 500

// changeShown is how many of the hosts that change a page shows: as many as one search
// finds by their ids.
const changeShown = 80

// A changing is what somebody wants to change of hosts, and what the server says that
// it would do. The digest in it has nothing happen to others than those.
type changing struct {
	api.HostsChanged
	Op      string
	Value   string // group or unit
	All     string // not "": hosts are what the search finds, else those named
	IDs     []string
	Rows    []hostRow             // the first of those that change
	Plan    map[string]previewRow // what it does to their packages
	Denied  []api.HostChanged
	Confirm bool
}

// An operation is what may be done to many hosts.
type operation struct {
	name  string
	value bool // takes a group or a unit
	edit  func(value string) api.HostEdit
	verb  api.Verb
}

func edits(e api.HostEdit) func(string) api.HostEdit {
	return func(string) api.HostEdit { return e }
}

var accepted, refused = api.Accepted, api.Refused

// operations are those that the page of hosts offers.
var operations = []operation{
	{name: "approve", verb: api.VerbEdit, edit: edits(api.HostEdit{State: &accepted, Wake: true})},
	{name: "refuse", verb: api.VerbEdit, edit: edits(api.HostEdit{State: &refused})},
	{name: "wake", verb: api.VerbEdit, edit: edits(api.HostEdit{Wake: true})},
	{name: "add-group", verb: api.VerbAssign, value: true, edit: func(g string) api.HostEdit { return api.HostEdit{AddGroups: []string{g}} }},
	{name: "remove-group", verb: api.VerbAssign, value: true, edit: func(g string) api.HostEdit { return api.HostEdit{RemoveGroups: []string{g}} }},
	{name: "unit", verb: api.VerbEdit, value: true, edit: func(u string) api.HostEdit { return api.HostEdit{Unit: &u} }},
	{name: "forget", verb: api.VerbEdit},
}

// asked is what a form sent: by its POST, or in the URL.
func (v *visit) asked() url.Values {
	if v.PostForm != nil {
		return v.PostForm
	}
	return v.URL.Query()
}

func (v *visit) operation() (*operation, string, error) {
	form := v.asked()
	i := slices.IndexFunc(operations, func(o operation) bool { return o.name == form.Get("op") })
	if i < 0 {
		return nil, "", muster.Errorf(muster.Invalid, "it is not said what to do with the hosts")
	}
	op, value := &operations[i], strings.TrimSpace(form.Get("value"))
	if op.value && value == "" && op.name != "unit" {
		return nil, "", muster.Errorf(muster.Invalid, "it is not said which group")
	}
	return op, value, nil
}

// asChange is what a form asks for.
func (v *visit) asChange() (*operation, api.HostsChange, error) {
	op, value, err := v.operation()
	if err != nil {
		return nil, api.HostsChange{}, err
	}
	form, c := v.asked(), api.HostsChange{Forget: op.edit == nil}
	if op.edit != nil {
		c.Edit = op.edit(value)
	}
	if form.Get("all") != "" {
		q := form.Get("q")
		c.Query = &q
		return op, c, nil
	}
	if c.Hosts = form["host"]; len(c.Hosts) == 0 {
		err = muster.Errorf(muster.Invalid, "no host was chosen")
	}
	return op, c, err
}

// planChange shows which hosts would change, and how.
func planChange(v *visit) (any, error) {
	op, c, err := v.asChange()
	if err != nil {
		return nil, err
	}
	c.Preview = true
	found, err := v.api.ChangeHosts(v.ctx(), c)
	if err != nil {
		return nil, err
	}
	form := v.asked()
	out := &changing{HostsChanged: found, Op: op.name, Value: strings.TrimSpace(form.Get("value")), All: form.Get("all"), IDs: c.Hosts, Confirm: found.Count > confirmAbove}
	var ids []string
	for _, h := range found.Hosts {
		switch {
		case h.Outcome == api.NotLet && len(out.Denied) < changeShown:
			out.Denied = append(out.Denied, h)
		case h.Outcome == api.Changed && len(ids) < changeShown:
			ids = append(ids, h.ID)
		}
	}
	rows, err := v.named(ids)
	for _, h := range rows {
		out.Rows = append(out.Rows, v.hostRow(h, nil))
	}
	if err == nil {
		out.Plan, err = v.planFor(c.Edit, rows)
	}
	return out, err
}

// chosen are the hosts that are meant: those that are named, or all that a search finds.
func (v *visit) chosen() (all []api.Host, err error) {
	form := v.asked()
	tooMany := muster.WithHint(muster.Errorf(muster.Invalid, "a page changes at most %d hosts at a time", maxChange), "narrow the search, or use 'muster host' and 'muster groups'")
	if form.Get("all") == "" {
		if len(form["host"]) > maxChange {
			return nil, tooMany
		}
		return v.named(form["host"])
	}
	q := api.HostQuery{Query: form.Get("q"), Limit: maxChange}
	page, err := v.api.Hosts(v.ctx(), q)
	if err == nil && page.Next != "" {
		err = tooMany
	}
	return page.Hosts, err
}

// named finds hosts by their ids: searches of a length that a server takes.
func (v *visit) named(ids []string) (all []api.Host, err error) {
	for part := range slices.Chunk(ids, 80) {
		terms := make([]string, len(part))
		for i, id := range part {
			if strings.ContainsFunc(id, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef-", r) }) || len(id) != 36 {
				return nil, muster.Errorf(muster.Invalid, "%.50q is no id of a host", id)
			}
			terms[i] = "id:" + id
		}
		page, err := v.api.Hosts(v.ctx(), api.HostQuery{Query: strings.Join(terms, " or "), Limit: len(part)})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Hosts...)
	}
	return all, nil
}

// changeHosts does what planChange showed, to the same hosts: where others are meant by
// now nothing changes.
func changeHosts(v *visit) (string, error) {
	_, c, err := v.asChange()
	if err != nil {
		return "", err
	}
	n := len(c.Hosts)
	if digest := v.PostForm.Get("digest"); digest != "" {
		if n, err = strconv.Atoi(v.PostForm.Get("count")); err != nil {
			return "", muster.Errorf(muster.Invalid, "%.20q is no number of hosts", v.PostForm.Get("count"))
		}
		c.Expect = &api.HostSet{Count: n, Digest: digest}
	}
	if err := v.typed(n); err != nil {
		return "", err
	}
	out, err := v.api.ChangeHosts(v.ctx(), c)
	if err != nil {
		return "", err
	}
	said := v.words().count(out.Changed, "%s host changed", "%s hosts changed")
	if out.Refused > 0 {
		said += ", " + v.words().count(out.Refused, "%s was refused", "%s were refused")
	}
	v.flash(said)
	return v.searchFor(v.PostForm.Get("q")), nil
}

// A search to save becomes a group that finds its hosts itself.
type saving struct {
	Query string
	Count int
}

func searchToSave(v *visit) (any, error) {
	q := v.asked().Get("q")
	n, err := v.many(q)
	if err != nil && v.PostForm != nil {
		return saving{Query: q}, nil
	}
	return saving{q, n}, err
}

func saveSearch(v *visit) (string, error) {
	name, q := strings.TrimSpace(v.PostForm.Get("name")), strings.TrimSpace(v.PostForm.Get("q"))
	if q == "" {
		return "", fieldError{"q", muster.Errorf(muster.Invalid, "a search of nothing is all hosts")}
	}
	_, err := v.api.Group(v.ctx(), name)
	if err == nil {
		return "", fieldError{"name", muster.Errorf(muster.Conflict, "there is a group %q already", name)}
	}
	if muster.KindOf(err) != muster.NotFound {
		return "", err
	}
	if _, err := v.api.PutGroup(v.ctx(), api.Group{Name: name, Query: q, Note: v.PostForm.Get("note")}); err != nil {
		return "", err
	}
	v.flash(v.t("Saved as %s", name))
	return v.searchFor(q), nil
}
