package reference

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"muster"
)

// AddFreeBSD reads packagesite.yaml of a repository of FreeBSD's pkg, which is one
// object of JSON a line, or the archive in which it comes (packagesite.pkg,
// packagesite.txz), compressed or not; file is for messages.
func (n *Newest) AddFreeBSD(file string, r io.Reader) error {
	plain, end, err := unpack(file, r)
	if err != nil {
		return err
	}
	defer end()
	if head, _ := plain.Peek(262); len(head) == 262 && string(head[257:]) == "ustar" {
		if plain, err = packagesite(file, plain); err != nil {
			return err
		}
	}
	lines := &lineReader{r: bufio.NewReaderSize(plain, maxLongLine), file: file}
	for {
		text, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if lines.cut {
			return lines.failed(errLong)
		}
		if err := n.addFreeBSD(text); err != nil {
			return lines.failed(err)
		}
	}
}

// packagesite finds the file in the archive.
func packagesite(file string, r io.Reader) (*bufio.Reader, error) {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "%q has no file packagesite.yaml: %w", file, err)
		}
		if strings.TrimPrefix(h.Name, "./") == "packagesite.yaml" {
			return bufio.NewReader(t), nil
		}
	}
}

func (n *Newest) addFreeBSD(line []byte) error {
	var p struct{ Name, Version, Arch, ABI string }
	if err := json.Unmarshal(line, &p); err != nil {
		return err
	}
	if p.Name == "" || p.Version == "" {
		return errors.New("a package without name or version")
	}
	if p.ABI == "" {
		p.ABI = p.Arch
	}
	return n.add("freebsd", p.Name, p.ABI, p.Version)
}
