package console

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/steer"
)

// maxOwn is of how many hosts a page changes what each alone should have: each takes a
// signature, and a package of its own. For more there are groups.
const maxOwn = 100

// A packagesForHosts is a change of what each of some hosts alone should have.
type packagesForHosts struct {
	editing
	Count int
	IDs   []string   // of the hosts: a search is made once, and not again when it is signed
	Form  url.Values // what was asked for, of those hosts
	Query string
	Same  int // hosts for which nothing changes
}

func hostsPackages(v *visit) (any, error) {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, err
	}
	form := v.asked()
	out := &packagesForHosts{Query: form.Get("q"), editing: v.editing(list)}
	out.assignment.Remove, out.assignment.Allow = relations(form.Get("remove")), relations(form.Get("allow"))
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
		if out.assignment.Given() {
			err = out.preview(v, list, hosts)
		}
	}
	return out, v.tell(err)
}

// preview plans for each host. What a host's package does not say cannot be taken back
// from it: that host is as it should be.
func (p *packagesForHosts) preview(v *visit, list *steer.List, hosts []api.Host) error {
	var ids []string
	for _, h := range hosts {
		ids = append(ids, h.ID)
	}
	basis, err := v.basis(list, muster.Host, ids...)
	if err != nil {
		return err
	}
	p.Preview = &preview{}
	var meant []meantHost
	var plain []order
	for _, h := range hosts {
		old := basis[h.ID]
		a := p.assignment.For(old.Control)
		if !a.Given() {
			p.Same++
			continue
		}
		next, err := p.Preview.says(list, h.Name, muster.Host, h.ID, old, a)
		if err != nil {
			return err
		}
		o := ordered("host edit", h.ID).with(flags(a)...)
		meant, plain = append(meant, meantHost{h, steer.Edit{Package: next}}), append(plain, o)
		p.Preview.order(v.upon(o, old))
	}
	p.Preview.Total = len(meant)
	p.Preview.Commands = shortened(plain)
	return p.Preview.forecast(v, list, meant)
}

// shortened is one command for hosts of which the same is said.
func shortened(orders []order) (all []string) {
	var ids []string
	for _, o := range orders {
		all, ids = append(all, o.String()), append(ids, o.about[0])
	}
	if len(orders) < 2 || slices.ContainsFunc(orders, func(o order) bool { return !slices.Equal(o.flags, orders[0].flags) }) {
		return all
	}
	one := ordered("host edit", "HOST").with(orders[0].flags...).String()
	return []string{"for h in " + strings.Join(ids, " ") + "; do " + strings.Replace(one, "HOST", "$h", 1) + "; done"}
}

// signPackages signs a package for each host. Each is published by itself: where one
// fails those before it have changed, and the error says how many.
func signPackages(v *visit) (string, error) {
	data, err := hostsPackages(v)
	if err != nil {
		return "", err
	}
	p := data.(*packagesForHosts)
	if err := p.ready(v); err != nil {
		return "", err
	}
	orders := p.Preview.orders
	if len(orders) == 0 {
		return "", muster.Errorf(muster.Invalid, "nothing is to be changed")
	}
	for i, o := range orders {
		if _, err := v.sign(o); err != nil {
			return "", muster.WithHint(muster.Errorf(muster.KindOf(err), "of %d hosts %d are changed, then: %w", len(orders), i, err), "%s", muster.HintOf(err))
		}
	}
	v.flash(v.words().count(len(orders), "%s host changed", "%s hosts changed"))
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
