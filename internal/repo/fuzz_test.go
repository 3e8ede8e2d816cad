package repo

import (
	"bytes"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
)

// FuzzHandler: whatever is asked for, in whatever spelling, only the files of a
// repository are served, and nothing that a link leads out of the folder.
func FuzzHandler(f *testing.F) {
	dir := f.TempDir()
	repo := filepath.Join(dir, "repo")
	files := []string{"Packages", "Packages.p7m", "trust/1.p7m", "pool/a/age/age_1_linux_amd64.mpk", "changes/1-2",
		"by-hash/" + strings.Repeat("0", 64), "icons/" + strings.Repeat("0", 64),
		"hosts/by-hash/" + strings.Repeat("0", 64), "hosts/3f/pc-1/pc-1_1_all_all.mpk"}
	for _, name := range append(files, "secret", ".git/config", "pool/a/age/x.mpk.json", "hosts/secret") {
		path := filepath.Join(repo, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte("is "+name), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "outside"), []byte("outside"), 0o644); err != nil {
		f.Fatal(err)
	}
	if err := os.Symlink("../../../../outside", filepath.Join(repo, "pool/a/age/link.mpk")); err != nil {
		f.Fatal(err)
	}
	for _, path := range append(files, "secret", "../outside", "pool/a/age/link.mpk", "pool/a/age/../../../secret", "pool/a/../x.mpk", "trust/1.p7m/", "/Packages", "Packages%00", "hosts/secret", "hosts/by-hash/../secret") {
		f.Add("GET", "/"+path, "bytes=0-3")
	}
	f.Add("HEAD", "/trust/1.p7m", "bytes=-1,0-,5-1")
	h := Handler(repo)
	f.Fuzz(func(t *testing.T, method, path, ranges string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL = method, &url.URL{Path: path}
		r.Header.Set("Range", ranges)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 206 {
			return
		}
		name := strings.TrimPrefix(path, "/")
		if !slices.Contains(files, name) {
			t.Fatalf("%s %q is answered %d %q", method, path, w.Code, w.Body)
		}
		if whole := "is " + name; w.Code == 200 && method == "GET" && w.Body.String() != whole || w.Body.Len() > 4*len(whole)+4096 {
			t.Fatalf("%q is %q", path, w.Body)
		}
	})
}

// FuzzChangesName holds that the name of a file of changes has one spelling.
func FuzzChangesName(f *testing.F) {
	for _, name := range []string{"1-2", "01-2", "1-+2", "1--2", "9223372036854775807-9223372036854775808", "1-2-3"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		from, to, ok := parseChangesName(name)
		if ok && changesName(from, to) != "changes/"+name {
			t.Errorf("%q is of %d to %d, whose name is %q", name, from, to, changesName(from, to))
		}
	})
}

// FuzzDecompress holds that no more comes out than is allowed, and that what
// was compressed comes out again.
func FuzzDecompress(f *testing.F) {
	bomb, err := compress(make([]byte, 1<<20))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bomb, 1000)
	f.Add([]byte("package: a\n"), 11)
	f.Add(append(bytes.Clone(bomb), bomb...), 1<<21)
	f.Add([]byte("\x50\x2a\x4d\x18\x00\x00\x00\x00"), 0)
	f.Fuzz(func(t *testing.T, data []byte, max int) {
		if max < 0 || max > 1<<22 {
			return
		}
		raw, err := decompress(data, int64(max))
		if err != nil && muster.KindOf(err) != muster.Invalid {
			t.Errorf("kind %s: %v", muster.KindOf(err), err)
		}
		if len(raw) > max {
			t.Fatalf("%d bytes, not %d", len(raw), max)
		}
		packed, err := compress(data)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decompress(packed, int64(len(data))); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%d bytes became %d: %v", len(data), len(again), err)
		}
	})
}

// keptFiles are the files that a client keeps after two updates.
var keptFiles = []string{"repos/main/head", "repos/main/head.prev", "repos/main/index", "repos/main/index.prev",
	"repos/main/state.json", "trust/main/1.p7m"}

// FuzzKept damages what a client keeps: cut short, with bits flipped, replaced,
// two files at a time. The next update succeeds all the same, and lists what
// the repository has; nothing that is kept can stop a host.
func FuzzKept(f *testing.F) {
	p := newRepo(f)
	publish(f, p, pack(f, "age", "1", everybody().alice), forHost(f, muster.Host, "pc-1", "1", everybody().dave))
	c := newClient(f, p, p.Dir)
	c.SetNames("pc-1")
	update(f, c)
	publish(f, p, pack(f, "age", "2", everybody().alice))
	update(f, c)
	saved := map[string][]byte{}
	keptFiles := keptFiles
	for _, name := range must(filepath.Glob(c.binsDir("main") + "/*")) {
		keptFiles = append(keptFiles, "repos/main/hosts/"+filepath.Base(name))
	}
	for _, name := range keptFiles {
		data, err := os.ReadFile(filepath.Join(c.State, name))
		if err != nil {
			f.Fatal(err)
		}
		saved[name] = data
	}
	publish(f, p, pack(f, "zip", "3", everybody().alice))
	for i := range keptFiles {
		f.Add(uint8(i), uint16(100), byte(1), uint16(0), []byte(nil))
		f.Add(uint8(i), uint16(0), byte(0), uint16(30), []byte(nil))
		f.Add(uint8(i), uint16(300), byte(8), uint16(1000), []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint16, flip byte, cut uint16, other []byte) {
		state := t.TempDir()
		for i, name := range keptFiles {
			data := bytes.Clone(saved[name])
			if i == int(which)%len(keptFiles) {
				data = damaged(data, at, flip, cut)
			}
			if len(other) > 0 && i == int(which>>4)%len(keptFiles) {
				data = other
			}
			path := filepath.Join(state, name)
			os.MkdirAll(filepath.Dir(path), 0o755)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c := newClient(t, p, p.Dir)
		c.State = state
		c.SetNames("pc-1")
		c.Now = func() time.Time { return p.Now.Add(time.Hour) }
		_, _ = c.Index()
		if got := update(t, c); got != "pc-1 1, age 1, age 2, zip 3" {
			t.Errorf("lists %s", got)
		}
	})
}

// damaged flips bits of one byte and cuts so many bytes off the end.
func damaged(data []byte, at uint16, flip byte, cut uint16) []byte {
	if int(at) < len(data) {
		data[at] ^= flip
	}
	return data[:max(0, len(data)-int(cut))]
}
