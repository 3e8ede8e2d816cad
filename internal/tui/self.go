package tui

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"muster/internal/agent"
	"muster/settings"
)

// self is self-service.
type self struct {
	screen
	ctx   context.Context
	agent *agent.Local
	now   func() time.Time
	cat   agent.Catalogue
	state agent.State
	past  []agent.Past
	mine  string              // what this person's wish is called, "" while none is under way
	bytes map[string][2]int64 // of files that are fetched for it
}

// The pages of self-service.
const (
	software = iota
	updates
	history
)

func newSelf(ctx context.Context, l *agent.Local) *self {
	return &self{screen: newScreen("Software", "Updates", "History"), ctx: ctx, agent: l, now: time.Now}
}

// loaded is what the agent said.
type loaded struct {
	cat   agent.Catalogue
	state agent.State
	past  []agent.Past
	err   error
}

// changed is the end of a wish, putOff that of a delay.
type changed struct {
	done agent.Done
	err  error
}

type putOff struct {
	until time.Time
	err   error
}

func (m *self) Init() tea.Cmd { return m.load }

func (m *self) load() tea.Msg {
	var l loaded
	if l.cat, l.err = m.agent.Catalogue(m.ctx); l.err == nil {
		l.state, l.err = m.agent.State(m.ctx)
	}
	if l.err == nil {
		l.past, l.err = m.agent.Past(m.ctx)
	}
	return l
}

func (m *self) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.press(msg.String())
	case loaded:
		if msg.err != nil {
			m.fail(msg.err)
			break
		}
		m.cat, m.state, m.past = msg.cat, msg.state, msg.past
	case agent.Event:
		m.heard(&msg)
	case changed:
		return m, m.ended(msg)
	case putOff:
		return m, m.delayed(msg)
	}
	return m, nil
}

// heard takes what the agent says while it goes on.
func (m *self) heard(e *agent.Event) {
	if e.State != nil {
		m.state = *e.State
	}
	if m.mine == "" {
		return
	}
	if e.Text != "" {
		m.busy = m.mine + ": " + e.Text
	}
	if p := e.Progress; p != nil && len(m.bytes) < 1000 {
		m.bytes[p.File] = [2]int64{p.Done, max(p.Total, p.Done)}
		var done, total int64
		for _, b := range m.bytes {
			done, total = done+b[0], total+b[1]
		}
		m.share = float64(done) / float64(max(total, 1))
	}
}

func (m *self) ended(c changed) tea.Cmd {
	m.mine, m.busy, m.share = "", "", -1
	err := cmp.Or(c.err, c.done.Error.Err())
	switch {
	case err != nil:
		m.fail(err)
	case len(c.done.Steps) == 0:
		m.say(plain, m.t("There was nothing to do."))
	default:
		var words []string
		for _, s := range c.done.Steps {
			words = append(words, m.change(s.Name, s.From, s.To))
		}
		m.say(good, strings.Join(words, ", "))
	}
	return m.load
}

func (m *self) delayed(p putOff) tea.Cmd {
	switch {
	case p.err != nil:
		m.fail(p.err)
	case p.until.IsZero():
		m.say(plain, m.t("The updates are not put off any more."))
	default:
		m.say(good, m.t("Put off until %s.", m.when(p.until)))
	}
	return m.load
}

// press does what a key says.
func (m *self) press(k string) tea.Cmd {
	if q := m.ask; q != nil && k != "ctrl+c" {
		m.ask = nil
		if do := q.answers[k]; do != nil {
			return do()
		}
		return nil
	}
	list := ids(m.lines())
	if done, quit := m.key(k, list); quit {
		return tea.Quit
	} else if done {
		return nil
	}
	switch k {
	case "R":
		return m.load
	case "u":
		m.upgrade()
	case "p":
		m.postpone()
	case "i", "r":
		if o := m.offerAt(list); o != nil {
			return m.want(k, o)
		}
	}
	return nil
}

// offerAt is the package that is open or chosen, nil for none.
func (m *self) offerAt(list []string) *agent.Offer {
	name := m.open
	if m.page != software {
		return nil
	}
	if name == "" && m.at < len(list) {
		name = list[m.at]
	}
	i := slices.IndexFunc(m.cat.Offers, func(o agent.Offer) bool { return o.Name == name })
	if i < 0 {
		return nil
	}
	return &m.cat.Offers[i]
}

// want begins an installation, or asks before a removal.
func (m *self) want(k string, o *agent.Offer) tea.Cmd {
	switch {
	case m.mine != "":
		m.say(bad, m.t("Something is under way already."))
	case k == "i" && newer(o) && slices.Contains(o.May, settings.Upgrade):
		return m.begin(m.t("Updating %s", title(o)), agent.Wish{Upgrade: true, Only: []string{o.Name}})
	case k == "i" && o.Installed != "":
		m.say(plain, m.t("%s is there already.", title(o)))
	case k == "i" && !slices.Contains(o.May, settings.Install), k == "r" && !slices.Contains(o.May, settings.Remove):
		m.say(bad, m.t("You may not do this here. Ask your administrator."))
	case k == "i":
		return m.begin(m.t("Installing %s", title(o)), agent.Wish{Install: []string{o.Name}})
	case o.Installed == "":
		m.say(plain, m.t("%s is not installed.", title(o)))
	default:
		name, called := o.Name, title(o)
		m.ask = m.sure(m.t("Remove %s?", called), func() tea.Cmd { return m.begin(m.t("Removing %s", called), agent.Wish{Remove: []string{name}}) })
	}
	return nil
}

func (m *self) upgrade() {
	switch {
	case m.mine != "":
		m.say(bad, m.t("Something is under way already."))
	case !m.waits():
		m.say(plain, m.t("Everything is up to date."))
	case !m.cat.Upgrade:
		m.say(bad, m.t("You may not do this here. Ask your administrator."))
	default:
		m.ask = m.sure(m.t("Install the updates now?"), func() tea.Cmd { return m.begin(m.t("Installing the updates"), agent.Wish{Upgrade: true}) })
	}
}

// sure asks before something is done. The letters are those of the language, and y and n
// in every one.
func (m *self) sure(text string, do func() tea.Cmd) *question {
	yes := m.t("y")
	return &question{text + "  " + m.t("y: yes  n: no"), map[string]func() tea.Cmd{"y": do, yes: do}}
}

// waits reports whether there is something to upgrade.
func (m *self) waits() bool { return m.state.Upgrade != nil && len(m.state.Upgrade.Steps) > 0 }

func (m *self) begin(called string, w agent.Wish) tea.Cmd {
	m.mine, m.busy, m.share, m.bytes = called, called, -1, map[string][2]int64{}
	return func() tea.Msg {
		done, err := m.agent.Change(m.ctx, w)
		return changed{done, err}
	}
}

// postpone asks for how long.
func (m *self) postpone() {
	switch {
	case !m.waits():
		m.say(plain, m.t("There is no update to put off."))
		return
	case !m.cat.Postpone:
		m.say(bad, m.t("You may not put updates off here. Ask your administrator."))
		return
	}
	now := m.now()
	tomorrow := time.Date(now.Year(), now.Month(), now.Day()+1, 9, 0, 0, 0, now.Location())
	m.ask = &question{m.t("Put off: 1 an hour  4 four hours  t tomorrow at 9  d two days  0 not at all"), map[string]func() tea.Cmd{}}
	for k, span := range map[string]time.Duration{"1": time.Hour, "4": 4 * time.Hour, "t": tomorrow.Sub(now), "d": 48 * time.Hour, "0": 0} {
		m.ask.answers[k] = func() tea.Cmd {
			return func() tea.Msg {
				until, err := m.agent.Postpone(m.ctx, span)
				return putOff{until, err}
			}
		}
	}
}

// newer reports whether there is another version of what is installed.
func newer(o *agent.Offer) bool {
	return o.Installed != "" && o.Version != "" && o.Version != o.Installed
}

func title(o *agent.Offer) string { return cmp.Or(o.Title, o.Name) }

// change says what was done to a package.
func (m *self) change(name, from, to string) string {
	switch {
	case to == "":
		return m.t("%s removed", name)
	case from == "":
		return m.t("%[1]s %[2]s installed", name, to)
	}
	return m.t("%[1]s: %[2]s to %[3]s", name, from, to)
}
