package archive

import (
	"archive/tar"
	"io"
	"path"
	"strconv"
	"strings"

	"muster/deb822"
)

// A Debian package (deb(5)) is an ar archive of three members: debian-binary,
// control.tar and data.tar, the latter two with any compression.
const (
	arMagic   = "!<arch>\n"
	arHeader  = 60      // bytes
	maxMeta   = 4 << 20 // bytes of one file in control.tar that we read
	maxMember = 64      // members before data.tar
)

// A Deb is a Debian package.
type Deb struct {
	Control   deb822.Stanza
	Conffiles []string // absolute paths of files that people edit
	data      io.Reader
}

// OpenDeb reads what a Debian package says of itself; its files follow in r.
func OpenDeb(r io.Reader) (*Deb, error) {
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return nil, invalidf("not a Debian package")
	}
	d := &Deb{}
	for range maxMember {
		name, member, err := nextMember(r)
		if err != nil {
			return nil, invalidf("Debian package: %w", notEOF(err))
		}
		switch {
		case strings.HasPrefix(name, "control.tar"):
			if err := d.readControl(member); err != nil {
				return nil, invalidf("Debian package: %s: %w", name, err)
			}
		case strings.HasPrefix(name, "data.tar"):
			if d.Control == nil {
				return nil, invalidf("Debian package: data.tar stands before control.tar")
			}
			d.data = member
			return d, nil
		}
		if err := skip(r, member); err != nil {
			return nil, invalidf("Debian package: %w", err)
		}
	}
	return nil, invalidf("Debian package: no data.tar among its first %d members", maxMember)
}

// nextMember reads an ar header. Names are of at most 16 bytes, sizes decimal.
func nextMember(r io.Reader) (string, *io.LimitedReader, error) {
	var h [arHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", nil, err
	}
	size, err := strconv.ParseInt(strings.TrimSpace(string(h[48:58])), 10, 64)
	if err != nil || size < 0 || string(h[58:]) != "`\n" {
		return "", nil, invalidf("damaged ar header")
	}
	name := strings.TrimSuffix(strings.TrimSpace(string(h[:16])), "/")
	return name, &io.LimitedReader{R: r, N: size + size%2}, nil // members start at even offsets
}

// skip reads the rest of a member.
func skip(r io.Reader, member *io.LimitedReader) error {
	rest := member.N
	n, err := io.CopyN(io.Discard, r, rest)
	if n < rest {
		return notEOF(err)
	}
	return nil
}

// readControl reads control and conffiles of control.tar.
func (d *Deb) readControl(r io.Reader) error {
	plain, end, err := decompress(r)
	if err != nil {
		return err
	}
	defer end()
	tr := tar.NewReader(io.LimitReader(plain, maxMember*maxMeta))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if name != "control" && name != "conffiles" {
			continue
		}
		if h.Size > maxMeta {
			return invalidf("%s of %d bytes is larger than %d", name, h.Size, maxMeta)
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			return notEOF(err)
		}
		if err := d.setMeta(name, string(text)); err != nil {
			return invalidf("%s: %w", name, err)
		}
	}
	if d.Control == nil {
		return invalidf("there is no control")
	}
	return nil
}

func (d *Deb) setMeta(name, text string) error {
	if name == "conffiles" {
		d.Conffiles = parseConffiles(text)
		return nil
	}
	all, err := deb822.Parse(text)
	if err != nil {
		return err
	}
	if len(all) != 1 {
		return invalidf("%d stanzas", len(all))
	}
	d.Control = all[0]
	return nil
}

// parseConffiles reads one absolute path a line (deb-conffiles(5)). A line with
// a flag in front, "remove-on-upgrade /path", names a file that is not there.
func parseConffiles(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if strings.HasPrefix(line, "/") && line != "/" {
			list = append(list, line)
		}
	}
	return list
}

// files are the entries of data.tar.
func (d *Deb) files() (source, error) {
	src, err := openTar(d.data)
	if err != nil {
		return nil, err
	}
	t := src.(*tarSource)
	t.config = make(map[string]bool, len(d.Conffiles))
	for _, name := range d.Conffiles {
		t.config[strings.TrimPrefix(name, "/")] = true
	}
	return t, nil
}
