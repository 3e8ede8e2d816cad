package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed static/*
var static embed.FS

// A file is one that browsers keep: its address has the hash of what it holds.
type file struct {
	kind         string
	whole, small []byte // small is compressed
	hash         string
}

func (f *file) version() string { return f.hash[:12] }

// files are those of static/, by name.
type files map[string]*file

// kinds are the types of files; there are no others.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func readFiles() (files, error) {
	all := files{}
	list, err := fs.ReadDir(static, "static")
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		data, err := fs.ReadFile(static, "static/"+e.Name())
		if err != nil {
			return nil, err
		}
		small, err := squeeze(data)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		all[e.Name()] = &file{kind: kinds[path.Ext(e.Name())], whole: data, small: small, hash: hex.EncodeToString(sum[:])}
	}
	return all, nil
}

func squeeze(data []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(z, bytes.NewReader(data)); err != nil {
		return nil, err
	}
	err = z.Close() // writes what is left
	return out.Bytes(), err
}

// ServeHTTP answers with a file. An address with the right hash is good for a year.
func (all files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := all[r.PathValue("name")]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	h, data, etag := w.Header(), f.whole, `"`+f.version()+`"`
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == f.version() {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		data, etag = f.small, `"`+f.version()+`-gz"`
	}
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data) //nolint:errcheck // the browser has gone
}
