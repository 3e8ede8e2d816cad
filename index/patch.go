package index

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"muster"
)

// Patch returns the text of an index with the changes made, and holds it to the
// hash that c names: whether the old text was the right one shows there. Nothing
// but the changed stanzas is read, so that following a large index costs little
// more than copying it.
//
// What c was read from and an old text in the only form give a text in the only form.
func (c *Changes) Patch(old string) (string, error) {
	var b strings.Builder
	b.Grow(len(old) + c.size())
	added, removed := c.Added, c.Removed
	for len(added) > 0 || len(removed) > 0 {
		var name, stanza string
		if len(removed) == 0 || len(added) > 0 && added[0].Filename <= removed[0] {
			name, stanza, added = added[0].Filename, added[0].Text(), added[1:]
		} else {
			name, removed = removed[0], removed[1:]
		}
		at := seek(old, name)
		b.WriteString(old[:at])
		b.WriteString(stanza)
		if gone, rest := cutStanza(old[at:]); filenameOf(gone) == name {
			old = rest
		} else {
			old = old[at:]
		}
	}
	b.WriteString(old)
	if b.Len() > MaxText || strings.Count(b.String(), "\n\n") > MaxEntries || SumText(b.String()) != c.ToSHA256 {
		return "", muster.Errorf(muster.Invalid, "changes %d-%d do not lead to the index that they name", c.From, c.To)
	}
	return b.String(), nil
}

func (c *Changes) size() int {
	n := 0
	for _, e := range c.Added {
		n += len(e.Text())
	}
	return n
}

// seek returns where in text the first stanza starts whose file name is not before
// name, by halves.
func seek(text, name string) int {
	from, to := 0, len(text)
	for from < to {
		middle := from + (to-from)/2
		start := from
		if i := strings.LastIndex(text[from:middle], "\n\n"); i >= 0 {
			start += i + 2
		}
		stanza, _ := cutStanza(text[start:to])
		if filenameOf(stanza) < name {
			from = start + len(stanza)
		} else {
			to = start
		}
	}
	return from
}

// SumText is [Sum] of a long text, without a copy of it.
func SumText(text string) string {
	h := sha256.New()
	io.Copy(h, struct{ io.Reader }{strings.NewReader(text)}) // else it would be copied whole
	return hex.EncodeToString(h.Sum(nil))
}
