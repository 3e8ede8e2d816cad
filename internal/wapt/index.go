package wapt

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/version"
)

// Limits of an index.
const (
	MaxIndex   = 64 << 20 // bytes, packed or not
	maxEntries = 200_000
	memberName = "Packages"
)

// An Entry is a package that a repository offers.
type Entry struct {
	*Control
	FileName string // below the repository; no folders above it
	Size     int64  // bytes; -1 where it is not told
}

// ParseIndex reads the file Packages of a repository: a zip with a member Packages,
// or that text itself. Nothing in it is signed as a whole: it says what to look
// at, never what to believe.
func ParseIndex(data []byte) ([]Entry, error) {
	text, err := indexText(data)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read the index: %w", err)
	}
	var all []Entry
	for block := range strings.SplitSeq(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\n") {
		if block = strings.Trim(block, "\n"); block == "" {
			continue
		}
		e, err := parseEntry(block)
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "entry %d of the index: %w", len(all)+1, err)
		}
		if all = append(all, e); len(all) > maxEntries {
			return nil, muster.Errorf(muster.Invalid, "more than %d entries in the index", maxEntries)
		}
	}
	return all, nil
}

func parseEntry(block string) (Entry, error) {
	c, err := ParseControl([]byte(block))
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Control: c, FileName: strings.TrimPrefix(c.Get("filename"), "./"), Size: -1}
	if err := checkPath(e.FileName); err != nil || path.Ext(e.FileName) != ".wapt" {
		return Entry{}, fmt.Errorf("%s: %.200q is no file name of a package", c.Get("package"), e.FileName)
	}
	if n, err := strconv.ParseInt(c.Get("size"), 10, 64); err == nil && n >= 0 {
		e.Size = n
	}
	return e, nil
}

// indexText returns the text of an index, unpacked.
func indexText(data []byte) ([]byte, error) {
	if len(data) > MaxIndex {
		return nil, fmt.Errorf("%d bytes, more than %d", len(data), MaxIndex)
	}
	if !bytes.HasPrefix(data, []byte("PK")) {
		return data, nil
	}
	z, err := openZip(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if f.Name != memberName {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		text, err := io.ReadAll(io.LimitReader(r, MaxIndex+1))
		if err == nil && len(text) > MaxIndex {
			err = fmt.Errorf("more than %d bytes, unpacked", MaxIndex)
		}
		return text, err
	}
	return nil, fmt.Errorf("the zip has no member %q", memberName)
}

// Matches reports why p is not the package of the entry, or nil. Who exchanged the
// file, or the entry, is not known.
func (e *Entry) Matches(p *Package) error {
	for _, name := range []string{"package", "version", "architecture", "section", "maturity", "locale"} {
		if said, is := e.Get(name), p.Control.Get(name); said != is {
			return muster.Errorf(muster.Denied, "%q has %s %q, and the index says %q", e.FileName, name, is, said)
		}
	}
	return nil
}

// Select returns the entries named "name" or "name=version", newest first, or that
// of a file. A version without packaging means every packaging of it.
func Select(all []Entry, wanted string) []Entry {
	name, v, fixed := strings.Cut(wanted, "=")
	var found []Entry
	for _, e := range all {
		own := e.Get("version")
		if e.FileName == wanted {
			return []Entry{e}
		}
		if e.Get("package") == name && (!fixed || own == v || version.Software(own) == v) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b Entry) int {
		return cmp.Or(version.Compare(b.Get("version"), a.Get("version")), cmp.Compare(a.FileName, b.FileName))
	})
	return found
}
