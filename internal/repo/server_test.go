package repo

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A liar serves a repository, except for what a test replaces.
type liar struct {
	url string
	mu  sync.Mutex
	lie map[string]http.HandlerFunc // by the start of the name
	hit []string                    // names asked for
}

func newLiar(t testing.TB, dir string) *liar {
	t.Helper()
	l := &liar{lie: map[string]http.HandlerFunc{}}
	honest := Handler(dir)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if h := l.handler(name); h != nil {
			h(w, r)
			return
		}
		honest.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	l.url = s.URL
	return l
}

func (l *liar) handler(name string) http.HandlerFunc {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hit = append(l.hit, name)
	for prefix, h := range l.lie {
		if strings.HasPrefix(name, prefix) {
			return h
		}
	}
	return nil
}

func (l *liar) hits() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.hit
	l.hit = nil
	return all
}

// answer answers with data.
func answer(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(data)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
}

// A relay passes TCP connections on, counting bytes both ways. It cuts the
// first connection that brings more than cut bytes.
type relay struct {
	url   string
	bytes atomic.Int64
	cut   atomic.Int64 // 0: never
}

func newRelay(t testing.TB, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &relay{url: "http://" + l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(conn, strings.TrimPrefix(to, "http://"))
		}
	}()
	return r
}

func (r *relay) pass(conn net.Conn, to string) {
	defer conn.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	go io.Copy(server, io.TeeReader(conn, r))
	in := io.TeeReader(server, r)
	if cut := r.cut.Swap(0); cut > 0 {
		in = io.LimitReader(in, cut)
	}
	io.Copy(conn, in)
}

func (r *relay) Write(b []byte) (int, error) {
	r.bytes.Add(int64(len(b)))
	return len(b), nil
}

// snapshot is the hash of every file below dir but notes and caches.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "state.json" || filepath.Base(filepath.Dir(name)) == "cache" {
			return err
		}
		data, err := os.ReadFile(name)
		fmt.Fprintf(&b, "%s %x\n", strings.TrimPrefix(name, dir), sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// copyDir copies a repository as a mirror does.
func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
