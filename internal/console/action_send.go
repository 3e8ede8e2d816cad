package console

import (
	"cmp"
	"regexp"
	"strings"

	"muster"
	"muster/action"
	"muster/api"
)

// A sendPage is what somebody wants hosts to do.
type sendPage struct {
	Kinds                                 []action.Kind
	Kind, Packages, Query                 string
	All                                   bool
	Reason, In, Until, Queue, Set, Script string
	Planned                               bool
	What                                  string
	Sets                                  []string
	Hosts                                 int
	Targets                               string // sum of the hosts, where they are signed for here
	First                                 []api.Host
	Confirm                               bool
	Command                               string
	HostsHref                             string
}

// meant are the hosts that may be sent something.
const meant = "(state:accepted or state:cloned)"

func sendAction(v *visit) (any, error) {
	if v.Signer != nil {
		return v.sendPage((*sendPage).targets)
	}
	return v.sendPage((*sendPage).count)
}

// sendPage is what the form says; meant finds out which hosts that are.
func (v *visit) sendPage(meant func(*sendPage, *visit) error) (*sendPage, error) {
	form := v.asked()
	field := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	out := &sendPage{Kind: field("kind"), Packages: field("packages"), Query: field("q"), All: form.Get("all") != "", Reason: field("reason"),
		In: field("in"), Until: field("until"), Queue: field("queue"), Set: field("set"), Script: strings.ReplaceAll(form.Get("script"), "\r\n", "\n")}
	for _, k := range action.Kinds {
		if k != action.Cancel {
			out.Kinds = append(out.Kinds, k)
		}
	}
	if out.Kind == "" {
		return out, nil
	}
	err := out.plan(v, meant)
	if muster.KindOf(err) == muster.Invalid {
		v.wrong = err
		return out, nil
	}
	out.Planned = err == nil
	return out, err
}

// plan says which hosts are meant, and refuses what no host would take.
func (p *sendPage) plan(v *visit, meant func(*sendPage, *visit) error) error {
	if p.Query == "" && !p.All {
		return fieldError{"q", muster.WithHint(muster.Errorf(muster.Invalid, "it is not said which hosts are meant"), "give a search, or choose all hosts")}
	}
	act, err := p.draft()
	if err != nil {
		return err
	}
	p.What = act.String()
	if err := meant(p, v); muster.KindOf(err) == muster.Invalid {
		return fieldError{"q", err}
	} else if err != nil {
		return err
	}
	if p.Hosts == 0 {
		return fieldError{"q", muster.Errorf(muster.Invalid, "no host is meant by %q", p.Query)}
	}
	p.Sets = p.sets()
	p.Confirm = p.Hosts > confirmAbove
	p.Command, p.HostsHref = p.order("script.star").String(), v.searchFor(p.search())
	return nil
}

// perSend is how many hosts a page names.
const perSend = 10

// count says how many hosts are meant, and names the first.
func (p *sendPage) count(v *visit) error {
	page, err := v.api.Hosts(v.ctx(), api.HostQuery{Query: p.search(), Limit: perSend, Count: true})
	p.Hosts, p.First = page.Total, page.Hosts
	return err
}

// targets is count, and holds fast which hosts these are: others may be meant by the time
// they are signed for.
func (p *sendPage) targets(v *visit) error {
	var ids []string
	for q := (api.HostQuery{Query: p.search(), Limit: 1000}); ; {
		page, err := v.api.Hosts(v.ctx(), q)
		if err != nil {
			return err
		}
		if p.First == nil {
			p.First = page.Hosts[:min(len(page.Hosts), perSend)]
		}
		for _, h := range page.Hosts {
			ids = append(ids, h.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" || len(ids) > action.MaxHosts {
			break
		}
	}
	if len(ids) == 0 {
		return nil
	}
	tree, err := action.NewTree(action.Sort(ids))
	if err != nil {
		return err
	}
	targets, err := tree.Targets()
	p.Hosts, p.Targets = targets.Len(), targets.Sum()
	return err
}

// search finds the hosts that are meant.
func (p *sendPage) search() string {
	if p.All {
		return meant
	}
	return "(" + p.Query + ") " + meant
}

// draft is the action without hosts and times, which whoever signs sets.
func (p *sendPage) draft() (*action.Action, error) {
	act := &action.Action{Type: action.Type, ID: action.NewID(), Server: "draft", Kind: action.Kind(p.Kind), Packages: strings.Fields(p.Packages),
		Reason: p.Reason, Script: p.Script, NotBefore: 1_000_000_000, NotAfter: 1_000_003_600, Targets: action.Targets{Hosts: []string{"draft"}}}
	for _, line := range p.sets() {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fieldError{"set", muster.Errorf(muster.Invalid, "%.50q is no NAME=VALUE", line)}
		}
		if act.Arguments == nil {
			act.Arguments = map[string]string{}
		}
		act.Arguments[name] = value
	}
	return act, muster.WithKind(muster.Invalid, act.Validate())
}

// sets are the arguments, one on a line.
func (p *sendPage) sets() (all []string) {
	for line := range strings.Lines(p.Set) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// order is the command that does it.
func (p *sendPage) order(script string) order {
	o := ordered("send", append([]string{p.Kind}, strings.Fields(p.Packages)...)...)
	if p.All {
		o.flags = append(o.flags, "--all")
	} else {
		o.flags = append(o.flags, "--to", p.Query)
	}
	o = o.with("--in", p.In, "--until", p.Until, "--queue", p.Queue, "--reason", p.Reason)
	for _, s := range p.sets() {
		o = o.with("--set", s)
	}
	if p.Script != "" {
		o = o.with("--script", script)
	}
	return o
}

// actionID is that of an action, in what a command said.
var actionID = regexp.MustCompile(`\b[0-9a-f]{32}\b`)

// signAction signs and sends what sendAction has shown, to the hosts that it showed: the
// command lists them, and refuses others. Here they are only counted.
func signAction(v *visit) (string, error) {
	p, err := v.sendPage((*sendPage).count)
	if err != nil {
		return "", err
	}
	if !p.Planned {
		return "", cmp.Or(v.wrong, muster.Errorf(muster.Invalid, "it is not said what hosts are to do"))
	}
	targets, count := v.PostForm.Get("targets"), v.PostForm.Get("count")
	if v.Signer != nil && (targets == "" || count != decimal(p.Hosts)) {
		return "", muster.Errorf(muster.Conflict, "%d hosts are meant now, and not those that were shown: look again", p.Hosts)
	}
	if err := v.typed(p.Hosts); err != nil {
		return "", err
	}
	said := ""
	send := func(file string) (err error) {
		said, err = v.sign(p.order(file).with("--targets", targets), "--yes")
		return err
	}
	if p.Script == "" {
		err = send("")
	} else {
		err = v.besides(p.Script, send)
	}
	if err != nil {
		return "", err
	}
	v.flash(v.t("Sent"))
	return v.link("/actions/" + actionID.FindString(said)), nil
}
