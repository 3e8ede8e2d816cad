package tui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"muster/internal/agent"
)

func (m *self) View() tea.View { return full(m.text()) }

// text is the screen as it is.
func (m *self) text() string {
	keys := map[int]string{software: m.t("enter details  i install  r remove  / search  tab page  ? help  q quit"),
		updates: m.t("u install now  p put off  tab page  ? help  q quit"), history: m.t("tab page  ? help  q quit")}[m.page]
	return m.draw(m.cat.User, m.lines(), keys, selfHelp)
}

var selfHelp = []line{
	{text: "Keys", class: strong}, {},
	{text: "↑ ↓ j k, PgUp PgDn    choose a line"},
	{text: "enter, esc            details, and back"},
	{text: "tab, 1 2 3            another page"},
	{text: "/                     search; esc ends it"},
	{text: "i                     install the package, or its update"},
	{text: "r                     remove it"},
	{text: "u                     install the updates now"},
	{text: "p                     put the updates off, until their deadline"},
	{text: "R                     look again"},
	{text: "q, Ctrl-C             leave; what is under way goes on"}, {},
	{text: "What you may install is decided by your administrator.", class: quiet},
}

// lines are those of the page.
func (m *self) lines() []line {
	switch {
	case m.page == updates:
		return m.updateLines()
	case m.page == history:
		return m.pastLines()
	case m.open != "":
		return m.details()
	}
	var all []line
	for i := range m.cat.Offers {
		o := &m.cat.Offers[i]
		if m.matches(append([]string{o.Name, o.Title, m.describe(o)}, o.Categories...)...) {
			all = append(all, m.offer(o))
		}
	}
	switch {
	case len(m.cat.Offers) == 0:
		return []line{{text: m.t("There is nothing that you may install here."), class: quiet}}
	case len(all) == 0:
		return []line{{text: m.t("Nothing matches."), class: quiet}}
	}
	return all
}

// standing says in a word how a package is.
func (m *self) standing(o *agent.Offer) (string, class) {
	switch {
	case o.Problem != "":
		return m.t("did not work"), bad
	case newer(o):
		return m.t("update to %s", o.Version), need
	case o.Installed != "":
		return m.t("installed"), good
	}
	return o.Version, plain
}

func (m *self) offer(o *agent.Offer) line {
	word, c := m.standing(o)
	summary, _, _ := strings.Cut(m.describe(o), "\n")
	name := max(16, m.width/4)
	return line{fit(title(o), name) + " " + fit(word, 20) + " " + summary, c, o.Name}
}

// details are all there is of the package that is open.
func (m *self) details() []line {
	for i := range m.cat.Offers {
		o := &m.cat.Offers[i]
		if o.Name != m.open {
			continue
		}
		word, c := m.standing(o)
		all := []line{{text: title(o), class: strong}, {text: word, class: c}, {}}
		all = append(all, wrap(m.describe(o), m.width-4)...)
		all = append(all, line{})
		return append(all, m.facts(14, [][2]string{{m.t("Package"), o.Name}, {m.t("Version"), o.Version}, {m.t("Installed"), o.Installed}, {m.t("Download"), m.size(o.Download)}, {m.t("On the disk"), m.size(o.Size)},
			{m.t("Categories"), strings.Join(o.Categories, ", ")}, {m.t("Closes"), strings.Join(o.Closes, ", ")}, {m.t("Licence"), o.Licence}, {m.t("Website"), o.Homepage}, {m.t("Problem"), o.Problem}})...)
	}
	return []line{{text: m.t("It is not there any more."), class: quiet}}
}

// describe is what a package says of itself, in the language if it can.
func (m *self) describe(o *agent.Offer) string {
	return cmp.Or(o.Descriptions[m.lang], o.Descriptions[""])
}

func (m *self) updateLines() []line {
	var all []line
	if m.state.Reboot {
		all = append(all, line{text: m.t("The machine has to be restarted to finish what was installed."), class: bad}, line{})
	}
	if !m.waits() {
		all = append(all, line{text: m.t("Everything is up to date."), class: good})
	} else {
		for i, step := range m.state.Upgrade.Steps {
			all = append(all, line{m.step(step), plain, fmt.Sprint(i + 1)})
		}
		all = append(all, m.holds()...)
	}
	if !m.state.Last.IsZero() {
		all = append(all, line{}, line{text: m.t("Last look for updates: %s.", m.when(m.state.Last)), class: quiet})
	}
	return all
}

// step puts the words of a plan, "upgrade age 1.2-1 to 1.3-1", into those of the language.
func (m *self) step(s string) string {
	f := strings.Fields(strings.NewReplacer(",", " ", ":", " ").Replace(s))
	switch {
	case m.lang == "":
	case len(f) >= 5 && f[0] == "upgrade" && f[3] == "to":
		return m.t("%[1]s: %[2]s to %[3]s", f[1], f[2], f[4])
	case len(f) >= 3 && f[0] == "install":
		return m.t("%[1]s %[2]s, new", f[1], f[2])
	case len(f) >= 2 && f[0] == "remove":
		return m.t("%s goes", f[1])
	}
	return s
}

// waitsFor puts what an upgrade waits for into the language.
func (m *self) waitsFor(s string) string {
	if name, ok := strings.CutSuffix(s, " to be closed"); ok {
		return m.t("%s to be closed", name)
	}
	return m.t(s)
}

// holds say what the updates wait for, and until when.
func (m *self) holds() []line {
	s := &m.state
	all := []line{{}}
	if n := s.Upgrade.Download; n > 0 {
		all = append(all, line{text: m.t("%s to download.", m.size(n)), class: quiet})
	}
	if list := s.Upgrade.Processes; len(list) > 0 {
		all = append(all, line{text: m.t("These programs have to be closed: %s.", strings.Join(list, ", "))})
	}
	switch {
	case !s.PutOff.IsZero():
		all = append(all, line{text: m.t("Put off until %s.", m.when(s.PutOff))})
	case s.Postponed != "":
		all = append(all, line{text: m.t("Waiting for %s.", m.waitsFor(s.Postponed))})
	}
	if !s.Deadline.IsZero() {
		all = append(all, line{text: m.t("Installed at the latest %s.", m.when(s.Deadline)), class: strong})
	}
	return all
}

func (m *self) pastLines() []line {
	var all []line
	for i := range m.past {
		p := &m.past[i]
		var words []string
		for _, s := range p.Steps {
			words = append(words, m.change(s.Name, s.From, s.To))
		}
		if p.More > 0 {
			words = append(words, m.t("and %d more", p.More))
		}
		c := plain
		if p.State == "failed" {
			c, words = bad, []string{m.t("did not work: %s", stepNames(p))}
		}
		all = append(all, line{fit(m.when(p.Time), 18) + fit(m.by(p.By), 18) + strings.Join(words, ", "), c, fmt.Sprint(p.ID)})
	}
	if len(all) == 0 {
		return []line{{text: m.t("Nothing was changed yet."), class: quiet}}
	}
	return all
}

// stepNames are the packages of a change.
func stepNames(p *agent.Past) string {
	var names []string
	for _, s := range p.Steps {
		names = append(names, strings.TrimSpace(s.Name+" "+s.To))
	}
	return strings.Join(names, ", ")
}

// by says who made a change.
func (m *self) by(user string) string {
	switch user {
	case m.cat.User:
		return m.t("you")
	case "schedule":
		return m.t("by itself")
	}
	return cmp.Or(user, m.t("an administrator"))
}

// when is a moment for people.
func (m *self) when(t time.Time) string {
	now := m.now()
	t = t.In(now.Location())
	clock := t.Format("15:04")
	switch daysBetween(now, t) {
	case 0:
		return m.t("today %s", clock)
	case 1:
		return m.t("tomorrow %s", clock)
	case -1:
		return m.t("yesterday %s", clock)
	}
	return t.Format("2006-01-02 15:04")
}

func daysBetween(a, b time.Time) int {
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(day(b).Sub(day(a)).Hours() / 24)
}
