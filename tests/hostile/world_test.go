package hostile_test

import (
	"bytes"
	"crypto/x509"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/repo"
	"muster/pkgfile"
	"muster/sign"
)

// A world is a repository with two publications, three days apart, a server
// that offers it, and an area that knows the first.
type world struct {
	testing.TB
	dir, root string
	ca, alice *sign.Identity
	*repo.Publisher
	old    string // a copy of the first publication
	server *server
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir()}
	w.root = filepath.Join(w.dir, "area")
	now := time.Now().Truncate(time.Second)
	w.ca, w.alice = identities(t, now)
	w.Publisher = &repo.Publisher{Dir: filepath.Join(w.dir, "repo"), Signers: []*sign.Identity{w.alice}, Now: now.AddDate(0, 0, -3)}
	check(t, w.Init("main", nil))
	w.publish(0, w.pack("app", "1", "app one"), w.pack("big", "1", content(1)))
	w.old = filepath.Join(w.dir, "old")
	check(t, os.CopyFS(w.old, os.DirFS(w.Dir)))
	w.server = newServer(t, w.Dir)
	cert := filepath.Join(w.dir, "ca.pem")
	check(t, os.WriteFile(cert, sign.EncodeCerts(w.ca.Leaf()), 0o644))
	w.must("setup", "--area", "--repo", w.server.URL, "--trust", cert, "--platform", "linux/amd64")
	w.must("update")
	w.must("install", "app", "--yes")
	w.publish(3*24*time.Hour-time.Minute, w.pack("app", "2", "app two"), w.pack("big", "2", content(2)))
	return w
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// content is 3 MB that do not compress.
func content(seed byte) string {
	b := make([]byte, 3_000_000)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return string(b)
}

// identities are made once: an authority, and a packager below it.
var cast struct {
	sync.Once
	ca, alice *sign.Identity
}

func identities(t testing.TB, now time.Time) (ca, alice *sign.Identity) {
	t.Helper()
	cast.Do(func() {
		from, to := now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0)
		key, err := sign.NewKey("")
		check(t, err)
		cert, err := sign.NewAuthority("Authority", key, from, to)
		check(t, err)
		cast.ca = &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}
		key, err = sign.NewKey("")
		check(t, err)
		cert, err = sign.Issue(cast.ca, sign.Request{Name: "Alice", Public: key.Public(), Rights: []sign.Right{sign.RightCode}, From: from, To: to})
		check(t, err)
		cast.alice = &sign.Identity{Key: key, Chain: append([]*x509.Certificate{cert}, cast.ca.Chain...)}
	})
	return cast.ca, cast.alice
}

// pack makes a signed package with one file.
func (w *world) pack(name, version, content string) string {
	w.Helper()
	c := control.Control{Name: name, Version: version, Kind: muster.Base, OS: []string{"linux"}, Architecture: []string{"amd64"}}
	d, err := pkgfile.Build(pkgfile.Spec{Control: c, Date: w.Now, Entries: []pkgfile.Entry{{
		File: pkgfile.File{Path: "root/share/" + name, Type: pkgfile.Regular, Mode: 0o644},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}}}, w.dir)
	check(w, err)
	defer d.Close()
	signature, err := sign.Sign(d.Encoded, true, w.Now, w.alice)
	check(w, err)
	var buf bytes.Buffer
	check(w, d.Write(&buf, signature))
	path := filepath.Join(w.dir, c.FileName())
	check(w, os.WriteFile(path, buf.Bytes(), 0o644))
	return path
}

func (w *world) publish(later time.Duration, files ...string) {
	w.Helper()
	w.Now = w.Now.Add(later)
	_, err := w.Publish(files...)
	check(w, err)
}

// keep copies the area as it is now, and returns what puts it back so.
func (w *world) keep() (restore func()) {
	w.Helper()
	kept := filepath.Join(w.dir, "kept")
	check(w, os.CopyFS(kept, os.DirFS(w.root)))
	return func() {
		w.Helper()
		check(w, os.RemoveAll(w.root))
		check(w, os.CopyFS(w.root, os.DirFS(kept)))
	}
}

// published is a file of the repository.
func (w *world) published(name string) []byte {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(w.Dir, filepath.FromSlash(name)))
	check(w, err)
	return data
}

// entry is what the index says of a package.
func (w *world) entry(name, version string) *index.Entry {
	w.Helper()
	_, x, err := w.Contents()
	check(w, err)
	for _, e := range x.Find(name) {
		if e.Version == version {
			return e
		}
	}
	w.Fatalf("there is no %s %s", name, version)
	return nil
}

// signHead is the newest head as edit changes it, signed by Alice: what a thief
// of the head's key makes.
func (w *world) signHead(edit func(*index.Head)) []byte {
	w.Helper()
	h, _, err := w.Contents()
	check(w, err)
	copied := *h
	edit(&copied)
	data, err := copied.Encode()
	check(w, err)
	file, err := sign.Sign(data, false, w.Now, w.alice)
	check(w, err)
	return file
}

// A server offers a folder, but for what it lies about.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	lies   []lie
	honest http.Handler
	ranges []string // of the requests for packages
}

// A lie is what is answered for names that begin with a prefix.
type lie struct {
	prefix string
	answer http.HandlerFunc
}

func newServer(t testing.TB, dir string) *server {
	s := &server{honest: repo.Handler(dir)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handler(r)(w, r)
}

func (s *server) handler(r *http.Request) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/")
	if strings.HasPrefix(name, "pool/") {
		s.ranges = append(s.ranges, r.Header.Get("Range"))
	}
	for _, l := range s.lies {
		if strings.HasPrefix(name, l.prefix) {
			return l.answer
		}
	}
	return s.honest.ServeHTTP
}

// lie has the server lie; without arguments it is honest again.
func (s *server) lie(lies ...lie) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies, s.ranges = lies, nil
}

// asked is the ranges of packages that were asked for since the last lie.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ranges
}
