package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/engine"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/settings"
)

// install carries out what a person asks of a host.
func (f *fleet) install(host string, names ...string) {
	f.Helper()
	req := engine.Request{User: "bob"}
	for _, n := range names {
		rel, err := control.ParseRelation(n)
		if err != nil {
			f.Fatal(err)
		}
		req.Install = append(req.Install, rel)
	}
	f.change(host, req)
}

func (f *fleet) change(host string, req engine.Request) *install.Result {
	f.Helper()
	res, err := Execute(f.Context(), Change{Request: req, Job: f.job(host), Notify: func(s string) { f.Log(s) }, Progress: func(fetch.Progress) {}})
	if err != nil {
		f.Fatal(err)
	}
	return res
}

// TestThinPath is the life of a host: it joins, has its packages installed and
// upgraded, and the server knows.
func TestThinPath(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "bin/tool=#!/bin/sh\necho one\n")
	id := f.host("pc")
	out := f.round("pc")
	if out.Offline != nil || out.Problem != nil || out.Next != 2*time.Hour {
		t.Fatalf("round: %+v", out)
	}
	row := f.row(id)
	if row.agent != "1.0" || row.summary == nil || row.summary.Status != muster.OK || row.doc == nil || row.doc.System == nil {
		t.Fatalf("the server knows %+v", row)
	}
	f.told()
	f.round("pc")
	if got := f.told(); got != "checkin" {
		t.Errorf("a round without news asked for %q", got)
	}
	f.install("pc", "tool")
	f.round("pc")
	if got := f.told(); got != "checkin checkin inventory" {
		t.Errorf("a round after an installation asked for %q", got)
	}
	if row.summary.Packages[muster.OK] != 1 || len(row.doc.Muster) != 1 || row.doc.Muster[0].Version != "1.0-1" {
		t.Errorf("the server has %+v, %+v", row.summary, row.doc.Muster)
	}
	f.publish("tool 1.1-1", "bin/tool=#!/bin/sh\necho two\n")
	if out := f.round("pc"); out.Upgrade == nil || len(out.Upgrade.Steps) != 1 || row.summary.Status != muster.NeedUpgrade {
		t.Fatalf("news: %+v, %+v", out.Upgrade, row.summary)
	}
	f.change("pc", engine.Request{Upgrade: true, User: "schedule"})
	f.round("pc")
	if row.summary.Status != muster.OK || row.doc.Muster[0].Version != "1.1-1" {
		t.Errorf("after the upgrade the server has %+v, %+v", row.summary, row.doc.Muster)
	}
	if len(f.results) != 2 || f.results[1].Kind != "upgrade" || f.results[1].By != "schedule" || f.results[1].Steps[0].To != "1.1-1" {
		t.Errorf("results: %+v", f.results)
	}
	if data, err := os.ReadFile(f.path("pc", "bin/tool")); err != nil || !strings.Contains(string(data), "two") {
		t.Errorf("tool: %q, %v", data, err)
	}
}

// TestWithoutServer: a host goes on without its server, and tells it afterwards.
func TestWithoutServer(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "bin/tool=one")
	id := f.host("pc")
	f.round("pc")
	down := muster.Unavailable
	f.down = &down
	f.publish("tool 1.1-1", "bin/tool=two")
	f.install("pc", "tool=1.0-1")
	out := f.round("pc")
	if out.Offline == nil || out.After != 20*time.Minute {
		t.Fatalf("offline: %+v", out)
	}
	if out.Upgrade == nil || len(out.Upgrade.Steps) != 1 {
		t.Fatalf("the repository had news: %+v", out.Upgrade)
	}
	f.change("pc", engine.Request{Upgrade: true, User: "schedule"})
	f.round("pc")
	f.down = nil
	f.round("pc")
	if row := f.row(id); len(f.results) != 2 || row.doc.Muster[0].Version != "1.1-1" {
		t.Errorf("the server was told %+v, %+v", f.results, row.doc.Muster)
	}
	f.round("pc")
	if len(f.results) != 2 {
		t.Errorf("results came again: %+v", f.results)
	}
}

// TestServerLost: a server that lost its database has its hosts back, whole, after
// their next round.
func TestServerLost(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "bin/tool=one")
	id := f.host("pc")
	f.round("pc")
	f.install("pc", "tool")
	f.round("pc")
	f.policy.Groups = []string{"lab"}
	f.round("pc")
	delete(f.hosts, id)
	f.told()
	f.round("pc")
	row := f.row(id)
	if row == nil || row.back != 1 || row.doc == nil || len(row.doc.Muster) != 1 || row.summary == nil || row.agent == "" {
		t.Fatalf("after the loss (%s) the server has %+v", f.told(), row)
	}
}

// TestJoinAgain: joining is repeated without harm, and needs what a person pins.
func TestJoinAgain(t *testing.T) {
	f := newFleet(t)
	wrong := f.joining("pc")
	wrong.Trust = nil
	if _, err := Join(t.Context(), wrong); muster.KindOf(err) != muster.Denied {
		t.Errorf("without --trust: %v", err)
	}
	wrong = f.joining("pc")
	wrong.Trust = []string{"sha256:" + strings.Repeat("0", 64)}
	if _, err := Join(t.Context(), wrong); muster.KindOf(err) != muster.Denied {
		t.Errorf("with the anchor of somebody else: %v", err)
	}
	wrong = f.joining("pc")
	wrong.CA = nil
	if _, err := Join(t.Context(), wrong); muster.KindOf(err) != muster.Denied {
		t.Errorf("with a TLS certificate that nobody vouches for: %v", err)
	}
	wrong = f.joining("pc")
	wrong.CA = []string{"sha256:" + strings.Repeat("0", 64)}
	if _, err := Join(t.Context(), wrong); muster.KindOf(err) != muster.Denied {
		t.Errorf("with another TLS certificate: %v", err)
	}
	wrong = f.joining("pc")
	wrong.Token = "guess"
	if _, err := Join(t.Context(), wrong); muster.KindOf(err) != muster.Denied {
		t.Errorf("with a wrong token: %v", err)
	}
	first := f.host("pc")
	if again := f.host("pc"); again != first || len(f.hosts) != 1 {
		t.Errorf("joined as %s, then as %s", first, again)
	}
	root, err := install.Open(f.path("pc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if trusted, err := engine.LoadTrust(root.TrustDir()); err != nil || len(trusted.Anchors) != 1 || !trusted.Anchors[0].Equal(f.authority.Leaf()) {
		t.Errorf("trusts %v, %v: the server offered more than was pinned", trusted, err)
	}
	home := HomeOf(root.State, nil)
	if info, err := os.Stat(home.file("key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", info, err)
	}
	if err := Leave(home); err != nil {
		t.Fatal(err)
	}
	if _, err := home.Identity(); muster.KindOf(err) != muster.NotFound {
		t.Errorf("after leaving: %v", err)
	}
	if other := f.host("pc"); other == first {
		t.Error("a host that left and joined anew has its old id")
	}
}

// TestPending: a host waits for a person.
func TestPending(t *testing.T) {
	f := newFleet(t)
	f.pending = true
	id, err := Join(t.Context(), f.joining("pc"))
	if err != nil || id.State != api.Pending {
		t.Fatalf("%+v, %v", id, err)
	}
	f.pending = false
	again, err := Join(t.Context(), f.joining("pc"))
	if err != nil || again.State != api.Accepted || again.ID != id.ID {
		t.Fatalf("%+v, %v", again, err)
	}
}

// TestAssigned: what the server counts a host among decides by signed packages what
// it has, and what it loses again.
func TestAssigned(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "bin/tool=one")
	f.publish("lab 1-1\nkind: group\ndepends: tool\n")
	id := f.host("pc")
	f.round("pc")
	f.policy.Groups = []string{"lab"}
	out := f.round("pc")
	row := f.row(id)
	if out.Upgrade == nil || len(out.Upgrade.Steps) != 2 || row.summary.Status != muster.NeedInstall {
		t.Fatalf("in the group: %+v, %+v", out.Upgrade, row.summary)
	}
	if len(row.doc.Status) == 0 || row.doc.Status[0].By != "group lab" || row.doc.Status[0].Status != "NEED-INSTALL" {
		t.Errorf("the server is told %+v", row.doc.Status)
	}
	f.change("pc", engine.Request{Upgrade: true, User: "schedule"})
	f.round("pc")
	if len(row.doc.Muster) != 2 || row.summary.Status != muster.OK {
		t.Errorf("after the upgrade: %+v, %+v", row.doc.Muster, row.summary)
	}
	f.policy.Groups = nil
	if out := f.round("pc"); len(out.Upgrade.Steps) != 2 {
		t.Errorf("out of the group: %+v", out.Upgrade)
	}
	f.change("pc", engine.Request{Upgrade: true, User: "schedule"})
	f.round("pc")
	if len(row.doc.Muster) != 0 {
		t.Errorf("at the end the host has %+v", row.doc.Muster)
	}
	f.policy.Groups = []string{"../etc"}
	if out := f.round("pc"); out.Problem == nil {
		t.Error("the server counted the host among something that is no name, and it did not mind")
	}
}

// TestImpact: what a package wants closed, and by when it has to be there, is known
// before anything is done.
func TestImpact(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1\nimpacted-processes: tool.exe\n", "bin/tool=one")
	f.publish("lab 1-1\nkind: group\ndepends: tool\n")
	f.host("pc")
	f.round("pc")
	f.install("pc", "tool")
	f.publish("tool 1.1-1\nimpacted-processes: tool.exe, tool-tray\nforced-install-on: 2030-01-02T03:04:05Z\n", "bin/tool=two")
	u := f.round("pc").Upgrade
	if strings.Join(u.Processes, " ") != "tool.exe tool-tray" || u.Forced != time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).Unix() || u.Download == 0 {
		t.Errorf("an upgrade would be %+v", u)
	}
}

// TestSettings: what the machine's administrator writes counts from the next round
// on; a value that is wrong is told, and the others hold.
func TestSettings(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "bin/tool=one")
	id := f.host("pc")
	root := must(install.Open(f.path("pc"), nil))
	now := ownSettings(f.path("pc"))
	if got := now(); got.Update != 2*time.Hour {
		t.Errorf("at first: %+v", got)
	}
	text := "maintenance-windows: mon-fri 20:00-06:00\nupdate-interval: 3 blue moons\nOn-Battery: yes\nno-such: 1\n"
	if err := os.WriteFile(engine.ConfFile(root), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := f.round("pc"); out.Problem == nil {
		t.Error("a wrong value is no problem")
	}
	if got := now(); !got.Battery || len(got.Windows) != 1 || got.Update != 2*time.Hour {
		t.Errorf("then: %+v", got)
	}
	if s := f.row(id).summary; !strings.Contains(s.Problem, "blue moons") && !strings.Contains(s.Problem, "no-such") {
		t.Errorf("the server is told %q", s.Problem)
	}
}

// TestPartial: between two looks at the whole machine, what package managers do is
// seen by the files that they change, and nothing else is lost.
func TestPartial(t *testing.T) {
	f := newFleet(t)
	tree := f.path("tree")
	put := func(text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(tree, "var/lib/dpkg"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, "var/lib/dpkg/status"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stanza := func(name string) string {
		return "Package: " + name + "\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"
	}
	put(stanza("a"))
	j := f.joining("tree")
	j.Area = false // a tree is looked at itself, an area is on the machine
	id, err := Join(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	f.round("tree")
	first := f.row(id.ID).doc
	put(stanza("a") + stanza("b"))
	job := f.job("tree")
	job.Collect = false
	for range 2 {
		if out, err := Round(t.Context(), job); err != nil || out.Offline != nil {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	second := f.row(id.ID).doc
	if len(first.Packages["dpkg"]) != 1 || len(second.Packages["dpkg"]) != 2 || second.Hardware == nil != (first.Hardware == nil) || second.System == nil {
		t.Errorf("the server has %+v, then %+v", first, second)
	}
}

// TestSelfService: an ordinary user may do what a signed package allows, and no more.
func TestSelfService(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "bin/tool=one")
	f.publish("other 1.0-1", "bin/other=one")
	f.policies["shop"] = settings.Document{{"who": "alice, @lab", "packages": "t*", "may": "install, upgrade"}}
	f.publish("shop 1-1\nkind: self-service\n")
	f.host("pc")
	f.round("pc")
	ask := func(who settings.Person, req engine.Request) error {
		_, err := Execute(t.Context(), Change{Request: req, Job: f.job("pc"), Person: &who, Notify: func(string) {}, Progress: func(fetch.Progress) {}})
		return err
	}
	tool := engine.Request{Install: []control.Relation{{Name: "tool"}}}
	alice, bob := settings.Person{User: "alice"}, settings.Person{User: "bob", Groups: []string{"lab"}}
	if err := ask(alice, tool); muster.KindOf(err) != muster.Denied {
		t.Errorf("before there is a rule: %v", err)
	}
	f.install("pc", "shop")
	for _, c := range []struct {
		who  settings.Person
		req  engine.Request
		want muster.ErrorKind
	}{
		{settings.Person{User: "eve"}, tool, muster.Denied},
		{alice, engine.Request{Install: []control.Relation{{Name: "other"}}}, muster.Denied},
		{alice, engine.Request{Install: []control.Relation{{Name: "tool"}, {Name: "other"}}}, muster.Denied},
		{bob, tool, ""},
		{bob, engine.Request{Remove: []string{"tool"}}, muster.Denied},
		{alice, engine.Request{Remove: []string{"shop"}}, muster.Denied},
		{alice, engine.Request{Upgrade: true}, ""},
	} {
		if err := ask(c.who, c.req); muster.KindOf(err) != c.want {
			t.Errorf("%s, %+v: %v, want %q", c.who.User, c.req, err, c.want)
		}
	}
	f.publish("other 1.1-1", "bin/other=two")
	f.install("pc", "other=1.0-1")
	f.round("pc")
	if err := ask(alice, engine.Request{Upgrade: true}); muster.KindOf(err) != muster.Denied {
		t.Errorf("an upgrade of what alice may not upgrade: %v", err)
	}
	if err := ask(alice, engine.Request{Upgrade: true, Only: []string{"other"}}); muster.KindOf(err) != muster.Denied {
		t.Errorf("an upgrade of that alone: %v", err)
	}
	if err := ask(alice, engine.Request{Upgrade: true, Only: []string{"tool"}}); err != nil {
		t.Errorf("an upgrade of what alice may upgrade: %v", err)
	}
}
