package tui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"muster/internal/agent"
	"muster/internal/install"
)

func (m *self) View() tea.View { return full(m.text()) }

// text is the screen as it is.
func (m *self) text() string {
	keys := map[int]string{software: "enter details  i install  r remove  / search  tab page  ? help  q quit",
		updates: "u install now  p put off  tab page  ? help  q quit", history: "tab page  ? help  q quit"}[m.page]
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
		if m.matches(append([]string{o.Name, o.Title, o.Descriptions[""]}, o.Categories...)...) {
			all = append(all, m.offer(o))
		}
	}
	switch {
	case len(m.cat.Offers) == 0:
		return []line{{text: "There is nothing that you may install here.", class: quiet}}
	case len(all) == 0:
		return []line{{text: "Nothing matches.", class: quiet}}
	}
	return all
}

// status says in a word how a package is.
func status(o *agent.Offer) (string, class) {
	switch {
	case o.Problem != "":
		return "did not work", bad
	case newer(o):
		return "update to " + o.Version, need
	case o.Installed != "":
		return "installed", good
	}
	return o.Version, plain
}

func (m *self) offer(o *agent.Offer) line {
	word, c := status(o)
	summary, _, _ := strings.Cut(o.Descriptions[""], "\n")
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
		word, c := status(o)
		all := []line{{text: title(o), class: strong}, {text: word, class: c}, {}}
		all = append(all, wrap(o.Descriptions[""], m.width-4)...)
		all = append(all, line{})
		for _, f := range [][2]string{{"Package", o.Name}, {"Version", o.Version}, {"Installed", o.Installed}, {"Download", install.BytesText(o.Download)}, {"On the disk", install.BytesText(o.Size)},
			{"Categories", strings.Join(o.Categories, ", ")}, {"Closes", strings.Join(o.Closes, ", ")}, {"Licence", o.Licence}, {"Website", o.Homepage}, {"Problem", o.Problem}} {
			if f[1] != "" {
				all = append(all, line{text: fit(f[0], 14) + f[1]})
			}
		}
		return all
	}
	return []line{{text: "It is not there any more.", class: quiet}}
}

func (m *self) updateLines() []line {
	var all []line
	if m.state.Reboot {
		all = append(all, line{text: "The machine has to be restarted to finish what was installed.", class: bad}, line{})
	}
	if !m.waits() {
		all = append(all, line{text: "Everything is up to date.", class: good})
	} else {
		for i, step := range m.state.Upgrade.Steps {
			all = append(all, line{step, plain, fmt.Sprint(i + 1)})
		}
		all = append(all, m.holds()...)
	}
	if !m.state.Last.IsZero() {
		all = append(all, line{}, line{text: "Last look for updates: " + m.when(m.state.Last) + ".", class: quiet})
	}
	return all
}

// holds say what the updates wait for, and until when.
func (m *self) holds() []line {
	s := &m.state
	all := []line{{}}
	if n := s.Upgrade.Download; n > 0 {
		all = append(all, line{text: install.BytesText(n) + " to download.", class: quiet})
	}
	if list := s.Upgrade.Processes; len(list) > 0 {
		all = append(all, line{text: "These programs have to be closed: " + strings.Join(list, ", ") + "."})
	}
	switch {
	case !s.PutOff.IsZero():
		all = append(all, line{text: "Put off until " + m.when(s.PutOff) + "."})
	case s.Postponed != "":
		all = append(all, line{text: "Waiting for " + s.Postponed + "."})
	}
	if !s.Deadline.IsZero() {
		all = append(all, line{text: "Installed at the latest " + m.when(s.Deadline) + ".", class: strong})
	}
	return all
}

func (m *self) pastLines() []line {
	var all []line
	for i := range m.past {
		p := &m.past[i]
		var words []string
		for _, s := range p.Steps {
			words = append(words, changeText(s.Name, s.From, s.To))
		}
		if p.More > 0 {
			words = append(words, fmt.Sprintf("and %d more", p.More))
		}
		c := plain
		if p.State == "failed" {
			c, words = bad, []string{"did not work: " + stepNames(p)}
		}
		all = append(all, line{fit(m.when(p.Time), 18) + fit(m.by(p.By), 18) + strings.Join(words, ", "), c, fmt.Sprint(p.ID)})
	}
	if len(all) == 0 {
		return []line{{text: "Nothing was changed yet.", class: quiet}}
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
		return "you"
	case "schedule":
		return "by itself"
	}
	return cmp.Or(user, "an administrator")
}

// when is a moment for people.
func (m *self) when(t time.Time) string { return when(m.now(), t) }

func when(now, t time.Time) string {
	t = t.In(now.Location())
	switch days := daysBetween(now, t); days {
	case 0:
		return "today " + t.Format("15:04")
	case 1:
		return "tomorrow " + t.Format("15:04")
	case -1:
		return "yesterday " + t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

func daysBetween(a, b time.Time) int {
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(day(b).Sub(day(a)).Hours() / 24)
}
