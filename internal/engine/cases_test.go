package engine

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/install"
	"muster/internal/repo"
	"muster/sign"
)

// The cases of docs/faults.md as a root sees them.

// upgrade upgrades everything.
func (s *site) upgrade() error {
	s.Helper()
	_, err := s.request(Request{Upgrade: true})
	return err
}

// damage changes a bit of every published file of a package.
func (s *site) damage(name, version string) {
	s.Helper()
	files, err := filepath.Glob(s.path("repo/pool/*/" + name + "/" + name + "_" + version + "_*"))
	if err != nil || len(files) == 0 {
		s.Fatalf("no file of %s: %v", name, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			s.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(f, data, 0o644); err != nil {
			s.Fatal(err)
		}
	}
}

// An upgrade whose bytes were changed on the server is refused, nothing is
// changed, and it stands as ERROR until an upgrade succeeds. A mirror that is
// honest ends it.
func TestCase01RefusedUpgradeIsReported(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "app=one"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "app=two"))
	honest := httptest.NewServer(repo.Handler(s.copied()))
	defer honest.Close()
	s.update()
	s.damage("app", "2")
	err := s.upgrade()
	if muster.KindOf(err) != muster.Denied || muster.HintOf(err) == "" || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("error %v (hint %q), want denied", err, muster.HintOf(err))
	}
	s.expect("app 1 ERROR")
	if got, _ := os.ReadFile(s.path("root/app")); string(got) != "one" {
		t.Errorf("app is %q", got)
	}
	if left, _ := filepath.Glob(s.engine.Root.CacheDir() + "/*.part*"); left != nil {
		t.Errorf("in the cache: %v", left)
	}
	c := s.engine.Clients[0]
	c.Bases = append(c.Bases, honest.URL)
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.expect("app 2 OK")
}

// copied copies the repository as it is.
func (s *site) copied() string {
	s.Helper()
	dir := filepath.Join(s.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(s.path("repo"))); err != nil {
		s.Fatal(err)
	}
	return dir
}

// A server that is away is no fault of the package.
func TestCase15ServerAwayIsNoError(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "app=one"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "app=two"))
	s.update()
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	defer away.Close()
	s.engine.Clients[0].Bases = []string{away.URL}
	if err := s.upgrade(); muster.KindOf(err) != muster.Unavailable || muster.HintOf(err) == "" {
		t.Errorf("error %v (hint %q), want unavailable", err, muster.HintOf(err))
	}
	s.expect("app 1 NEED-UPGRADE")
}

// The certificate decides what may be signed, also in a file that a person
// names.
func TestCase03Rights(t *testing.T) {
	s := newSite(t)
	for _, test := range []struct {
		by    *sign.Identity
		text  string
		files []string
		good  bool
	}{
		{s.deployer, "package: a\nversion: 1\nkind: base\n", nil, false},
		{s.deployer, "package: b\nversion: 1\nkind: host\n", []string{"b=x"}, false},
		{s.deployer, "package: c\nversion: 1\nkind: group\n", []string{"actions.star=def install():\n    pass\n"}, false},
		{s.deployer, "package: d\nversion: 1\nkind: config\n", nil, false},
		{s.deployer, "package: e\nversion: 1\nkind: host\n", nil, true},
		{s.packager, "package: f\nversion: 1\nkind: base\n", []string{"f=x"}, true},
	} {
		_, err := s.request(Request{Files: []string{s.pack(test.by, test.text, test.files...)}})
		if test.good && err != nil {
			t.Errorf("%q: %v", test.text, err)
		}
		if !test.good && (muster.KindOf(err) != muster.Denied || !strings.Contains(err.Error(), "may not sign code")) {
			t.Errorf("%q: %v, want denied", test.text, err)
		}
	}
	s.expect("e 1 OK\nf 1 OK")
}

// A file that nobody lists is refused once its author has expired; what was
// installed before stays good.
func TestCase04ExpiredAuthorOfAFile(t *testing.T) {
	s := newSite(t)
	file := s.pack(s.packager, "package: a\nversion: 1\n", "a=1")
	other := s.pack(s.packager, "package: b\nversion: 1\n", "b=1")
	if _, err := s.request(Request{Files: []string{file}}); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.AddDate(1, 1, 0)
	_, err := s.request(Request{Files: []string{other}})
	if muster.KindOf(err) != muster.Denied || !strings.Contains(err.Error(), "expired") {
		t.Errorf("error %v, want denied", err)
	}
	s.checks("")
}

// checks compares the root with its manifests; want stands in the findings, ""
// is none.
func (s *site) checks(want string) {
	s.Helper()
	c, err := install.Check(context.Background(), s.engine.Root, nil, install.CheckOptions{Verify: s.engine.VerifyRecord})
	if err != nil {
		s.Fatal(err)
	}
	var all []string
	for _, f := range c.Findings {
		all = append(all, f.String())
	}
	if got := strings.Join(all, "\n"); (want == "") != (got == "") || !strings.Contains(got, want) {
		s.Errorf("check found %q, want %q", got, want)
	}
}

// addLink makes the next link of the chain of trust.
func (s *site) addLink(edit func(*index.Link)) {
	s.Helper()
	s.now = s.now.Add(time.Minute)
	p := s.publisher()
	p.Signers = []*sign.Identity{s.authority}
	if _, err := p.AddLink([]*sign.Identity{s.authority}, edit); err != nil {
		s.Fatal(err)
	}
}

// What is revoked is not installed, neither from a repository nor from a file;
// where it is installed it is shown as REVOKED, found by a check, and stays
// until a person decides.
func TestCase05RevokedIsShown(t *testing.T) {
	s := newSite(t)
	mallory := s.identity(s.authority, "Mallory", sign.RightCode)
	file := s.pack(mallory, "package: evil\nversion: 1\n", "evil=x")
	s.publish(file, s.pack(s.packager, "package: app\nversion: 1\n", "app=1"), s.pack(mallory, "package: app\nversion: 2\n", "app=2"))
	s.update()
	if err := s.install("evil", "app=1"); err != nil {
		t.Fatal(err)
	}
	s.expect("app 1 NEED-UPGRADE\nevil 1 OK")
	s.addLink(func(l *index.Link) { l.RevokedCertificates = []string{sign.Fingerprint(mallory.Leaf())} })
	s.update()
	s.expect("app 1 OK\nevil 1 REVOKED") // app 2 is no candidate any more, and does not stand in the way
	s.checks("revoked")
	if err := s.upgrade(); err != nil {
		t.Errorf("upgrade: %v", err)
	}
	s.expect("app 1 OK\nevil 1 REVOKED")
	if _, err := s.request(Request{Files: []string{file}, Reinstall: true}); muster.KindOf(err) != muster.Denied || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("from a file: %v, want denied", err)
	}
	if _, err := s.request(Request{Remove: []string{"evil"}}); err != nil {
		t.Errorf("removal: %v", err)
	}
	if err := s.install("evil"); err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("from the repository: %v", err)
	}
	s.expect("app 1 OK")
}

// One package is revoked, by its hash; its author goes on.
func TestCase05RevokedPackageIsShown(t *testing.T) {
	s := newSite(t)
	file := s.pack(s.packager, "package: bad\nversion: 1\n", "bad=x")
	s.publish(file, s.pack(s.packager, "package: app\nversion: 1\n", "app=1"))
	s.update()
	if err := s.install("bad", "app"); err != nil {
		t.Fatal(err)
	}
	rec, err := s.engine.Root.Record("bad")
	if err != nil {
		t.Fatal(err)
	}
	s.addLink(func(l *index.Link) { l.RevokedPackages = []string{rec.Manifest} })
	s.update()
	s.expect("app 1 OK\nbad 1 REVOKED")
	s.checks("revoked")
	if _, err := s.request(Request{Files: []string{file}, Reinstall: true}); muster.KindOf(err) != muster.Denied {
		t.Errorf("from a file: %v, want denied", err)
	}
}

// An index that offers an older version than the installed one changes
// nothing: a version goes down only when somebody who may names it.
func TestCase08NoDowngrade(t *testing.T) {
	s := newSite(t)
	one := s.pack(s.packager, "package: app\nversion: 1\n", "app=1")
	s.publish(one)
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "app=2"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	rel, _ := control.ParseRelation("app=2")
	s.now = s.now.Add(time.Minute)
	if _, err := s.publisher().Remove(rel); err != nil {
		t.Fatal(err)
	}
	s.update()
	for what, do := range map[string]func() error{
		"upgrade": s.upgrade,
		"install": func() error { return s.install("app") },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		s.expect("app 2 OK")
	}
	group := s.pack(s.deployer, "package: office\nversion: 1\nkind: group\ndepends: app (= 1)\n")
	s.publish(group)
	s.update()
	if err := s.install("office"); err == nil || !strings.Contains(err.Error(), "goes down only if") {
		t.Errorf("a group that wants app 1: %v", err)
	}
	s.expect("app 2 OK")
	if err := s.install("app=1"); err != nil {
		t.Errorf("by name: %v", err)
	}
	if rec, err := s.engine.Root.Record("app"); err != nil || rec.Control.Version != "1" {
		t.Errorf("by name: %v, %v", rec, err)
	}
}

// Nothing new comes from a repository whose head has expired. Everything else
// goes on: reports, checks, removals, undoing, mending, other repositories.
func TestCase09StaleGoesOn(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: a\nversion: 1\n", "a=1"), s.pack(s.packager, "package: b\nversion: 1\n", "b=1"),
		s.pack(s.packager, "package: c\nversion: 1\n", "c=1"))
	s.update()
	if err := s.install("a", "c"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: a\nversion: 2\n", "a=2"))
	s.update()
	s.now = s.now.AddDate(0, 1, 0)
	if _, err := s.engine.Update(t.Context()); muster.KindOf(err) != muster.Stale || muster.HintOf(err) == "" {
		t.Errorf("update: %v, want stale", err)
	}
	if err := s.install("b"); err == nil || !strings.Contains(err.Error(), "nothing new may come") {
		t.Errorf("install: %v", err)
	}
	if err := s.upgrade(); err != nil {
		t.Errorf("upgrade: %v", err)
	}
	s.expect("a 1 OK\nc 1 OK")
	s.checks("")
	if err := os.WriteFile(s.path("root/a"), []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.checks("a: changed")
	rel, _ := control.ParseRelation("a")
	if _, err := s.request(Request{Install: []control.Relation{rel}, Reinstall: true}); err != nil {
		t.Errorf("mending: %v", err)
	} else {
		s.checks("")
	}
	if _, err := s.request(Request{Remove: []string{"c"}}); err != nil {
		t.Errorf("removal: %v", err)
	}
	if _, err := s.engine.Undo(t.Context(), 0, install.Options{}); err != nil {
		t.Errorf("undoing the removal: %v", err)
	}
	s.addRepository("other", s.pack(s.packager, "package: fresh\nversion: 1\n", "fresh=1"))
	if _, err := s.engine.Update(t.Context()); muster.KindOf(err) != muster.Stale {
		t.Errorf("update: %v, want stale", err)
	}
	if err := s.install("fresh"); err != nil {
		t.Errorf("from another repository: %v", err)
	}
}

// addRepository makes a second repository with these packages, and has the
// root know it.
func (s *site) addRepository(name string, files ...string) {
	s.Helper()
	p := &repo.Publisher{Dir: s.path(name), Signers: []*sign.Identity{s.authority}, Now: s.now}
	// The packager has expired in the site's time: the authority vouches.
	if err := p.Init("", nil); err != nil {
		s.Fatal(err)
	}
	if _, err := p.Publish(files...); err != nil {
		s.Fatal(err)
	}
	cfg := &s.engine.Root.Config
	cfg.Repositories = append(cfg.Repositories, install.Repository{URLs: []string{s.path(name)}})
	if err := s.engine.Root.SaveConfig(); err != nil {
		s.Fatal(err)
	}
	s.open()
}

// After a change of authority, what was installed before and after it is good:
// the chain of trust is believed beside the folder of certificates.
func TestCase21InstalledAcrossAuthorities(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: a\nversion: 1\n", "a=1"))
	s.update()
	if err := s.install("a"); err != nil {
		t.Fatal(err)
	}
	next := s.identity(nil, "Next Authority")
	bob := s.identity(next, "Bob", sign.RightCode)
	s.addLink(func(l *index.Link) { l.Add = [][]byte{next.Leaf().Raw} })
	old := s.authority
	s.authority, s.packager = next, bob
	s.addLink(func(l *index.Link) { l.Remove = []string{sign.Fingerprint(old.Leaf())} })
	s.publish(s.pack(s.packager, "package: b\nversion: 1\n", "b=1"))
	s.update()
	if err := s.install("b"); err != nil {
		t.Fatal(err)
	}
	s.expect("a 1 OK\nb 1 OK")
	s.checks("")
	// A file that a person names is not of that repository: its anchors do not
	// vouch for it.
	if _, err := s.request(Request{Files: []string{s.pack(s.packager, "package: c\nversion: 1\n", "c=1")}}); muster.KindOf(err) != muster.Denied {
		t.Errorf("a file by Bob: %v, want denied", err)
	}
}

// A clock in 2001: the root goes on with the time of the newest head, for
// certificates too. A clock five years ahead makes the repository stale, which
// is said with a hint at the clock, and is over when the clock is right.
func TestCase29WrongClock(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: a\nversion: 1\n", "a=1"), s.pack(s.packager, "package: b\nversion: 1\n", "b=1"))
	s.update()
	right := s.now
	s.now = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	s.update()
	if err := s.install("a"); err != nil {
		t.Errorf("in 2001: %v", err)
	}
	s.checks("")
	s.now = right.AddDate(5, 0, 0)
	if _, err := s.engine.Update(t.Context()); muster.KindOf(err) != muster.Stale || !strings.Contains(muster.HintOf(err), "clock") {
		t.Errorf("in five years: %v (hint %q)", err, muster.HintOf(err))
	}
	if err := s.install("b"); err == nil {
		t.Error("in five years something new was installed")
	}
	s.expect("a 1 OK")
	s.checks("")
	s.now = right.Add(-time.Hour)
	s.update()
	if err := s.install("b"); err != nil {
		t.Errorf("with the right clock again: %v", err)
	}
}

// Files that people change: configuration by its policy, the rest is drift that
// is reported and mended on request.
func TestCase32LocalChanges(t *testing.T) {
	s := newSite(t)
	pack := func(version string) string {
		return s.pack(s.packager, "package: app\nversion: "+version+"\n", "!etc/app.conf=setting "+version, "bin/app=program "+version)
	}
	s.publish(pack("1"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.edit("etc/app.conf", "mine")
	s.edit("bin/app", "patched")
	s.checks("app: edited: /etc/app.conf")
	s.checks("app: changed: /bin/app")
	rel, _ := control.ParseRelation("app")
	if _, err := s.request(Request{Install: []control.Relation{rel}, Reinstall: true}); err != nil {
		t.Fatal(err)
	}
	s.content("bin/app", "program 1")
	s.content("etc/app.conf", "mine")
	s.edit("bin/app", "patched")
	s.publish(pack("2"))
	s.update()
	if err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	s.content("bin/app", "program 2")
	s.content("etc/app.conf", "mine")
	s.content("etc/app.conf.muster-new", "setting 2")
	if _, err := s.request(Request{Remove: []string{"app"}}); err != nil {
		t.Fatal(err)
	}
	s.content("etc/app.conf.muster-save", "mine")
}

func (s *site) edit(name, content string) {
	s.Helper()
	if err := os.WriteFile(s.path("root/"+name), []byte(content), 0o644); err != nil {
		s.Fatal(err)
	}
}

func (s *site) content(name, want string) {
	s.Helper()
	if got, err := os.ReadFile(s.path("root/" + name)); err != nil || string(got) != want {
		s.Errorf("%s is %q, %v; want %q", name, got, err, want)
	}
}

// A script that would take all memory is ended; the root is as it was, the
// package is ERROR, and the engine goes on.
func TestCase33HostileScriptIsError(t *testing.T) {
	s := newSite(t)
	s.publish(
		s.pack(s.packager, "package: greedy\nversion: 1\n", "greedy=x", "actions.star=def install():\n    x = [0] * 1000000000\n    print(len(x))\n"),
		s.pack(s.packager, "package: deep\nversion: 1\n", "deep=x", "actions.star=def f(n):\n    return f(n + 1)\ndef install():\n    f(0)\n"),
		s.pack(s.packager, "package: good\nversion: 1\n", "good=x"))
	s.update()
	for name, want := range map[string]string{"greedy": "memory", "deep": "recursion"} {
		if err := s.install(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(s.path("root/" + name)); err == nil {
			t.Errorf("%s was left", name)
		}
	}
	if err := s.install("good"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	s.expect("deep ERROR\ngood 1 OK\ngreedy ERROR")
}
