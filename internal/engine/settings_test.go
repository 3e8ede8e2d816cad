package engine

import (
	"context"
	"os"
	"strings"
	"testing"

	"muster"
	"muster/internal/install"
	"muster/inventory"
	"muster/search"
	"muster/settings"
)

// facts are those of a small Linux machine.
func facts(os string) search.Facts {
	return search.FactsOf(&inventory.Document{System: &inventory.System{OS: os}}, nil, search.Membership{Name: "pc-1"})
}

// choose has the root look what applies to it, as the agent does.
func (s *site) choose(f search.Facts) error {
	s.Helper()
	_, end, err := s.engine.Begin(context.Background(), 0, install.Options{})
	if err != nil {
		s.Fatal(err)
	}
	defer end()
	return s.engine.Select(f)
}

const noHost = "11111111-0000-4000-8000-000000000000"

// TestApplies: a package says to whom it applies; what it brings comes and goes
// with the facts, and with newer versions that say otherwise.
func TestApplies(t *testing.T) {
	s := newSite(t)
	s.publish(
		s.pack(s.packager, "package: editor\nversion: 1\n", "bin/editor=1"),
		s.pack(s.packager, "package: game\nversion: 1\n", "bin/game=1"),
		s.pack(s.deployer, "package: linuxes\nversion: 1\nkind: profile\napplies-to: os:linux name:pc-*\ndepends: editor\n"),
		s.pack(s.deployer, "package: windowses\nversion: 1\nkind: profile\napplies-to: os:windows\ndepends: game\n"),
		s.pack(s.deployer, "package: who\nversion: 1\nkind: self-service\napplies-to: os:linux\n", "policy=who: @staff\npackages: g*\n"))
	s.assign(Assignments{Host: noHost})
	s.expect("")
	if err := s.choose(facts("linux")); err != nil {
		t.Fatal(err)
	}
	s.expect("editor NEED-INSTALL\nlinuxes NEED-INSTALL\nwho NEED-INSTALL")
	s.mustUpgrade()
	s.open() // what applies outlives the program
	s.expect("editor 1 OK\nlinuxes 1 OK\nwho 1 OK")

	rules, problems, err := s.engine.SelfService()
	if err != nil || len(problems) > 0 || rules.Allow(settings.Person{User: "eve", Groups: []string{"staff"}}, settings.Install, "game", muster.Base) == nil {
		t.Errorf("%v, %v, %v", rules, problems, err)
	}
	// A language that this program does not speak leaves what was found before.
	s.publish(s.pack(s.deployer, "package: linuxes\nversion: 2\nkind: profile\napplies-to: mood>=8G\ndepends: editor\n"))
	s.update()
	if err := s.choose(facts("linux")); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "linuxes 2: applies-to: ") {
		t.Errorf("mood: %v", err)
	}
	s.mustUpgrade()
	s.expect("editor 1 OK\nlinuxes 2 OK\nwho 1 OK")

	s.publish(s.pack(s.deployer, "package: linuxes\nversion: 3\nkind: profile\napplies-to: name:laptop-*\ndepends: editor\n"))
	s.update()
	if err := s.choose(facts("linux")); err != nil {
		t.Fatal(err)
	}
	s.mustUpgrade()
	s.expect("who 1 OK")
	if err := s.choose(facts("windows")); err != nil {
		t.Fatal(err)
	}
	s.mustUpgrade()
	s.expect("game 1 OK\nwindowses 1 OK")
}

// TestSettingsLayers: of several configs the one of the highest precedence counts,
// setting by setting, over the file of the machine's administrator.
func TestSettingsLayers(t *testing.T) {
	s := newSite(t)
	config := func(name, policy string) string {
		return s.pack(s.packager, "package: "+name+"\nversion: 1\nkind: config\n", "policy="+policy)
	}
	s.publish(
		config("z-group", "update-interval: 3h\njitter: 3\ndeadline: 3d\ncollect-interval: 3h\n"),
		config("m-outer", "update-interval: 4h\njitter: 4\ndeadline: 4d\n"),
		config("b-inner", "update-interval: 5h\njitter: 5\n"),
		config("a-host", "update-interval: 6h\n"),
		config("y-person", "update-interval: 2h\nbandwidth: 2M\n"),
		s.pack(s.deployer, "package: lab\nversion: 1\nkind: group\ndepends: z-group, m-outer\n"),
		s.pack(s.deployer, "package: paris\nversion: 1\nkind: unit\ndepends: m-outer\n"),
		s.pack(s.deployer, "package: paris.lab\nversion: 1\nkind: unit\ndepends: b-inner\n"),
		s.pack(s.deployer, "package: "+hostID+"\nversion: 1\nkind: host\ndepends: a-host\n"))
	s.assign(Assignments{Host: hostID, Units: []string{"paris", "paris.lab"}, Groups: []string{"lab"}})
	if err := s.install("y-person"); err != nil {
		t.Fatal(err)
	}
	s.mustUpgrade()
	if err := os.WriteFile(ConfFile(s.engine.Root), []byte("bandwidth: 1M\nOn-Battery: yes\nno-such: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	layers, err := s.engine.Layers()
	if err != nil {
		t.Fatal(err)
	}
	_, values, problems := settings.Resolve(layers)
	want := map[string]string{
		"update-interval":  "6h config a-host 1, assigned by host " + hostID,
		"jitter":           "5 config b-inner 1, assigned by unit paris.lab",
		"deadline":         "4d config m-outer 1, assigned by unit paris",
		"collect-interval": "3h config z-group 1, assigned by group lab",
		"bandwidth":        "2M config y-person 1",
		"on-battery":       "yes " + ConfFile(s.engine.Root),
		"predownload":      "yes ",
	}
	for _, v := range values {
		if w, ok := want[v.Name]; ok && w != v.Value+" "+v.From {
			t.Errorf("%s: %s from %q, want %s", v.Name, v.Value, v.From, w)
		}
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "no-such") {
		t.Errorf("%+v", problems)
	}
}

// TestOffered: maturities and languages are those that the settings name.
func TestOffered(t *testing.T) {
	s := newSite(t)
	s.publish(
		s.pack(s.packager, "package: editor\nversion: 1\n", "bin/editor=1"),
		s.pack(s.packager, "package: editor\nversion: 2\nmaturity: PREPROD\n", "bin/editor=2"),
		s.pack(s.packager, "package: editor\nversion: 3\nmaturity: DEV\n", "bin/editor=3"),
		s.pack(s.packager, "package: words\nversion: 1\nlocale: fr, de\n", "bin/words=1"),
		s.pack(s.packager, "package: testers\nversion: 1\nkind: config\n", "policy=maturities: PROD, PREPROD\nlocales: en\n"))
	s.update()
	if err := s.install("editor", "words"); err != nil {
		t.Fatal(err)
	}
	s.expect("editor 1 OK\nwords 1 OK")
	if all, err := s.engine.Status(true); err != nil || all[0].Name != "editor" || all[0].Available != "1" {
		t.Errorf("available: %+v, %v", all, err)
	}
	if err := s.install("testers"); err != nil {
		t.Fatal(err)
	}
	s.mustUpgrade()
	s.expect("editor 2 OK\ntesters 1 OK\nwords 1 OK") // what is there stays
	if err := s.install("editor=3"); err == nil || !strings.Contains(err.Error(), "this host takes PROD, PREPROD") {
		t.Errorf("editor 3: %v", err)
	}
	if _, err := s.request(Request{Remove: []string{"words"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.install("words"); err == nil || !strings.Contains(err.Error(), "for languages fr, de; this host takes") {
		t.Errorf("words: %v", err)
	}
	// A file that a person names is theirs to judge.
	if _, err := s.request(Request{Files: []string{s.pack(s.packager, "package: editor\nversion: 4\nmaturity: DEV\n", "bin/editor=4")}}); err != nil {
		t.Error(err)
	}
}

// TestPrecedenceOfUnits: the innermost unit decides over the outer one, both over
// profiles and these over groups; what a person chose comes last.
func TestPrecedenceOfUnits(t *testing.T) {
	s := newSite(t)
	s.publish(
		s.pack(s.packager, "package: editor\nversion: 1\n", "bin/editor=1"),
		s.pack(s.packager, "package: editor\nversion: 2\n", "bin/editor=2"),
		s.pack(s.packager, "package: game\nversion: 1\n", "bin/game=1"),
		s.pack(s.deployer, "package: paris\nversion: 1\nkind: unit\ndepends: editor (= 2)\n"),
		s.pack(s.deployer, "package: paris.lab\nversion: 1\nkind: unit\ndepends: editor (= 1)\nconflicts: game\n"),
		s.pack(s.deployer, "package: gamers\nversion: 1\nkind: profile\ndepends: game\n"),
		s.pack(s.deployer, "package: all\nversion: 1\nkind: group\ndepends: editor\n"))
	s.assign(Assignments{Host: noHost, Units: []string{"paris", "paris.lab"}, Directory: []string{"gamers"}, Groups: []string{"all"}})
	s.mustUpgrade()
	s.expect("all 1 OK\neditor 1 OK\ngamers ERROR\nparis ERROR\nparis.lab 1 OK")
	left, err := s.engine.Contradicted()
	if err != nil || len(left) != 2 || left[0].By != "unit paris" || left[1].By != "profile gamers" {
		t.Errorf("left out: %+v, %v", left, err)
	}
	order, err := s.engine.Precedence()
	if err != nil || strings.Join(order, ", ") != "unit paris.lab, unit paris, profile gamers, group all" {
		t.Errorf("%v, %v", order, err)
	}
	// What a person asks for does not drive out what is assigned.
	if err := s.install("game"); err == nil || !strings.Contains(err.Error(), "paris.lab") {
		t.Errorf("game: %v", err)
	}
	// Without the unit that forbade it, the profile has its way.
	s.assign(Assignments{Host: noHost, Units: []string{"paris"}, Directory: []string{"gamers"}, Groups: []string{"all"}})
	s.mustUpgrade()
	s.expect("all 1 OK\neditor 2 OK\ngame 1 OK\ngamers 1 OK\nparis 1 OK")
	// And a person's wish that a new assignment excludes gives way, and says so.
	if err := s.install("game"); err != nil {
		t.Fatal(err)
	}
	s.assign(Assignments{Host: noHost, Units: []string{"paris", "paris.lab"}, Groups: []string{"all"}})
	p, err := s.engine.Plan(Request{Upgrade: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := p.String(); !strings.Contains(got, "remove game 1: in conflict with paris.lab 1") {
		t.Errorf("the plan is\n%s", got)
	}
	s.mustUpgrade()
	s.expect("all 1 OK\neditor 1 OK\ngame NEED-INSTALL\nparis ERROR\nparis.lab 1 OK")
	s.mustUpgrade() // it is not tried in vain
	s.assign(Assignments{Host: noHost, Units: []string{"paris"}, Groups: []string{"all"}})
	s.mustUpgrade()
	s.expect("all 1 OK\neditor 2 OK\ngame 1 OK\nparis 1 OK")
}

// TestAssignedFailure: what is assigned and fails is tried again by every upgrade.
func TestAssignedFailure(t *testing.T) {
	s := newSite(t)
	s.publish(
		s.pack(s.packager, "package: bad\nversion: 1\n", "actions.star=def install():\n    fail(\"no luck\")\n"),
		s.pack(s.deployer, "package: lab\nversion: 1\nkind: group\ndepends: bad\n"))
	s.assign(Assignments{Host: noHost, Groups: []string{"lab"}})
	for i := 1; i <= 2; i++ {
		if err := s.upgrade(); err == nil || !strings.Contains(err.Error(), "no luck") {
			t.Fatalf("upgrade %d: %v", i, err)
		}
		w, err := s.engine.Root.Wishes()
		if err != nil || len(w.Failed) == 0 || w.Failed[0].Count != i {
			t.Errorf("after %d: %+v, %v", i, w, err)
		}
	}
	s.publish(s.pack(s.packager, "package: bad\nversion: 2\n", "bin/bad=2"))
	s.update()
	s.mustUpgrade()
	s.expect("bad 2 OK\nlab 1 OK")
}
