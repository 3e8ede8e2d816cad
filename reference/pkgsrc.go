package reference

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// AddPkgsrc reads a pkg_summary file of pkgsrc, plain or compressed with gzip, bzip2,
// xz or zstd; file is for messages.
func (n *Newest) AddPkgsrc(file string, r io.Reader) error {
	plain, end, err := unpack(file, r)
	if err != nil {
		return err
	}
	defer end()
	lines := &lineReader{r: plain, file: file}
	var name, arch string
	any := false
	for {
		text, err := lines.next()
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF || len(text) == 0 {
			if any {
				if problem := n.addPkgsrc(name, arch); problem != nil {
					return lines.failed(problem)
				}
			}
			if err == io.EOF {
				return nil
			}
			name, arch, any = "", "", false
			continue
		}
		any = true
		variable, value, ok := bytes.Cut(text, []byte("="))
		switch {
		case !ok:
			return lines.failed(errors.New("a line without an equals sign"))
		case string(variable) == "PKGNAME" && (lines.cut || name != ""):
			return lines.failed(errors.New("PKGNAME stands twice, or is too long"))
		case string(variable) == "PKGNAME":
			name = string(value)
		case string(variable) == "MACHINE_ARCH" && !lines.cut:
			arch = string(value)
		}
	}
}

// addPkgsrc cuts the name at its last hyphen, for versions have none.
func (n *Newest) addPkgsrc(name, arch string) error {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return errors.New("PKGNAME is missing, or has no version")
	}
	return n.add("pkgsrc", name[:i], arch, name[i+1:])
}
