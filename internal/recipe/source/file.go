package source

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"muster"
)

// file copies a file or folder of this machine. It is not cached: it is here.
func (f *Fetcher) file(_ context.Context, r request) (string, []Fetched, error) {
	from := filepath.FromSlash(r.rest)
	if !filepath.IsAbs(from) {
		from = filepath.Join(f.Base, from)
	}
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, muster.WithKind(muster.NotFound, err)
	}
	if err != nil {
		return "", nil, err
	}
	copied := Fetched{URL: r.source, Cached: true}
	to := filepath.Join(r.dir, filepath.Base(from))
	if info.IsDir() {
		copied.SHA256, copied.Size, err = copyAndSum(from, to)
	} else if err = copyFile(from, to); err == nil {
		copied.SHA256, copied.Size, err = sumFile(to)
	}
	if err != nil {
		return "", nil, err
	}
	if r.sum != "" && r.sum != copied.SHA256 {
		return "", nil, wrong(r.rest, r.sum, copied.SHA256)
	}
	return to, []Fetched{copied}, nil
}

func copyAndSum(from, to string) (string, int64, error) {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return "", 0, err
	}
	if err := copyTree(from, to); err != nil {
		return "", 0, err
	}
	return TreeSum(to)
}
