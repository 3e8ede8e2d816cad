package console

import (
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/console/chart"
	"muster/sign"
)

// An actionsPage lists actions, the newest first.
type actionsPage struct {
	Rows  []actionRow
	State api.ActionState
	Host  string // id: only those for it
	Tabs  []entry
	First string
	Next  string
}

// An actionRow is an action with how far it is.
type actionRow struct {
	api.Action
	Badge  badge
	Share  template.HTML
	Counts string
}

var actionBadges = map[api.ActionState]badge{
	api.ActionHeld: {"waits", "waits for signatures"}, api.ActionOpen: {"running", "under way"},
	api.ActionOver: {"ok", "over"}, api.ActionCancelled: {"off", "cancelled"},
}

// targetBadges are those of a host of an action.
var targetBadges = map[string]badge{
	api.TargetQueued: {"off", "not reached yet"}, api.TargetDelivered: {"waits", "has it"}, api.TargetExpired: {"warning", "too late"},
	api.TargetNeedless: {"off", "nothing to cancel"}, string(action.Refused): {"error", "refused"}, string(action.Started): {"running", "at it"},
	string(action.Done): {"ok", "done"}, string(action.Failed): {"error", "failed"}, string(action.Interrupted): {"error", "interrupted"},
	string(action.Cancelled): {"off", "cancelled"},
}

// targetOrder is the order of states: what needs somebody first.
var targetOrder = []string{string(action.Failed), string(action.Refused), string(action.Interrupted), string(action.Started), api.TargetDelivered,
	api.TargetQueued, api.TargetExpired, string(action.Cancelled), api.TargetNeedless, string(action.Done)}

func actionList(v *visit) (any, error) {
	q := api.ActionQuery{State: api.ActionState(v.query("state")), Host: v.query("host"), Cursor: v.query("cursor"), Limit: 50}
	page, err := v.api.Actions(v.ctx(), q)
	if err != nil {
		return nil, err
	}
	out := &actionsPage{State: q.State, Host: q.Host}
	for _, f := range []struct{ title, state string }{{"All actions", ""}, {"Under way", "open"}, {"Wait for signatures", "held"}, {"Past", "over"}, {"Cancelled", "cancelled"}} {
		out.Tabs = append(out.Tabs, entry{Title: v.t(f.title), Href: v.link("/actions", "state", f.state, "host", q.Host), Here: f.state == string(q.State)})
	}
	for _, x := range page.Actions {
		out.Rows = append(out.Rows, v.actionRow(x))
	}
	if q.Cursor != "" {
		out.First = v.link("/actions", "state", string(q.State), "host", q.Host)
	}
	if page.Next != "" {
		out.Next = v.link("/actions", "state", string(q.State), "host", q.Host, "cursor", page.Next)
	}
	return out, nil
}

func (v *visit) actionRow(x api.Action) actionRow {
	row := actionRow{Action: x, Badge: actionBadges[x.State]}
	var parts []chart.Part
	var words []string
	for _, s := range targetOrder {
		if n := x.Counts[s]; n > 0 {
			b := targetBadges[s]
			words = append(words, v.words().number(n)+" "+v.t(b.Word))
			if b.Class != "off" {
				parts = append(parts, chart.Part{Name: v.t(b.Word), Value: float64(n), Class: b.Class})
			}
		}
	}
	// What is done stands first in the bar, as in that of a rollout.
	slices.Reverse(parts)
	row.Share, row.Counts = chart.Share(v.t("Hosts"), float64(x.Hosts), parts...), strings.Join(words, ", ")
	return row
}

// An actionPage is all about one action.
type actionPage struct {
	actionRow
	What     string // these are of the signed message
	Packages []string
	Set      []fact
	Script   string
	Signers  []action.Signer
	Doubtful bool   // not all of them are verified
	Of       string // the sum of what is signed
	From, To int64
	Queued   bool

	Tabs    []entry // hosts by state
	Rows    []targetRow
	First   string
	Next    string
	Chosen  *resultPage
	Over    bool
	Lasts   bool // something is still to come
	Cancel  string
	Approve string
	CSV     string
}

// A targetRow is a host of an action.
type targetRow struct {
	api.Target
	Badge badge
	Href  string
	Here  bool
}

func actionShow(v *visit) (any, error) {
	x, err := v.api.Action(v.ctx(), v.PathValue("id"))
	if err != nil {
		return nil, err
	}
	act, err := v.actionOf(x)
	if err != nil {
		return nil, err
	}
	x.Hosts = act.Targets.Len()
	out := &actionPage{actionRow: v.actionRow(x.Action), Cancel: ordered("action cancel", x.ID).String(), Approve: ordered("action approve", x.ID).String(),
		Over: x.State == api.ActionOver || x.State == api.ActionCancelled, CSV: v.link("/actions/" + x.ID + "/hosts.csv")}
	for _, s := range []string{api.TargetQueued, api.TargetDelivered, string(action.Started)} {
		out.Lasts = out.Lasts || x.Counts[s] > 0
	}
	if err := out.message(v, act, x.Message); err != nil {
		return nil, err
	}
	v.title = out.What
	return out, out.targets(v)
}

// actionOf reads what was signed: a server could tell something else, of another
// action, or one of another server.
func (v *visit) actionOf(x api.ActionDetail) (*action.Action, error) {
	act, _, err := action.Inspect(x.Message)
	if err == nil && (act.ID != x.ID || act.Server != v.Client.Server.ID) {
		err = muster.Errorf(muster.Denied, "the server showed the message of another action")
	}
	return act, err
}

// message fills in what was signed, and by whom.
func (p *actionPage) message(v *visit, act *action.Action, der []byte) error {
	p.What, p.Packages, p.Script, p.Reason = act.String(), act.Packages, act.Script, act.Reason
	p.From, p.To, p.Queued, p.Of = act.NotBefore, act.NotAfter, act.Queued, action.Sum(der)
	for _, name := range slices.Sorted(maps.Keys(act.Arguments)) {
		p.Set = append(p.Set, fact{name, act.Arguments[name]})
	}
	trust := v.Trust
	if trust == nil {
		trust = new(sign.Trust)
	}
	var err error
	p.Signers, err = action.Signers(der, trust, v.Now())
	for i := range p.Signers {
		// The server's own pages are its word, also on who signed.
		p.Signers[i].Verified = p.Signers[i].Verified || v.Trust == nil
		p.Doubtful = p.Doubtful || !p.Signers[i].Verified
	}
	return err
}

func (p *actionPage) targets(v *visit) error {
	q := api.TargetQuery{State: v.query("state"), Cursor: v.query("cursor"), Limit: 100}
	page, err := v.api.ActionTargets(v.ctx(), p.ID, q)
	if err != nil {
		return err
	}
	at := "/actions/" + p.ID
	p.Tabs = []entry{{Title: v.t("All hosts") + " " + v.words().number(p.Hosts), Href: v.link(at), Here: q.State == ""}}
	for _, s := range targetOrder {
		if n := p.Action.Counts[s]; n > 0 || s == q.State {
			p.Tabs = append(p.Tabs, entry{Title: v.t(targetBadges[s].Word) + " " + v.words().number(n), Href: v.link(at, "state", s), Here: q.State == s})
		}
	}
	host := v.query("host")
	for _, t := range page.Targets {
		p.Rows = append(p.Rows, targetRow{t, targetBadges[t.State], v.link(at, "state", q.State, "cursor", q.Cursor, "host", t.Host) + "#result", t.Host == host})
	}
	if q.Cursor != "" {
		p.First = v.link(at, "state", q.State)
	}
	if page.Next != "" {
		p.Next = v.link(at, "state", q.State, "cursor", page.Next)
	}
	if host != "" {
		p.Chosen, err = v.result(p.ID, host)
	}
	return err
}

// A resultPage is what one host said of an action, which it signed.
type resultPage struct {
	api.Target
	Badge   badge
	Signed  string // by whom
	Own     bool   // with the certificate that the server has of the host
	Begun   int64
	Ended   int64
	Changes []action.Change
	Text    string
}

func (v *visit) result(id, host string) (*resultPage, error) {
	page, err := v.api.ActionTargets(v.ctx(), id, api.TargetQuery{Host: host})
	if err != nil || len(page.Targets) == 0 {
		return nil, err
	}
	if page.Targets[0].Host != host {
		return nil, muster.Errorf(muster.Denied, "the server answered for another host than %q", host)
	}
	out := &resultPage{Target: page.Targets[0], Badge: targetBadges[page.Targets[0].State]}
	if len(out.Result) == 0 {
		return out, nil
	}
	signed, content, err := sign.Inspect(out.Result)
	if err != nil {
		return nil, err
	}
	r, err := action.ParseResult(content)
	if err != nil {
		return nil, err
	}
	out.Begun, out.Ended, out.Changes, out.Text = r.Begun, r.Ended, r.Changes, r.Text
	if len(signed) == 0 {
		return out, nil
	}
	out.Signed = sign.Describe(signed[0].Signer)
	d, err := v.api.Host(v.ctx(), host)
	if err == nil {
		out.Own = r.Host == host && d.Key == sign.KeyFingerprint(signed[0].Signer)
	}
	return out, unlessDenied(err)
}

// changeAction cancels or approves an action, with the key of whoever looks.
func changeAction(v *visit) (string, error) {
	id, why := v.PathValue("id"), strings.TrimSpace(v.PostForm.Get("why"))
	x, err := v.api.Action(v.ctx(), id)
	if err != nil {
		return "", err
	}
	act, err := v.actionOf(x)
	if err != nil {
		return "", err
	}
	do, done := ordered("action "+v.PostForm.Get("do"), id), v.t("Signed")
	switch v.PostForm.Get("do") {
	case "approve":
		// Whoever signs has seen one message, and signs no other.
		of := v.PostForm.Get("of")
		if of != action.Sum(x.Message) {
			return "", muster.Errorf(muster.Conflict, "the action is not the one that was shown: look again")
		}
		if err := v.typed(act.Targets.Len()); err != nil {
			return "", err
		}
		do = do.with("--of", of)
	case "cancel":
		do, done = do.with("--reason", why), v.t("No more hosts begin it")
	default:
		return "", muster.Errorf(muster.Invalid, "it is not said what to do with the action")
	}
	if _, err := v.sign(do, "--yes"); err != nil {
		return "", err
	}
	v.flash(done)
	return v.link("/actions/" + id), nil
}

// actionLog tells a page, as server-sent events, what hosts say while they carry out an
// action: nothing of that is kept.
func actionLog(v *visit, w http.ResponseWriter) error {
	x, err := v.api.Action(v.ctx(), v.PathValue("id"))
	if err != nil {
		return err
	}
	to := tellTo(w)
	const nothingKept = 1 << 62                                                   // events with a number are on the page already
	v.api.WatchAction(v.ctx(), x.ID, nothingKept, func(e api.ActionEvent) error { //nolint:errcheck // the browser tries again
		if e.Log == nil {
			return nil
		}
		name := e.Log.Name
		if name == "" {
			name = short(e.Log.Host)
		}
		data, err := json.Marshal(map[string]string{"host": api.Legible(name), "text": api.LegibleLines(e.Log.Text)})
		if err != nil {
			return err
		}
		return to.tell("log", string(data))
	})
	return nil
}
