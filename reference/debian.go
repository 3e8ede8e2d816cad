package reference

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// AddDebian reads a Packages file of a repository of Debian or its derivatives, plain
// or compressed with gzip, bzip2, xz or zstd; file is for messages.
func (n *Newest) AddDebian(file string, r io.Reader) error {
	plain, end, err := unpack(file, r)
	if err != nil {
		return err
	}
	defer end()
	lines := &lineReader{r: plain, file: file}
	var s debianStanza
	for {
		text, err := lines.next()
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF || len(bytes.TrimRight(text, " \t")) == 0 {
			if problem := s.flush(n); problem != nil {
				return lines.failed(problem)
			}
			if err == io.EOF {
				return nil
			}
			continue
		}
		if err := s.take(text, lines.cut); err != nil {
			return lines.failed(err)
		}
	}
}

// A debianStanza is what is read of one package.
type debianStanza struct {
	name, version, arch, source string
	any                         bool
}

// take reads one line: fields that are not needed are skipped unread.
func (s *debianStanza) take(line []byte, cut bool) error {
	if c := line[0]; c == '#' || c == ' ' || c == '\t' {
		if !s.any && c != '#' {
			return errors.New("a line that continues nothing")
		}
		return nil
	}
	s.any = true
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return errors.New("a line without a colon")
	}
	to := s.field(name)
	switch {
	case to == nil:
		return nil
	case cut:
		return errLong
	case *to != "":
		return errors.New("the field " + string(name) + " stands twice")
	}
	*to = string(bytes.Trim(value, " \t"))
	return nil
}

// field returns where the value of a field belongs, nil for one that is not needed.
func (s *debianStanza) field(name []byte) *string {
	switch len(name) { // before the letters are compared: most fields are none of these
	case 6:
		if bytes.EqualFold(name, []byte("Source")) {
			return &s.source
		}
	case 7:
		if bytes.EqualFold(name, []byte("Package")) {
			return &s.name
		}
		if bytes.EqualFold(name, []byte("Version")) {
			return &s.version
		}
	case 12:
		if bytes.EqualFold(name, []byte("Architecture")) {
			return &s.arch
		}
	}
	return nil
}

// flush adds the package that was read, if there was one.
func (s *debianStanza) flush(n *Newest) error {
	was := *s
	*s = debianStanza{}
	if !was.any {
		return nil
	}
	if n.Sources && was.source != "" {
		was.name, was.version = was.origin()
	}
	return n.add("dpkg", was.name, was.arch, was.version)
}

// origin is the source package, "name" or "name (version)".
func (s *debianStanza) origin() (name, version string) {
	name, rest, ok := strings.Cut(s.source, " (")
	if version, closed := strings.CutSuffix(rest, ")"); ok && closed {
		return strings.TrimSpace(name), version
	}
	return s.source, s.version
}
