package repo

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
)

// A servedFile says which files a repository has.
type servedFile struct {
	name    *regexp.Regexp
	kind    string // content type
	changes bool   // whether other bytes may come under the same name
}

var served = []servedFile{
	{regexp.MustCompile(`^Packages\.p7m$`), "application/pkcs7-mime", true},
	{regexp.MustCompile(`^Packages$`), "text/plain; charset=utf-8", true},
	{regexp.MustCompile(`^by-hash/[0-9a-f]{64}$`), "application/zstd", false},
	{regexp.MustCompile(`^changes/[0-9]+-[0-9]+$`), "application/zstd", false},
	{regexp.MustCompile(`^trust/[0-9]+\.p7m$`), "application/pkcs7-mime", false},
	{regexp.MustCompile(`^pool/[a-z0-9]/[a-z0-9+.~-]+/[A-Za-z0-9+.~_%-]+\.mp[kp]$`), "application/octet-stream", false},
	{regexp.MustCompile(`^hosts/by-hash/[0-9a-f]{64}$`), "application/zstd", false},
	{regexp.MustCompile(`^hosts/[0-9a-f]{2}/[a-z0-9+.~-]+/[A-Za-z0-9+.~_%-]+\.mp[kp]$`), "application/octet-stream", false},
	{regexp.MustCompile(`^icons/[0-9a-f]{64}$`), "application/octet-stream", false},
}

// Handler serves the repository in the folder dir: its files by their names
// and nothing else, no listings, nothing that a link leads out of the folder.
// Every answer has a strong ETag; ranges and conditions work on all of them.
func Handler(dir string) http.Handler { return handler(dir) }

type handler string

func (dir handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	for _, s := range served {
		if s.name.MatchString(name) {
			dir.serve(w, r, name, s.kind, s.changes)
			return
		}
	}
	http.NotFound(w, r)
}

// serve opens below the folder only. The entity tag is of the open file: a
// file is replaced, never written to, so time and size name its bytes.
func (dir handler) serve(w http.ResponseWriter, r *http.Request, name, kind string, changes bool) {
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		http.Error(w, "the repository cannot be read", http.StatusInternalServerError)
		return
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", fmt.Sprintf("\"%x-%x\"", info.ModTime().UnixNano(), info.Size()))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if changes {
		h.Set("Cache-Control", "no-cache") // kept, but asked for each time
	}
	http.ServeContent(w, r, "", info.ModTime(), f)
}
