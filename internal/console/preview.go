package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/api"
	"muster/control"
	"muster/index"
	"muster/internal/plan"
	"muster/internal/steer"
)

// maxPreview is how many hosts a page plans for. More are counted.
const maxPreview = 50

// A preview is what an edit would change.
type preview struct {
	Total    int // hosts that are meant
	Rows     []previewRow
	Changed  int // of the rows
	Problems int // of the rows
	Counts   []previewCount
	Confirm  bool
	Says     []saying // what is signed
	Commands []string // that make it, as people type them
	Signs    bool     // they need a signature
	Sum      string   // of what is meant: see [preview.shown]
	orders   []order
}

// order adds a command that makes it.
func (p *preview) order(o order) {
	p.orders, p.Commands = append(p.orders, o), append(p.Commands, o.String())
}

// says adds a package that is to be signed, and returns it as it would be.
func (p *preview) says(list *steer.List, host string, kind muster.Kind, name string, old steer.Basis, a steer.Assignment) (*control.Control, error) {
	next, err := drafted(list, kind, name, old.Control, a)
	if err != nil {
		return nil, err
	}
	p.Signs, p.Says = true, append(p.Says, sayingOf(host, old.Control, next))
	return next, nil
}

// A previewRow is what changes on one host.
type previewRow struct {
	api.Host
	Steps   []string
	Instead []string
	Waiting int
	Problem string
}

// A previewCount says of how many hosts something is so already.
type previewCount struct {
	What   string
	Hosts  int
	Search string
}

// A meantHost is one that an edit is about, with what is different for it.
type meantHost struct {
	api.Host
	edit steer.Edit
}

// sum is the SHA-256 of the commands, and of the hosts that they are about: how many,
// and the first of them.
func (p *preview) sum(hosts []meantHost) string {
	said := []any{p.Total}
	for _, o := range p.orders {
		said = append(said, o.args())
	}
	for _, h := range hosts {
		said = append(said, h.ID)
	}
	return sumOf(said...)
}

// sumOf is the SHA-256 of strings and numbers.
func sumOf(said ...any) string {
	text, _ := json.Marshal(said)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// shown refuses to sign what the person has not seen: between the page and its form,
// hosts come and go, and a search may be answered as somebody else likes.
func (p *preview) shown(v *visit) error {
	if !p.Signs {
		return nil
	}
	return v.seen(p.Sum)
}

// seen compares a sum with that of the page whose form was sent.
func (v *visit) seen(sum string) error {
	if v.PostForm.Get("plan") != sum {
		return muster.WithHint(muster.Errorf(muster.Conflict, "what would be signed is not what was shown"), "look at what would change now, and sign that")
	}
	return nil
}

// forecast plans for the first of the hosts that are meant.
func (p *preview) forecast(v *visit, list *steer.List, hosts []meantHost) error {
	p.Sum = p.sum(hosts)
	hosts = hosts[:min(len(hosts), maxPreview)]
	details := make([]api.HostDetail, len(hosts))
	var g errgroup.Group
	g.SetLimit(8)
	for i := range hosts {
		g.Go(func() (err error) {
			details[i], err = v.api.Host(v.ctx(), hosts[i].ID)
			if muster.KindOf(err) == muster.NotFound { // forgotten in between
				details[i].Host = hosts[i].Host
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	planner := steer.NewPlanner(list)
	for i := range hosts {
		f, err := planner.Forecast(v.ctx(), &details[i], hosts[i].edit)
		if err != nil {
			return err
		}
		p.add(v, hosts[i].Host, &f)
	}
	return nil
}

func (p *preview) add(v *visit, h api.Host, f *steer.Forecast) {
	row := previewRow{Host: h, Waiting: f.Waiting, Problem: strings.ReplaceAll(f.Problem, h.ID, h.Name)}
	for _, s := range f.Steps {
		row.Steps = append(row.Steps, v.step(s))
	}
	for _, s := range f.Instead {
		row.Instead = append(row.Instead, v.step(s))
	}
	if len(row.Steps)+len(row.Instead) > 0 {
		p.Changed++
	}
	if row.Problem != "" {
		p.Problems++
	}
	p.Rows = append(p.Rows, row)
}

// step says what a step does.
func (v *visit) step(s plan.Step) string {
	switch {
	case s.To == nil:
		return v.t("remove %s", s.Name())
	case s.From == nil:
		return v.t("install %s", s.Name()+" "+s.To.Version)
	}
	return v.t("%s instead of %s", s.Name()+" "+s.To.Version, s.From.Version)
}

// count says how many of the hosts of a search have what is to be installed.
func (p *preview) count(v *visit, search string, install []string) error {
	for _, text := range install {
		r, err := control.ParseRelation(text)
		if err != nil {
			continue // it is refused elsewhere
		}
		term := "muster:" + r.Name + strings.ReplaceAll(r.Constraint.String(), " ", "")
		if strings.Contains(term, ",") {
			term = "muster:" + r.Name
		}
		if search != "" {
			term = "(" + search + ") " + term
		}
		n, err := v.many(term)
		if muster.KindOf(err) == muster.Invalid {
			continue
		}
		if err != nil {
			return err
		}
		p.Counts = append(p.Counts, previewCount{text, n, term})
	}
	return nil
}

// A fieldError is what is wrong with one field of a form.
type fieldError struct {
	field string
	error
}

func (e fieldError) Unwrap() error { return e.error }

// fieldOf is the field that an error is about, "" for none: of the form, or what the server
// calls it. Of several values in one field it is the field.
func fieldOf(err error) string {
	if e := (fieldError{}); errors.As(err, &e) {
		return e.field
	}
	parts := strings.Split(muster.FieldOf(err), "/")
	for len(parts) > 1 && strings.Trim(parts[len(parts)-1], "0123456789") == "" {
		parts = parts[:len(parts)-1]
	}
	return parts[len(parts)-1]
}

// formNames are the fields of forms for what the server calls otherwise.
var formNames = map[string][]string{"expires": {"until", "days"}, "query": {"q"}, "report": {"kind"}, "new-password": {"password"}, "old-password": {"old"},
	"add-groups": {"join"}, "remove-groups": {"leave"}}

// about reports whether a problem is one of a field.
func (p *problem) about(field string) bool {
	return p.Field == field || slices.Contains(formNames[p.Field], field)
}

// applied is c after an assignment; an error names its field.
func applied(c *control.Control, a steer.Assignment) error {
	for _, part := range []struct {
		field string
		a     steer.Assignment
	}{{"install", steer.Assignment{Install: a.Install}}, {"forbid", steer.Assignment{Forbid: a.Forbid}},
		{"remove", steer.Assignment{Remove: a.Remove}}, {"allow", steer.Assignment{Allow: a.Allow}}} {
		if err := part.a.Apply(c); err != nil {
			return fieldError{part.field, err}
		}
	}
	return nil
}

// assignmentOf is what a form says: lists in text, and boxes of what is there.
func (v *visit) assignmentOf() steer.Assignment {
	form := v.asked()
	return steer.Assignment{Install: relations(form.Get("install")), Forbid: relations(form.Get("forbid")),
		Remove: slices.Clone(form["remove"]), Allow: slices.Clone(form["allow"])}
}

// relations are those that somebody typed, apart by commas or lines: "age >= 1.3" is
// one.
func relations(text string) (all []string) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' || r == ';' }) {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// flags are an assignment as options of a command.
func flags(a steer.Assignment) (args []string) {
	for _, f := range []struct {
		name   string
		values []string
	}{{"--install", a.Install}, {"--remove-package", a.Remove}, {"--forbid", a.Forbid}, {"--allow", a.Allow}} {
		for _, value := range f.values {
			args = append(args, f.name, value)
		}
	}
	return args
}

// drafted is what a package says after an assignment, in a version that is newer.
func drafted(list *steer.List, kind muster.Kind, name string, old *control.Control, a steer.Assignment) (*control.Control, error) {
	next := steer.Draft(kind, name, "")
	if old != nil {
		next = *old
	}
	if err := applied(&next, a); err != nil {
		return nil, err
	}
	for _, d := range next.Depends {
		if slices.ContainsFunc(d, func(r control.Relation) bool {
			return len(list.Find(r.Name))+len(list.Providers(r.Name)) > 0
		}) {
			continue
		}
		return nil, fieldError{"install", muster.WithHint(muster.Errorf(muster.NotFound, "the repository has no package %q", d[0].Name), "publish it first")}
	}
	next.Version = "1"
	if old != nil {
		next.Version = old.Version + ".1" // any that is newer will do
	}
	return &next, nil
}

// Asked, Has, Server and Signs are for the form of an edit: what it says, whether a box
// was ticked, what to type on one's own machine, and who signs here.
func (f *frame) Asked() url.Values { return f.asked() }

func (f *frame) Has(name, value string) bool { return slices.Contains(f.asked()[name], value) }

func (f *frame) Server() string { return f.outside() }

func (f *frame) Signs() string {
	if f.Signer == nil {
		return ""
	}
	return f.Signer.Name()
}

// A saidRelation is one of a package, by the name of what it is about.
type saidRelation struct{ Name, Text string }

// saidOf are what a package says should be there, and must not: as far as a form can
// take it back.
func saidOf(e *index.Entry) (depends, conflicts []saidRelation) {
	if e == nil {
		return nil, nil
	}
	for _, d := range e.Depends {
		if len(d) == 1 {
			depends = append(depends, saidRelation{d[0].Name, d.String()})
		}
	}
	for _, r := range e.Conflicts {
		conflicts = append(conflicts, saidRelation{r.Name, r.String()})
	}
	return depends, conflicts
}
