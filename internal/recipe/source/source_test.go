package source

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/internal/testneed"
)

// fetch fetches into a fresh folder. A network that is not there skips the test.
func fetch(t *testing.T, f *Fetcher, source, sum string) (string, []Fetched) {
	t.Helper()
	path, got, err := f.Fetch(t.Context(), source, sum, t.TempDir())
	if muster.KindOf(err) == muster.Unavailable && !f.Offline {
		testneed.Missing(t, "network, or client: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range got {
		if !validSum(g.SHA256) || g.Size == 0 || g.URL == "" {
			t.Errorf("recorded %+v", g)
		}
	}
	return path, got
}

// again fetches a second time without the network and expects the same.
func again(t *testing.T, f *Fetcher, source string, first []Fetched) string {
	t.Helper()
	offline := *f
	offline.Offline = true
	path, got := fetch(t, &offline, source, "")
	if len(got) != len(first) {
		t.Fatalf("%d files, then %d", len(first), len(got))
	}
	for i := range got {
		if !got[i].Cached || got[i].URL != first[i].URL || got[i].SHA256 != first[i].SHA256 || got[i].Size != first[i].Size {
			t.Errorf("first %+v, then %+v", first[i], got[i])
		}
	}
	return path
}

func TestGo(t *testing.T) {
	testneed.Program(t, "go")
	f := &Fetcher{Cache: t.TempDir()}
	const source = "go:golang.org/x/term@v0.47.0" // this module needs it, so it is mostly there
	dir, got := fetch(t, f, source, "")
	if err := os.WriteFile(filepath.Join(dir, "term.go"), []byte("changed"), 0o644); err != nil {
		t.Errorf("the copy cannot be changed: %v", err)
	}
	dir = again(t, f, source, got)
	if text, _ := os.ReadFile(filepath.Join(dir, "term.go")); !strings.Contains(string(text), "package term") {
		t.Errorf("the change reached the cache: %.80q", text)
	}
	if got[0].URL != source {
		t.Errorf("recorded %q", got[0].URL)
	}
}

func TestNPM(t *testing.T) {
	testneed.Program(t, "npm")
	f := &Fetcher{Cache: t.TempDir()}
	file, got := fetch(t, f, "npm:semver@7.7.2", "")
	if filepath.Base(file) != "semver-7.7.2.tgz" || got[0].URL != "npm:semver@7.7.2" {
		t.Errorf("got %q, %+v", file, got)
	}
	again(t, f, "npm:semver@7.7.2", got)
}

func TestIntegrity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	os.WriteFile(file, []byte("abc"), 0o644)
	// FIPS 180-2, appendix C.1: SHA-512 of "abc"
	const good = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
	if err := checkIntegrity(file, good); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"sha512-" + good[8:], "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", ""} {
		if err := checkIntegrity(file, bad); muster.KindOf(err) != muster.Denied {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDeb(t *testing.T) {
	testneed.Program(t, "apt-get")
	f := &Fetcher{Cache: t.TempDir()}
	file, got := fetch(t, f, "deb:tree", "")
	if !strings.HasPrefix(filepath.Base(file), "tree_") || !strings.HasPrefix(got[0].URL, "deb:tree#tree_") || got[0].Cached {
		t.Errorf("got %q, %+v", file, got)
	}
	again(t, f, "deb:tree", got)
	if _, second := fetch(t, f, "deb:tree", ""); !second[0].Cached {
		t.Error("fetched although the cache had it")
	}
}

func TestParseURIs(t *testing.T) {
	const hash = "4c0dc6088e801285717bae2a98a7672f1e4d2eed4e918355987bc6617a8f490b"
	good := "Reading package lists...\n'http://x/tree_2.1.0-1_amd64.deb' tree_2.1.0-1_amd64.deb 52464 SHA256:" + hash + "\n"
	files, err := parseURIs(good)
	if err != nil || len(files) != 1 || files[0] != (aptFile{"tree_2.1.0-1_amd64.deb", 52464, hash}) {
		t.Errorf("%+v, %v", files, err)
	}
	for _, bad := range []string{"", "'u' f 1 MD5Sum:x\n", "'u' ../f 1 SHA256:" + hash, "'u' f -1 SHA256:" + hash} {
		if _, err := parseURIs(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestDebSource(t *testing.T) {
	if testing.Short() || os.Getenv("MUSTER_TEST_FULL") != "1" {
		t.Skip("fetches 10 MB of lists; MUSTER_TEST_FULL=1 runs it")
	}
	testneed.Program(t, "apt-get")
	f := &Fetcher{Cache: t.TempDir()}
	dir, got := fetch(t, f, "deb-src:hello", "")
	if found, _ := filepath.Glob(filepath.Join(dir, "*.dsc")); len(found) != 1 || len(got) < 3 {
		t.Errorf("got %v, %+v", found, got)
	}
	again(t, f, "deb-src:hello", got)
}

func TestSourceLines(t *testing.T) {
	got := string(sourceLines([]byte("# c\ndeb [arch=amd64] http://x y z\ndeb-src http://x y z\n deb http://a b\n")))
	if want := "deb-src [arch=amd64] http://x y z\ndeb-src http://a b\n"; got != want {
		t.Errorf("got %q", got)
	}
	got = string(sourceTypes([]byte("Types: deb\nURIs: http://x\nSigned-By: /k\n")))
	if want := "Types: deb-src\nURIs: http://x\nSigned-By: /k\n"; got != want {
		t.Errorf("got %q", got)
	}
}

// gitRepo makes a repository with one tagged commit and one after it.
func gitRepo(t *testing.T) (dir, first string) {
	t.Helper()
	testneed.Program(t, "git")
	dir = filepath.Join(t.TempDir(), "tool.git")
	os.MkdirAll(dir, 0o755)
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.org"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	os.WriteFile(filepath.Join(dir, "version"), []byte("1"), 0o644)
	git("add", ".")
	git("commit", "-qm", "one")
	git("tag", "v1")
	first = git("rev-parse", "HEAD")
	os.WriteFile(filepath.Join(dir, "version"), []byte("2"), 0o644)
	git("commit", "-qam", "two")
	return dir, first
}

func TestGit(t *testing.T) {
	repo, first := gitRepo(t)
	f := &Fetcher{Cache: t.TempDir()}
	for _, ref := range []string{"v1", first} {
		source := "git:" + repo + "#" + ref
		dir, got := fetch(t, f, source, "")
		if text, _ := os.ReadFile(filepath.Join(dir, "version")); string(text) != "1" {
			t.Errorf("%s: got version %q", ref, text)
		}
		if want := "git:" + repo + "#" + first; got[0].URL != want {
			t.Errorf("recorded %q, want %q", got[0].URL, want)
		}
		again(t, f, source, []Fetched{{URL: got[0].URL, SHA256: got[0].SHA256, Size: got[0].Size, Cached: true}})
		fetch(t, f, source, got[0].SHA256)
	}
	for ref, kind := range map[string]muster.ErrorKind{"v9": muster.NotFound, "--upload-pack=x": muster.Invalid, "": muster.Invalid} {
		_, _, err := f.Fetch(t.Context(), "git:"+repo+"#"+ref, "", t.TempDir())
		if muster.KindOf(err) != kind {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// sumOfABC is the sha256 of "abc" (FIPS 180-2, appendix B.1).
const sumOfABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func TestWeb(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path != "/tool.tar" {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte("abc"))
	}))
	defer server.Close()
	f := &Fetcher{Cache: t.TempDir()}
	source := server.URL + "/tool.tar"
	file, got := fetch(t, f, source, sumOfABC)
	if filepath.Base(file) != "tool.tar" || got[0].Cached || got[0].Size != 3 {
		t.Errorf("got %q, %+v", file, got)
	}
	if _, got = fetch(t, f, source, strings.ToUpper(sumOfABC)); !got[0].Cached || asked != 1 {
		t.Errorf("asked %d times, %+v", asked, got)
	}
	for name, tc := range map[string]struct {
		source, sum string
		want        muster.ErrorKind
	}{
		"no sum":    {source, "", muster.Invalid},
		"other sum": {source, strings.Repeat("0", 64), muster.Denied},
		"half sum":  {source, "ba78", muster.Invalid},
		"gone":      {server.URL + "/no", strings.Repeat("1", 64), muster.NotFound},
		"no host":   {"http:///x", sumOfABC, muster.Invalid},
	} {
		if _, _, err := f.Fetch(t.Context(), tc.source, tc.sum, t.TempDir()); muster.KindOf(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamagedCache holds that a file that changed in the cache is fetched again
// and never used.
func TestDamagedCache(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("abc")) }))
	defer server.Close()
	f := &Fetcher{Cache: t.TempDir()}
	fetch(t, f, server.URL+"/f", sumOfABC)
	os.WriteFile(f.blob(sumOfABC), []byte("evil"), 0o644)
	offline := *f
	offline.Offline = true
	if _, _, err := offline.Fetch(t.Context(), server.URL+"/f", sumOfABC, t.TempDir()); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("got %v", err)
	}
	file, _ := fetch(t, f, server.URL+"/f", sumOfABC)
	if text, _ := os.ReadFile(file); string(text) != "abc" {
		t.Errorf("got %q", text)
	}
}

func TestFile(t *testing.T) {
	base := t.TempDir()
	os.MkdirAll(filepath.Join(base, "d/sub"), 0o755)
	os.WriteFile(filepath.Join(base, "f"), []byte("abc"), 0o600)
	os.WriteFile(filepath.Join(base, "d/sub/x"), []byte("abc"), 0o755)
	f := &Fetcher{Cache: t.TempDir(), Base: base}
	_, got := fetch(t, f, "file:f", sumOfABC)
	if got[0].SHA256 != sumOfABC {
		t.Errorf("%+v", got)
	}
	dir, got := fetch(t, f, "file:d", "")
	if info, err := os.Stat(filepath.Join(dir, "sub/x")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("%v, %v", info, err)
	}
	fetch(t, f, "file:"+filepath.Join(base, "d"), got[0].SHA256)
	if _, _, err := f.Fetch(t.Context(), "file:f", strings.Repeat("0", 64), t.TempDir()); muster.KindOf(err) != muster.Denied {
		t.Errorf("got %v", err)
	}
	if _, _, err := f.Fetch(t.Context(), "file:nothing", "", t.TempDir()); muster.KindOf(err) != muster.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestUnknown(t *testing.T) {
	f := &Fetcher{Cache: t.TempDir()}
	for _, source := range []string{"", "x", "ftp://a/b", "go:", "go:x", "deb:-o=x", "npm:--x", "deb:a b", "http:x\ny"} {
		if _, _, err := f.Fetch(context.Background(), source, "", t.TempDir()); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%q: %v", source, err)
		}
	}
}
