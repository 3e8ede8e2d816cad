package console

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/steer"
)

// maxOwn is of how many hosts a page changes what each alone should have: each takes a
// signature, and a package of its own. For more there are groups.
const maxOwn = 100

// A packagesForHosts is a change of what each of some hosts alone should have.
type packagesForHosts struct {
	Count      int
	IDs        []string   // of the hosts: a search is made once, and not again when it is signed
	Form       url.Values // what was asked for, of those hosts
	Query      string
	Preview    *preview
	Refused    *problem
	Wrong      string // field that it is about
	Names      []string
	Same       int // hosts for which nothing changes
	assignment steer.Assignment
	orders     [][]string // commands, one a host
}

func hostsPackages(v *visit) (any, error) {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, err
	}
	form := v.asked()
	a := v.assignmentOf()
	a.Remove, a.Allow = relations(form.Get("remove")), relations(form.Get("allow"))
	out := &packagesForHosts{Query: form.Get("q"), assignment: a, Names: list.Names()[:min(len(list.Names()), 1000)]}
	hosts, err := v.chosen()
	if err == nil && len(hosts) > maxOwn {
		err = muster.WithHint(muster.Errorf(muster.Invalid, "%d hosts are too many to say for each alone what it should have", len(hosts)),
			"put them into a group, and say it for the group")
	}
	if err == nil {
		out.Count = len(hosts)
		for _, h := range hosts {
			out.IDs = append(out.IDs, h.ID)
		}
		out.Form = maps.Clone(form)
		out.Form["host"] = out.IDs
		out.Form.Del("all")
		if a.Given() {
			err = out.preview(v, list, hosts)
		}
	}
	switch muster.KindOf(err) {
	case muster.Invalid, muster.NotFound, muster.Conflict:
		out.Refused, out.Wrong, err = problemOf(err), fieldOf(err), nil
	}
	return out, err
}

// preview plans for each host. What a host's package does not say cannot be taken back
// from it: that host is as it should be.
func (p *packagesForHosts) preview(v *visit, list *steer.List, hosts []api.Host) error {
	p.Preview = &preview{Signs: true}
	var meant []meantHost
	var ids []string
	for _, h := range hosts {
		all, err := list.Of(v.ctx(), h.ID)
		if err != nil {
			return err
		}
		var old *control.Control
		if len(all) > 0 {
			old = all[0].Control
		}
		a := p.assignment.For(old)
		if !a.Given() {
			p.Same++
			continue
		}
		next, err := drafted(list, muster.Host, h.ID, old, a)
		if err != nil {
			return err
		}
		meant, ids = append(meant, meantHost{h, steer.Edit{Package: next}}), append(ids, h.ID)
		p.orders = append(p.orders, append([]string{"host", "edit", h.ID}, flags(a)...))
	}
	p.Preview.Total = len(meant)
	for _, args := range p.orders {
		p.Preview.Commands = append(p.Preview.Commands, command(args...))
	}
	if slices.ContainsFunc(p.orders, func(args []string) bool { return !slices.Equal(args[3:], p.orders[0][3:]) }) || len(ids) < 2 {
		return p.Preview.forecast(v, list, meant)
	}
	one := command(append([]string{"host", "edit", "HOST"}, p.orders[0][3:]...)...)
	p.Preview.Commands = []string{"for h in " + strings.Join(ids, " ") + "; do " + strings.Replace(one, "HOST", "$h", 1) + "; done"}
	return p.Preview.forecast(v, list, meant)
}

// signPackages signs a package for each host. Each is published by itself: where one
// fails those before it have changed, and the error says how many.
func signPackages(v *visit) (string, error) {
	data, err := hostsPackages(v)
	if err != nil {
		return "", err
	}
	p := data.(*packagesForHosts)
	if p.Refused != nil {
		return "", muster.Errorf(p.Refused.Kind, "%s", p.Refused.Message)
	}
	if len(p.orders) == 0 {
		return "", muster.Errorf(muster.Invalid, "nothing is to be changed")
	}
	if err := p.Preview.shown(v); err != nil {
		return "", err
	}
	for i, args := range p.orders {
		if _, err := v.sign(args...); err != nil {
			return "", muster.WithHint(muster.Errorf(muster.KindOf(err), "of %d hosts %d are changed, then: %w", len(p.orders), i, err), "%s", muster.HintOf(err))
		}
	}
	v.flash(v.words().count(len(p.orders), "%s host changed", "%s hosts changed"))
	return v.searchFor(p.Query), nil
}

// hostsToSend leads from hosts that were chosen to the page that sends them an action.
func hostsToSend(v *visit, w http.ResponseWriter) error {
	q := v.query("q")
	if ids := v.URL.Query()["host"]; v.query("all") == "" {
		if len(ids) == 0 || len(ids) > maxTerms {
			return muster.WithHint(muster.Errorf(muster.Invalid, "an action is sent to the hosts of a search, and %d are too many to name, or none", len(ids)), "choose all that match")
		}
		q = "id:" + strings.Join(ids, " or id:")
	}
	http.Redirect(w, v.Request, v.link("/actions/send", "q", q), http.StatusSeeOther)
	return nil
}

// maxTerms is how many hosts a search names: see the bound of package search.
const maxTerms = 80
