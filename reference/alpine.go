package reference

import (
	"bytes"
	"errors"
	"io"
)

// AddAlpine reads the index of a repository of apk (APKINDEX), or the archive in which it
// comes (APKINDEX.tar.gz), whose signature is the caller's to check; file is for messages.
func (n *Newest) AddAlpine(file string, r io.Reader) error {
	plain, end, err := unpack(file, r)
	if err != nil {
		return err
	}
	defer end()
	if plain, err = member(file, plain, "APKINDEX"); err != nil {
		return err
	}
	lines := &lineReader{r: plain, file: file}
	fields := map[byte]string{}
	for {
		text, err := lines.next()
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF || len(text) == 0 {
			if problem := n.addAlpine(fields); problem != nil {
				return lines.failed(problem)
			}
			if err == io.EOF {
				return nil
			}
			clear(fields)
			continue
		}
		if err := takeAlpine(fields, text, lines.cut); err != nil {
			return lines.failed(err)
		}
	}
}

// takeAlpine keeps a field: its name is one letter.
func takeAlpine(fields map[byte]string, line []byte, cut bool) error {
	if len(line) < 2 || line[1] != ':' {
		return errors.New("a line without a letter and a colon")
	}
	c := line[0]
	if bytes.IndexByte([]byte("PVAo"), c) < 0 {
		fields[0] = "x" // there is a package
		return nil
	}
	if _, twice := fields[c]; twice || cut {
		return errors.New("the field " + string(c) + " stands twice, or is too long")
	}
	fields[c] = string(line[2:])
	return nil
}

func (n *Newest) addAlpine(fields map[byte]string) error {
	if len(fields) == 0 {
		return nil
	}
	name := fields['P']
	if n.Sources && fields['o'] != "" {
		name = fields['o']
	}
	return n.add("apk", name, fields['A'], fields['V'])
}
