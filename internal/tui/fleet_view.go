package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"muster"
	"muster/api"
)

func (m *fleet) View() tea.View { return full(m.text()) }

// text is the screen as it is.
func (m *fleet) text() string {
	who := ""
	if !m.read.IsZero() {
		who = m.read.Format("15:04:05")
	}
	return m.draw(who, m.lines(), m.t("enter open  esc back  / search hosts  tab page  R look  ? help  q quit"), fleetHelp)
}

var fleetHelp = []line{
	{text: "Keys", class: strong}, {},
	{text: "↑ ↓ j k, PgUp PgDn    choose a line"},
	{text: "enter, esc            open what is chosen, and back"},
	{text: "tab, 1 2 3 4          another page"},
	{text: "/                     search hosts, in the words of 'muster help queries'"},
	{text: "R                     look now; otherwise every five seconds"},
	{text: "q, Ctrl-C             leave"}, {},
	{text: "This only looks. 'muster send' gives hosts something to do.", class: quiet},
}

func (m *fleet) lines() []line {
	switch {
	case !m.told[m.page] || m.page == hosts && m.open != "" && m.host == nil:
		return []line{{text: m.t("Asking the server…"), class: quiet}}
	case m.page == hosts && m.open != "":
		return m.hostLines()
	case m.page == hosts:
		return m.hostList()
	case m.page == rollouts:
		return m.rolloutLines()
	case m.page == actions:
		return m.actionLines()
	}
	return m.numberLines()
}

func (m *fleet) numberLines() []line {
	var all, wanted []line
	for _, n := range m.numbers {
		l := line{fmt.Sprintf("%8d  %s", n.Count, m.t(n.Title)), n.Class, "?" + n.Query}
		switch {
		case !n.needs:
			if total := m.numbers[0].Count; total > 0 && n.Query != "" {
				l.text = fit(l.text, 36) + meter(float64(n.Count)/float64(total), 20)
			}
			all = append(all, l)
		case n.Count > 0:
			wanted = append(wanted, l)
		}
	}
	all = append(all, line{}, line{text: m.t("What needs somebody"), class: strong})
	if len(wanted) == 0 {
		return append(all, line{text: m.t("Nothing."), class: good})
	}
	return append(all, wanted...)
}

func statusClass(s muster.Status) class {
	switch s {
	case muster.OK:
		return good
	case muster.Error, muster.Revoked:
		return bad
	case "":
		return quiet
	}
	return need
}

func (m *fleet) hostList() []line {
	if len(m.hosts.Hosts) == 0 {
		return []line{{text: m.t("No host matches."), class: quiet}}
	}
	var all []line
	for _, h := range m.hosts.Hosts {
		word := string(h.Status)
		if h.State != api.Accepted {
			word = string(h.State)
		}
		name := max(18, m.width/4)
		all = append(all, line{fit(h.Name, name) + " " + fit(cmp.Or(word, m.t("unknown")), 15) + " " + fit(m.ago(h.Seen), 10) + " " + cmp.Or(h.Problem, h.OSName, h.OS), statusClass(h.Status), h.ID})
	}
	if n := m.hosts.Total; n > len(all) {
		all = append(all, line{text: m.t("and %d more: search for less with /", n-len(all)), class: quiet})
	}
	return all
}

func (m *fleet) hostLines() []line {
	h := m.host
	all := []line{{text: h.Name, class: strong}, {text: cmp.Or(string(h.Status), m.t("unknown")), class: statusClass(h.Status)}}
	for _, alarm := range h.Alarms {
		all = append(all, line{text: alarm, class: bad})
	}
	if h.Problem != "" {
		all = append(all, line{text: h.Problem, class: bad})
	}
	all = append(all, line{})
	all = append(all, m.facts(10, [][2]string{{m.t("Seen"), m.ago(h.Seen)}, {m.t("System"), cmp.Or(h.OSName, h.OS) + " " + h.Arch}, {m.t("Agent"), h.Agent}, {m.t("Address"), h.Address},
		{m.t("Groups"), strings.Join(h.Groups, ", ")}, {m.t("Units"), strings.Join(h.Units, ", ")}, {m.t("Id"), h.ID}})...)
	if len(h.Installed) > 0 {
		all = append(all, line{}, line{text: m.t("Packages"), class: strong})
	}
	for i, p := range h.Installed {
		text := fit(p.Name, max(18, m.width/4)) + " " + fit(p.Version, 16) + " " + fit(string(p.Status), 15) + " " + cmp.Or(p.Error, p.By)
		all = append(all, line{text, statusClass(p.Status), fmt.Sprint(i + 1)})
	}
	return all
}

func (m *fleet) rolloutLines() []line {
	var all []line
	for _, r := range m.rollouts {
		n := r.Total()
		c := map[string]class{"halted": bad, "aborted": quiet, "completed": good, "paused": need}[r.State]
		text := fit(r.Package+" "+r.Of, max(18, m.width/4)) + " " + fit(r.State, 10) + " " + meter(float64(n.Done)/float64(max(n.Hosts, 1)), 16) + "  " + m.t("ring %[1]d/%[2]d", r.Ring, len(r.Rings))
		if n.Failed > 0 {
			text += ", " + m.t("%d failed", n.Failed)
		}
		all = append(all, line{text, c, r.ID})
		if m.open == r.ID {
			all = append(all, aside(r.Why), aside(r.Waits))
		}
	}
	if len(all) == 0 {
		return []line{{text: m.t("No version is rolled out."), class: quiet}}
	}
	return slices.DeleteFunc(all, func(l line) bool { return l.id == "" && l.text == "" })
}

// aside is a line below one that is open.
func aside(text string) line {
	if text == "" {
		return line{}
	}
	return line{text: "    " + text, class: quiet}
}

func (m *fleet) actionLines() []line {
	var all []line
	for _, a := range m.actions {
		over := a.Counts["done"] + a.Counts["failed"] + a.Counts["refused"] + a.Counts["expired"] + a.Counts["cancelled"]
		c := plain
		if a.Counts["failed"] > 0 {
			c = bad
		}
		text := fit(a.Title, max(18, m.width/4)) + " " + fit(string(a.State), 10) + " " + meter(float64(over)/float64(max(a.Hosts, 1)), 16) + "  " + counts(a.Counts)
		all = append(all, line{text, c, a.ID})
		if m.open == a.ID {
			all = append(all, aside(m.t("%[1]s, by %[2]s", m.ago(a.Created), a.By)), aside(a.Reason))
		}
	}
	if len(all) == 0 {
		return []line{{text: m.t("Nobody sent hosts anything."), class: quiet}}
	}
	return slices.DeleteFunc(all, func(l line) bool { return l.id == "" && l.text == "" })
}

func counts(all map[string]int) string {
	var words []string
	for _, state := range slices.Sorted(maps.Keys(all)) {
		if n := all[state]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(words, ", ")
}

// ago is how long ago a moment was.
func (m *fleet) ago(t int64) string {
	if t == 0 {
		return m.t("never")
	}
	switch d := m.now().Sub(time.Unix(t, 0)); {
	case d < time.Minute:
		return m.t("now")
	case d < time.Hour:
		return m.t("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return m.t("%d h ago", int(d.Hours()))
	default:
		return m.t("%d d ago", int(d.Hours()/24))
	}
}
