package repo

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/fetch"
	"muster/pkgfile"
	"muster/sign"
)

// start is the time at which the tests' repositories begin.
var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// people are the identities that the tests use. Keys are made once.
type people struct {
	ca       *sign.Identity // an authority
	alice    *sign.Identity // packager below ca, may sign code
	dave     *sign.Identity // deployer below ca, may not
	ca2      *sign.Identity // the authority that follows ca
	bob      *sign.Identity // packager below ca2
	stranger *sign.Identity // packager whom nobody knows
}

var everybody = sync.OnceValue(func() people {
	ca, ca2 := authority("Packaging CA"), authority("New CA")
	return people{
		ca: ca, ca2: ca2,
		alice:    person(ca, "Alice", sign.RightCode),
		dave:     person(ca, "Dave", sign.RightDeploy),
		bob:      person(ca2, "Bob", sign.RightCode),
		stranger: person(authority("Other CA"), "Mallory", sign.RightCode),
	}
})

func authority(name string) *sign.Identity {
	key := must(sign.NewKey(""))
	cert := must(sign.NewAuthority(name, key, start.AddDate(-1, 0, 0), start.AddDate(10, 0, 0)))
	return &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}
}

func person(ca *sign.Identity, name string, rights ...sign.Right) *sign.Identity {
	return personUntil(ca, name, start.AddDate(5, 0, 0), rights...)
}

func personUntil(ca *sign.Identity, name string, to time.Time, rights ...sign.Right) *sign.Identity {
	key := must(sign.NewKey(""))
	cert := must(sign.Issue(ca, sign.Request{Name: name, Public: key.Public(), Rights: rights,
		From: start.AddDate(-1, 0, 0), To: to}))
	return &sign.Identity{Key: key, Chain: append([]*x509.Certificate{cert}, ca.Chain...)}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pack builds a signed package with one file, and returns its path.
func pack(t testing.TB, name, version string, signers ...*sign.Identity) string {
	t.Helper()
	return packControl(t, control.Control{Name: name, Version: version, Kind: muster.Base}, name+" "+version+"\n", signers...)
}

// packed keeps packages: most tests begin with the same ones.
var packed = map[string][]byte{}

// packControl writes a signed package of that control. content "" is no file.
func packControl(t testing.TB, c control.Control, content string, signers ...*sign.Identity) string {
	t.Helper()
	if c.OS == nil {
		c.OS, c.Architecture = []string{"linux"}, []string{"amd64"}
	}
	key := fmt.Sprintf("%+v %q", c, content)
	for _, s := range signers {
		key += sign.Fingerprint(s.Leaf())
	}
	if packed[key] == nil {
		packed[key] = packBytes(t, c, content, signers...)
	}
	path := filepath.Join(t.TempDir(), c.FileName())
	if err := os.WriteFile(path, packed[key], 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func packBytes(t testing.TB, c control.Control, content string, signers ...*sign.Identity) []byte {
	t.Helper()
	spec := pkgfile.Spec{Control: c, Date: start}
	if content != "" {
		spec.Entries = []pkgfile.Entry{{File: pkgfile.File{Path: "root/usr/share/" + c.Name, Type: pkgfile.Regular, Mode: 0o644},
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}}
	}
	d, err := pkgfile.Build(spec, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var signature []byte
	if len(signers) > 0 {
		if signature, err = sign.Sign(d.Encoded, true, start, signers...); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	if err := d.Write(&buf, signature); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// newRepo makes a repository of alice below ca.
func newRepo(t testing.TB) *Publisher {
	t.Helper()
	p := &Publisher{Dir: filepath.Join(t.TempDir(), "repo"), Signers: []*sign.Identity{everybody().alice}, Now: start}
	if err := p.Init("main", nil); err != nil {
		t.Fatal(err)
	}
	return p
}

// publish publishes files an hour after the publication before.
func publish(t testing.TB, p *Publisher, files ...string) *Report {
	t.Helper()
	p.Now = p.Now.Add(time.Hour)
	r, err := p.Publish(files...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newClient makes a client of the bases that trusts ca. Its time is an hour
// after the newest publication of p.
func newClient(t testing.TB, p *Publisher, bases ...string) *Client {
	t.Helper()
	state := t.TempDir()
	return &Client{
		Bases: bases, State: state,
		Trust: &sign.Trust{Anchors: everybody().ca.Chain},
		Fetch: &fetch.Client{Cache: filepath.Join(state, "cache"), Stall: 2 * time.Second},
		Now:   func() time.Time { return p.Now.Add(time.Hour) },
	}
}

func list(x *index.Index) string {
	var all []string
	for _, e := range x.Entries() {
		all = append(all, e.String())
	}
	return strings.Join(all, ", ")
}

// update updates c and returns what it lists then.
func update(t testing.TB, c *Client) string {
	t.Helper()
	if _, err := c.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	x, err := c.Index()
	if err != nil {
		t.Fatal(err)
	}
	return list(x)
}

func wantKind(t testing.TB, err error, kind muster.ErrorKind, text string) {
	t.Helper()
	if muster.KindOf(err) != kind || !strings.Contains(fmt.Sprint(err), text) {
		t.Fatalf("error %q (%s), want kind %s and %q in it", fmt.Sprint(err), muster.KindOf(err), kind, text)
	}
}

func TestPublishUpdateOpen(t *testing.T) {
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1.3.1-1", everybody().alice))
	c := newClient(t, p, p.Dir)
	if got := update(t, c); got != "age 1.3.1-1" {
		t.Fatalf("index has %s", got)
	}
	publish(t, p, pack(t, "age", "1.3.2-1", everybody().alice), pack(t, "zip", "3", everybody().alice))
	if got := update(t, c); got != "age 1.3.1-1, age 1.3.2-1, zip 3" {
		t.Fatalf("index has %s", got)
	}
	x, _ := c.Index()
	f, err := c.Open(t.Context(), x.Find("age")[1])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := f.ReadFile("root/usr/share/age", 100)
	if err != nil || string(data) != "age 1.3.2-1\n" {
		t.Errorf("content is %q, %v", data, err)
	}
	r, err := c.Update(t.Context())
	if err != nil || r.News || r.Bytes != 0 {
		t.Errorf("second update: %+v, %v", r, err)
	}
}

func controlDependency(s string) (control.Dependency, error) { return control.ParseDependency(s) }

// describe makes the entry of a file without trusting anybody.
func describe(t testing.TB, f *os.File) *index.Entry {
	t.Helper()
	info := must(f.Stat())
	pkg := must(pkgfile.Open(f, info.Size()))
	sigs := must(sign.InspectDetached(pkg.Signature, pkg.Encoded))
	return index.NewEntry(pkg, info.Size(), must(sumOf(io.NewSectionReader(f, 0, info.Size()))), sigs)
}
