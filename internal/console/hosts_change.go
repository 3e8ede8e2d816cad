package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/api"
)

// maxChange is how many hosts a page changes at a time, and confirmAbove the number of
// which has to be typed.
const (
	maxChange    = 500
	confirmAbove = 100
)

// A changing is what somebody wants to change of hosts, and which they are.
type changing struct {
	Op      string
	Value   string // group or unit
	Hosts   []hostRow
	Same    int // hosts of the choice that are so already
	Confirm bool
	Command string // that does the same
}

// An operation is what may be done to many hosts.
type operation struct {
	name  string
	value bool // takes a group or a unit
	edit  func(value string) api.HostEdit
	same  func(h api.Host) bool
	verb  api.Verb
}

func edits(e api.HostEdit) func(string) api.HostEdit {
	return func(string) api.HostEdit { return e }
}

var accepted, refused = api.Accepted, api.Refused

// operations are those that the page of hosts offers.
var operations = []operation{
	{name: "approve", verb: api.VerbEdit, edit: edits(api.HostEdit{State: &accepted, Wake: true}), same: func(h api.Host) bool { return h.State == api.Accepted }},
	{name: "refuse", verb: api.VerbEdit, edit: edits(api.HostEdit{State: &refused}), same: func(h api.Host) bool { return h.State == api.Refused }},
	{name: "wake", verb: api.VerbEdit, edit: edits(api.HostEdit{Wake: true}), same: func(h api.Host) bool { return h.State != api.Accepted }},
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

// planChange shows which hosts would change, and how.
func planChange(v *visit) (any, error) {
	op, value, err := v.operation()
	if err != nil {
		return nil, err
	}
	out := &changing{Op: op.name, Value: value}
	found, err := v.chosen()
	if err != nil {
		return nil, err
	}
	for _, h := range found {
		if op.same != nil && op.same(h) {
			out.Same++
			continue
		}
		out.Hosts = append(out.Hosts, v.hostRow(h, nil))
	}
	out.Confirm = len(out.Hosts) > confirmAbove
	return out, nil
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

// changeHosts does what planChange showed, to the hosts that it named. Each is a change of
// its own: where one fails those before it have changed, and the error says so.
func changeHosts(v *visit) (string, error) {
	op, value, err := v.operation()
	if err != nil {
		return "", err
	}
	ids := v.PostForm["host"]
	if len(ids) > maxChange || len(ids) == 0 {
		return "", muster.Errorf(muster.Invalid, "%d hosts are none, or too many", len(ids))
	}
	if len(ids) > confirmAbove && strings.TrimSpace(v.PostForm.Get("confirm")) != strconv.Itoa(len(ids)) {
		return "", muster.Errorf(muster.Invalid, "type %d, the number of hosts, to confirm", len(ids))
	}
	var g errgroup.Group
	g.SetLimit(8)
	for _, id := range ids {
		g.Go(func() error {
			if op.name == "forget" {
				return v.api.ForgetHost(v.ctx(), id)
			}
			_, err := v.api.EditHost(v.ctx(), id, op.edit(value))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	v.flash(v.words().count(len(ids), "%s host changed", "%s hosts changed"))
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
		return "", muster.Errorf(muster.Invalid, "a search of nothing is all hosts")
	}
	_, err := v.api.Group(v.ctx(), name)
	if err == nil {
		return "", muster.Errorf(muster.Conflict, "there is a group %q already", name)
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
