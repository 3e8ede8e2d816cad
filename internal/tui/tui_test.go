package tui

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"muster"
	"muster/api"
	"muster/internal/agent"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/settings"
)

var update = flag.Bool("update", false, "write the screens of testdata")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

var all = []settings.Op{settings.Install, settings.Remove, settings.Upgrade}

// office is what self-service shows in these tests.
func office() loaded {
	return loaded{
		cat: agent.Catalogue{User: "alice", Upgrade: true, Postpone: true, Offers: []agent.Offer{
			{Name: "editor", Title: "The Editor", Version: "2.0-1", Installed: "1.0-1", Categories: []string{"office"}, May: all, Download: 1_500_000, Size: 4 << 20,
				Descriptions: map[string]string{"": "writes letters\nIt has a spell checker, and opens what others wrote, however old that is, without asking."}, Licence: "MIT", Homepage: "https://example.org"},
			{Name: "game", Version: "1", May: all, Descriptions: map[string]string{"": "plays"}},
			{Name: "paint", Version: "3", Installed: "3", May: all[:1], Descriptions: map[string]string{"": "draws \x1b[31mred\x1b[2J"}},
			{Name: "broken", Version: "1", May: all, Problem: "the disk is full"},
		}},
		state: agent.State{Upgrade: &agent.Upgradable{Steps: []string{"upgrade editor 1.0-1 to 2.0-1"}, Download: 1_500_000, Processes: []string{"editor"}},
			Postponed: "editor to be closed", Deadline: noon.Add(100 * time.Hour), Last: noon.Add(-time.Hour), Reboot: true},
		past: []agent.Past{{ID: 3, Time: noon.Add(-time.Hour), By: "alice", State: "failed", Steps: []install.Summary{{Name: "broken", To: "1"}}},
			{ID: 2, Time: noon.Add(-20 * time.Hour), By: "schedule", State: "done", Steps: []install.Summary{{Name: "editor", From: "0.9", To: "1.0-1"}}},
			{ID: 1, Time: noon.AddDate(0, -3, 0), State: "done", Steps: []install.Summary{{Name: "paint", To: "3"}}, More: 4}},
	}
}

func newOffice() *self {
	m := newSelf(context.Background(), nil)
	m.now = func() time.Time { return noon }
	m.Update(office())
	return m
}

// press gives keys to a program and returns the commands that came of them.
func press(m tea.Model, keys ...string) (cmds []tea.Cmd) {
	for _, k := range keys {
		msg := tea.KeyPressMsg{}
		switch k {
		case "enter":
			msg.Code = tea.KeyEnter
		case "esc":
			msg.Code = tea.KeyEscape
		case "down":
			msg.Code = tea.KeyDown
		case "tab":
			msg.Code = tea.KeyTab
		case "backspace":
			msg.Code = tea.KeyBackspace
		case "ctrl+c":
			msg.Code, msg.Mod = 'c', tea.ModCtrl
		default:
			msg.Text, msg.Code = k, []rune(k)[0]
		}
		if _, cmd := m.Update(msg); cmd != nil {
			cmds = append(cmds, cmd)
		}
	}
	return cmds
}

// screenIs holds a screen to the one in testdata, and every screen to its size.
func screenIs(t *testing.T, name string, s *screen, text string) {
	t.Helper()
	got := ansi.Strip(text)
	if rows := strings.Split(got, "\n"); len(rows) != s.height {
		t.Errorf("%s: %d lines on %d", name, len(rows), s.height)
	}
	for row := range strings.SplitSeq(got, "\n") {
		if w := lipgloss.Width(row); w > s.width {
			t.Errorf("%s: %d columns on %d: %q", name, w, s.width, row)
		}
	}
	var b strings.Builder
	for row := range strings.SplitSeq(got, "\n") {
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != b.String() {
		t.Errorf("%s is not as in testdata (%v); -update writes it:\n%s", name, err, b.String())
	}
}

// TestSelfScreens are the pages of self-service, wide and narrow.
func TestSelfScreens(t *testing.T) {
	for name, keys := range map[string][]string{
		"software": nil, "details": {"enter"}, "search": {"/", "o", "f", "f"}, "nothing": {"/", "z", "z", "enter"}, "updates": {"2"}, "history": {"tab", "tab"},
		"help": {"?"}, "remove": {"r"}, "postpone": {"p"}, "refused": {"down", "down", "r"},
	} {
		m := newOffice()
		press(m, keys...)
		screenIs(t, "self-"+name, &m.screen, m.text())
	}
	m := newOffice()
	m.Update(tea.WindowSizeMsg{Width: 40, Height: 10})
	screenIs(t, "self-narrow", &m.screen, m.text())
	m = newOffice()
	m.Update(loaded{})
	screenIs(t, "self-empty", &m.screen, m.text())
}

// TestSelfInstall: a package is installed with progress, and the screen says what came
// of it. Removal is asked about first.
func TestSelfInstall(t *testing.T) {
	m := newOffice()
	if cmds := press(m, "down", "i"); len(cmds) != 1 || m.mine != "Installing game" {
		t.Fatalf("%d commands, %q", len(cmds), m.mine)
	}
	m.Update(agent.Event{News: agent.News{Progress: &fetch.Progress{File: "a", Done: 25, Total: 50}}})
	m.Update(agent.Event{News: agent.News{Progress: &fetch.Progress{File: "b", Done: 25, Total: 50}}})
	m.Update(agent.Event{News: agent.News{Text: "switch to the new files"}})
	screenIs(t, "self-installing", &m.screen, m.text())
	if cmds := press(m, "i"); len(cmds) != 0 {
		t.Error("a second wish was sent")
	}
	_, cmd := m.Update(changed{done: agent.Done{Steps: []install.Summary{{Name: "game", To: "1"}}}})
	if cmd == nil || !strings.Contains(m.text(), "game 1 installed") || m.mine != "" {
		t.Errorf("afterwards:\n%s", m.text())
	}
	m.Update(changed{err: muster.WithHint(muster.Errorf(muster.Denied, "alice may not \x1b]0;x\x07install game"), "ask")})
	if text := m.text(); !strings.Contains(text, "may not") || strings.Contains(text, "\x07") || strings.Contains(text, "\x1b]") {
		t.Errorf("refused: %q", text)
	}
	m = newOffice()
	if cmds := press(m, "i"); len(cmds) != 1 || m.mine != "Updating The Editor" {
		t.Errorf("an update: %q", m.mine)
	}
	m = newOffice()
	if cmds := press(m, "r", "n"); len(cmds) != 0 || m.ask != nil {
		t.Error("n removes")
	}
	if cmds := press(m, "r", "y"); len(cmds) != 1 || m.mine != "Removing The Editor" {
		t.Errorf("y: %q", m.mine)
	}
	m = newOffice()
	if cmds := press(m, "p", "t"); len(cmds) != 1 {
		t.Error("nothing is put off")
	}
	m.Update(putOff{until: noon.Add(21 * time.Hour)})
	if !strings.Contains(m.text(), "Put off until tomorrow 09:00.") {
		t.Error(m.text())
	}
	if cmds := press(newOffice(), "q"); len(cmds) != 1 || cmds[0]() != (tea.QuitMsg{}) {
		t.Error("q does not leave")
	}
	if cmds := press(newOffice(), "/", "ctrl+c"); len(cmds) != 1 || cmds[0]() != (tea.QuitMsg{}) {
		t.Error("Ctrl-C does not leave")
	}
}

func newSite() *fleet {
	m := newFleet(context.Background(), nil)
	m.now = func() time.Time { return noon }
	numbers := []number{}
	for i, n := range searches {
		n.Count = []int{1200, 1100, 80, 20, 0, 1, 3, 0, 0}[i]
		numbers = append(numbers, n)
	}
	m.Update(news{page: overview, numbers: numbers})
	seen := noon.Add(-5 * time.Minute).Unix()
	m.Update(news{page: hosts, hosts: api.HostPage{Total: 1200, Hosts: []api.Host{
		{ID: "h1", Name: "pc-1", State: api.Accepted, Status: muster.OK, OSName: "Debian 13", Seen: seen},
		{ID: "h2", Name: "pc-2 \x1b[2J", State: api.Accepted, Status: muster.Error, Problem: "editor: the disk is full", Seen: seen},
		{ID: "h3", Name: "pc-3", State: api.Pending, OSName: "Windows 11"}}}})
	m.Update(news{page: rollouts, rollouts: []api.Rollout{
		{ID: "r1", Package: "editor", Of: "2.0-1", State: "running", Ring: 1, Waits: "two days without a failure", Rings: []api.RolloutCounts{{Hosts: 10, Done: 9}, {Hosts: 90}}},
		{ID: "r2", Package: "game", Of: "1", State: "halted", Ring: 1, Rings: []api.RolloutCounts{{Hosts: 10, Done: 2, Failed: 3}}}}})
	m.Update(news{page: actions, actions: []api.Action{{ID: "a1", Title: "install editor", State: "running", Hosts: 40, By: "Carol", Created: seen, Reason: "asked for by the lab",
		Counts: map[string]int{"done": 30, "failed": 1, "begun": 9}}}})
	return m
}

// TestFleetScreens are the pages of the overview of a server.
func TestFleetScreens(t *testing.T) {
	for name, keys := range map[string][]string{"overview": nil, "hosts": {"2"}, "rollouts": {"3", "enter"}, "actions": {"4", "enter"}, "help": {"?"}, "search": {"/", "p", "c"}} {
		m := newSite()
		press(m, keys...)
		screenIs(t, "fleet-"+name, &m.screen, m.text())
	}
	m := newFleet(context.Background(), nil)
	for range m.pages {
		if press(m, "tab"); !strings.Contains(m.text(), "Asking the server") {
			t.Errorf("before the server has said anything:\n%s", m.text())
		}
	}
	m = newSite()
	press(m, "2", "enter")
	m.Update(opened{host: &api.HostDetail{Host: m.hosts.Hosts[0], Alarms: []string{"its clock is an hour off"},
		Installed: []api.InstalledPackage{{Name: "editor", Version: "1.0-1", Status: muster.NeedUpgrade, By: "group office"}}}})
	screenIs(t, "fleet-host", &m.screen, m.text())
}

// TestFleetKeys: a number of the overview leads to its hosts, a search is sent when it is
// whole, and what came for another search is not shown.
func TestFleetKeys(t *testing.T) {
	m := newSite()
	if cmds := press(m, "down", "down", "down", "enter"); len(cmds) != 1 || m.page != hosts || m.query != "status:error" || m.open != "" {
		t.Errorf("page %d, query %q, open %q", m.page, m.query, m.open)
	}
	m.Update(news{page: hosts, query: "another", hosts: api.HostPage{Hosts: []api.Host{{ID: "x", Name: "wrong"}}}})
	if strings.Contains(m.text(), "wrong") {
		t.Error("shows the answer to another search")
	}
	if cmds := press(m, "esc"); len(cmds) != 1 || m.query != "" {
		t.Errorf("esc leaves the search %q", m.query)
	}
	if cmds := press(m, "/", "p", "c", "backspace", "1"); len(cmds) != 0 || m.query != "" {
		t.Error("asks while it is typed")
	}
	if cmds := press(m, "enter"); len(cmds) != 1 || m.query != "p1" {
		t.Errorf("searches for %q", m.query)
	}
	m.Update(news{page: hosts, err: muster.Errorf(muster.Unavailable, "the server is away")})
	if !strings.Contains(m.text(), "the server is away") {
		t.Error("an error is not shown")
	}
}

// FuzzScreen holds that whatever things are called, and whatever size the terminal has,
// a screen fits and has no sequence of anybody's.
func FuzzScreen(f *testing.F) {
	f.Add("name", "text\n\x1b[2J", "/x?", 80, 24)
	f.Add("one column", "", "1", 1, 1)
	f.Add("日本語", "é\u0301\u202e", "22irpy", 13, 5)
	f.Fuzz(func(t *testing.T, name, text, keys string, width, height int) {
		m := newOffice()
		l := office()
		l.cat.Offers[0].Title, l.cat.Offers[1].Descriptions[""], l.state.Upgrade.Steps[0], l.past[0].By = name, text, text, name
		m.Update(l)
		m.Update(tea.WindowSizeMsg{Width: min(max(width, 1), 300), Height: min(max(height, 1), 100)})
		m.Update(agent.Event{News: agent.News{Text: text}})
		for _, k := range keys[:min(len(keys), 20)] {
			press(m, string(k))
		}
		for row := range strings.SplitSeq(ansi.Strip(m.text()), "\n") {
			if w := lipgloss.Width(row); w > m.width {
				t.Errorf("%d columns on %d: %q", w, m.width, row)
			}
		}
		if strings.Contains(m.text(), "\x1b[2J") || strings.Contains(m.text(), "\x1b]") || strings.ContainsAny(ansi.Strip(m.text()), "\a\b\r\t\u202e") {
			t.Errorf("%q", m.text())
		}
	})
}
