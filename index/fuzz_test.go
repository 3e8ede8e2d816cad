package index

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/control"
	"muster/rollout"
	"muster/sign"
)

// rich is an entry with every sort of field.
func rich() *Entry {
	e := usual("lib+foo", "1:2.0~rc1-3")
	e.Descriptions = map[string]string{"fr": "Une bibliothèque"}
	return e
}

// usual is an entry with every field that is read in the quick way.
func usual(name, version string) *Entry {
	e := entry(name, version)
	e.OS, e.Architecture = []string{"linux", "windows"}, []string{"amd64", "arm64"}
	e.MinOSVersion, e.MaxOSVersion, e.Maturity, e.Locale = "10", "12.5", "PREPROD", []string{"fr", "de"}
	e.Provides = []control.Relation{{Name: "v"}, {Name: "w", Constraint: sure(control.ParseRelation("w (= 2)")).Constraint}}
	e.Conflicts = []control.Relation{sure(control.ParseRelation("old (< 2)")), sure(control.ParseRelation("o (>= 1, < 2)"))}
	e.Title, e.Maintainer, e.Licence = "Bibliothèque", "Å <a@example.org>", "MIT"
	e.Homepage, e.Keywords = "https://example.org/", []string{"a b", "c"}
	e.ValidFrom, e.ValidUntil = "2026-11-21T06:00:00Z", "2027-11-21T06:00:00Z"
	e.Rollout = control.RolloutRequired
	e.Description = "A library\n\nof two paragraphs"
	e.Depends = []control.Dependency{{{Name: "bar"}, {Name: "baz"}}}
	e.Signers = sorted(Sum([]byte("a")), Sum([]byte("b")))
	e.Icon = Sum([]byte("icon"))
	e.Filename = Pool(e.Control)
	return e
}

func sure[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// FuzzIndex holds that an index has one form, that every package is found in
// it, and that reading it in parts gives the same.
func FuzzIndex(f *testing.F) {
	group := entry("site-tools", "5")
	group.Kind, group.NeedsCode, group.InstalledSize = muster.Group, false, 0
	f.Add("", 0)
	f.Add(entry("age", "1.0").Text(), 10)
	f.Add(entry("age", "1.0").Text()+entry("zip", "3").Text(), 300)
	f.Add(string(newIndex(f, rich(), group, entry("age", "1.0")).Print()), 700)
	f.Add(string(newIndex(f, usual("a", "1:0"), usual("b", "2~1-3")).Print()), 700)
	f.Fuzz(func(t *testing.T, text string, at int) {
		x, err := Parse(text)
		inParts(t, text, at, x)
		if err != nil {
			return
		}
		if again := string(x.Print()); again != text {
			t.Errorf("printed again: %q", again)
		}
		if _, err := New(x.Entries()); err != nil {
			t.Errorf("made again: %v", err)
		}
		outlined(t, x)
		if again := Accepted(text); !slices.Equal(again.starts, x.starts) {
			t.Errorf("accepted has stanzas at %d, not %d", again.starts, x.starts)
		}
		for _, e := range x.Entries() {
			same := func(f *Entry) bool { return f != nil && f.Text() == e.Text() }
			if !same(x.File(e.Filename)) || !slices.ContainsFunc(x.Find(e.Name), same) {
				t.Errorf("cannot find %q", e.Filename)
			}
		}
	})
}

// outlined holds that an outline says what the whole entry says.
func outlined(t *testing.T, x *Index) {
	n := 0
	for i, o := range x.Outlines() {
		e, err := x.Entry(i)
		if err != nil || i != n {
			t.Fatalf("outline %d of %d: %v", i, n, err)
		}
		if got, want := outlineOf(o), outlineOf(e); got != want {
			t.Errorf("outline\n%s\nwant\n%s", got, want)
		}
		n++
	}
	if n != x.Len() {
		t.Errorf("%d outlines of %d packages", n, x.Len())
	}
}

func outlineOf(e *Entry) string {
	return fmt.Sprint(e.Name, e.Version, e.Kind, e.OS, e.Architecture, e.MinOSVersion, e.MaxOSVersion, e.Depends,
		e.Conflicts, e.Provides, e.Maturity, e.Locale, e.AppliesTo, e.ValidFrom, e.ValidUntil, e.Rollout, e.Filename, e.ManifestSHA256, e.NeedsCode, e.Signers, e.Text())
}

// inParts reads text in two parts, as a long one is read, and as one in the slow
// way. The quick way succeeds for the same texts.
func inParts(t *testing.T, text string, at int, whole *Index) {
	r := reader{rest: text}
	if slow := r.readAll(text); (slow == nil) != (whole != nil) {
		t.Fatalf("the slow way says %v, the quick way has %v", slow, whole)
	}
	if at < 0 || at >= len(text) {
		return
	}
	first := cutPart(text, at)
	a, b := scanner{text: first}, scanner{text: text, at: len(first)}
	ok := a.scan() && b.scan()
	if ok = ok && a.last < b.first; ok != (whole != nil) && first != text {
		t.Fatalf("read in parts at %d: %v, but as one: %v", at, ok, whole)
	}
	if ok && !slices.Equal(append(a.starts, b.starts...), whole.starts[:whole.Len()]) {
		t.Errorf("other stanzas when read in parts at %d", at)
	}
}

// FuzzHead holds that a head has one encoding, and that of two heads only one
// may follow the other: there is no way back.
func FuzzHead(f *testing.F) {
	old, next := newHead(), newHead()
	next.Serial, next.Date = old.Serial+1, old.Date+1
	next.Mirrors, next.MinVersions = []string{"https://example.org/repo"}, map[string]string{"age": "1.2"}
	next.Gates = map[string]rollout.Gate{"rollout-age-1.2": {State: rollout.Running, Ring: 1, Since: 1}}
	f.Add(encode(f, old), encode(f, next))
	f.Add(encode(f, old), encode(f, old))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		a, err := ParseHead(one)
		if err != nil {
			return
		}
		if again, err := a.Encode(); err != nil || string(again) != string(one) {
			t.Errorf("encoded again: %q, %v", again, err)
		}
		if err := CheckHead(a, a, noon); err != nil && a.Fresh(noon) == nil && max(a.Date, a.Serial) < noon.Unix() {
			t.Errorf("the same head again: %v", err)
		}
		b, err := ParseHead(two)
		if err != nil || CheckHead(b, a, noon) != nil {
			return
		}
		if b.Serial < a.Serial || b.Index.Serial < a.Index.Serial || b.Trust.Number < a.Trust.Number || b.Repository != a.Repository {
			t.Errorf("%s follows %s", two, one)
		}
		if CheckHead(a, b, noon) == nil && string(one) != string(two) {
			t.Errorf("%s and %s follow one another", one, two)
		}
	})
}

// FuzzLink holds that a link has one encoding, and that its anchors are the
// certificates that it adds.
func FuzzLink(f *testing.F) {
	l := &Link{Type: LinkType, Repository: "main", Number: 1, Date: 1, Add: ders("ca1"),
		Scopes: []Scope{{Names: []string{"a*"}, Signers: []string{Sum(nil)}}}}
	f.Add(encode(f, l))
	l.Number, l.Previous, l.Add, l.Remove, l.Need = 2, Sum(nil), ders("ca2", "ca3"), []string{print("ca1")}, 2
	l.RevokedPackages, l.RevokedCertificates = []string{Sum(nil)}, []string{print("bob")}
	f.Add(encode(f, l))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseLink(data)
		if err != nil {
			return
		}
		if again, err := l.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("encoded again: %q, %v", again, err)
		}
		if certs, err := l.anchors(); err != nil || len(certs) != len(l.Add) {
			t.Errorf("%d anchors, %v", len(certs), err)
		}
	})
}

// FuzzChanges holds that changes have one form, and that where they can be
// applied they lead to the index that they name.
func FuzzChanges(f *testing.F) {
	a, b := newIndex(f, entry("a", "1"), entry("c", "1")), newIndex(f, entry("b", "1"), entry("c", "2"))
	f.Add(string(Diff(a, b, 1, 2).Print()), string(a.Print()))
	f.Add(string(Diff(b, newIndex(f, rich()), 2, 9).Print()), string(b.Print()))
	f.Add(string(Diff(a, newIndex(f), 1, 2).Print()), string(a.Print()))
	f.Fuzz(func(t *testing.T, text, on string) {
		c, err := ParseChanges(text)
		if err != nil {
			return
		}
		if again := string(c.Print()); again != text {
			t.Errorf("printed again: %q", again)
		}
		if after, err := c.Patch(on); err == nil && Sum([]byte(after)) != c.ToSHA256 {
			t.Error("the text led to another index")
		}
		x, err := Parse(on)
		if err != nil {
			return
		}
		if y, err := x.Apply(c); err == nil && Sum(y.Print()) != c.ToSHA256 {
			t.Error("led to another index")
		}
	})
}

// signedFile reads a file of testdata/signed: the links of a chain, a head, and
// what nobody should believe. They were signed once: the processes that look
// for faults must have the same keys. -update makes them anew.
func signedFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/signed", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// believing is the trust in the authority of testdata/signed.
func believing(t testing.TB) *sign.Trust {
	t.Helper()
	certs, err := sign.ParseCerts(signedFile(t, "ca1.crt"))
	if err != nil {
		t.Fatal(err)
	}
	return &sign.Trust{Anchors: certs}
}

var update = flag.Bool("update", false, "make the files of testdata anew")

func TestSignedFiles(t *testing.T) {
	if *update {
		writeSigned(t)
	}
	s, err := Follow(believing(t), "main", [][]byte{signedFile(t, "1.p7m"), signedFile(t, "2.p7m")}, noon)
	if err != nil || names(s) != "ca1 ca2" || len(s.Revoked) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := s.OpenHead(signedFile(t, "head.p7m"), sign.Policy{Now: noon}); err != nil {
		t.Error(err)
	}
	for _, forged := range []string{"2-other.p7m", "2-alice.p7m"} {
		if _, err := Follow(believing(t), "main", [][]byte{signedFile(t, "1.p7m"), signedFile(t, forged)}, noon); muster.KindOf(err) != muster.Denied {
			t.Errorf("%s: %v", forged, err)
		}
	}
	for _, forged := range []string{"head-host.p7m", "head-other.p7m"} {
		if _, err := s.OpenHead(signedFile(t, forged), sign.Policy{Now: noon}); muster.KindOf(err) != muster.Denied {
			t.Errorf("%s: %v", forged, err)
		}
	}
}

func writeSigned(t *testing.T) {
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join("testdata/signed", name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("ca1.crt", sign.EncodeCerts(cast()["ca1"].Chain[0]))
	chain := [][]byte{link(t, nil, func(l *Link) { l.Add = ders("ca1") }, "ca1")}
	write("1.p7m", chain[0])
	for _, signer := range []string{"other", "alice"} {
		write("2-"+signer+".p7m", link(t, chain, func(l *Link) { l.Add = ders("other") }, signer))
	}
	chain = append(chain, link(t, chain, func(l *Link) {
		l.Add, l.RevokedCertificates = ders("ca2"), []string{print("bob")}
	}, "ca1"))
	write("2.p7m", chain[1])
	h := newHead()
	h.Trust = LinkRef{2, Sum(chain[1])}
	for name, signer := range map[string]string{"head.p7m": "alice", "head-host.p7m": "host", "head-other.p7m": "other"} {
		file, err := sign.Sign(encode(t, h), false, noon, cast()[signer])
		if err != nil {
			t.Fatal(err)
		}
		write(name, file)
	}
}

// FuzzFollow changes the links of a chain: whoever accepts them trusts whom the
// chain says, and nobody else.
func FuzzFollow(f *testing.F) {
	chain := [][]byte{signedFile(f, "1.p7m"), signedFile(f, "2.p7m")}
	honest, err := Follow(believing(f), "main", chain, noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(chain[0], chain[1])
	f.Add(chain[0], signedFile(f, "2-other.p7m"))
	f.Add(chain[0], signedFile(f, "2-alice.p7m"))
	trust := believing(f)
	f.Fuzz(func(t *testing.T, one, two []byte) {
		s, err := Follow(trust, "main", [][]byte{one, two}, noon)
		if err == nil && (names(s) != names(honest) || !maps.Equal(s.Revoked, honest.Revoked)) {
			t.Errorf("trusts %s, has revoked %v", names(s), s.Revoked)
		}
	})
}

// FuzzOpenHead changes a signed head: whoever accepts it has the head that was
// signed.
func FuzzOpenHead(f *testing.F) {
	s, err := Follow(believing(f), "main", [][]byte{signedFile(f, "1.p7m"), signedFile(f, "2.p7m")}, noon)
	if err != nil {
		f.Fatal(err)
	}
	honest, err := s.OpenHead(signedFile(f, "head.p7m"), sign.Policy{Now: noon})
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"head.p7m", "head-host.p7m", "head-other.p7m", "1.p7m"} {
		f.Add(signedFile(f, name))
	}
	want := string(encode(f, honest))
	f.Fuzz(func(t *testing.T, file []byte) {
		seen, ierr := InspectHead(file)
		got, err := s.OpenHead(file, sign.Policy{Now: noon})
		if err != nil {
			return
		}
		if string(encode(t, got)) != want {
			t.Errorf("opened %s", encode(t, got))
		}
		if ierr != nil || string(encode(t, seen)) != want {
			t.Errorf("it can be opened, but is seen as %v, %v", seen, ierr)
		}
	})
}

// FuzzMirrors holds that what is taken for a mirror has no user, query or
// fragment, and that a scope's glob covers the name that it spells.
func FuzzMirrors(f *testing.F) {
	f.Add("https://example.org/repo", "lib*")
	f.Add("http://[::1]:80/a%2Fb", "a?b")
	f.Add("https://u:p@example.org/", "[a")
	f.Fuzz(func(t *testing.T, mirror, glob string) {
		if CheckMirrors([]string{mirror}) == nil {
			scheme, rest, _ := strings.Cut(mirror, "://")
			host, _, _ := strings.Cut(rest, "/")
			if s := strings.ToLower(scheme); s != "http" && s != "https" || host == "" || strings.ContainsAny(host, "@?#") || strings.ContainsAny(rest, "?#") {
				t.Errorf("%q is a mirror", mirror)
			}
		}
		s := Scope{Names: []string{glob}, Signers: []string{Sum(nil)}}
		if s.Check() == nil && !s.Covers(muster.Base, strings.NewReplacer("*", "", "?", "x").Replace(glob)) {
			t.Errorf("%q does not cover what it spells", glob)
		}
	})
}
