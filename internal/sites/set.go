package sites

import (
	"encoding/binary"
	"slices"

	"muster"
	"muster/internal/varints"
)

// A set of packages is a sorted list of their numbers in the dictionary. Stored, it is
//
//	form                 one byte: 0 plain, 1 compressed with zstd
//	whole                runs                        of a set without a base
//	delta                runs runs                   what the base has and it has not; what it has besides
//	runs    = count run*                             varints
//	run     = gap length                             numbers from (end of the run before) + gap on
//
// What a host has was mostly first seen together, and has numbers that follow each
// other: a set of 2,000 packages may be one run.

// Bounds of what a set may be.
const (
	maxPackages = 1 << 18
	maxBody     = 8 << 20
	maxDepth    = 16 // sets that it takes to read one
)

// appendRuns encodes a sorted list without doubles.
func appendRuns(b []byte, ids []int64) []byte {
	var runs [][2]int64 // first, length
	for _, id := range ids {
		if n := len(runs) - 1; n >= 0 && runs[n][0]+runs[n][1] == id {
			runs[n][1]++
			continue
		}
		runs = append(runs, [2]int64{id, 1})
	}
	b = binary.AppendUvarint(b, uint64(len(runs)))
	end := int64(0)
	for _, r := range runs {
		b = binary.AppendUvarint(b, uint64(r[0]-end))
		b = binary.AppendUvarint(b, uint64(r[1]))
		end = r[0] + r[1]
	}
	return b
}

// A cursor reads runs. After the first failure it reads nothing.
type cursor struct{ varints.Reader }

func newCursor(plain []byte) cursor {
	return cursor{varints.Reader{Rest: plain, What: "a set of packages"}}
}

// number reads one that can be that of a package.
func (c *cursor) number() int64 {
	v := c.Uvarint()
	if v > 1<<62 {
		c.Fail()
		return 0
	}
	return int64(v)
}

// runs calls f with every run.
func (c *cursor) runs(f func(first, length int64)) {
	n := c.number()
	if n > int64(len(c.Rest)) { // each takes two bytes
		c.Fail()
		return
	}
	end, total := int64(0), int64(0)
	for i := range n {
		gap, length := c.number(), c.number()
		// Runs that touch would be one; and no number is 0.
		if total += length; c.Err() != nil || length <= 0 || total > maxPackages || gap == 0 || i > 0 && end > 1<<61 {
			c.Fail()
			return
		}
		f(end+gap, length)
		end += gap + length
	}
}

// list reads runs as a list.
func (c *cursor) list() (ids []int64) {
	c.runs(func(first, length int64) {
		for i := range length {
			ids = append(ids, first+i)
		}
	})
	return ids
}

// diff compares sorted lists: what only was has, and what only now has.
func diff(was, now []int64) (removed, added []int64) {
	for len(was) > 0 && len(now) > 0 {
		switch {
		case was[0] == now[0]:
			was, now = was[1:], now[1:]
		case was[0] < now[0]:
			removed, was = append(removed, was[0]), was[1:]
		default:
			added, now = append(added, now[0]), now[1:]
		}
	}
	return append(removed, was...), append(added, now...)
}

// apply undoes diff. What does not fit is damage.
func apply(was, removed, added []int64) ([]int64, error) {
	now := make([]int64, 0, max(0, len(was)-len(removed))+len(added))
	for _, id := range was {
		if len(removed) > 0 && removed[0] == id {
			removed = removed[1:]
			continue
		}
		for len(added) > 0 && added[0] < id {
			now, added = append(now, added[0]), added[1:]
		}
		if len(added) > 0 && added[0] == id {
			return nil, errDamaged()
		}
		now = append(now, id)
	}
	if len(removed) > 0 {
		return nil, errDamaged()
	}
	return append(now, added...), nil
}

func errDamaged() error {
	return muster.Errorf(muster.Internal, "the database holds a set of packages that does not fit its base")
}

// body compresses what is encoded, where that makes it smaller.
func (s *Sites) body(plain []byte) []byte {
	b := append([]byte{0}, plain...)
	if len(plain) < 64 {
		return b
	}
	if packed := s.pack.EncodeAll(plain, []byte{1}); len(packed) < len(b) {
		return packed
	}
	return b
}

// plain undoes body.
func (s *Sites) plain(body []byte) ([]byte, error) {
	if len(body) == 0 || body[0] > 1 {
		return nil, errDamaged()
	}
	if body[0] == 0 {
		return body[1:], nil
	}
	plain, err := s.unpack.DecodeAll(body[1:], nil)
	if err != nil {
		return nil, muster.Errorf(muster.Internal, "cannot read a set of packages: %w", err)
	}
	return plain, nil
}

// wholeBody encodes a set by itself.
func (s *Sites) wholeBody(ids []int64) []byte { return s.body(appendRuns(nil, ids)) }

// deltaBody encodes a set as what differs from another.
func (s *Sites) deltaBody(base, ids []int64) []byte {
	removed, added := diff(base, ids)
	return s.body(appendRuns(appendRuns(nil, removed), added))
}

// expand reads a set, given its base where it has one.
func (s *Sites) expand(body []byte, delta bool, base []int64) ([]int64, error) {
	plain, err := s.plain(body)
	if err != nil {
		return nil, err
	}
	c := newCursor(plain)
	if !delta {
		ids := c.list()
		return ids, c.End()
	}
	removed, added := c.list(), c.list()
	if err := c.End(); err != nil {
		return nil, err
	}
	return apply(base, removed, added)
}

// holds reports which of some numbers, sorted, a list of runs has.
func (c *cursor) holds(ids []int64) (in []int64) {
	c.runs(func(first, length int64) {
		i, _ := slices.BinarySearch(ids, first)
		for ; i < len(ids) && ids[i] < first+length; i++ {
			in = append(in, ids[i])
		}
	})
	return in
}
