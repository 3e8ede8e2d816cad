package archive

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// An extractor writes entries into a folder.
type extractor struct {
	root  *os.Root
	strip int
	metas []Meta
	files int
	size  int64
}

func (x *extractor) all(ctx context.Context, src source) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := src.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := x.one(e, src); err != nil {
			return fmt.Errorf("%q: %w", e.Path, err)
		}
	}
}

func (x *extractor) one(e *entry, content io.Reader) error {
	if x.files++; x.files > MaxFiles {
		return invalidf("more than %d files", MaxFiles)
	}
	if x.size += e.size; e.size < 0 || x.size > MaxSize {
		return invalidf("more than %d bytes", int64(MaxSize))
	}
	name, err := clean(e.Path, x.strip)
	if err != nil || name == "" {
		return err
	}
	e.Path = name
	if e.kind != directory {
		if err := x.makeRoom(name); err != nil {
			return err
		}
	}
	if err := x.write(e, content); err != nil {
		return err
	}
	if e.needed() {
		x.metas = append(x.metas, e.Meta)
	}
	return nil
}

// makeRoom makes the directory of name and removes what is at name: an archive
// replaces files, it does not write through links that stand in their place.
func (x *extractor) makeRoom(name string) error {
	if err := x.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	err := x.root.Remove(name)
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

func (x *extractor) write(e *entry, content io.Reader) error {
	switch e.kind {
	case directory:
		return x.mkdir(e)
	case symlink:
		if e.link == "" || len(e.link) > maxLink {
			return invalidf("link target of %d bytes", len(e.link))
		}
		return x.root.Symlink(e.link, e.Path)
	case hardlink:
		target, err := clean(e.link, x.strip)
		if err != nil {
			return err
		}
		return x.root.Link(target, e.Path)
	}
	return x.writeFile(e, content)
}

// mkdir makes a directory that its owner can fill and empty.
func (x *extractor) mkdir(e *entry) error {
	if err := x.root.MkdirAll(e.Path, 0o755); err != nil {
		return err
	}
	return x.root.Chmod(e.Path, fs.FileMode(e.Mode)&0o777|0o700)
}

func (x *extractor) writeFile(e *entry, content io.Reader) (err error) {
	f, err := x.root.OpenFile(e.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err == nil && !e.time.IsZero() {
			err = x.root.Chtimes(e.Path, time.Time{}, e.time) // make compares them
		}
	}()
	n, err := io.Copy(f, io.LimitReader(content, e.size+1))
	if err != nil {
		return notEOF(err)
	}
	if n != e.size {
		return invalidf("%d bytes of content, but %d were announced", n, e.size)
	}
	return x.root.Chmod(e.Path, fs.FileMode(e.Mode)&0o777|0o600)
}

// needed reports whether m says more than the file that was written.
func (e *entry) needed() bool {
	written := e.Mode&0o777 | 0o600
	if e.kind == directory {
		written = e.Mode&0o777 | 0o700
	}
	special := (e.kind == regular || e.kind == directory) && e.Mode != written
	return special || e.Owner != "" || len(e.Xattrs) > 0 || e.Config
}
