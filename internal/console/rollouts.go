package console

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/rollout"
)

// A rolloutsPage lists rollouts: those under way first.
type rolloutsPage struct {
	Rows  []rolloutLine
	State string
	Tabs  []entry
}

// A rolloutLine is a rollout with a bar for each of its rings.
type rolloutLine struct {
	rolloutRow
	Rings []template.HTML
}

// rolloutStates are the filters of the list, and which states they let through.
var rolloutStates = []struct {
	name, title string
	states      []string
}{
	{"", "Under way", []string{"running", "paused", "halted"}},
	{"over", "Over", []string{"completed", "aborted"}},
	{"all", "All of them", nil},
}

func rolloutList(v *visit) (any, error) {
	page, err := v.api.Rollouts(v.ctx())
	if err != nil {
		return nil, err
	}
	out := &rolloutsPage{State: v.query("state")}
	var states []string
	for _, f := range rolloutStates {
		here := f.name == out.State
		out.Tabs = append(out.Tabs, entry{Title: v.t(f.title), Href: v.link("/rollouts", "state", f.name), Here: here})
		if here {
			states = f.states
		}
	}
	for _, r := range page.Rollouts {
		if len(states) == 0 || slices.Contains(states, r.State) && !(r.Gone && out.State == "") {
			out.Rows = append(out.Rows, v.rolloutLine(r))
		}
	}
	return out, nil
}

func (v *visit) rolloutLine(r api.Rollout) rolloutLine {
	line := rolloutLine{rolloutRow: v.rolloutRow(r)}
	for i, ring := range r.Rings {
		line.Rings = append(line.Rings, v.ringBar(i+1, ring))
	}
	return line
}

// ringBar shows how many hosts of a ring have the version, and how many failed.
func (v *visit) ringBar(n int, c api.RolloutCounts) template.HTML {
	return v.share(v.t("Ring %d", n), c)
}

// A rolloutPage is all about a rollout.
type rolloutPage struct {
	rolloutLine
	Reason, From string // of the signed document
	Text         string // the document
	Rows         []ringRow
	Next         string // when the next ring opens at the earliest
	Steps        []api.RolloutStep
	Failures     []failedHost
	Chosen       string // host of which the log is shown
	Log          []api.Event
	Over         bool
	Readable     bool // the document: nothing is signed that nobody could read
	Confirm      bool
	Return       string // commands that sign
	Finish       string
}

// A ringRow is a ring, as it was signed and as it stands.
type ringRow struct {
	Number    int
	Name, Who string
	State     badge
	Opens     int64
	Counts    api.RolloutCounts
	Bar       template.HTML
	Limits    []string
}

// A failedHost is a host on which the version does not work.
type failedHost struct {
	api.RolloutFailure
	Name string
	Here bool
}

func rolloutShow(v *visit) (any, error) {
	d, err := v.api.Rollout(v.ctx(), v.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v.title = d.Package + " " + d.Of
	out := &rolloutPage{rolloutLine: v.rolloutLine(d.Rollout), Text: d.Document, Steps: d.Steps, Over: d.State == "aborted" || d.State == "completed"}
	out.Confirm = out.Total.Hosts > confirmAbove
	out.Return, out.Finish = goBack(d.ID).String(), ordered("rollout finish", d.ID).String()
	if doc, err := rolloutOf(d); err == nil {
		out.Readable = true
		out.document(v, doc, d.Rollout)
	}
	if err := out.failures(v, d.Failures); err != nil {
		return nil, err
	}
	return out, out.log(v, d.Package)
}

// rolloutOf reads what was signed, of the package and version that the server tells.
func rolloutOf(d api.RolloutDetail) (*rollout.Document, error) {
	doc, err := rollout.Parse(d.ID, d.Document)
	if err == nil && (doc.Package != d.Package || doc.Version != d.Of) {
		err = muster.Errorf(muster.Denied, "the server showed the document of another rollout")
	}
	return doc, err
}

// document shows the rings as they were signed.
func (p *rolloutPage) document(v *visit, doc *rollout.Document, r api.Rollout) {
	p.Reason, p.From = doc.Reason, doc.From
	for i, ring := range doc.Rings {
		row := ringRow{Number: i + 1, Name: ring.Name, Who: v.who(ring), Opens: doc.Opens(i + 1).Unix(), Limits: v.limits(ring)}
		row.State = badge{"off", "closed"}
		if i < r.Ring {
			row.State = badge{"ok", "open"}
		} else if i == r.Ring && r.State == "running" {
			row.State = badge{"waits", "next"}
			p.Next = v.words().when(doc.Opens(i + 1))
		}
		if i < len(r.Rings) {
			row.Counts, row.Bar = r.Rings[i], v.ringBar(i+1, r.Rings[i])
		}
		p.Rows = append(p.Rows, row)
	}
}

// who says which hosts are in a ring.
func (v *visit) who(r rollout.Ring) string {
	var parts []string
	if r.Group != "" {
		parts = append(parts, v.t("group %s", r.Group))
	}
	if r.Query != "" {
		parts = append(parts, r.Query)
	}
	if r.Percent > 0 {
		parts = append(parts, r.Percent.String()+" %")
	}
	return strings.Join(parts, ", ")
}

// limits says what a ring is held to.
func (v *visit) limits(r rollout.Ring) (all []string) {
	if r.Soak > 0 {
		all = append(all, v.t("watched for %s", v.words().span(r.Soak)))
	}
	if r.MaxErrors >= 0 {
		all = append(all, v.words().count(r.MaxErrors, "%s host may fail", "%s hosts may fail"))
	}
	if r.MaxErrorRate > 0 && r.MaxErrorRate < rollout.Whole {
		all = append(all, v.t("%s %% may fail", r.MaxErrorRate))
	}
	if r.Success > 0 {
		all = append(all, v.t("%s %% have to succeed", r.Success))
	}
	return all
}

// failures names the hosts.
func (p *rolloutPage) failures(v *visit, all []api.RolloutFailure) error {
	ids := make([]string, 0, len(all))
	for _, f := range all {
		ids = append(ids, f.Host)
	}
	found, err := v.named(ids)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, h := range found {
		names[h.ID] = h.Name
	}
	p.Chosen = v.query("host")
	for _, f := range all {
		name := names[f.Host]
		if name == "" {
			name = short(f.Host)
		}
		p.Failures = append(p.Failures, failedHost{f, name, f.Host == p.Chosen})
	}
	return nil
}

// log has what the chosen host told of changes of the package that failed.
func (p *rolloutPage) log(v *visit, name string) error {
	if p.Chosen == "" {
		return nil
	}
	page, err := v.api.Events(v.ctx(), api.EventQuery{Host: p.Chosen, Failed: true, Limit: 20})
	if err != nil {
		return unlessDenied(err)
	}
	for _, e := range page.Events {
		if e.Result != nil && slices.ContainsFunc(e.Result.Steps, func(c api.Change) bool { return c.Name == name }) {
			p.Log = append(p.Log, e)
		}
	}
	p.Log = p.Log[:min(len(p.Log), 3)]
	return nil
}

// changeRollout pauses, resumes or ends a rollout.
func changeRollout(v *visit) (string, error) {
	id, do, why := v.PathValue("id"), v.PostForm.Get("do"), strings.TrimSpace(v.PostForm.Get("why"))
	d, err := v.api.Rollout(v.ctx(), id)
	if err != nil {
		return "", err
	}
	if do != api.RolloutPause && do != api.RolloutResume {
		if err := v.typed(d.Total().Hosts); err != nil {
			return "", err
		}
	}
	if do == "return" || do == "finish" {
		if _, err := rolloutOf(d); err != nil {
			return "", err
		}
	}
	switch do {
	case api.RolloutPause, api.RolloutResume, api.RolloutAbort:
		_, err = v.api.ChangeRollout(v.ctx(), id, api.RolloutChange{Do: do, Why: why})
	case "return":
		_, err = v.sign(goBack(id).with("--reason", why), "--yes")
	case "finish":
		_, err = v.sign(ordered("rollout finish", id), "--yes")
	default:
		err = muster.Errorf(muster.Invalid, "it is not said what to do with the rollout")
	}
	if err != nil {
		return "", err
	}
	v.flash(map[string]string{api.RolloutPause: v.t("Paused"), api.RolloutResume: v.t("It goes on"), api.RolloutAbort: v.t("Ended for good"),
		"return": v.t("Ended for good; hosts go back"), "finish": v.t("The version is for everybody")}[do])
	return v.link("/rollouts/" + id), nil
}

// goBack ends a rollout, and has hosts go back to the version before.
func goBack(id string) order {
	o := ordered("rollout abort", id)
	o.flags = []string{"--return"}
	return o
}

// span says how long something lasts.
func (w words) span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return w.say("%d days", int(d/(24*time.Hour)))
	case d >= time.Hour:
		return w.say("%d h", int(d/time.Hour))
	}
	return w.say("%d min", int(d/time.Minute))
}
