// Package index is what a repository says of itself: the list of its packages
// (Packages), the signed head that vouches for the list (Packages.p7m), the
// numbered links of its chain of trust (trust/<n>.p7m), the changes from
// one list to the next (changes/<a>-<b>), and small lists for hosts and units
// (hosts/by-hash/).
//
//	head   CMS, attached: canonical JSON; names the index, tables and the newest link by size and sha256
//	index  deb822 stanzas, one a package, sorted by file name, each followed by an empty line
//	table  canonical JSON; names tables or bins by size and sha256
//	bin    as the index, of packages whose names have a sha256 that begins with its prefix
//	link   CMS, attached: canonical JSON; anchors, revocations, scopes; signed by the anchors before it
//
// Start with [Parse] for an index, [FindBin] and [ParseBin] for bins, [ParseHead]
// and [CheckHead] for a head, and [Follow] for the chain. Each document has one
// encoding: what is read and written again gives the same bytes, and anything else
// is refused.
//
// An index is believed because a head names its hash, a head because its
// signer is trusted after the newest link, and a package because its author
// signed it: an entry must equal what the package's signed manifest says
// ([Entry.Matches]). The format is specified in docs/formats/repository.md.
//
// The package is pure: no I/O, no clock, no log.
package index

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"muster"
	"muster/deb822"
)

// Limits. A document beyond one is refused before it is parsed.
const (
	MaxText    = 256 << 20 // bytes of an index
	MaxEntries = 500_000
)

// An Index is a list of packages, sorted by file name. It does not change, and
// may be used by several goroutines. It keeps the text, from which entries
// are read when they are asked for.
type Index struct {
	front  []string // stanzas before those of text: see [Index.With]
	text   string
	starts []uint32 // of every stanza in text, and the end of the last
	all    func() []*Entry
}

// Parse reads an index in its only form. The entries share the memory of text.
func Parse(text string) (*Index, error) {
	x, err := parse(text)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("index: %w", err))
	}
	return x, nil
}

// parse proves the text right part by part. Where that fails, reading all of it
// says why.
func parse(text string) (*Index, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%d bytes, more than %d", len(text), MaxText)
	}
	if starts, ok := scanParts(text); ok {
		return lazily(text, starts), nil
	}
	r := reader{rest: text}
	if err := r.readAll(text); err != nil {
		return nil, err
	}
	return r.index(text), nil
}

// Accepted is the index of a text that [Parse] accepted before, or that
// [Changes.Patch] made of such a one. Nothing is checked again: the caller knows
// the text by its hash, or kept it where nobody else writes.
func Accepted(text string) *Index {
	starts := make([]uint32, 1, len(text)/600+1)
	for at := 0; at < len(text); {
		stanza, _ := cutStanza(text[at:])
		at += len(stanza)
		starts = append(starts, uint32(at))
	}
	return lazily(text, starts)
}

// lazily is the index of a text that was proved right.
func lazily(text string, starts []uint32) *Index {
	x := &Index{text: text, starts: starts}
	x.all = sync.OnceValue(x.readEntries)
	return x
}

// A reader turns stanzas into entries and holds each to the text that it came
// from.
type reader struct {
	rest    string // of the text, from the next stanza on
	bin     string // prefix of the bin that is read; "" for an index
	entries []*Entry
	buf     []byte // what the entry prints as
}

// readAll reads text, which is all that is left.
func (r *reader) readAll(text string) error {
	r.entries = make([]*Entry, 0, len(text)/600)
	for s, err := range deb822.Stanzas(text) {
		if err == nil {
			err = r.add(s)
		}
		if err != nil {
			return err
		}
	}
	if r.rest != "" {
		return fmt.Errorf("text that belongs to no package")
	}
	return nil
}

// index is that of text, which was read whole.
func (r *reader) index(text string) *Index {
	starts := []uint32{0}
	for _, e := range r.entries {
		starts = append(starts, starts[len(starts)-1]+uint32(len(e.text)))
	}
	return lazily(text, starts)
}

func (r *reader) add(s deb822.Stanza) error {
	line := s[0].Line
	if len(r.entries) == MaxEntries {
		return fmt.Errorf("line %d: more than %d packages", line, MaxEntries)
	}
	e, err := parseEntry(s)
	if err != nil {
		return err
	}
	r.buf = e.appendText(r.buf[:0])
	if !strings.HasPrefix(r.rest, string(r.buf)) {
		return fmt.Errorf("line %d: the stanza of %s is not in canonical form", line, e)
	}
	if err := e.checkPlace(r.bin); err != nil {
		return fmt.Errorf("line %d: %w", line, err)
	}
	e.text, r.rest = r.rest[:len(r.buf)], r.rest[len(r.buf):]
	if n := len(r.entries); n > 0 && e.Filename <= r.entries[n-1].Filename {
		return fmt.Errorf("line %d: %q is not sorted, or stands twice", line, e.Filename)
	}
	r.entries = append(r.entries, e)
	return nil
}

// New makes an index of entries in any order. Each is checked, and no two may
// have the same file name.
func New(entries []*Entry) (*Index, error) { return makeIndex("", entries) }

// makeIndex is [New] for the bin of that prefix, "" for the index.
func makeIndex(bin string, entries []*Entry) (*Index, error) {
	if len(entries) > MaxEntries {
		return nil, muster.Errorf(muster.Invalid, "index of more than %d packages", MaxEntries)
	}
	all := slices.Clone(entries)
	slices.SortFunc(all, byFilename)
	starts := make([]uint32, 1, len(all)+1)
	size := 0
	for i, e := range all {
		err := e.Check()
		if err == nil {
			err = e.checkPlace(bin)
		}
		if err != nil {
			return nil, muster.WithKind(muster.Invalid, fmt.Errorf("%s: %w", e, err))
		}
		if i > 0 && e.Filename == all[i-1].Filename {
			return nil, muster.Errorf(muster.Conflict, "two packages have the file name %q", e.Filename)
		}
		if e.text == "" {
			printed := *e
			printed.text = e.Text()
			all[i] = &printed
		}
		if size += len(all[i].text); size > MaxText {
			return nil, muster.Errorf(muster.Invalid, "index of more than %d bytes", MaxText)
		}
		starts = append(starts, uint32(size))
	}
	return &Index{text: joinTexts(all, size), starts: starts, all: func() []*Entry { return all }}, nil
}

func joinTexts(entries []*Entry, size int) string {
	var b strings.Builder
	b.Grow(size)
	for _, e := range entries {
		b.WriteString(e.text)
	}
	return b.String()
}

func byFilename(a, b *Entry) int { return strings.Compare(a.Filename, b.Filename) }

// Text is x in its only form.
func (x *Index) Text() string {
	return strings.Join(append(x.front[:len(x.front):len(x.front)], x.text), "")
}

// Print writes x in its only form.
func (x *Index) Print() []byte { return []byte(x.Text()) }

// Len is the number of packages.
func (x *Index) Len() int { return len(x.front) + len(x.starts) - 1 }

// stanza is that of the i-th package, with the empty line behind it.
func (x *Index) stanza(i int) string {
	if i < len(x.front) {
		return x.front[i]
	}
	i -= len(x.front)
	return x.text[x.starts[i]:x.starts[i+1]]
}

// Entry reads the i-th package in the order of the file names.
func (x *Index) Entry(i int) (*Entry, error) { return readEntry(x.stanza(i)) }

// Entries lists every package in the order of the file names. The first call
// reads all of them; [Index.Outlines] is for those who need little of many.
// What cannot be read is left out, which happens only where a text was taken
// for accepted and is not. The caller does not change the list.
func (x *Index) Entries() []*Entry { return x.all() }

// Find returns the packages of that name, every version and platform, in the
// order of their file names.
func (x *Index) Find(name string) (found []*Entry) {
	for _, dir := range []string{binDir(name), poolDir(name)} { // file names of one name stand together
		for i := x.search(dir); i < x.Len() && strings.HasPrefix(filenameOf(x.stanza(i)), dir); i++ {
			if e, err := x.Entry(i); err == nil {
				found = append(found, e)
			}
		}
	}
	return found
}

// File returns the package of that file name, or nil.
func (x *Index) File(filename string) *Entry {
	i := x.search(filename)
	if i == x.Len() || filenameOf(x.stanza(i)) != filename {
		return nil
	}
	e, _ := x.Entry(i)
	return e
}

// search returns the number of the first package whose file name is not before
// filename.
func (x *Index) search(filename string) int {
	return sort.Search(x.Len(), func(i int) bool { return filenameOf(x.stanza(i)) >= filename })
}

// filenameOf finds the file name in a stanza: no other line begins so.
func filenameOf(stanza string) string {
	_, after, _ := strings.Cut(stanza, "\nfilename: ")
	name, _, _ := strings.Cut(after, "\n")
	return name
}
