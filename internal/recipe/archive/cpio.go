package archive

import (
	"io"
	"strconv"
	"time"
)

// A cpioSource reads a cpio archive in the "new ASCII" format that RPM uses: a
// header of 110 bytes, six of magic and 13 numbers of eight hexadecimal digits,
// then the name and the content, each padded to four bytes.
//
// Hard links come as several entries of one inode, of which only the last has
// the content. The others are kept back until it came.
type cpioSource struct {
	r       *counter
	left    int64               // bytes of content not yet read
	pad     int64               // bytes behind the content
	waiting map[string][]*entry // by device and inode
	kept    int                 // entries that wait
	ready   []*entry
}

const (
	cpioHeader  = 110
	cpioTrailer = "TRAILER!!!"
	maxWaiting  = 100_000
	maxName     = 4096
)

func newCpio(r io.Reader) *cpioSource {
	return &cpioSource{r: &counter{r: r}, waiting: map[string][]*entry{}}
}

// A counter knows how far it has read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *cpioSource) next() (*entry, error) {
	if err := c.skip(c.left + c.pad); err != nil {
		return nil, err
	}
	c.left, c.pad = 0, 0
	for {
		if n := len(c.ready); n > 0 {
			e := c.ready[n-1]
			c.ready = c.ready[:n-1]
			return e, nil
		}
		e, done, err := c.header()
		if err != nil {
			return nil, err
		}
		if done {
			return nil, c.finish()
		}
		if e != nil {
			return e, nil
		}
	}
}

// finish ends the archive.
func (c *cpioSource) finish() error {
	if len(c.waiting) > 0 {
		return invalidf("cpio: hard links without content")
	}
	return io.EOF
}

// header reads one entry; nil when it is kept back.
func (c *cpioSource) header() (e *entry, done bool, err error) {
	f, name, err := c.fields()
	if err != nil {
		return nil, false, notEOF(err)
	}
	if name == cpioTrailer {
		return nil, true, nil
	}
	e = &entry{Meta: Meta{Path: name, Mode: f.mode & 0o7777}, time: time.Unix(int64(f.mtime), 0)}
	c.left, c.pad = int64(f.size), -int64(f.size)&3
	switch f.mode & 0o170000 {
	case 0o040000:
		e.kind = directory
	case 0o120000:
		e.kind = symlink
		e.link, err = c.target(f.size)
	case 0o100000:
		e.size = int64(f.size)
		return c.linked(e, f)
	default:
		err = invalidf("%q is neither file, directory nor link", name)
	}
	return e, false, err
}

// linked holds back names of an inode until its content comes, and then gives
// them out as links to the name that has it.
func (c *cpioSource) linked(e *entry, f *cpioFields) (*entry, bool, error) {
	if f.links < 2 {
		return e, false, nil
	}
	waiting := c.waiting[f.inode]
	if len(waiting)+1 < int(f.links) && f.size == 0 {
		c.waiting[f.inode] = append(waiting, e)
		if c.kept++; c.kept > maxWaiting {
			return nil, false, invalidf("cpio: more than %d hard links", maxWaiting)
		}
		return nil, false, nil
	}
	c.kept -= len(waiting)
	delete(c.waiting, f.inode)
	for _, w := range waiting {
		w.kind, w.link = hardlink, e.Path
		c.ready = append(c.ready, w)
	}
	return e, false, nil
}

func (c *cpioSource) target(size uint32) (string, error) {
	if size > maxLink {
		return "", invalidf("cpio: link target of %d bytes", size)
	}
	b := make([]byte, size)
	_, err := io.ReadFull(c.r, b)
	c.left = 0
	return string(b), notEOF(err)
}

type cpioFields struct {
	mode, links, mtime, size uint32
	inode                    string // number and device
}

// fields reads the numbers and the name of an entry.
func (c *cpioSource) fields() (*cpioFields, string, error) {
	var h [cpioHeader]byte
	if _, err := io.ReadFull(c.r, h[:]); err != nil {
		return nil, "", err
	}
	if magic := string(h[:6]); magic != "070701" && magic != "070702" {
		return nil, "", invalidf("cpio: header %q is of another format", magic)
	}
	var n [13]uint32
	for i := range n {
		v, err := strconv.ParseUint(string(h[6+8*i:14+8*i]), 16, 32)
		if err != nil {
			return nil, "", invalidf("cpio: damaged header")
		}
		n[i] = uint32(v)
	}
	f := &cpioFields{mode: n[1], links: n[4], mtime: n[5], size: n[6], inode: string(h[6:14]) + string(h[62:78])}
	size := n[11]
	if size < 2 || size > maxName {
		return nil, "", invalidf("cpio: name of %d bytes", size)
	}
	name := make([]byte, size)
	if _, err := io.ReadFull(c.r, name); err != nil {
		return nil, "", err
	}
	return f, string(name[:size-1]), c.skip(-c.r.n & 3)
}

func (c *cpioSource) skip(n int64) error {
	_, err := io.CopyN(io.Discard, c.r, n)
	return notEOF(err)
}

// Read gives the content of the entry yielded last.
func (c *cpioSource) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == io.EOF && c.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
