package reference

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"strings"

	"muster"
)

// AddPacman reads the database of a repository of pacman (core.db), an archive with a
// file NAME-VERSION/desc for each package, compressed or not; file is for messages.
func (n *Newest) AddPacman(file string, r io.Reader) error {
	plain, end, err := unpack(file, r)
	if err != nil {
		return err
	}
	defer end()
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return muster.Errorf(muster.Invalid, "%q is no database of a repository: %w", file, err)
		}
		if !strings.HasSuffix(h.Name, "/desc") {
			continue
		}
		lines := &lineReader{r: bufio.NewReaderSize(t, maxLine), file: file + ": " + h.Name}
		if err := n.addDesc(lines); err != nil {
			return err
		}
	}
}

// addDesc reads blocks that an empty line ends: a name in percent signs, and lines of
// its value.
func (n *Newest) addDesc(lines *lineReader) error {
	fields := map[string]string{"%NAME%": "", "%VERSION%": "", "%ARCH%": "", "%BASE%": ""}
	block := "" // of the line before
	for {
		text, err := lines.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		was, wanted := fields[block]
		switch {
		case len(text) == 0:
			block = ""
		case block == "" && lines.cut:
			return lines.failed(errLong)
		case block == "":
			block = string(text)
		case wanted && (was != "" || lines.cut):
			return lines.failed(errors.New("the field " + block + " has two values, or one that is too long"))
		case wanted:
			fields[block] = string(text)
		}
	}
	name, arch := fields["%NAME%"], fields["%ARCH%"]
	if n.Sources && fields["%BASE%"] != "" {
		name = fields["%BASE%"]
	}
	if err := n.add("pacman", name, arch, fields["%VERSION%"]); err != nil {
		return lines.failed(err)
	}
	return nil
}
