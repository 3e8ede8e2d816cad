package repo

import (
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/sign"
)

// server is a key with the right to index, which nobody vouches for but itself.
var server = sync.OnceValue(func() *sign.Identity {
	key := must(sign.NewKey(""))
	cert := must(sign.SelfSigned("server", key, start.AddDate(-1, 0, 0), start.AddDate(10, 0, 0), sign.RightIndex))
	return &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}
})

// keptRepo makes a repository that a server keeps, of a link that ca signed elsewhere.
func keptRepo(t testing.TB) *Publisher {
	t.Helper()
	ca := everybody().ca
	p := &Publisher{Dir: filepath.Join(t.TempDir(), "repo"), Signers: []*sign.Identity{server()}, Now: start,
		Trust: &sign.Trust{Anchors: ca.Chain}}
	link := must(FirstLink("main", []*sign.Identity{ca}, start, HeadSigner(server().Leaf())))
	if err := p.Adopt(link); err != nil {
		t.Fatal(err)
	}
	return p
}

// A server keeps a repository without the key of anybody who may sign packages
// or links; hosts believe what it lists, and nothing that its key signs besides.
func TestServerKeepsRepository(t *testing.T) {
	ppl, p := everybody(), keptRepo(t)
	publish(t, p, pack(t, "age", "1", ppl.alice))
	c := newClient(t, p, p.Dir)
	if got := update(t, c); got != "age 1" {
		t.Fatalf("index has %s", got)
	}
	must(c.Open(t.Context(), must(c.Index()).Find("age")[0])).Close()
	for _, kind := range []muster.Kind{muster.Group, muster.Base} {
		_, err := p.Publish(packControl(t, control.Control{Name: "zip", Version: "1", Kind: kind}, "", server()))
		wantKind(t, err, muster.Denied, "who may not")
	}
	_, err := p.AddLink(p.Signers, func(*index.Link) {})
	wantKind(t, err, muster.Denied, "no signer has the right to deploy or to issue")
	p.Signers = []*sign.Identity{ppl.alice}
	_, err = p.Refresh()
	wantKind(t, err, muster.Denied, "scope 1")
}

// Only a link by whom the server trusts founds a repository, and only one that
// lets the server sign heads; the same one again is no error.
func TestAdopt(t *testing.T) {
	ppl := everybody()
	link := func(signer *sign.Identity, edit func(*index.Link)) []byte {
		return must(FirstLink("main", []*sign.Identity{signer}, start, edit))
	}
	none := func(*index.Link) {}
	for name, test := range map[string]struct {
		link []byte
		kind muster.ErrorKind
		want string
	}{
		"a stranger":          {link(ppl.stranger, HeadSigner(server().Leaf())), muster.Denied, "unknown authority"},
		"the server itself":   {link(server(), none), muster.Denied, "unknown authority"},
		"without the server":  {link(ppl.ca, none), muster.Denied, "unknown authority"},
		"with another server": {link(ppl.ca, HeadSigner(ppl.dave.Leaf())), muster.Denied, "unknown authority"},
		"no link":             {[]byte("link"), muster.Invalid, ""},
	} {
		p := &Publisher{Dir: t.TempDir(), Signers: []*sign.Identity{server()}, Now: start, Trust: &sign.Trust{Anchors: ppl.ca.Chain}}
		err := p.Adopt(test.link)
		if wantKind(t, err, test.kind, test.want); p.exists() {
			t.Errorf("%s: founded", name)
		}
		if err := p.Adopt(link(ppl.ca, HeadSigner(server().Leaf()))); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
	p := keptRepo(t)
	if err := p.Adopt(read(t, p.Dir, linkName(1))); err != nil {
		t.Errorf("again: %v", err)
	}
	wantKind(t, p.Adopt(link(ppl.ca, none)), muster.Conflict, "another link 1")
}

// Links that an administrator signed elsewhere: each once, in order, and with a
// server that changes its key.
func TestPostLink(t *testing.T) {
	ppl, p := everybody(), keptRepo(t)
	publish(t, p, pack(t, "age", "1", ppl.alice))
	c := newClient(t, p, p.Dir)
	update(t, c)
	admins := []*sign.Identity{ppl.ca}
	revoke := must(NextLink(c.Chain(), admins, p.Now, func(l *index.Link) {
		l.RevokedCertificates = []string{sign.Fingerprint(ppl.alice.Leaf())}
	}))
	other := must(NextLink(c.Chain(), admins, p.Now, func(*index.Link) {}))
	byServer := must(NextLink(c.Chain(), p.Signers, p.Now, func(*index.Link) {}))
	_, err := p.PostLink(byServer)
	wantKind(t, err, muster.Denied, "no signer has the right")
	first := must(p.PostLink(revoke))
	if again, err := p.PostLink(revoke); err != nil || again.Serial != first.Serial {
		t.Errorf("again: %+v, %v", again, err)
	}
	_, err = p.PostLink(other)
	wantKind(t, err, muster.Conflict, "another link 2")
	update(t, c)
	wantKind(t, c.Usable(must(c.Index()).Entries()[0]), muster.Denied, "revoked")

	key := person(ppl.ca, "server 2", sign.RightIndex)
	change := must(NextLink(c.Chain(), admins, p.Now, HeadSigner(key.Leaf())))
	_, err = p.PostLink(change)
	wantKind(t, err, muster.Denied, "readers would not believe the new head")
	p.Signers = []*sign.Identity{key}
	must(p.PostLink(change))
	if update(t, c); len(c.Chain().Scopes) != 1 || c.Chain().Number != 3 {
		t.Errorf("chain %+v", c.Chain())
	}
	_, err = p.PostLink(must(NextLink(&index.State{Repository: "main", Number: 7, SHA256: index.Sum(nil)}, admins, p.Now, func(*index.Link) {})))
	wantKind(t, err, muster.Conflict, "does not follow link 3")
}

// A head is signed anew at half of its life, not before, and lists the same.
func TestTend(t *testing.T) {
	p := keptRepo(t)
	publish(t, p, pack(t, "age", "1", everybody().alice))
	was := must1(p.Contents())
	due := must(p.Tend())
	if want := p.Now.Add(DefaultExpires / 2); !due.Equal(want) {
		t.Errorf("due %v, want %v", due, want)
	}
	p.Now = due.Add(-time.Second)
	if again := must(p.Tend()); !again.Equal(due) || must1(p.Contents()).Serial != was.Serial {
		t.Errorf("too early: due %v, serial %d", again, must1(p.Contents()).Serial)
	}
	p.Now = due
	next := must(p.Tend())
	is := must1(p.Contents())
	if !next.Equal(due.Add(DefaultExpires/2)) || is.Date != due.Unix() || is.Index != was.Index {
		t.Errorf("due again %v, head %+v", next, is)
	}
	p.Dir = t.TempDir()
	_, err := p.Tend()
	wantKind(t, err, muster.NotFound, "is no repository")
}

// Many at once take turns, and each finds what the others published.
func TestPublishersTakeTurns(t *testing.T) {
	p := keptRepo(t)
	var files []string
	for i := range 8 {
		files = append(files, pack(t, fmt.Sprintf("a%d", i), "1", everybody().alice))
	}
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	for i, name := range files {
		wg.Go(func() { _, errs[i] = p.Publish(name) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := must2(p.Contents()).Len(); got != len(files) {
		t.Errorf("%d packages are listed", got)
	}
}

// Files of several people at once: what is refused keeps nobody else out, and
// without any that is accepted there is no new head.
func TestPublishEach(t *testing.T) {
	ppl, p := everybody(), keptRepo(t)
	publish(t, p, pack(t, "age", "1", ppl.alice))
	was := must1(p.Contents()).Serial
	files := []string{pack(t, "zip", "1", ppl.stranger), pack(t, "age", "1", ppl.alice), filepath.Join(t.TempDir(), "none")}
	r, errs, err := p.PublishEach(files...)
	if err != nil || r.Serial != was || len(r.Files) != 3 || r.Files[1].Name != "age" || r.Files[0] != nil || errs[1] != nil {
		t.Errorf("nothing new: %+v, %v, %v", r, errs, err)
	}
	wantKind(t, errs[0], muster.Denied, "unknown authority")
	wantKind(t, errs[2], muster.NotFound, "none")
	p.Now = p.Now.Add(time.Hour)
	files = append(files, forHost(t, muster.Host, "pc-1", "1", ppl.dave), forHost(t, muster.Host, "pc-1", "1", ppl.dave, ppl.alice), pack(t, "pc-1", "2", ppl.alice),
		pack(t, "age", "2", ppl.alice), pack(t, "age", "1.5", ppl.alice), pack(t, "age", "0.5", ppl.alice))
	r, errs, err = p.PublishEach(files...)
	if err != nil || r.Serial <= was || len(r.Added) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	wantKind(t, errs[4], muster.Conflict, "already, with other bytes")
	wantKind(t, errs[5], muster.Conflict, "of kind host")
	wantKind(t, errs[8], muster.Conflict, "older than age 1")
	for i, e := range r.Files {
		if (e == nil) != (errs[i] != nil) {
			t.Errorf("file %d: %v, %v", i, e, errs[i])
		}
	}
	if got := list(must2(p.Contents())); got != "pc-1 1, age 1.5, age 1, age 2" {
		t.Errorf("lists %s", got)
	}
	checkRepo(t, p, 0, "")
}

func TestRemoveFiles(t *testing.T) {
	ppl, p := everybody(), keptRepo(t)
	publish(t, p, pack(t, "age", "1", ppl.alice), pack(t, "age", "2", ppl.alice), forHost(t, muster.Host, "pc-1", "1", ppl.dave))
	p.Now = p.Now.Add(time.Hour)
	for _, file := range []string{"age_3_linux_amd64.mpk", "x/age_1_linux_amd64.mpk", "", "age", "_"} {
		_, err := p.RemoveFiles("age_1_linux_amd64.mpk", file)
		wantKind(t, err, muster.NotFound, "lists no file")
	}
	x := must2(p.Contents())
	r := must(p.RemoveFiles("age_1_linux_amd64.mpk", x.Find("pc-1")[0].Filename))
	if got := list(must2(p.Contents())); got != "age 2" || len(r.Removed) != 2 {
		t.Errorf("lists %s, %+v", got, r)
	}
	head, state, err := p.Chain()
	if err != nil || head.Serial != r.Serial || state.Number != 1 {
		t.Errorf("chain: %v, %v, %v", head, state, err)
	}
}
