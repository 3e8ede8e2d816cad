package console

import (
	"cmp"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/rollout"
)

// maxPlaced is how many hosts a page sorts into rings by themselves. Of more it says
// how many there are about: percents of those that a ring's search finds.
const maxPlaced = 2000

// defaultRings are those of 'muster rollout start' for who says nothing.
const defaultRings = `ring: canary
percent: 1
soak: 24h

ring: early
percent: 10
soak: 24h

ring: half
percent: 50
soak: 24h

ring: all
percent: 100
`

// A startPage is what somebody wants to roll out, and to whom.
type startPage struct {
	Package, Version, From, Reason, Start, File string
	Rings                                       string
	Planned                                     bool
	Rows                                        []plannedRing
	Hosts                                       int
	About                                       bool // the numbers are estimates
	Confirm                                     bool
	Command                                     string
	Sum                                         string // of what is shown
}

// A plannedRing is a ring with the hosts that are in it first.
type plannedRing struct {
	Number    int
	Name, Who string
	Opens     int64
	Limits    []string
	Hosts     int
	First     []string // names
}

func startRollout(v *visit) (any, error) {
	form := v.asked()
	field := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	out := &startPage{Package: field("package"), Version: field("version"), From: field("from"), Reason: field("reason"),
		Start: field("start"), File: field("file"), Rings: strings.ReplaceAll(form.Get("rings"), "\r\n", "\n")}
	if strings.TrimSpace(out.Rings) == "" {
		out.Rings = defaultRings
	}
	if out.Package == "" || out.Version == "" {
		return out, nil
	}
	doc, err := out.document(v.Now())
	if err == nil {
		err = out.plan(v, doc)
	}
	out.Sum = out.sum()
	switch muster.KindOf(err) {
	case muster.Invalid:
		v.wrong = err
		return out, nil
	default:
		out.Planned = err == nil
		return out, err
	}
}

// document is what would be signed.
func (p *startPage) document(now time.Time) (*rollout.Document, error) {
	d := &rollout.Document{ID: rollout.NewID(p.Package, p.Version), Package: p.Package, Version: p.Version, From: p.From,
		State: rollout.Running, Start: now.UTC().Truncate(time.Second), Reason: p.Reason}
	var err error
	if p.Start != "" {
		if d.Start, err = time.Parse("2006-01-02T15:04", p.Start); err != nil {
			return nil, fieldError{"start", muster.Errorf(muster.Invalid, "%.30q is no time like 2026-11-23T20:00", p.Start)}
		}
	}
	if d.Rings, err = rollout.ParseRings(p.Rings); err != nil {
		return nil, fieldError{"rings", muster.WithKind(muster.Invalid, err)}
	}
	return d, muster.WithKind(muster.Invalid, d.Check())
}

// order is the command that does it, with the rings in a file.
func (p *startPage) order(rings string) order {
	o := ordered("rollout start", p.Package+"="+p.Version).with("--rings", rings, "--from", p.From, "--reason", p.Reason)
	if p.File != "" {
		o.about = append(o.about, p.File)
	}
	if p.Start != "" {
		o = o.with("--start", p.Start+":00Z")
	}
	return o
}

// concerned finds the hosts that have a package or are to have it: those that a
// rollout counts.
func concerned(name string) string {
	any := "muster:" + name
	for _, s := range []string{"need-install", "postponed", "error"} {
		any += " or muster:" + name + ":" + s
	}
	return "state:accepted (" + any + ")"
}

// plan counts the hosts of each ring.
func (p *startPage) plan(v *visit, d *rollout.Document) (err error) {
	if p.Hosts, err = v.many(concerned(d.Package)); err != nil {
		return err
	}
	p.Confirm, p.Command = p.Hosts > confirmAbove, p.order("rings.txt").String()
	for i, r := range d.Rings {
		p.Rows = append(p.Rows, plannedRing{Number: i + 1, Name: r.Name, Who: v.who(r), Opens: d.Opens(i + 1).Unix(), Limits: v.limits(r)})
	}
	if p.About = p.Hosts > maxPlaced; p.About {
		return p.estimate(v, d)
	}
	return p.place(v, d)
}

// place sorts every host into its ring.
func (p *startPage) place(v *visit, d *rollout.Document) error {
	hosts, err := v.all(concerned(d.Package))
	if err != nil {
		return err
	}
	in := map[string]map[string]bool{} // hosts by search
	for _, q := range append(d.Queries(), groupsOf(d)...) {
		if in[q] != nil {
			continue
		}
		found, err := v.all("(" + concerned(d.Package) + ") (" + q + ")")
		if err != nil {
			return err
		}
		in[q] = map[string]bool{}
		for _, h := range found {
			in[q][h.ID] = true
		}
	}
	for _, h := range hosts {
		host := rollout.Host{ID: h.ID, Matches: func(q string) bool { return in[q][h.ID] }}
		for _, r := range d.Rings {
			if r.Group != "" && in[groupSearch(r)][h.ID] {
				host.Groups = append(host.Groups, r.Group)
			}
		}
		row := &p.Rows[d.Place(host)-1]
		if row.Hosts++; len(row.First) < 5 {
			row.First = append(row.First, h.Name)
		}
	}
	return nil
}

// groupsOf are the searches for the groups of the rings.
func groupsOf(d *rollout.Document) (all []string) {
	for _, r := range d.Rings {
		if q := groupSearch(r); q != "" {
			all = append(all, q)
		}
	}
	return all
}

// all lists the hosts of a search, which are not many.
func (v *visit) all(query string) (hosts []api.Host, err error) {
	for q := (api.HostQuery{Query: query, Limit: 1000}); ; {
		page, err := v.api.Hosts(v.ctx(), q)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, page.Hosts...)
		if q.Cursor = page.Next; q.Cursor == "" || len(hosts) > 2*maxPlaced {
			return hosts, nil
		}
	}
}

// estimate says about how many hosts each ring has: those of its group or search, and
// its part of all others, without those of the rings before it.
func (p *startPage) estimate(v *visit, d *rollout.Document) error {
	before := 0
	for i, r := range d.Rings {
		named := 0
		for _, q := range []string{r.Query, groupSearch(r)} {
			if q == "" {
				continue
			}
			n, err := v.many("(" + concerned(d.Package) + ") (" + q + ")")
			if err != nil {
				return err
			}
			named = max(named, n)
		}
		upTo := max(named+int(int64(p.Hosts-named)*int64(r.Percent)/int64(rollout.Whole)), before)
		if i == len(d.Rings)-1 {
			upTo = p.Hosts
		}
		p.Rows[i].Hosts, before = upTo-before, upTo
	}
	return nil
}

func groupSearch(r rollout.Ring) string {
	if r.Group == "" {
		return ""
	}
	return "group:" + r.Group
}

// sum is of all that the page shows: the command, the rings, and who is in them.
func (p *startPage) sum() string {
	said := []any{p.order("rings.txt").String(), p.Rings, p.Hosts}
	for _, r := range p.Rows {
		said = append(said, r.Hosts, r.First)
	}
	return sumOf(said...)
}

// signRollout signs and publishes what startRollout has shown.
func signRollout(v *visit) (string, error) {
	data, err := startRollout(v)
	if err != nil {
		return "", err
	}
	p := data.(*startPage)
	if !p.Planned {
		return "", cmp.Or(v.wrong, muster.Errorf(muster.Invalid, "it is not said what to roll out"))
	}
	if err := v.typed(p.Hosts); err != nil {
		return "", err
	}
	if err := v.seen(p.Sum); err != nil {
		return "", err
	}
	err = v.besides(p.Rings, func(file string) error {
		_, err := v.sign(p.order(file))
		return err
	})
	if err != nil {
		return "", err
	}
	v.flash(v.t("The rollout begins"))
	return v.link("/rollouts/" + rollout.NewID(p.Package, p.Version)), nil
}
