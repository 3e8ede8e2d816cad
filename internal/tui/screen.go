package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"muster"
	"muster/api"
)

// A class is how a line looks. It says nothing that its words do not say too.
type class int

const (
	plain class = iota
	quiet
	good
	need
	bad
	strong
)

// styles use the 16 colours that every terminal has and its owner has chosen.
var styles = map[class]lipgloss.Style{
	quiet:  lipgloss.NewStyle().Faint(true),
	good:   lipgloss.NewStyle().Foreground(lipgloss.Green),
	need:   lipgloss.NewStyle().Foreground(lipgloss.Blue),
	bad:    lipgloss.NewStyle().Foreground(lipgloss.Red),
	strong: lipgloss.NewStyle().Bold(true),
}

var (
	chosen = lipgloss.NewStyle().Reverse(true)
	bar    = lipgloss.NewStyle().Reverse(true).Bold(true)
)

// A line is one of the body. One with an id can be chosen.
type line struct {
	text  string
	class class
	id    string
}

// A screen is what both programs have in common: pages, a list with a line that is
// chosen, a filter, a question, and a message.
type screen struct {
	lang          string // "fr", or English
	width, height int
	pages         []string
	page          int
	at            int    // line that is chosen
	open          string // id whose details are shown, "" for none
	filter        string
	typing        bool
	help          bool
	message       string
	class         class // of the message
	busy          string
	share         float64 // of what is under way; negative: not known
	ask           *question
}

// A question is answered by one of its letters; any other is no.
type question struct {
	text    string
	answers map[string]func() tea.Cmd
}

func newScreen(pages ...string) screen { return screen{width: 80, height: 24, pages: pages, share: -1} }

// say shows a message until a key is pressed.
func (s *screen) say(c class, text string) { s.message, s.class = api.Legible(text), c }

// fail shows an error, and what to do about it. Programs write errors in English: where
// another language is read, what it means comes first.
func (s *screen) fail(err error) {
	text := err.Error()
	if hint := muster.HintOf(err); hint != "" {
		text += " (" + hint + ")"
	}
	if s.lang != "" {
		text = s.t(meaning(err)) + " [" + text + "]"
	}
	s.say(bad, text)
}

// rows is the lines that are left for the body.
func (s *screen) rows() int { return max(1, s.height-4) }

// key does what every page does with a key. It reports whether that was all, and
// whether the program is to end.
func (s *screen) key(k string, ids []string) (done, quit bool) {
	if k == "ctrl+c" {
		return true, true
	}
	s.message = ""
	switch {
	case s.typing:
		s.edit(k)
		return true, false
	case s.help:
		s.help = false
		return true, false
	}
	switch k {
	case "q":
		return true, true
	case "?":
		s.help = true
	case "/":
		s.typing, s.open, s.at = true, "", 0
	case "esc", "backspace", "left", "h":
		if s.open == "" {
			s.filter, s.at = "", 0
		}
		s.open = ""
	case "tab", "shift+tab", "1", "2", "3", "4":
		s.turn(k)
	case "enter", "right", "l":
		if s.at < len(ids) && s.open == "" {
			s.open = ids[s.at]
		}
	default:
		return s.move(k, len(ids)), false
	}
	return true, false
}

// turn goes to another page.
func (s *screen) turn(k string) {
	n := len(s.pages)
	switch to := s.page; k {
	case "tab":
		s.page = (to + 1) % n
	case "shift+tab":
		s.page = (to + n - 1) % n
	default:
		s.page = min(int(k[0]-'1'), n-1)
	}
	s.at, s.open, s.filter = 0, "", ""
}

func (s *screen) move(k string, n int) bool {
	steps := map[string]int{"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -s.rows(), "pgdown": s.rows(), "home": -n, "g": -n, "end": n, "G": n}
	step, ok := steps[k]
	s.at = min(max(s.at+step, 0), max(n-1, 0))
	return ok
}

// maxFilter bounds the filter, in characters.
const maxFilter = 60

// edit edits the filter.
func (s *screen) edit(k string) {
	switch letters := []rune(s.filter); {
	case k == "enter":
		s.typing = false
	case k == "esc":
		s.typing, s.filter = false, ""
	case k == "backspace" && len(letters) > 0:
		s.filter = string(letters[:len(letters)-1])
	case k == "space":
		s.filter += " "
	case len([]rune(k)) == 1 && len(letters) < maxFilter:
		s.filter += api.Legible(k)
	}
	s.at = 0
}

// matches reports whether a line has every word of the filter.
func (s *screen) matches(texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(s.filter)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

// draw draws the whole screen: a bar with the pages, the body, what is under way or the
// message, and the keys.
func (s *screen) draw(who string, body []line, keys string, help []line) string {
	if s.help {
		body = s.translated(help)
	}
	out := []string{s.top(who)}
	out = append(out, s.body(body)...)
	out = append(out, s.status(), styles[quiet].Render(fit(keys, s.width)))
	return strings.Join(out, "\n")
}

func (s *screen) top(who string) string {
	text := " muster "
	for i, p := range s.pages {
		p = s.t(p)
		if i == s.page {
			p = "[" + p + "]"
		} else {
			p = " " + p + " "
		}
		text += fmt.Sprintf(" %d%s", i+1, p)
	}
	who = " " + api.Legible(who) + " "
	if w := s.width - lipgloss.Width(text) - lipgloss.Width(who); w >= 0 {
		text += strings.Repeat(" ", w) + who
	}
	return bar.Render(fit(text, s.width))
}

// body draws the part of the lines in which the chosen one is.
func (s *screen) body(all []line) []string {
	out := []string{""}
	if s.typing || s.filter != "" {
		out[0] = fit("/"+s.filter+map[bool]string{true: "_"}[s.typing], s.width)
	}
	from, at := 0, s.lineAt(all)
	if at >= s.rows() {
		from = at - s.rows() + 1
	}
	for i := range s.rows() {
		if from+i >= len(all) {
			out = append(out, "")
			continue
		}
		out = append(out, s.line(all[from+i], from+i == at))
	}
	return out
}

// lineAt is the line of the body that is chosen, -1 for none.
func (s *screen) lineAt(all []line) int {
	n := 0
	for i, l := range all {
		if l.id == "" {
			continue
		}
		if n == s.at {
			return i
		}
		n++
	}
	return -1
}

func (s *screen) line(l line, at bool) string {
	text := api.Legible(l.text)
	if at {
		return chosen.Render(fit("> "+text, s.width))
	}
	return styles[l.class].Render(fit("  "+text, s.width))
}

func (s *screen) status() string {
	switch {
	case s.ask != nil:
		return styles[strong].Render(fit(s.ask.text, s.width))
	case s.message != "":
		return styles[s.class].Render(fit(s.message, s.width))
	case s.busy != "":
		return fit(meter(s.share, 20)+" "+api.Legible(s.busy), s.width)
	}
	return ""
}

// meter is a bar of so many columns, of a share that is negative where it is not known.
func meter(share float64, columns int) string {
	if share < 0 {
		return "[" + strings.Repeat(".", columns) + "]     "
	}
	n := int(min(share, 1) * float64(columns))
	return fmt.Sprintf("[%s%s] %3d%%", strings.Repeat("#", n), strings.Repeat(".", columns-n), int(100*min(share, 1)))
}

// fit makes a text as wide as so many columns.
func fit(text string, columns int) string {
	if columns <= 0 {
		return ""
	}
	if w := lipgloss.Width(text); w <= columns {
		return text + strings.Repeat(" ", columns-w)
	}
	var b strings.Builder
	used := 0
	for _, r := range text {
		w := lipgloss.Width(string(r))
		if used+w > columns-1 {
			break
		}
		b.WriteRune(r)
		used += w
	}
	return b.String() + "…" + strings.Repeat(" ", max(0, columns-1-used))
}

// ids lists the lines that can be chosen.
func ids(all []line) (list []string) {
	for _, l := range all {
		if l.id != "" {
			list = append(list, l.id)
		}
	}
	return list
}

// wrap breaks a text into lines of so many columns, at spaces.
func wrap(text string, columns int) (lines []line) {
	for part := range strings.SplitSeq(api.LegibleLines(text), "\n") {
		row := ""
		for word := range strings.FieldsSeq(part) {
			if row != "" && lipgloss.Width(row)+1+lipgloss.Width(word) > columns {
				lines, row = append(lines, line{text: row}), ""
			}
			row = strings.TrimPrefix(row+" "+word, " ")
		}
		lines = append(lines, line{text: row})
	}
	return lines
}

// full is the view of a program that has the whole screen.
func full(content string) tea.View {
	v := tea.NewView(content)
	v.AltScreen = true
	v.WindowTitle = "muster"
	return v
}
