package index

import (
	"crypto/x509"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/internal/canon"
	"muster/sign"
)

// identity makes a certificate below ca, or an authority where ca is nil.
func identity(t testing.TB, ca *sign.Identity, name string, to time.Time, rights ...sign.Right) *sign.Identity {
	t.Helper()
	key, err := sign.NewKey("")
	if err != nil {
		t.Fatal(err)
	}
	from := noon.AddDate(-2, 0, 0)
	var cert *x509.Certificate
	if ca == nil {
		cert, err = sign.NewAuthority(name, key, from, to)
	} else {
		cert, err = sign.Issue(ca, sign.Request{Name: name, Public: key.Public(), Rights: rights, From: from, To: to})
	}
	if err != nil {
		t.Fatal(err)
	}
	id := &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}
	if ca != nil {
		id.Chain = append(id.Chain, ca.Chain...)
	}
	return id
}

var decade = noon.AddDate(10, 0, 0)

// cast are the identities of the stories; keys are made once.
var cast = sync.OnceValue(func() map[string]*sign.Identity {
	t := new(testing.T)
	c := map[string]*sign.Identity{}
	for _, name := range []string{"ca1", "ca2", "ca3", "other"} {
		c[name] = identity(t, nil, name, decade)
	}
	c["alice"] = identity(t, c["ca1"], "alice", decade, sign.RightCode)
	c["bob"] = identity(t, c["ca1"], "bob", decade, sign.RightCode)
	c["host"] = identity(t, c["ca1"], "host", decade)
	c["clerk"] = identity(t, c["ca1"], "clerk", decade, sign.RightIndex)
	key := must1(sign.NewKey(""))
	c["server"] = &sign.Identity{Key: key, Chain: []*x509.Certificate{
		must1(sign.SelfSigned("server", key, noon.AddDate(-1, 0, 0), decade, sign.RightIndex))}}
	return c
})

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func trusts(names ...string) *sign.Trust {
	t := &sign.Trust{}
	for _, name := range names {
		t.Add(cast()[name].Chain[0])
	}
	return t
}

func ders(names ...string) (list [][]byte) {
	certs := trusts(names...).Anchors
	slices.SortFunc(certs, func(a, b *x509.Certificate) int { return strings.Compare(sign.Fingerprint(a), sign.Fingerprint(b)) })
	for _, c := range certs {
		list = append(list, c.Raw)
	}
	return list
}

func print(name string) string { return sign.Fingerprint(cast()[name].Chain[0]) }

// link signs the link that follows chain.
func link(t testing.TB, chain [][]byte, edit func(*Link), signers ...string) []byte {
	t.Helper()
	l := &Link{Type: LinkType, Repository: "main", Number: len(chain) + 1, Date: noon.Unix()}
	if len(chain) > 0 {
		l.Previous = Sum(chain[len(chain)-1])
	}
	edit(l)
	var ids []*sign.Identity
	for _, name := range signers {
		ids = append(ids, cast()[name])
	}
	file, err := sign.Sign(encode(t, l), false, noon, ids...)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// rollover is a chain through three authorities.
func rollover(t testing.TB) [][]byte {
	chain := [][]byte{link(t, nil, func(l *Link) { l.Add = ders("ca1") }, "ca1")}
	chain = append(chain, link(t, chain, func(l *Link) { l.Add = ders("ca2") }, "ca1"))
	chain = append(chain, link(t, chain, func(l *Link) { l.Add, l.Remove = ders("ca3"), []string{print("ca1")} }, "ca2"))
	return append(chain, link(t, chain, func(l *Link) { l.Remove = []string{print("ca2")} }, "ca3"))
}

func names(s *State) string {
	var all []string
	for _, c := range s.Anchors {
		all = append(all, c.Subject.CommonName)
	}
	return strings.Join(all, " ")
}

// Whoever was away for a year ends on the newest link in one pass,
// and who was set up after the change needs the new authority only.
func TestCase21Rollover(t *testing.T) {
	chain := rollover(t)
	for _, given := range []string{"ca1", "ca2", "ca3"} {
		s, err := Follow(trusts(given), "main", chain, noon)
		if err != nil {
			t.Errorf("given %s: %v", given, err)
			continue
		}
		if s.Number != 4 || s.SHA256 != Sum(chain[3]) || names(s) != "ca3" {
			t.Errorf("given %s: link %d, anchors %s", given, s.Number, names(s))
		}
	}
	s, err := Follow(trusts("ca1"), "main", chain[:2], noon)
	if err != nil || names(s) != "ca1 ca2" {
		t.Errorf("half way: %v", err)
	}
	if _, err := Follow(trusts("ca1"), "main", chain, noon.AddDate(9, 0, 0)); err != nil {
		t.Errorf("years later: %v", err)
	}
}

// What a chain must not do.
func TestCase20FollowRefuses(t *testing.T) {
	good := rollover(t)
	root := good[:1]
	and := func(edit func(*Link), signers ...string) [][]byte {
		return append(slices.Clone(root), link(t, root, edit, signers...))
	}
	for _, test := range []struct {
		name, want string
		trust      *sign.Trust
		chain      [][]byte
	}{
		{"nobody trusted", "unknown authority", trusts("other"), good},
		{"empty", "0 links", trusts("ca1"), nil},
		{"link 3 before link 2", "link 3", trusts("ca1"), [][]byte{good[0], good[2]}},
		{"link 1 replayed", "it is link 1", trusts("ca1"), [][]byte{good[0], good[0]}},
		{"link 2 by a stranger", "unknown authority", trusts("ca1"), and(func(l *Link) {}, "other")},
		{"link 2 by a packager", "0 anchors", trusts("ca1"), and(func(l *Link) { l.Add = ders("alice") }, "alice")},
		{"link 2 by its own new anchor", "unknown authority", trusts("ca1"), and(func(l *Link) { l.Add = ders("other") }, "other")},
		{"link 2 of another chain", "does not follow", trusts("ca1"), and(func(l *Link) { l.Previous = Sum(nil) }, "ca1")},
		{"other repository", "is of repository", trusts("ca1"), [][]byte{link(t, nil, func(l *Link) { l.Repository = "b" }, "ca1")}},
		{"packager founds with an anchor of their own", "no anchor has signed", trusts("ca1"),
			[][]byte{link(t, nil, func(l *Link) { l.Add = ders("ca1", "other") }, "alice")}},
		{"after removal", "unknown authority", trusts("ca1"), append(slices.Clone(good), link(t, good, func(l *Link) {}, "ca2"))},
		{"other type", "type is", trusts("ca1"), [][]byte{link(t, nil, func(l *Link) { l.Type = HeadType }, "ca1")}},
		{"a bit flipped", "", trusts("ca1"), [][]byte{flip(good[0])}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := Follow(test.trust, "main", test.chain, noon)
			kind := muster.KindOf(err)
			if err == nil || s != nil || kind != muster.Denied && kind != muster.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v (%s), want %q", err, kind, test.want)
			}
		})
	}
}

func flip(file []byte) []byte {
	file = slices.Clone(file)
	file[len(file)/2] ^= 1
	return file
}

// A packager may found a repository for readers who hold the authority.
func TestFollowFoundedByPackager(t *testing.T) {
	chain := [][]byte{link(t, nil, func(l *Link) { l.Add = ders("ca1") }, "alice")}
	s, err := Follow(trusts("ca1"), "main", chain, noon)
	if err != nil || names(s) != "ca1" {
		t.Fatalf("%v", err)
	}
	if _, err := Follow(trusts("ca1"), "main", append(chain, link(t, chain, func(l *Link) {}, "alice")), noon); err == nil {
		t.Error("but may not make the second link")
	}
}

func TestFollowThreshold(t *testing.T) {
	chain := [][]byte{link(t, nil, func(l *Link) { l.Add, l.Need = ders("ca1", "ca2", "ca3"), 2 }, "ca1")}
	for signers, want := range map[string]bool{"ca1": false, "ca1 other": false, "ca1 alice": false, "ca1 ca3": true, "ca3 ca2 ca1": true} {
		next := append(slices.Clone(chain), link(t, chain, func(l *Link) { l.Need = 2 }, strings.Fields(signers)...))
		if _, err := Follow(trusts("ca1"), "main", next, noon); (err == nil) != want {
			t.Errorf("signed by %s: %v", signers, err)
		}
	}
}

func TestCase05Revocations(t *testing.T) {
	chain := [][]byte{link(t, nil, func(l *Link) { l.Add = ders("ca1") }, "ca1")}
	bad := Sum([]byte("manifest"))
	chain = append(chain, link(t, chain, func(l *Link) {
		l.RevokedCertificates, l.RevokedPackages = []string{print("alice")}, []string{bad}
	}, "ca1"))
	chain = append(chain, link(t, chain, func(l *Link) {}, "ca1"))
	s, err := Follow(trusts("ca1"), "main", chain, noon)
	if err != nil {
		t.Fatal(err)
	}
	content := []byte("x")
	for name, want := range map[string]bool{"alice": false, "bob": true} {
		der, _ := sign.Sign(content, true, noon, cast()[name])
		if _, err := sign.Verify(der, content, s.Trust(), sign.Policy{Now: noon}); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := entry("age", "1").Control
	if err := s.CheckPackage(c, bad, nil); muster.KindOf(err) != muster.Denied {
		t.Errorf("revoked package: %v", err)
	}
	if err := s.CheckPackage(c, Sum(nil), nil); err != nil {
		t.Errorf("other package: %v", err)
	}
	for signers, want := range map[string]bool{"alice": false, "bob": true, "alice bob": true} {
		e := entry("age", "1")
		e.Signers = nil
		for _, name := range strings.Fields(signers) {
			e.Signers = append(e.Signers, print(name))
		}
		if err := s.CheckRevoked(e); (err == nil) != want || err != nil && muster.KindOf(err) != muster.Denied {
			t.Errorf("an entry signed by %s: %v", signers, err)
		}
		e.ManifestSHA256 = bad
		if err := s.CheckRevoked(e); muster.KindOf(err) != muster.Denied {
			t.Errorf("a revoked entry signed by %s: %v", signers, err)
		}
	}
}

func TestScopes(t *testing.T) {
	s := &State{Repository: "main", Scopes: []Scope{
		{Names: []string{"kernel*"}, Need: 2, Signers: sorted(print("alice"), print("bob"))},
		{Kinds: []muster.Kind{muster.Group, muster.Host}, Signers: []string{print("bob")}},
		{Kinds: []muster.Kind{KindHead}, Signers: []string{print("alice")}},
		{Names: []string{"x-?"}, Signers: []string{print("ca1")}},
	}}
	signed := func(names ...string) (sigs []sign.Signature) {
		for _, n := range names {
			id := cast()[n]
			sigs = append(sigs, sign.Signature{Signer: id.Chain[0], Chain: id.Chain})
		}
		return sigs
	}
	for _, test := range []struct {
		kind    muster.Kind
		name    string
		signers []string
		want    bool
	}{
		{muster.Base, "kernel-6", []string{"alice"}, false},
		{muster.Base, "kernel-6", []string{"alice", "alice"}, false},
		{muster.Base, "kernel-6", []string{"alice", "other"}, false},
		{muster.Base, "kernel-6", []string{"alice", "bob"}, true},
		{muster.Group, "kernel-group", []string{"bob"}, false}, // the first scope decides
		{muster.Group, "tools", []string{"alice"}, false},
		{muster.Group, "tools", []string{"alice", "bob"}, true},
		{muster.Base, "tools", []string{"other"}, true}, // covered by none
		{muster.Base, "x-1", []string{"alice"}, true},   // below the authority
		{muster.Base, "x-1", []string{"other"}, false},
		{muster.Base, "x-11", []string{"other"}, true},
		{KindHead, "main", []string{"bob"}, false},
		{KindHead, "main", []string{"alice"}, true},
	} {
		err := s.checkScope(test.kind, test.name, test.name, signed(test.signers...))
		if (err == nil) != test.want || err != nil && muster.KindOf(err) != muster.Denied {
			t.Errorf("%s %s by %v: %v", test.kind, test.name, test.signers, err)
		}
	}
}

func sorted(list ...string) []string { slices.Sort(list); return list }

func TestLinkRefused(t *testing.T) {
	good := func() *Link {
		return &Link{Type: LinkType, Repository: "main", Number: 2, Previous: Sum(nil), Date: 1, Need: 2,
			Add: ders("ca1", "ca2"), Remove: []string{print("ca3")}, RevokedCertificates: []string{Sum(nil)}, RevokedPackages: []string{Sum(nil)},
			Scopes: []Scope{{Kinds: []muster.Kind{muster.Base}, Names: []string{"a*"}, Need: 2, Signers: []string{Sum(nil)}}}}
	}
	data := encode(t, good())
	if err := canon.Sorted(data); err != nil {
		t.Error(err)
	}
	if _, err := ParseLink(data); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Link){
		"number 0":         func(l *Link) { l.Number = 0 },
		"number 1025":      func(l *Link) { l.Number = MaxLinks + 1 },
		"1 after another":  func(l *Link) { l.Number = 1 },
		"2 after nothing":  func(l *Link) { l.Previous = "" },
		"no date":          func(l *Link) { l.Date = 0 },
		"need 17":          func(l *Link) { l.Need = 17 },
		"no certificate":   func(l *Link) { l.Add = [][]byte{{1, 2, 3}} },
		"anchor twice":     func(l *Link) { l.Add = append(l.Add, l.Add[1]) },
		"anchors unsorted": func(l *Link) { slices.Reverse(l.Add) },
		"not a hash":       func(l *Link) { l.RevokedPackages = []string{"x"} },
		"hash twice":       func(l *Link) { l.RevokedCertificates = []string{Sum(nil), Sum(nil)} },
		"scope unsigned":   func(l *Link) { l.Scopes[0].Signers = nil },
		"scope need 1":     func(l *Link) { l.Scopes[0].Need = 1 },
		"scope kind":       func(l *Link) { l.Scopes[0].Kinds = []muster.Kind{"all"} },
		"scope glob":       func(l *Link) { l.Scopes[0].Names = []string{"[a"} },
	} {
		l := good()
		edit(l)
		if _, err := ParseLink(encode(t, l)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// openHead signs h and opens it for a reader with that chain.
func openHead(t *testing.T, s *State, h *Head, now time.Time, signers ...string) error {
	t.Helper()
	var ids []*sign.Identity
	for _, name := range signers {
		ids = append(ids, cast()[name])
	}
	file, err := sign.Sign(encode(t, h), false, noon, ids...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.OpenHead(file, sign.Policy{Now: now})
	return err
}

func TestOpenHead(t *testing.T) {
	chain := rollover(t)[:1]
	s, err := Follow(trusts("ca1"), "main", chain, noon)
	if err != nil {
		t.Fatal(err)
	}
	h := newHead()
	h.Trust = LinkRef{1, Sum(chain[0])}
	if err := openHead(t, s, h, noon, "alice"); err != nil {
		t.Error(err)
	}
	if err := openHead(t, s, h, noon, "ca1"); err != nil {
		t.Errorf("an authority: %v", err)
	}
	for name, want := range map[string]string{"other": "unknown authority", "host": "no signer has the right"} {
		if err := openHead(t, s, h, noon, name); muster.KindOf(err) != muster.Denied || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.Repository = "other"
	if err := openHead(t, s, h, noon, "alice"); muster.KindOf(err) != muster.Denied {
		t.Errorf("other repository: %v", err)
	}
	h.Repository, h.Trust.SHA256 = "main", Sum(nil)
	if err := openHead(t, s, h, noon, "alice"); muster.KindOf(err) != muster.Denied || !strings.Contains(err.Error(), "link 1") {
		t.Errorf("other chain: %v", err)
	}
}

// A document of one type is not taken for one of another.
func TestCase18TypesAreNotConfused(t *testing.T) {
	s, err := Follow(trusts("ca1"), "main", rollover(t)[:1], noon)
	if err != nil {
		t.Fatal(err)
	}
	file := rollover(t)[0]
	if _, err := s.OpenHead(file, sign.Policy{Now: noon}); muster.KindOf(err) != muster.Invalid {
		t.Errorf("a link as a head: %v", err)
	}
	manifest := []byte(`{"control":{},"date":0,"format":1,"frames":[],"provenance":{}}`)
	der, err := sign.Sign(manifest, false, noon, cast()["alice"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenHead(der, sign.Policy{Now: noon}); muster.KindOf(err) != muster.Invalid {
		t.Errorf("a manifest as a head: %v", err)
	}
}

func TestDifferenceNamesTheField(t *testing.T) {
	a, b := entry("age", "1").Control, entry("age", "1").Control
	b.Depends = must(t)(control.ParseDependency("evil"))
	if d := difference(a, b); d != "depends" {
		t.Errorf("difference is %q", d)
	}
}

// A server's key signs heads, as an anchor by itself or below an authority, and
// nothing else: no link, not the first one and not beside an anchor, and no package.
func TestIndexRightIsForHeads(t *testing.T) {
	first := [][]byte{link(t, nil, func(l *Link) {
		l.Add = ders("ca1", "server")
		l.Scopes = []Scope{{Kinds: []muster.Kind{KindHead}, Signers: []string{print("server")}}}
	}, "ca1")}
	s, err := Follow(trusts("ca1"), "main", first, noon)
	if err != nil {
		t.Fatal(err)
	}
	h := newHead()
	h.Trust = LinkRef{1, Sum(first[0])}
	if err := openHead(t, s, h, noon, "server"); err != nil {
		t.Errorf("its head: %v", err)
	}
	for _, other := range []string{"clerk", "alice", "ca1"} {
		if err := openHead(t, s, h, noon, other); muster.KindOf(err) != muster.Denied {
			t.Errorf("head of %s, whom the scope does not name: %v", other, err)
		}
	}
	for _, signers := range []string{"server", "clerk", "server clerk"} {
		next := append(slices.Clone(first), link(t, first, func(l *Link) {}, strings.Fields(signers)...))
		if _, err := Follow(trusts("ca1"), "main", next, noon); muster.KindOf(err) != muster.Denied {
			t.Errorf("link 2 by %s: %v", signers, err)
		}
	}
	for given, founder := range map[string]string{"server": "server", "ca1": "clerk"} {
		chain := [][]byte{link(t, nil, func(l *Link) { l.Add = ders(given) }, founder)}
		if _, err := Follow(trusts(given), "main", chain, noon); muster.KindOf(err) != muster.Denied {
			t.Errorf("link 1 by %s, given %s: %v", founder, given, err)
		}
	}
}

// The anchor of a server does not make up the number of anchors that a link needs.
func TestIndexRightDoesNotCountForLinks(t *testing.T) {
	chain := [][]byte{link(t, nil, func(l *Link) { l.Add, l.Need = ders("ca1", "ca2", "server"), 2 }, "ca1")}
	for signers, want := range map[string]bool{"ca1 server": false, "ca1 ca2": true, "ca1 ca2 server": true} {
		next := append(slices.Clone(chain), link(t, chain, func(l *Link) { l.Need = 2 }, strings.Fields(signers)...))
		if _, err := Follow(trusts("ca1"), "main", next, noon); (err == nil) != want {
			t.Errorf("signed by %s: %v", signers, err)
		}
	}
}

// Without a scope for heads, whoever may index or deploy signs them.
func TestIndexRightWithoutScope(t *testing.T) {
	chain := rollover(t)[:1]
	s, err := Follow(trusts("ca1"), "main", chain, noon)
	if err != nil {
		t.Fatal(err)
	}
	h := newHead()
	h.Trust = LinkRef{1, Sum(chain[0])}
	if err := openHead(t, s, h, noon, "clerk"); err != nil {
		t.Error(err)
	}
	if err := openHead(t, s, h, noon, "server"); muster.KindOf(err) != muster.Denied {
		t.Errorf("a server that nobody added: %v", err)
	}
}
