//go:build linux

package main

import (
	"bufio"
	"encoding/gob"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A node is a file, folder or link. The content of a file stands in the data
// at Offset.
type node struct {
	Path         string
	Mode         fs.FileMode
	Link         string // of a symlink; or, of a file, an earlier name of it
	Time         time.Time
	Offset, Size int64
}

type packer struct {
	nodes []node
	data  *bufio.Writer
	size  int64
	names map[uint64]string // the first name of files that have several
	top   string
}

// pack gathers what lies below the folder root of each tree.
func pack(out string, trees []string) error {
	f, err := os.Create(out + ".data")
	if err != nil {
		return err
	}
	defer f.Close()
	p := &packer{data: bufio.NewWriterSize(f, 1<<20)}
	for _, tree := range trees {
		p.top, p.names = filepath.Join(tree, "root"), map[uint64]string{}
		if err := filepath.WalkDir(p.top, p.visit); err != nil {
			return err
		}
	}
	if err := p.data.Flush(); err != nil {
		return err
	}
	return p.list(out)
}

func (p *packer) list(out string) error {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := gob.NewEncoder(f).Encode(p.nodes); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func (p *packer) visit(name string, d fs.DirEntry, err error) error {
	if err != nil || name == p.top {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(p.top, name)
	if err != nil {
		return err
	}
	n := node{Path: rel, Mode: info.Mode(), Time: info.ModTime()}
	switch {
	case n.Mode&fs.ModeSymlink != 0:
		n.Link, err = os.Readlink(name)
	case n.Mode.IsRegular():
		err = p.content(&n, name, info.Sys().(*syscall.Stat_t))
	}
	p.nodes = append(p.nodes, n)
	return err
}

func (p *packer) content(n *node, name string, st *syscall.Stat_t) error {
	if first, ok := p.names[st.Ino]; ok {
		n.Link = first
		return nil
	}
	if st.Nlink > 1 {
		p.names[st.Ino] = n.Path
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	n.Offset = p.size
	n.Size, err = io.Copy(p.data, f)
	p.size += n.Size
	return err
}

// index reads the list of nodes.
func index(name string) ([]node, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var nodes []node
	err = gob.NewDecoder(bufio.NewReader(f)).Decode(&nodes)
	return nodes, err
}

// load reads the list of nodes and maps the data.
func load(name string) ([]node, []byte, error) {
	nodes, err := index(name)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.Open(name + ".data")
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
	return nodes, data, err
}
