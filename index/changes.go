package index

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/deb822"
)

// ChangesType is the type of the changes that this package reads and writes.
const ChangesType = "muster-changes/1"

// Changes leads from one index to another.
//
//	changes: muster-changes/1
//	from: 1795060800                 serial of the index before
//	to: 1795064400                   serial of the index after
//	to-sha256: ...                   of the index after
//
//	removed: pool/a/age/age_1.3.1_linux_amd64.mpk
//
//	package: age                     packages added, or replaced under their file name
//	...
//
// Stanzas of each sort are sorted by file name.
type Changes struct {
	From, To int64
	ToSHA256 string
	Removed  []string // file names
	Added    []*Entry
}

// Diff lists what changes from index a of serial from to index b of serial to.
func Diff(a, b *Index, from, to int64) *Changes {
	c := &Changes{From: from, To: to, ToSHA256: SumText(b.text)}
	i, j := 0, 0
	for i < a.Len() || j < b.Len() {
		switch order := compareAt(a, b, i, j); {
		case order < 0:
			c.Removed = append(c.Removed, filenameOf(a.stanza(i)))
			i++
		case order > 0:
			c.add(b, j)
			j++
		default:
			if a.stanza(i) != b.stanza(j) {
				c.add(b, j)
			}
			i, j = i+1, j+1
		}
	}
	return c
}

// compareAt compares the file names of package i of a and package j of b. The
// end is behind every package.
func compareAt(a, b *Index, i, j int) int {
	switch {
	case i == a.Len():
		return 1
	case j == b.Len():
		return -1
	}
	return strings.Compare(filenameOf(a.stanza(i)), filenameOf(b.stanza(j)))
}

func (c *Changes) add(x *Index, i int) {
	if e, err := x.Entry(i); err == nil {
		c.Added = append(c.Added, e)
	}
}

// Apply returns x with the changes made, checked against the hash that c names.
func (x *Index) Apply(c *Changes) (*Index, error) {
	text, err := c.Patch(x.text)
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// Then joins the changes c from a to b with next from b to c.
func (c *Changes) Then(next *Changes) (*Changes, error) {
	if c.To != next.From {
		return nil, fmt.Errorf("changes from %d cannot follow changes to %d", next.From, c.To)
	}
	final := map[string]*Entry{} // nil: removed
	for _, step := range []*Changes{c, next} {
		for _, name := range step.Removed {
			final[name] = nil
		}
		for _, e := range step.Added {
			final[e.Filename] = e
		}
	}
	joined := &Changes{From: c.From, To: next.To, ToSHA256: next.ToSHA256}
	for name, e := range final {
		if e == nil {
			joined.Removed = append(joined.Removed, name)
		} else {
			joined.Added = append(joined.Added, e)
		}
	}
	slices.Sort(joined.Removed)
	slices.SortFunc(joined.Added, byFilename)
	return joined, nil
}

// Print writes c in its only form.
func (c *Changes) Print() []byte {
	head := deb822.Stanza{}
	head.Add("changes", ChangesType)
	head.Add("from", strconv.FormatInt(c.From, 10))
	head.Add("to", strconv.FormatInt(c.To, 10))
	head.Add("to-sha256", c.ToSHA256)
	text := append(head.Append(nil), '\n')
	for _, name := range c.Removed {
		text = append(deb822.Stanza{{Name: "removed", Value: name}}.Append(text), '\n')
	}
	for _, e := range c.Added {
		text = append(text, e.Text()...)
	}
	return text
}

// ParseChanges reads changes in their only form.
func ParseChanges(text string) (*Changes, error) {
	c, err := parseChanges(text)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("changes: %w", err))
	}
	return c, nil
}

func parseChanges(text string) (*Changes, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%d bytes, more than %d", len(text), MaxText)
	}
	var c *Changes
	r := reader{rest: text}
	for s, err := range deb822.Stanzas(text) {
		switch {
		case err != nil:
		case c == nil:
			c, err = r.changesHead(s)
		case s[0].Name == "removed" && len(r.entries) == 0:
			err = r.removed(c, s)
		default:
			err = r.add(s)
		}
		if err != nil {
			return nil, err
		}
	}
	if c == nil || r.rest != "" {
		return nil, fmt.Errorf("no stanza at the start, or text that belongs to none")
	}
	c.Added = r.entries
	return c, nil
}

// take holds that the text goes on with what was printed.
func (r *reader) take(printed []byte, line int) error {
	if !strings.HasPrefix(r.rest, string(printed)) {
		return fmt.Errorf("line %d: the stanza is not in canonical form", line)
	}
	r.rest = r.rest[len(printed):]
	return nil
}

func (r *reader) changesHead(s deb822.Stanza) (*Changes, error) {
	if t := s.Get("changes"); t != ChangesType {
		return nil, fmt.Errorf("type is %.40q, not %q", t, ChangesType)
	}
	c := &Changes{ToSHA256: s.Get("to-sha256")}
	c.From, _ = strconv.ParseInt(s.Get("from"), 10, 64)
	c.To, _ = strconv.ParseInt(s.Get("to"), 10, 64)
	if c.From <= 0 || c.To <= c.From || c.To > maxSerial || !isSHA256(c.ToSHA256) {
		return nil, fmt.Errorf("line %d: from, to or to-sha256 is missing or out of range", s[0].Line)
	}
	return c, r.take(c.Print(), s[0].Line)
}

func (r *reader) removed(c *Changes, s deb822.Stanza) error {
	name, line := s[0].Value, s[0].Line
	n := len(c.Removed)
	if n == MaxEntries || n > 0 && name <= c.Removed[n-1] {
		return fmt.Errorf("line %d: %.80q is not sorted, stands twice, or is one too many", line, name)
	}
	c.Removed = append(c.Removed, name)
	return r.take([]byte("removed: "+name+"\n\n"), line)
}
