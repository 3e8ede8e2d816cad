package repo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/fetch"
	"muster/sign"
)

// The cases of docs/faults.md about packages. What a packager, a deployer or a
// thief of the head's key can slip into an index is found before the package
// is decompressed.

// A package whose bytes were changed is refused before it is opened, leaves
// nothing in the cache, and comes from the next mirror.
func TestCase01ChangedBytes(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"a bit":       flipped,
		"a bit early": func(b []byte) []byte { b[20] ^= 1; return b },
		"all":         func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			update(t, s.c)
			e := must(s.c.Index()).Find("age")[1]
			s.lies("pool", answer(change(read(t, s.Dir, e.Filename))))
			_, err := s.c.Open(t.Context(), e)
			var m *fetch.Mismatch
			if wantKind(t, err, muster.Denied, "sha256"); !errors.As(err, &m) {
				t.Errorf("error is %T", err)
			}
			if left, _ := filepath.Glob(s.c.Fetch.Cache + "/*"); left != nil {
				t.Errorf("in the cache: %v", left)
			}
			s.c.Bases = append(s.c.Bases, s.honst)
			f, err := s.c.Open(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		})
	}
}

// A package that was changed in the cache, after it was verified once, is
// fetched again.
func TestCase01ChangedInTheCache(t *testing.T) {
	s := newStage(t)
	update(t, s.c)
	e := must(s.c.Index()).Find("age")[1]
	must(s.c.Open(t.Context(), e)).Close()
	path := filepath.Join(s.c.Fetch.Cache, e.SHA256)
	if err := os.WriteFile(path, flipped(read(t, s.Dir, e.Filename)), 0o644); err != nil {
		t.Fatal(err)
	}
	s.liar.hits()
	f, err := s.c.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if hits := s.liar.hits(); len(hits) != 1 || hits[0] != e.Filename {
		t.Errorf("asked for %v", hits)
	}
	if err := f.CheckContent(); err != nil {
		t.Error(err)
	}
}

// slipped opens a package that the index lists though no publisher would.
func slipped(t *testing.T, file string, edit func(*index.Entry)) error {
	t.Helper()
	s := newStage(t)
	filename := slip(t, s.Publisher, file, edit)
	s.c.SetNames("age")
	update(t, s.c)
	e := must(s.c.Index()).File(filename)
	f, err := s.c.Open(t.Context(), e)
	if err == nil {
		f.Close()
	}
	return err
}

func TestCase02UnknownAuthority(t *testing.T) {
	ppl := everybody()
	refuse(t, lie{"head", func(t *testing.T, s *stage) { s.signHead(t, ppl.stranger, func(*index.Head) {}) }, muster.Denied, "unknown authority"})
	t.Run("package", func(t *testing.T) {
		err := slipped(t, pack(t, "age", "2", ppl.stranger), nil)
		wantKind(t, err, muster.Denied, "unknown authority")
		if muster.HintOf(err) == "" {
			t.Error("no hint")
		}
	})
	t.Run("publisher", func(t *testing.T) {
		_, err := newRepo(t).Publish(pack(t, "age", "2", ppl.stranger))
		wantKind(t, err, muster.Denied, "unknown authority")
	})
}

// Who may deploy but not sign code may say what a host has, and no more.
func TestCase03WithoutCodeSigning(t *testing.T) {
	dave := everybody().dave
	for _, test := range []struct {
		kind    muster.Kind
		content string
		good    bool
	}{
		{muster.Base, "x", false}, {muster.Base, "", false}, {muster.Config, "", false}, {muster.Host, "x", false},
		{muster.Host, "", true}, {muster.Group, "", true}, {muster.Unit, "", true}, {muster.Profile, "", true},
	} {
		file := packControl(t, control.Control{Name: "age", Version: "2", Kind: test.kind}, test.content, dave)
		err := slipped(t, file, nil)
		_, perr := newRepo(t).Publish(file)
		if test.good {
			if err != nil || perr != nil {
				t.Errorf("%s: open %v, publish %v", test.kind, err, perr)
			}
			continue
		}
		wantKind(t, err, muster.Denied, "may not sign code")
		wantKind(t, perr, muster.Denied, "may not sign code")
	}
}

// An author who has expired since stays good while a current head lists the
// package, and for no longer; what a new head lists, they signed in time.
func TestCase04ExpiredAuthor(t *testing.T) {
	ppl := everybody()
	soon := personUntil(ppl.ca, "Erin", start.AddDate(0, 0, 7), sign.RightCode)
	p := newRepo(t)
	file := pack(t, "age", "1", soon)
	publish(t, p, file)
	c := newClient(t, p, p.Dir)
	update(t, c)
	open := func() error {
		f, err := c.Open(t.Context(), must(c.Index()).Find("age")[0])
		if err == nil {
			f.Close()
		}
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	p.Now = start.AddDate(0, 0, 10) // Erin has expired, the head has not
	if err := open(); err != nil {
		t.Errorf("listed by a current head: %v", err)
	}
	p.Now = start.AddDate(0, 0, 30) // both have
	wantKind(t, open(), muster.Denied, "expired")
	if _, err := p.Refresh(); err != nil {
		t.Fatal(err)
	}
	update(t, c)
	if err := open(); err != nil {
		t.Errorf("listed by a new head: %v", err)
	}
	_, err := newRepoAt(t, p.Now).Publish(file)
	wantKind(t, err, muster.Denied, "expired")
}

// newRepoAt is newRepo at another time.
func newRepoAt(t *testing.T, now time.Time) *Publisher {
	t.Helper()
	p := newRepo(t)
	p.Now = now
	return p
}

// What was signed by someone who is revoked now, or is revoked itself, is no
// candidate for a plan, and is not opened even out of the cache.
func TestCase05Revoked(t *testing.T) {
	ppl := everybody()
	for name, edit := range map[string]func(*index.Link, *index.Entry){
		"certificate": func(l *index.Link, _ *index.Entry) {
			l.RevokedCertificates = []string{sign.Fingerprint(ppl.alice.Leaf())}
		},
		"package": func(l *index.Link, e *index.Entry) { l.RevokedPackages = []string{e.ManifestSHA256} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newRepo(t)
			boss := person(ppl.ca, "Boss", sign.RightCode)
			p.Signers = []*sign.Identity{boss}
			publish(t, p, pack(t, "age", "1", ppl.alice), pack(t, "zip", "1", ppl.alice, boss))
			c := newClient(t, p, p.Dir)
			update(t, c)
			e := must(c.Index()).Find("age")[0]
			must(c.Open(t.Context(), e)).Close()
			p.Now = p.Now.Add(time.Hour)
			if _, err := p.AddLink([]*sign.Identity{ppl.ca}, func(l *index.Link) { edit(l, e) }); err != nil {
				t.Fatal(err)
			}
			update(t, c)
			wantKind(t, c.Usable(e), muster.Denied, "revoked")
			_, err := c.Open(t.Context(), e)
			wantKind(t, err, muster.Denied, "revoked")
			mislabelled := *e // an index that hides who signed
			mislabelled.Signers = []string{sign.Fingerprint(boss.Leaf())}
			_, err = c.Open(t.Context(), &mislabelled)
			wantKind(t, err, muster.Denied, "revoked")
			two := must(c.Index()).Find("zip")[0]
			if err := c.Usable(two); err != nil {
				t.Errorf("signed by somebody else too: %v", err)
			}
			f, err := c.Open(t.Context(), two)
			if err != nil {
				t.Fatalf("signed by somebody else too: %v", err)
			}
			f.Close()
		})
	}
}

// The index cannot add a dependency, or change any other field, of what was
// signed.
func TestCase16DependencyAdded(t *testing.T) {
	for name, edit := range map[string]func(*control.Control){
		"depends": func(c *control.Control) { c.Depends = append(c.Depends, must(control.ParseDependency("evil"))) },
		"conflicts": func(c *control.Control) {
			c.Conflicts = append(c.Conflicts, must(control.ParseRelation("openssh")))
		},
		"essential to others: provides": func(c *control.Control) {
			c.Provides = append(c.Provides, must(control.ParseRelation("ssh")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := slipped(t, pack(t, "age", "2", everybody().alice), func(e *index.Entry) {
				c := *e.Control
				edit(&c)
				e.Control = &c
			})
			wantKind(t, err, muster.Denied, "control (")
		})
	}
}

// The index cannot offer a package as another one.
func TestCase17AnotherPackage(t *testing.T) {
	ppl := everybody()
	other := func(edit func(*control.Control)) func(*index.Entry) {
		return func(e *index.Entry) {
			c := *e.Control
			edit(&c)
			e.Control = &c
		}
	}
	for _, test := range []struct {
		name, want string
		edit       func(*index.Entry)
	}{
		{"name A, file of B", "control (package) differs", other(func(c *control.Control) { c.Name = "openssh" })},
		{"version", "control (version) differs", other(func(c *control.Control) { c.Version = "3" })},
		{"architecture", "control (architecture) differs", other(func(c *control.Control) { c.Architecture = []string{"arm64"} })},
		{"system", "control (os) differs", other(func(c *control.Control) { c.OS = []string{"freebsd"} })},
		{"kind", "control (kind) differs", other(func(c *control.Control) { c.Kind = muster.Config })},
		{"manifest", "manifest differs", func(e *index.Entry) { e.ManifestSHA256 = index.Sum(nil) }},
		{"installed size", "installed size differs", func(e *index.Entry) { e.InstalledSize++ }},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantKind(t, slipped(t, pack(t, "age", "2", ppl.alice), test.edit), muster.Denied, test.want)
		})
	}
	t.Run("code as no code", func(t *testing.T) {
		// What dave may not sign does not become signable by calling it a group.
		err := slipped(t, pack(t, "age", "2", ppl.dave), func(e *index.Entry) {
			c := *e.Control
			c.Kind = muster.Group
			e.Control, e.NeedsCode = &c, false
		})
		wantKind(t, err, muster.Denied, "may not sign code")
	})
}

// slip lists a file that the publisher itself would refuse.
func slip(t *testing.T, p *Publisher, name string, edit func(*index.Entry)) (filename string) {
	t.Helper()
	p.Now = p.Now.Add(time.Hour)
	_, err := p.change(func(c *contents) (*publication, *Report, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		e := describe(t, f)
		if edit != nil {
			edit(e)
		}
		e.Filename = index.Pool(e.Control)
		filename = e.Filename
		x := c.index
		if index.Binned(e.Kind) {
			err = c.bins.set(index.BinOf(e.Name), []*index.Entry{e})
		} else {
			var others []*index.Entry
			for _, o := range c.index.Entries() {
				if o.Name != "age" || o.Version != "2" {
					others = append(others, o)
				}
			}
			x, err = index.New(append(others, e))
		}
		if err != nil {
			return nil, nil, err
		}
		next, err := p.prepare(c, x)
		if err != nil {
			return nil, nil, err
		}
		return next, &Report{}, p.store(&draft{entry: e, name: name})
	})
	if err != nil {
		t.Fatal(err)
	}
	return filename
}
