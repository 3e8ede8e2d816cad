package hosts

import (
	"iter"
	"math/bits"
)

// A hostSet is hosts by their places in a census, a bit each.
type hostSet []uint64

// add makes room where there is none.
func (s *hostSet) add(place uint32) {
	for int(place>>6) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[place>>6] |= 1 << (place & 63)
}

func (s hostSet) remove(place uint32) {
	if int(place>>6) < len(s) {
		s[place>>6] &^= 1 << (place & 63)
	}
}

func (s hostSet) has(place uint32) bool {
	return int(place>>6) < len(s) && s[place>>6]>>(place&63)&1 == 1
}

// and leaves the hosts that are in o too.
func (s hostSet) and(o hostSet) {
	for i := range s {
		if i < len(o) {
			s[i] &= o[i]
		} else {
			s[i] = 0
		}
	}
}

// or adds the hosts of o, none of which is beyond the end of s.
func (s hostSet) or(o hostSet) {
	for i := range min(len(s), len(o)) {
		s[i] |= o[i]
	}
}

// andNot takes the hosts of o away.
func (s hostSet) andNot(o hostSet) {
	for i := range min(len(s), len(o)) {
		s[i] &^= o[i]
	}
}

func (s hostSet) empty() bool {
	for _, word := range s {
		if word != 0 {
			return false
		}
	}
	return true
}

func (s hostSet) count() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// countOf is how many are in o too.
func (s hostSet) countOf(o hostSet) (n int) {
	for i := range min(len(s), len(o)) {
		n += bits.OnesCount64(s[i] & o[i])
	}
	return n
}

// all goes through the hosts in the order of their places.
func (s hostSet) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(uint32(i<<6 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}
