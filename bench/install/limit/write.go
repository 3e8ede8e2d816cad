//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// writers is how many files are written at a time. More did not help.
const writers = 2

// A put writes one file.
type put func(name string, mode fs.FileMode, data []byte) error

// write writes all of a pack into dir.
func write(pack, dir string) error {
	nodes, data, err := load(pack)
	if err != nil {
		return err
	}
	return carryOut(dir, nodes, data, place)
}

// change writes into dir, where old was written before, what new has of other
// size or time.
func change(old, new, dir string) error {
	was, err := index(old)
	if err != nil {
		return err
	}
	before := make(map[string]node, len(was))
	for _, n := range was {
		before[n.Path] = n
	}
	nodes, data, err := load(new)
	if err != nil {
		return err
	}
	nodes = slices.DeleteFunc(nodes, func(n node) bool {
		old, ok := before[n.Path]
		return ok && old.Size == n.Size && old.Time.Equal(n.Time)
	})
	return carryOut(dir, nodes, data, replace)
}

// carryOut writes folders, then files, then links, then syncs the file system
// once. It prints how much that was and how long it took without starting.
func carryOut(dir string, nodes []node, data []byte, put put) error {
	began := time.Now()
	unix.Umask(0)
	if err := folders(dir, nodes); err != nil {
		return err
	}
	if err := files(dir, nodes, data, put); err != nil {
		return err
	}
	if err := links(dir, nodes); err != nil {
		return err
	}
	written := time.Now()
	if err := syncTree(dir); err != nil {
		return err
	}
	var bytes int64
	for i := range nodes {
		bytes += nodes[i].Size
	}
	fmt.Printf("nodes %d bytes %d write %.2f sync %.2f\n", len(nodes), bytes,
		written.Sub(began).Seconds(), time.Since(written).Seconds())
	return nil
}

func folders(dir string, nodes []node) error {
	for i := range nodes {
		if !nodes[i].Mode.IsDir() {
			continue
		}
		name := filepath.Join(dir, nodes[i].Path)
		if err := os.Mkdir(name, nodes[i].Mode.Perm()); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// files hands the nodes out in runs of neighbours, so that two writers seldom
// meet in one folder.
func files(dir string, nodes []node, data []byte, put put) error {
	const run = 64
	var next atomic.Int64
	var g errgroup.Group
	for range writers {
		g.Go(func() error {
			for {
				end := int(next.Add(run))
				if end-run >= len(nodes) {
					return nil
				}
				if err := some(dir, nodes[end-run:min(end, len(nodes))], data, put); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

func some(dir string, nodes []node, data []byte, put put) error {
	for i := range nodes {
		n := &nodes[i]
		if !n.Mode.IsRegular() || n.Link != "" {
			continue
		}
		if err := put(filepath.Join(dir, n.Path), n.Mode, data[n.Offset:n.Offset+n.Size]); err != nil {
			return err
		}
	}
	return nil
}

func links(dir string, nodes []node) error {
	for i := range nodes {
		n := &nodes[i]
		if n.Link == "" {
			continue
		}
		var err error
		if n.Mode.IsRegular() {
			err = os.Link(filepath.Join(dir, n.Link), filepath.Join(dir, n.Path))
		} else {
			err = os.Symlink(n.Link, filepath.Join(dir, n.Path))
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// place writes a new file.
func place(name string, m fs.FileMode, data []byte) error {
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, mode(m))
	if err != nil {
		return &os.PathError{Op: "create", Path: name, Err: err}
	}
	defer unix.Close(fd)
	for len(data) > 0 {
		k, err := unix.Write(fd, data)
		if err != nil {
			return &os.PathError{Op: "write", Path: name, Err: err}
		}
		data = data[k:]
	}
	return nil
}

// replace writes a file aside and renames it over the old one.
func replace(name string, m fs.FileMode, data []byte) error {
	if err := place(name+".new", m, data); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func mode(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		bits |= unix.S_ISUID
	}
	if m&fs.ModeSetgid != 0 {
		bits |= unix.S_ISGID
	}
	return bits
}

func syncTree(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
