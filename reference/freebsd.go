package reference

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
	if plain, err = member(file, plain, "packagesite.yaml"); err != nil {
		return err
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
