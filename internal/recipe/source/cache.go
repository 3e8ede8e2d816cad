package source

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"muster"
	"muster/internal/durable"
)

// The cache holds files by content, and what names led to:
//
//	sha256/<hash>        a file
//	names/<hash of name> JSON, a list of held: what that source consists of
//
// A file is hashed again whenever it is taken out, so that a damaged cache costs
// a download and nothing else.

// A held is a file of a source.
type held struct {
	Name   string `json:"name"` // of the file
	URL    string `json:"url"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

func (h held) fetched(cached bool) Fetched {
	return Fetched{URL: h.URL, SHA256: h.SHA256, Size: h.Size, Cached: cached}
}

func (f *Fetcher) blob(sum string) string { return filepath.Join(f.Cache, "sha256", sum) }

func (f *Fetcher) nameFile(source string) string {
	sum := sha256.Sum256([]byte(source))
	return filepath.Join(f.Cache, "names", hex.EncodeToString(sum[:]))
}

// put moves a file into the cache.
func (f *Fetcher) put(file, name, url string) (held, error) {
	sum, size, err := sumFile(file)
	if err != nil {
		return held{}, err
	}
	to := f.blob(sum)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return held{}, err
	}
	if err := os.Rename(file, to); err != nil {
		return held{}, fmt.Errorf("cannot move %q into the cache: %w", name, err)
	}
	return held{Name: name, URL: url, SHA256: sum, Size: size}, nil
}

// take copies a file out of the cache into dir and checks it on the way. A
// damaged file is removed from the cache.
func (f *Fetcher) take(h held, dir string) (string, error) {
	to, err := within(dir, h.Name)
	if err != nil {
		return "", err
	}
	in, err := os.Open(f.blob(h.SHA256))
	if err != nil {
		return "", err
	}
	defer in.Close()
	hash := sha256.New()
	if err := writeFile(to, io.TeeReader(in, hash), 0o644); err != nil {
		return "", err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != h.SHA256 {
		os.Remove(f.blob(h.SHA256))
		os.Remove(to)
		return "", muster.Errorf(muster.NotFound, "the cache's copy of %q was damaged: %w", h.Name, fs.ErrNotExist)
	}
	return to, nil
}

// remember keeps what a source consists of.
func (f *Fetcher) remember(source string, files []held) error {
	data, err := json.Marshal(files)
	if err != nil {
		return err
	}
	name := f.nameFile(source)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	var disk durable.Disk
	return disk.WriteFile(name, data, 0o644)
}

// recall copies a source out of the cache into dir, when all of it is there.
func (f *Fetcher) recall(source, dir string) ([]string, []Fetched, bool) {
	data, err := os.ReadFile(f.nameFile(source))
	if err != nil {
		return nil, nil, false
	}
	var files []held
	if json.Unmarshal(data, &files) != nil || len(files) == 0 {
		return nil, nil, false
	}
	var paths []string
	var got []Fetched
	for _, h := range files {
		if !validSum(h.SHA256) {
			return nil, nil, false
		}
		path, err := f.take(h, dir)
		if err != nil {
			return nil, nil, false
		}
		paths, got = append(paths, path), append(got, h.fetched(true))
	}
	return paths, got, true
}

// keep puts files into the cache under the names of their source, and copies
// them into dir.
func (f *Fetcher) keep(names []string, files []held, dir string) ([]string, []Fetched, error) {
	for _, name := range names {
		if err := f.remember(name, files); err != nil {
			return nil, nil, err
		}
	}
	var paths []string
	var got []Fetched
	for _, h := range files {
		path, err := f.take(h, dir)
		if err != nil {
			return nil, nil, err
		}
		paths, got = append(paths, path), append(got, h.fetched(false))
	}
	return paths, got, nil
}

func sumFile(name string) (string, int64, error) {
	in, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, in)
	return hex.EncodeToString(hash.Sum(nil)), n, err
}

func writeFile(name string, content io.Reader, mode fs.FileMode) (err error) {
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := out.Close(); err == nil {
			err = cerr
		}
	}()
	_, err = io.Copy(out, content)
	return err
}
