package tui

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"muster"
)

// waitings are what the agent says that an upgrade waits for: see the schedule of
// internal/agent.
var waitings = []string{"the next attempt", "a maintenance window", "a person who put it off", "the time to upgrade", "power: the machine is on battery", "a connection that costs nothing"}

// texts are all that the screens say.
func texts(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	names, _ := filepath.Glob("*.go")
	literal := regexp.MustCompile(`\b[ms]\.t\("((?:[^"\\]|\\.)*)"`)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, found := range literal.FindAllStringSubmatch(string(data), -1) {
			used[found[1]] = true
		}
	}
	for _, l := range append(selfHelp, fleetHelp...) {
		used[l.text] = l.text != ""
	}
	for _, n := range searches {
		used[n.Title] = true
	}
	for _, p := range append(newSelf(context.Background(), nil).pages, newFleet(context.Background(), nil).pages...) {
		used[p] = true
	}
	for _, kind := range []muster.ErrorKind{muster.Denied, muster.Busy, muster.Unavailable, muster.Stale, muster.NotFound, muster.Conflict, muster.Invalid, muster.Internal} {
		used[meaning(muster.Errorf(kind, "x"))] = true
	}
	for _, w := range waitings {
		used[w] = true
	}
	delete(used, "")
	return used
}

// TestWords: every text is there in French, none is there for nothing, and both want the
// same values.
func TestWords(t *testing.T) {
	used := texts(t)
	if len(used) < 100 {
		t.Fatalf("only %d texts were found", len(used))
	}
	for s := range used {
		if words["fr"][s] == "" {
			t.Errorf("%q is not there in French", s)
		}
	}
	verbs := regexp.MustCompile(`%(\[\d+\])?[a-z]`)
	for s, fr := range words["fr"] {
		if !used[s] {
			t.Errorf("%q is used nowhere", s)
		}
		if a, b := verbs.FindAllString(s, -1), verbs.FindAllString(fr, -1); strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("%q and %q want different things", s, fr)
		}
	}
}

// TestWaitings holds the list of this test to what the agent says.
func TestWaitings(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "agent", "schedule.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range waitings {
		if !strings.Contains(string(data), `"`+w+`"`) {
			t.Errorf("the agent does not wait for %q", w)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		asked, env string
		system     []string
		want       string
	}{
		{"", "", nil, ""}, {"", "LANG=fr_FR.UTF-8", nil, "fr"}, {"", "LANG=fr", nil, "fr"}, {"", "LANG=fr_FR.UTF-8 LC_ALL=C", nil, ""},
		{"", "LANG=en_GB.UTF-8 LC_MESSAGES=fr_CA@x", nil, "fr"}, {"", "LANG=fry_NL", nil, ""}, {"", "", []string{"fr-CH", "de"}, "fr"}, {"", "", []string{"de", "fr"}, ""},
		{"", "LANG=C.UTF-8", []string{"fr"}, ""}, {"en", "LANG=fr_FR", nil, ""}, {"fr", "LANG=de", nil, "fr"},
	} {
		env := map[string]string{}
		for _, e := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(e, "=")
			env[name] = value
		}
		got, err := Language(c.asked, func(name string) string { return env[name] }, c.system)
		if err != nil || got != c.want {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
	if _, err := Language("de", os.Getenv, nil); muster.KindOf(err) != muster.Invalid {
		t.Error(err)
	}
}

// TestFrenchScreens are the pages in French: nothing is cut that was not in English, and
// yes is o.
func TestFrenchScreens(t *testing.T) {
	for name, keys := range map[string][]string{"software": nil, "details": {"enter"}, "updates": {"2"}, "history": {"3"}, "help": {"?"}, "remove": {"r"}, "postpone": {"p"}} {
		m := newOffice()
		m.lang = "fr"
		press(m, keys...)
		screenIs(t, "self-fr-"+name, &m.screen, m.text())
	}
	for name, keys := range map[string][]string{"overview": nil, "help": {"?"}, "rollouts": {"3", "enter"}} {
		m := newSite()
		m.lang = "fr"
		press(m, keys...)
		screenIs(t, "fleet-fr-"+name, &m.screen, m.text())
	}
	for _, yes := range []string{"o", "y"} {
		m := newOffice()
		m.lang = "fr"
		if cmds := press(m, "r", yes); len(cmds) != 1 || m.mine != "Suppression de The Editor" {
			t.Errorf("%s: %q", yes, m.mine)
		}
	}
	m := newOffice()
	m.lang = "fr"
	m.fail(muster.Errorf(muster.Denied, "alice may not install game"))
	if !strings.HasPrefix(m.message, "Vous ne pouvez pas faire cela ici.") || !strings.Contains(m.message, "[alice may not install game]") {
		t.Error(m.message)
	}
}
