package selfservice

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/internal/agent"
	"muster/internal/task"
)

// updates tells what waits, for what, until when, and lets the person decide as far as
// they may.
func (v *visit) updates(w http.ResponseWriter) error {
	ctx := v.request.Context()
	c, err := v.site.agent.Catalogue(ctx)
	if err != nil {
		return err
	}
	s, err := v.site.agent.State(ctx)
	if err != nil {
		return err
	}
	body := nodes{el("h1", nil, text(v.t("Updates")))}
	if s.Reboot {
		body = append(body, el("p", at("class", "problem"), text(v.t("The machine has to be restarted to finish what was installed."))))
	}
	if s.Upgrade == nil || len(s.Upgrade.Steps) == 0 {
		body = append(body, el("p", at("class", "calm"), text(v.t("Everything is up to date."))))
	} else {
		body = append(body, v.pending(&s), v.decide(&c, &s))
	}
	if !s.Last.IsZero() {
		body = append(body, el("p", at("class", "quiet"), text(v.t("Last look for updates: %s.", v.when(s.Last)))))
	}
	v.page(w, "updates", v.t("Updates"), body)
	return nil
}

// pending lists what an upgrade would do, and what it waits for.
func (v *visit) pending(s *agent.State) node {
	var steps nodes
	for _, step := range s.Upgrade.Steps {
		steps = append(steps, el("li", nil, text(v.step(step))))
	}
	body := nodes{el("ul", at("class", "steps"), steps...)}
	if n := s.Upgrade.Download; n > 0 {
		body = append(body, el("p", at("class", "quiet"), text(v.t("%s to download.", v.size(n)))))
	}
	if all := s.Upgrade.Processes; len(all) > 0 {
		body = append(body, el("p", nil, text(v.t("These programs have to be closed: %s.", strings.Join(all, ", ")))))
	}
	switch {
	case !s.PutOff.IsZero():
		body = append(body, el("p", nil, text(v.t("Put off until %s.", v.when(s.PutOff)))))
	case s.Postponed != "":
		body = append(body, el("p", nil, text(v.t("Waiting for %s.", v.waits(s.Postponed)))))
	}
	if !s.Deadline.IsZero() {
		body = append(body, el("p", nil, el("strong", nil, text(v.t("Installed at the latest %s.", v.when(s.Deadline))))))
	}
	return el("section", at("class", "panel"), body...)
}

// step puts the words of a plan, "upgrade age 1.2-1 to 1.3-1", into those of people.
func (v *visit) step(s string) string {
	f := strings.Fields(strings.NewReplacer(",", " ", ":", " ").Replace(s))
	if len(f) >= 5 && f[0] == "upgrade" && f[3] == "to" {
		return v.t("%[1]s: %[2]s to %[3]s", f[1], f[2], f[4])
	}
	if len(f) >= 3 && f[0] == "install" {
		return v.t("%[1]s %[2]s, new", f[1], f[2])
	}
	if len(f) >= 2 && f[0] == "remove" {
		return v.t("%s goes", f[1])
	}
	return s
}

// waits puts what an upgrade waits for into the person's language.
func (v *visit) waits(s string) string {
	if name, ok := strings.CutSuffix(s, " to be closed"); ok {
		return v.t("%s to be closed", name)
	}
	return v.t(s)
}

// decide are the forms to have the upgrade made now, or later.
func (v *visit) decide(c *agent.Catalogue, s *agent.State) node {
	var forms nodes
	busy := at()
	if v.site.current() != nil {
		busy = at("disabled", "")
	}
	if c.Upgrade {
		forms = append(forms, v.post("do", el("input", at("type", "hidden", "name", "op", "value", "upgrade")),
			el("button", append(at("class", "main"), busy...), text(v.t("Install the updates now")))))
	}
	now := time.Now()
	if c.Postpone && (s.Deadline.IsZero() || s.Deadline.After(now)) {
		forms = append(forms, v.later(now, s.Deadline))
	}
	if c.Postpone && !s.PutOff.IsZero() {
		forms = append(forms, v.post("postpone", el("input", at("type", "hidden", "name", "seconds", "value", "0")), el("button", nil, text(v.t("Do not put them off")))))
	}
	return el("div", at("class", "buttons"), forms...)
}

// later offers the times that lie before the deadline.
func (v *visit) later(now, deadline time.Time) node {
	var options nodes
	for _, o := range laters(now) {
		if deadline.IsZero() || o.at.Before(deadline) {
			options = append(options, v.option(strconv.Itoa(int(o.at.Sub(now).Seconds())), v.t(o.label), false))
		}
	}
	if len(options) == 0 {
		return nil
	}
	return v.post("postpone", el("label", at("class", "hidden", "for", "later"), text(v.t("Put off"))),
		el("select", at("id", "later", "name", "seconds"), options...), el("button", nil, text(v.t("Put off"))))
}

type later struct {
	label string
	at    time.Time
}

// laters are the times that people think in, those that are still to come.
func laters(now time.Time) []later {
	y, m, d := now.Date()
	on := func(day, hour int) time.Time { return time.Date(y, m, d+day, hour, 0, 0, 0, now.Location()) }
	all := []later{{"for an hour", now.Add(time.Hour)}, {"for four hours", now.Add(4 * time.Hour)}}
	if evening := on(0, 18); evening.Sub(now) > 4*time.Hour {
		all = append(all, later{"until this evening", evening})
	}
	monday := (8 - int(now.Weekday())) % 7 // days until the next one
	all = append(all, later{"until tomorrow morning", on(1, 9)}, later{"for two days", now.Add(48 * time.Hour)})
	if monday > 2 {
		all = append(all, later{"until Monday morning", on(monday, 9)})
	}
	return all
}

// postpone puts the pending upgrade off.
func (v *visit) postpone(w http.ResponseWriter) error {
	if err := v.form(w); err != nil {
		return err
	}
	n, err := strconv.ParseInt(v.request.PostFormValue("seconds"), 10, 32)
	if err != nil || n < 0 {
		return muster.Errorf(muster.Invalid, "cannot understand for how long")
	}
	until, err := v.site.agent.Postpone(v.request.Context(), time.Duration(n)*time.Second)
	switch {
	case err != nil:
		v.tell(message{err: err})
	case until.IsZero():
		v.tell(message{text: v.t("The updates are not put off any more.")})
	default:
		v.tell(message{text: v.t("Put off until %s.", v.when(until))})
	}
	return v.back(w)
}

// history tells what was changed on the machine.
func (v *visit) history(w http.ResponseWriter) error {
	all, err := v.site.agent.Past(v.request.Context())
	if err != nil {
		return err
	}
	c, err := v.site.agent.Catalogue(v.request.Context())
	if err != nil {
		return err
	}
	body := nodes{el("h1", nil, text(v.t("History")))}
	if len(all) == 0 {
		body = append(body, el("p", at("class", "calm"), text(v.t("Nothing was changed yet."))))
	}
	var items nodes
	for i := range all {
		items = append(items, v.past(&all[i], c.User))
	}
	v.page(w, "history", v.t("History"), append(body, el("ol", at("class", "timeline"), items...)))
	return nil
}

func (v *visit) past(p *agent.Past, user string) node {
	by := v.t("by an administrator")
	switch p.By {
	case user:
		by = v.t("by you")
	case "schedule":
		by = v.t("automatically")
	case "":
	default:
		by = v.t("by %s", p.By)
	}
	words := v.when(p.Time) + ", " + by
	if p.Undoes > 0 {
		words += ", " + v.t("taken back")
	}
	var steps nodes
	for _, s := range p.Steps {
		words := v.change(s.Name, s.From, s.To)
		if p.State == task.Failed {
			words = s.Name
		}
		steps = append(steps, el("li", nil, text(words)))
	}
	if p.More > 0 {
		steps = append(steps, el("li", at("class", "quiet"), text(v.t("and %d more", p.More))))
	}
	item := nodes{el("span", at("class", "quiet"), text(words)), el("ul", nil, steps...)}
	class := ""
	if p.State == task.Failed {
		class = "failed"
		item = append(item, el("p", nil, el("span", at("class", "badge error"), text(v.t("Did not work; everything is as it was before.")))))
	}
	if p.Error != "" {
		item = append(item, v.details(p.Error))
	}
	return el("li", at("class", class), item...)
}

func (v *visit) change(name, from, to string) string {
	switch {
	case to == "":
		return v.t("%s removed", name)
	case from == "":
		return v.t("%[1]s %[2]s installed", name, to)
	}
	return v.t("%[1]s: %[2]s to %[3]s", name, from, to)
}
