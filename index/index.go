// Package index is what a repository says of itself: the list of its packages
// (Packages), the signed head that vouches for the list (Packages.p7m), the
// numbered links of its chain of trust (trust/<n>.p7m), and the changes from
// one list to the next (changes/<a>-<b>).
//
//	head   CMS, attached: canonical JSON; names the index and the newest link by size and sha256
//	index  deb822 stanzas, one a package, sorted by file name, each followed by an empty line
//	link   CMS, attached: canonical JSON; anchors, revocations, scopes; signed by the anchors before it
//
// Start with [Parse] for an index, [ParseHead] and [CheckHead] for a head, and
// [Follow] for the chain. Each document has one encoding: what is read and
// written again gives the same bytes, and anything else is refused.
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
	"runtime"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/deb822"
)

// Limits. A document beyond one is refused before it is parsed.
const (
	MaxText    = 256 << 20 // bytes of an index
	MaxEntries = 500_000
)

// An Index is a list of packages, sorted by file name. It does not change.
type Index struct {
	entries []*Entry
	size    int // bytes of the text
}

// Parse reads an index in its only form. The entries share the memory of text.
func Parse(text string) (*Index, error) {
	x, err := parse(text)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("index: %w", err))
	}
	return x, nil
}

func parse(text string) (*Index, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%d bytes, more than %d", len(text), MaxText)
	}
	if entries, ok := parseParts(text); ok {
		return &Index{entries: entries, size: len(text)}, nil
	}
	r := reader{rest: text}
	if err := r.readAll(text); err != nil {
		return nil, err
	}
	return &Index{entries: r.entries, size: len(text)}, nil
}

// minPart is the bytes from which another goroutine pays.
const minPart = 1 << 20

// parseParts reads a long text in as many parts as there are processors. Where
// that fails, reading it as one says why.
func parseParts(text string) ([]*Entry, bool) {
	n := min(runtime.GOMAXPROCS(0), len(text)/minPart)
	if n < 2 {
		return nil, false
	}
	readers := make([]reader, n)
	var g errgroup.Group
	for i := range readers {
		part := cutPart(text, len(text)/(n-i))
		text = text[len(part):]
		readers[i].rest = part
		g.Go(func() error { return readers[i].readAll(part) })
	}
	if g.Wait() != nil {
		return nil, false
	}
	return joinParts(readers)
}

// cutPart returns the first stanzas of text, at least size bytes of them.
func cutPart(text string, size int) string {
	if i := strings.Index(text[size:], "\n\n"); i >= 0 {
		return text[:size+i+2]
	}
	return text
}

func joinParts(readers []reader) ([]*Entry, bool) {
	var all []*Entry
	for _, r := range readers {
		if len(all) > 0 && len(r.entries) > 0 && r.entries[0].Filename <= all[len(all)-1].Filename {
			return nil, false
		}
		all = append(all, r.entries...)
	}
	return all, len(all) <= MaxEntries
}

// A reader turns stanzas into entries and holds each to the text that it came
// from.
type reader struct {
	rest    string // of the text, from the next stanza on
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
	e.text, r.rest = r.rest[:len(r.buf)], r.rest[len(r.buf):]
	if n := len(r.entries); n > 0 && e.Filename <= r.entries[n-1].Filename {
		return fmt.Errorf("line %d: %q is not sorted, or stands twice", line, e.Filename)
	}
	r.entries = append(r.entries, e)
	return nil
}

// New makes an index of entries in any order. Each is checked, and no two may
// have the same file name.
func New(entries []*Entry) (*Index, error) {
	x := &Index{entries: slices.Clone(entries)}
	if len(entries) > MaxEntries {
		return nil, muster.Errorf(muster.Invalid, "index of more than %d packages", MaxEntries)
	}
	slices.SortFunc(x.entries, byFilename)
	for i, e := range x.entries {
		if err := e.Check(); err != nil {
			return nil, muster.WithKind(muster.Invalid, fmt.Errorf("%s: %w", e, err))
		}
		if i > 0 && e.Filename == x.entries[i-1].Filename {
			return nil, muster.Errorf(muster.Conflict, "two packages have the file name %q", e.Filename)
		}
		if e.text == "" {
			printed := *e
			printed.text = e.Text()
			x.entries[i] = &printed
		}
		x.size += len(x.entries[i].text)
	}
	if x.size > MaxText {
		return nil, muster.Errorf(muster.Invalid, "index of %d bytes, more than %d", x.size, MaxText)
	}
	return x, nil
}

func byFilename(a, b *Entry) int { return strings.Compare(a.Filename, b.Filename) }

// Print writes x in its only form.
func (x *Index) Print() []byte {
	text := make([]byte, 0, x.size)
	for _, e := range x.entries {
		text = append(text, e.Text()...)
	}
	return text
}

// Entries lists every package in the order of the file names. The caller does
// not change the list.
func (x *Index) Entries() []*Entry { return x.entries }

// Len is the number of packages.
func (x *Index) Len() int { return len(x.entries) }

// Find returns the packages of that name, every version and platform, in the
// order of their file names.
func (x *Index) Find(name string) []*Entry {
	dir := poolDir(name) // file names of one name stand together
	from := sort.Search(len(x.entries), func(i int) bool { return x.entries[i].Filename >= dir })
	to := from
	for to < len(x.entries) && strings.HasPrefix(x.entries[to].Filename, dir) {
		to++
	}
	return x.entries[from:to:to]
}

// File returns the package of that file name, or nil.
func (x *Index) File(filename string) *Entry {
	i := sort.Search(len(x.entries), func(i int) bool { return x.entries[i].Filename >= filename })
	if i < len(x.entries) && x.entries[i].Filename == filename {
		return x.entries[i]
	}
	return nil
}
