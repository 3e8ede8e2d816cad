package advisory

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"

	"muster"
)

// Bounds on folders of CSAF. Red Hat's has some 300,000 documents.
const (
	maxIndexLine  = 4 << 10
	maxIndexLines = 5_000_000
	maxSideFile   = 4 << 10
	maxTarEntries = 5_000_000 // with signatures and sums beside documents
)

// CSAFFolder reads the documents of a folder that was copied from a provider
// (CSAF 2.0, section 7.1): those that index.txt or changes.csv lists, in the
// folder or in one of its own, as white/; without such a list every file whose
// name ends in .json.
//
// Where a file .sha256 or .sha512 stands beside a document, it must fit, or the
// document is skipped. Signatures (.asc) are not checked: that needs the
// provider's key, and gpg.
func CSAFFolder(folder fs.FS, o Options, yield func(*Advisory) error) error {
	c := csafFolder{o: &o, folder: folder, yield: yield, seen: map[string]bool{}}
	lists, err := c.lists()
	if err != nil {
		return err
	}
	for _, list := range lists {
		if err := c.list(list); err != nil {
			return err
		}
	}
	if len(lists) > 0 {
		return nil
	}
	return fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return muster.Errorf(muster.Invalid, "cannot read folder %q: %w", o.Name, err)
		}
		if !d.Type().IsRegular() || !strings.HasSuffix(name, ".json") || path.Base(name) == "provider-metadata.json" {
			return nil
		}
		return c.document(name)
	})
}

// A csafFolder is a folder while it is read.
type csafFolder struct {
	o      *Options
	folder fs.FS
	yield  func(*Advisory) error
	seen   map[string]bool
}

// lists are the files that list documents: of the folder, or of its folders.
func (c *csafFolder) lists() (lists []string, err error) {
	if list := c.listOf("."); list != "" {
		return []string{list}, nil
	}
	entries, err := fs.ReadDir(c.folder, ".")
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read folder %q: %w", c.o.Name, err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if list := c.listOf(e.Name()); list != "" {
			lists = append(lists, list)
		}
	}
	return lists, nil
}

func (c *csafFolder) listOf(dir string) string {
	for _, name := range []string{"index.txt", "changes.csv"} {
		list := path.Join(dir, name)
		if info, err := fs.Stat(c.folder, list); err == nil && info.Mode().IsRegular() {
			return list
		}
	}
	return ""
}

// list reads the documents of a list. Each name is the first column; changes.csv
// has the time of its last change besides.
func (c *csafFolder) list(name string) error {
	f, err := c.folder.Open(name)
	if err != nil {
		return muster.Errorf(muster.Invalid, "cannot open %q: %w", name, err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxIndexLine)
	n := 0
	for ; s.Scan(); n++ {
		if n == maxIndexLines {
			return muster.Errorf(muster.Invalid, "%q of %q has more than %d lines", name, c.o.Name, maxIndexLines)
		}
		if err := c.listed(name, s.Text()); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q of %q, line %d: %w", name, c.o.Name, n+1, err)
	}
	return nil
}

// listed reads the document of one line. What is not a document of CSAF
// (Red Hat lists archives too) is passed over.
func (c *csafFolder) listed(list, line string) error {
	document := strings.TrimSpace(line)
	if strings.HasSuffix(list, ".csv") {
		fields, err := csv.NewReader(strings.NewReader(line)).Read()
		if err != nil && err != io.EOF {
			return c.o.skip(line, err)
		}
		document = ""
		if len(fields) > 0 {
			document = fields[0]
		}
	}
	if !strings.HasSuffix(document, ".json") {
		return nil
	}
	if !fs.ValidPath(document) {
		return c.o.skip(document, errors.New("it is not in the folder"))
	}
	return c.document(path.Join(path.Dir(list), document))
}

// document reads one document and, where it fits what stands beside it, yields
// it. What is wrong with it ends it alone.
func (c *csafFolder) document(name string) error {
	if err := ended(c.o.Context); err != nil {
		return err
	}
	all, err := c.read(name)
	return c.give(name, all, err)
}

// give yields what a document says, or skips it.
func (c *csafFolder) give(name string, all []*Advisory, err error) error {
	if err != nil {
		return c.o.skip(name, err)
	}
	for _, a := range all {
		if err := newID(c.seen, a.ID); err != nil {
			if err := c.o.skip(name, err); err != nil {
				return err
			}
			continue
		}
		if err := c.yield(a); err != nil {
			return err
		}
	}
	return nil
}

func (c *csafFolder) read(name string) (all []*Advisory, err error) {
	f, err := c.folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sums := map[string]hash.Hash{".sha256": sha256.New(), ".sha512": sha512.New()}
	in := io.TeeReader(f, io.MultiWriter(sums[".sha256"], sums[".sha512"]))
	all, err = c.parse(name, in)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, err
	}
	for _, suffix := range []string{".sha256", ".sha512"} {
		if err := c.fits(name+suffix, hex.EncodeToString(sums[suffix].Sum(nil))); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parse reads the text of one document.
func (c *csafFolder) parse(name string, in io.Reader) (all []*Advisory, err error) {
	o := *c.o
	o.Name = name
	o.Skip = func(_ string, why error) error { return why }
	err = o.csaf(in, func(a *Advisory) error { all = append(all, a); return nil })
	return all, err
}

// A growingReader reads an archive that may be compressed, and refuses it where it grows to
// more than 400 times its size: Red Hat's grows to 40 times.
type growingReader struct {
	r      io.Reader
	packed *countingReader
	n      int64
	name   string
	ctx    context.Context
}

func (g *growingReader) Read(p []byte) (int, error) {
	if err := ended(g.ctx); err != nil {
		return 0, err
	}
	n, err := g.r.Read(p)
	if g.n += int64(n); g.n > maxArchiveGrowth+maxArchiveRatio*g.packed.n {
		return n, muster.Errorf(muster.Invalid, "archive %q of %d bytes grows to more than %d times as much", g.name, g.packed.n, maxArchiveRatio)
	}
	return n, err
}

// csafTar reads the documents of an archive, as Red Hat has one of all.
func (o *Options) csafTar(in io.Reader, yield func(*Advisory) error) error {
	c := csafFolder{o: o, yield: yield, seen: map[string]bool{}}
	archive := tar.NewReader(in)
	for n := 0; ; n++ {
		h, err := archive.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return muster.Errorf(muster.Invalid, "cannot read archive %q: %w", o.Name, err)
		case n == maxTarEntries:
			return muster.Errorf(muster.Invalid, "archive %q has more than %d files", o.Name, maxTarEntries)
		case h.Typeflag != tar.TypeReg || !strings.HasSuffix(h.Name, ".json"):
			continue
		}
		all, err := c.parse(h.Name, archive)
		if err := c.give(h.Name, all, err); err != nil {
			return err
		}
	}
}

// fits reports a side file that has another sum. Its form is that of sha256sum:
// the sum, and the name of the document.
func (c *csafFolder) fits(side, sum string) error {
	f, err := c.folder.Open(side)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSideFile))
	if err != nil {
		return err
	}
	fields := strings.Fields(string(data))
	if len(fields) == 0 || !strings.EqualFold(fields[0], sum) {
		return fmt.Errorf("it is not what %q was made for: its sum is %s", side, sum)
	}
	return nil
}
