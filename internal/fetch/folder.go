package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"muster"
)

// A folder is a source on this machine, or on a file system that it shares.
type folder struct{ dir string }

// fileURL reads file:///path (RFC 8089), also with a drive letter.
func fileURL(u *url.URL) (source, error) {
	path := u.Path
	if len(path) > 2 && path[0] == '/' && path[2] == ':' {
		path = path[1:]
	}
	if u.Host != "" && u.Host != "localhost" || !filepath.IsAbs(filepath.FromSlash(path)) {
		return nil, muster.Errorf(muster.Invalid, "%q is not a URL such as file:///path", u)
	}
	return folder{filepath.FromSlash(path)}, nil
}

func (f folder) open(_ context.Context, r request) (*answer, error) {
	if err := checkName(r.name); err != nil {
		return nil, err
	}
	path := filepath.Join(f.dir, filepath.FromSlash(r.name))
	file, err := os.Open(path)
	if err != nil {
		return nil, folderError(path, err)
	}
	a, err := f.answer(file, r)
	if err != nil {
		file.Close()
		return nil, folderError(path, err)
	}
	return a, nil
}

func (f folder) answer(file *os.File, r request) (*answer, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a file")
	}
	v := Validators{ETag: fmt.Sprintf("\"%x-%x\"", info.ModTime().UnixNano(), info.Size())}
	a := &answer{ReadCloser: file, url: file.Name(), total: info.Size(), validators: v}
	if r.have.ETag == v.ETag {
		a.notModified = true
	} else if r.offset > 0 && (r.ifRange == "" || r.ifRange == v.ETag) {
		a.offset, err = file.Seek(r.offset, io.SeekStart)
	}
	return a, err
}

func folderError(path string, err error) error {
	kind := muster.Unavailable
	if errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "not a directory") {
		kind = muster.NotFound
	} else if errors.Is(err, fs.ErrPermission) {
		kind = muster.Denied
	}
	return muster.WithKind(kind, fmt.Errorf("cannot fetch %q: %w", path, err))
}
