package archive

import (
	"archive/tar"
	"io"
	"strconv"
	"strings"
)

// A tarSource reads a tar stream (POSIX ustar and pax, GNU).
type tarSource struct {
	*tar.Reader
	close  func()
	config map[string]bool // paths that people edit
}

func openTar(r io.Reader) (source, error) {
	plain, end, err := decompress(r)
	if err != nil {
		return nil, err
	}
	return &tarSource{Reader: tar.NewReader(plain), close: end}, nil
}

func (t *tarSource) Close() error {
	t.close()
	return nil
}

func (t *tarSource) next() (*entry, error) {
	h, err := t.Next()
	for err == nil && h.Typeflag == tar.TypeXGlobalHeader { // a comment, as git archive writes it
		h, err = t.Next()
	}
	if err == tar.ErrHeader {
		return nil, invalidf("not a tar, zip, deb or rpm archive, or damaged")
	}
	if err != nil {
		return nil, err
	}
	e := &entry{Meta: Meta{Path: h.Name, Mode: uint32(h.Mode) & 0o7777, Owner: owner(h)}, link: h.Linkname, time: h.ModTime}
	e.Xattrs = tarXattrs(h)
	e.Config = t.config[strings.TrimPrefix(strings.TrimPrefix(h.Name, "."), "/")]
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		e.kind, e.size = regular, h.Size
	case tar.TypeDir:
		e.kind = directory
	case tar.TypeSymlink:
		e.kind = symlink
	case tar.TypeLink:
		e.kind = hardlink
	default:
		return nil, invalidf("%q is neither file, directory nor link (type %q)", h.Name, h.Typeflag)
	}
	return e, nil
}

// owner is "user:group", with numbers where there are no names.
func owner(h *tar.Header) string {
	return ownerName(account(h.Uname, h.Uid), account(h.Gname, h.Gid))
}

func account(name string, id int) string {
	switch {
	case id == 0 || name == "root":
		return "root"
	case name != "":
		return name
	}
	return strconv.Itoa(id)
}

func ownerName(user, group string) string {
	if user == "root" && group == "root" {
		return ""
	}
	return user + ":" + group
}

// tarXattrs are the attributes that a package may have, as star and GNU tar
// write them.
func tarXattrs(h *tar.Header) map[string][]byte {
	var attrs map[string][]byte
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if !ok || name != "security.capability" && !strings.HasPrefix(name, "user.") {
			continue
		}
		if attrs == nil {
			attrs = map[string][]byte{}
		}
		attrs[name] = []byte(value)
	}
	return attrs
}
