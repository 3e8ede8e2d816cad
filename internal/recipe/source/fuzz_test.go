package source

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParseURIs holds that whatever apt prints leads to plain file names, and
// that what was read and printed reads as the same.
func FuzzParseURIs(f *testing.F) {
	f.Add("'http://x/y' y 1 SHA256:" + sumOfABC + "\n")
	f.Add("'http://deb.debian.org/debian/pool/main/a/age/age_1.1.1-1+b3_amd64.deb' age_1.1.1-1+b3_amd64.deb 2016568 SHA256:" + sumOfABC + "\n" +
		"'http://x/%2e%2e' .. 1 SHA256:" + sumOfABC + "\n")
	f.Add("Reading package lists...\n'http://x/y' y -1 SHA512:00\n")
	f.Fuzz(func(t *testing.T, text string) {
		files, err := parseURIs(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for _, a := range files {
			if _, err := within("dir", a.name); err != nil || !validSum(a.sum) || a.size < 0 {
				t.Errorf("%+v: %v", a, err)
			}
			again.WriteString("'u' " + a.name + " " + itoa(a.size) + " SHA256:" + a.sum + "\n")
		}
		twice, err := parseURIs(again.String())
		if err != nil || len(twice) != len(files) {
			t.Fatalf("%d files, then %d, %v", len(files), len(twice), err)
		}
	})
}

func itoa(n int64) string {
	data, _ := json.Marshal(n)
	return string(data)
}

// FuzzSourceLines holds that lists of sources keep their lines: those of
// binaries become those of sources, word for word, and no other is added.
func FuzzSourceLines(f *testing.F) {
	f.Add([]byte("deb http://deb.debian.org/debian bookworm main\n# deb x\ndeb-src y\n deb [signed-by=/k] u s c"))
	f.Add([]byte("deb"))
	f.Add([]byte("Types: deb deb-src\nURIs: http://x\n\ntypes : deb\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out := sourceLines(data)
		rest := data
		for line := range bytes.Lines(out) {
			binary := bytes.Replace(line, []byte("deb-src"), []byte("deb"), 1)
			i := bytes.Index(rest, binary)
			if !bytes.HasPrefix(line, []byte("deb-src")) || i < 0 {
				t.Fatalf("%q comes of none of %q", line, data)
			}
			rest = rest[i+len(binary):]
		}
		types := sourceTypes(data)
		if bytes.Count(types, []byte("\n")) < bytes.Count(data, []byte("\n")) {
			t.Fatalf("%q lost lines: %q", data, types)
		}
		if again := sourceTypes(types); !bytes.Equal(again, types) {
			t.Fatalf("%q, then %q", types, again)
		}
	})
}

// FuzzNamed: what is recorded of an address, in packages that everyone may
// read, shows no password, however odd; and the name of its file is one.
func FuzzNamed(f *testing.F) {
	f.Add("https", "alice", "s3cr%ss-t", "example.org/x/tool-1.0.tar.gz")
	f.Add("https", "al:ice", "p@ss w0rd-xyz", "example.org")
	f.Add("ssh", "git", "swordfish", "example.org:22/repo.git")
	f.Add("http", "", "sword]fish", "[::1]/..")
	f.Fuzz(func(t *testing.T, scheme, user, password, rest string) {
		// Beyond these bytes it is no password but part of a path (RFC 3986, 3.2).
		if len(password) < 6 || strings.ContainsAny(password+user, "/?#") || strings.Contains(scheme+user+rest, password) ||
			strings.ContainsAny(scheme+user+rest, "\x00\r\n@#?") || scheme == "" || strings.ContainsAny(scheme, "/:") {
			return
		}
		address := scheme + "://" + user + ":" + password + "@" + rest
		for _, shown := range []string{publicURL(address), shownBy(address)} {
			if strings.Contains(shown, password) || strings.Contains(shown, url.QueryEscape(password)) || strings.Contains(shown, url.PathEscape(password)) {
				t.Errorf("%q is shown as %q", address, shown)
			}
		}
		if h, err := named(address); err == nil {
			if path, err := within("dir", h.Name); err == nil && filepath.Dir(path) != "dir" {
				t.Errorf("%q is the file %q", address, path)
			}
		}
	})
}

// shownBy is the URL that named records, "" where it refuses the address.
func shownBy(address string) string {
	h, err := named(address)
	if err != nil {
		return ""
	}
	return h.URL
}

// FuzzRecall: whatever the cache says that a source consists of, files are
// taken out by their sums and lie in the folder.
func FuzzRecall(f *testing.F) {
	good, err := json.Marshal([]held{{Name: "x", URL: "https://h/x", SHA256: sumOfABC, Size: 3}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte("abc"))
	f.Add(good, []byte("abd"))
	f.Add(bytes.Replace(good, []byte(`"x"`), []byte(`"../x"`), 1), []byte("abc"))
	f.Add([]byte(`[{},null]`), []byte("abc"))
	f.Fuzz(func(t *testing.T, note, blob []byte) {
		outer := t.TempDir()
		fetcher := &Fetcher{Cache: filepath.Join(outer, "cache")}
		dir := filepath.Join(outer, "dir")
		for _, d := range []string{dir, filepath.Dir(fetcher.blob(sumOfABC)), filepath.Dir(fetcher.nameFile("s"))} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for name, data := range map[string][]byte{fetcher.blob(sumOfABC): blob, fetcher.nameFile("s"): note} {
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		paths, got, ok := fetcher.recall("s", dir)
		if left, _ := os.ReadDir(outer); len(left) != 2 {
			t.Fatalf("beside the folder lies %v", left)
		}
		if !ok {
			return
		}
		for i, path := range paths {
			sum, _, err := sumFile(path)
			if err != nil || filepath.Dir(path) != dir || sum != got[i].SHA256 {
				t.Errorf("%q, %s, %v, %+v", path, sum, err, got[i])
			}
		}
	})
}

// FuzzPacked: whatever npm pack answers, the file kept is one that it made, with
// the checksum that the registry gave.
func FuzzPacked(f *testing.F) {
	// sha512 of "abc"
	const integrity = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
	f.Add([]byte(`[{"name":"x","version":"1.0.0","filename":"x-1.0.0.tgz","integrity":"` + integrity + `"}]`))
	f.Add([]byte(`[{"name":"x","version":"1","filename":"../x-1.0.0.tgz","integrity":"` + integrity + `"}]`))
	f.Add([]byte(`[{"filename":"x-1.0.0.tgz","integrity":"sha1-x"}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		tmp := t.TempDir()
		fetcher := &Fetcher{Cache: filepath.Join(tmp, "cache")}
		work := filepath.Join(tmp, "work")
		if err := os.Mkdir(work, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"work/x-1.0.0.tgz": "abc", "x-1.0.0.tgz": "abc", "work/other": "other"} {
			if err := os.WriteFile(filepath.Join(tmp, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		h, err := fetcher.packed(answer, work)
		if err != nil {
			return
		}
		if h.SHA256 != sumOfABC || h.Name != "x-1.0.0.tgz" {
			t.Errorf("%s made %+v", answer, h)
		}
		if _, err := os.Stat(filepath.Join(tmp, "x-1.0.0.tgz")); err != nil {
			t.Errorf("a file outside of the folder is gone: %v", err)
		}
	})
}
