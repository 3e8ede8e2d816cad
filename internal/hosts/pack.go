package hosts

import (
	"cmp"
	"encoding/binary"
	"slices"

	"muster/internal/varints"
)

// An item is a software that a host has, and when it was installed there.
type item struct {
	software  int64
	installed int64
}

// appendItems encodes items, sorted by number: a count; of each the distance to
// the number before, and that of the time, as varints. A host's software was
// mostly first seen together and installed together, so most take 2 to 5 bytes.
func appendItems(b []byte, items []item) []byte {
	b = binary.AppendUvarint(b, uint64(len(items)))
	var before item
	for _, i := range items {
		b = binary.AppendUvarint(b, uint64(i.software-before.software))
		b = binary.AppendVarint(b, i.installed-before.installed)
		before = i
	}
	return b
}

// A cursor reads what pack wrote. After the first failure it reads zeros.
type cursor struct{ varints.Reader }

func newCursor(data []byte) cursor {
	return cursor{varints.Reader{Rest: data, What: "an inventory"}}
}

// items reads what appendItems wrote.
func (c *cursor) items() []item {
	n := c.Uvarint()
	if n > uint64(len(c.Rest)) { // each takes two bytes at least
		c.Fail()
		return nil
	}
	items := make([]item, 0, n)
	var at item
	for range n {
		step := c.Uvarint()
		at.software += int64(step)
		at.installed += c.Varint()
		if step == 0 || at.software <= 0 || step > 1<<62 {
			c.Fail()
		}
		if c.Err() != nil {
			return nil
		}
		items = append(items, at)
	}
	return items
}

// unpackItems reads the list of a host.
func unpackItems(data []byte) ([]item, error) {
	c := newCursor(data)
	items := c.items()
	return items, c.End()
}

// diffItems compares sorted lists: what is in now but not in was, and the other
// way round. An item whose time changed is in both.
func diffItems(was, now []item) (added, removed []item) {
	for len(was) > 0 || len(now) > 0 {
		order := 1
		switch {
		case len(now) == 0:
			order = -1
		case len(was) > 0:
			order = cmp.Compare(was[0].software, now[0].software)
		}
		if order == 0 && was[0].installed != now[0].installed {
			added, removed = append(added, now[0]), append(removed, was[0])
		}
		if order < 0 {
			removed = append(removed, was[0])
		}
		if order > 0 {
			added = append(added, now[0])
		}
		if order <= 0 {
			was = was[1:]
		}
		if order >= 0 {
			now = now[1:]
		}
	}
	return added, removed
}

// sortItems sorts by number.
func sortItems(items []item) {
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.software, b.software) })
}
