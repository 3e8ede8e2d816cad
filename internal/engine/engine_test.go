package engine

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/deb822"
	"muster/internal/install"
	"muster/internal/repo"
	"muster/internal/script"
	"muster/pkgfile"
	"muster/settings"
	"muster/sign"
)

// TestMain lets the tests work in memory where there is such a place: each
// change waits for the disk many times.
func TestMain(m *testing.M) {
	script.Child()
	if dir, err := os.MkdirTemp("/dev/shm", "muster-engine-"); err == nil {
		os.Setenv("TMPDIR", dir)
		code := m.Run()
		os.RemoveAll(dir)
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// A site is an authority, a packager, a repository on a web server, and a root.
type site struct {
	testing.TB
	dir       string
	authority *sign.Identity
	packager  *sign.Identity
	deployer  *sign.Identity
	url       string
	now       time.Time
	engine    *Engine
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{TB: t, dir: t.TempDir(), now: time.Now().Truncate(time.Second)}
	s.authority = s.identity(nil, "Authority")
	s.packager = s.identity(s.authority, "Alice Martin", sign.RightCode)
	s.deployer = s.identity(s.authority, "Dave", sign.RightDeploy)
	if err := s.publisher().Init("", nil); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(repo.Handler(s.path("repo")))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.setup()
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) identity(ca *sign.Identity, name string, rights ...sign.Right) *sign.Identity {
	s.Helper()
	key, err := sign.NewKey("ecdsa-p256")
	if err != nil {
		s.Fatal(err)
	}
	from, to := s.now.Add(-time.Hour), s.now.AddDate(1, 0, 0)
	id := &sign.Identity{Key: key}
	if ca == nil {
		c, err := sign.NewAuthority(name, key, from, to)
		if err != nil {
			s.Fatal(err)
		}
		id.Chain = append(id.Chain, c)
		return id
	}
	c, err := sign.Issue(ca, sign.Request{Name: name, Public: key.Public(), Rights: rights, From: from, To: to})
	if err != nil {
		s.Fatal(err)
	}
	id.Chain = append(append(id.Chain, c), ca.Chain...)
	return id
}

func (s *site) publisher() *repo.Publisher {
	return &repo.Publisher{Dir: s.path("repo"), Signers: []*sign.Identity{s.packager}, Now: s.now}
}

func (s *site) setup() {
	s.Helper()
	r, err := install.Setup(s.path("root"), install.Config{Area: true, Platform: muster.Platform{OS: "linux", Arch: "amd64"},
		Repositories: []install.Repository{{URLs: []string{s.url}}}}, nil)
	if err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.TrustDir(), "ca.pem"), sign.EncodeCerts(s.authority.Chain...), 0o644); err != nil {
		s.Fatal(err)
	}
	s.open()
}

func (s *site) open() {
	s.Helper()
	e, err := Open(s.path("root"), Options{Now: func() time.Time { return s.now }})
	if err != nil {
		s.Fatal(err)
	}
	s.engine = e
}

// pack makes a package file from a control and files "path=content";
// "!path=content" is configuration.
func (s *site) pack(by *sign.Identity, text string, files ...string) string {
	s.Helper()
	stanzas, err := deb822.Parse(text)
	if err != nil {
		s.Fatal(err)
	}
	c, err := control.Parse(stanzas[0])
	if err != nil {
		s.Fatal(err)
	}
	spec := pkgfile.Spec{Control: *c, Date: time.Unix(1700000000, 0)}
	for _, f := range files {
		path, content, _ := strings.Cut(f, "=")
		if path == "policy" {
			doc, err := settings.Parse(c.Kind, content)
			if err != nil {
				s.Fatal(err)
			}
			spec.Policy = doc
			continue
		}
		path, config := strings.CutPrefix(path, "!")
		if path == pkgfile.ActionsPath {
			if spec.Actions, err = script.Hooks(c.Name, []byte(content)); err != nil {
				s.Fatal(err)
			}
		} else {
			path = "root/" + path
		}
		file := pkgfile.File{Path: path, Type: pkgfile.Regular, Mode: 0o644}
		if config {
			file.Config = "keep"
		}
		spec.Entries = append(spec.Entries, pkgfile.Entry{File: file,
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }})
	}
	d, err := pkgfile.Build(spec, s.TempDir())
	if err != nil {
		s.Fatal(err)
	}
	defer d.Close()
	signature, err := sign.Sign(d.Encoded, true, s.now, by)
	if err != nil {
		s.Fatal(err)
	}
	var buf bytes.Buffer
	if err := d.Write(&buf, signature); err != nil {
		s.Fatal(err)
	}
	name := filepath.Join(s.TempDir(), c.FileName())
	if err := os.WriteFile(name, buf.Bytes(), 0o644); err != nil {
		s.Fatal(err)
	}
	return name
}

func (s *site) publish(files ...string) {
	s.Helper()
	s.now = s.now.Add(time.Minute)
	if _, err := s.publisher().Publish(files...); err != nil {
		s.Fatal(err)
	}
}

func (s *site) update() {
	s.Helper()
	if _, err := s.engine.Update(context.Background()); err != nil {
		s.Fatal(err)
	}
}

func (s *site) request(req Request) (*install.Result, error) {
	s.Helper()
	ctx := context.Background()
	_, end, err := s.engine.Begin(ctx, 0, install.Options{})
	if err != nil {
		s.Fatal(err)
	}
	defer end()
	p, err := s.engine.Plan(req)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return s.engine.Execute(ctx, p, install.Options{}, nil)
}

func (s *site) install(names ...string) error {
	s.Helper()
	var req Request
	for _, n := range names {
		rel, err := control.ParseRelation(n)
		if err != nil {
			s.Fatal(err)
		}
		req.Install = append(req.Install, rel)
	}
	_, err := s.request(req)
	return err
}

// statuses is "name version STATUS" of everything, in lines.
func (s *site) statuses() string {
	s.Helper()
	all, err := s.engine.Status(false)
	if err != nil {
		s.Fatal(err)
	}
	var lines []string
	for _, st := range all {
		lines = append(lines, strings.Join(strings.Fields(st.Name+" "+st.Version+" "+string(st.Status)), " "))
	}
	return strings.Join(lines, "\n")
}

func (s *site) expect(want string) {
	s.Helper()
	if got := s.statuses(); got != want {
		s.Errorf("statuses:\n%s\nwant:\n%s", got, want)
	}
}

func TestLife(t *testing.T) {
	s := newSite(t)
	s.publish(
		s.pack(s.packager, "package: app\nversion: 1\ndepends: lib (>= 1)\n", "bin/app=one"),
		s.pack(s.packager, "package: lib\nversion: 1\n", "lib/x=one"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.expect("app 1 OK\nlib 1 OK")
	reasons, err := s.engine.Why("lib")
	if err != nil || len(reasons) != 1 || !strings.Contains(reasons[0].String(), "needed by app 1") {
		t.Errorf("why lib: %v, %v", reasons, err)
	}
	s.publish(
		s.pack(s.packager, "package: app\nversion: 2\ndepends: lib (>= 2)\n", "bin/app=two"),
		s.pack(s.packager, "package: lib\nversion: 2\n", "lib/x=two"))
	s.update()
	s.expect("app 1 NEED-UPGRADE\nlib 1 NEED-UPGRADE")
	if _, err := s.request(Request{Upgrade: true}); err != nil {
		t.Fatal(err)
	}
	s.expect("app 2 OK\nlib 2 OK")
	if _, err := s.engine.Undo(context.Background(), 0, install.Options{}); err != nil {
		t.Fatal(err)
	}
	s.expect("app 1 NEED-UPGRADE\nlib 1 NEED-UPGRADE")
	if _, err := s.request(Request{Remove: []string{"app"}, Autoremove: true}); err != nil {
		t.Fatal(err)
	}
	s.expect("")
	if err := s.install("app=1"); err != nil {
		t.Fatal(err)
	}
	s.expect("app 1 NEED-UPGRADE\nlib 2 OK")
}

// TestUndoKeepsTheRestWhole: a change that others have come to rely on is not
// taken back.
func TestUndoKeepsTheRestWhole(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: lib\nversion: 1\n", "x=1"))
	s.update()
	if err := s.install("lib"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 1\ndepends: lib\n", "app=1"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	_, err := s.engine.Undo(context.Background(), 1, install.Options{})
	if muster.KindOf(err) != muster.Conflict || !strings.Contains(err.Error(), "lib") {
		t.Errorf("undo of what app needs: %v", err)
	}
	s.expect("app 1 OK\nlib 1 OK")
}

// TestFailureIsRetried: a failed package stays asked for, is shown as ERROR,
// and every upgrade tries again until it succeeds.
func TestFailureIsRetried(t *testing.T) {
	s := newSite(t)
	bad := "actions.star=def install():\n    if not isfile(makepath(root, \"licence\")):\n        fail(\"no licence\")\n"
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "bin/app=one", bad))
	s.update()
	if err := s.install("app"); err == nil || !strings.Contains(err.Error(), "no licence") {
		t.Fatalf("error %v", err)
	}
	s.expect("app ERROR")
	if _, err := s.request(Request{Upgrade: true}); err == nil {
		t.Fatal("the upgrade did not try again")
	}
	if err := os.WriteFile(s.path("root/licence"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.request(Request{Upgrade: true}); err != nil {
		t.Fatal(err)
	}
	s.expect("app 1 OK")
}

// A version that failed and was withdrawn is no error of what is installed.
func TestFailureIsForgiven(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "bin/app=one"))
	s.update()
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 2\n", "bin/app=two", "actions.star=def install():\n    fail(\"no\")\n"))
	s.update()
	if err := s.upgrade(); err == nil {
		t.Fatal("it was installed")
	}
	s.expect("app 1 ERROR")
	if _, err := s.publisher().Remove(relation("app=2")); err != nil {
		t.Fatal(err)
	}
	s.update()
	s.expect("app 1 OK")
}

// Nobody but who may is believed, also about a file that a person names.
func TestCase02RefusedFiles(t *testing.T) {
	s := newSite(t)
	stranger := s.identity(s.identity(nil, "Stranger"), "Mallory", sign.RightCode)
	for name, by := range map[string]*sign.Identity{"stranger": stranger, "deployer": s.deployer} {
		f := s.pack(by, "package: evil\nversion: 1\n", "bin/evil=x")
		_, err := s.request(Request{Files: []string{f}})
		if muster.KindOf(err) != muster.Denied || muster.HintOf(err) == "" {
			t.Errorf("%s: %v (hint %q), want denied", name, err, muster.HintOf(err))
		}
	}
	f := s.pack(s.packager, "package: good\nversion: 1\n", "bin/good=x")
	data, err := os.ReadFile(f)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-100] ^= 1
	if err := os.WriteFile(f, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.request(Request{Files: []string{f}}); err == nil {
		t.Error("a damaged file was installed")
	}
	s.expect("")
	group := s.pack(s.deployer, "package: office\nversion: 1\nkind: group\n")
	if _, err := s.request(Request{Files: []string{group}}); err != nil {
		t.Errorf("a group without content, signed by a deployer: %v", err)
	}
	s.expect("office 1 OK")
}

func TestPinned(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: a\nversion: 1\n", "a=1"))
	s.update()
	if err := s.install("a"); err != nil {
		t.Fatal(err)
	}
	w, err := s.engine.Root.Wishes()
	if err != nil {
		t.Fatal(err)
	}
	pin, _ := control.ParseRelation("a=1")
	w.Pin("a", pin.Constraint)
	if err := s.engine.Root.SaveWishes(w); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: a\nversion: 2\n", "a=2"))
	s.update()
	s.expect("a 1 OK")
	if err := s.install("a=2"); err == nil || !strings.Contains(err.Error(), "pin") {
		t.Errorf("against the pin: %v", err)
	}
}

// TestOffline: what was downloaded is installed without a server, and an
// installation without downloads says what is away.
func TestOffline(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: a\nversion: 1\n", "a=1"), s.pack(s.packager, "package: b\nversion: 1\n", "b=1"))
	s.update()
	rel, _ := control.ParseRelation("a")
	p, err := s.engine.Plan(Request{Install: []control.Relation{rel}})
	if err != nil || p.Download == 0 {
		t.Fatalf("%v, %d bytes to fetch", err, p.Download)
	}
	if err := s.engine.Download(context.Background(), p, nil); err != nil {
		t.Fatal(err)
	}
	p.Close()
	for _, c := range s.engine.Clients {
		c.Bases = []string{"http://127.0.0.1:1"}
	}
	if err := s.install("a"); err != nil {
		t.Errorf("from the cache: %v", err)
	}
	if err := s.install("b"); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("without a server: %v, want unavailable", err)
	}
	s.expect("a 1 OK")
}

// TestParams: a package says which parameters it needs; they reach its actions
// and those of later versions, and lie where only those read them who change
// the root.
func TestParams(t *testing.T) {
	s := newSite(t)
	code := "actions.star=def install():\n    write_file(makepath(root, \"seen\"), params[\"key\"])\n"
	text := "package: app\nversion: %s\nrequired-params: key\ndepends: lib\n"
	s.publish(s.pack(s.packager, strings.ReplaceAll(text, "%s", "1"), code), s.pack(s.packager, "package: lib\nversion: 1\n", "lib=1"))
	s.update()
	if err := s.install("app"); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), `requires the parameter "key"`) {
		t.Errorf("without it: %v", err)
	}
	rel, _ := control.ParseRelation("app")
	if _, err := s.request(Request{Install: []control.Relation{rel}, Params: map[string]string{"key": "s3cret"}}); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, strings.ReplaceAll(text, "%s", "2"), code))
	s.update()
	if err := os.Remove(s.path("root/seen")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.request(Request{Upgrade: true}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(s.path("root/seen")); err != nil || string(got) != "s3cret" {
		t.Errorf("the upgrade saw %q, %v", got, err)
	}
	err := filepath.WalkDir(s.path("root/.muster"), func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		if info, _ := d.Info(); strings.Contains(string(data), "s3cret") && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s shows a parameter to others: %v", name, info.Mode())
		}
		if strings.Contains(name, "packages/lib/") && strings.Contains(string(data), "s3cret") {
			t.Errorf("%s: the parameter reached a package that was not named", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
