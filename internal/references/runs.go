package references

import "encoding/binary"

// A set is the numbers of packages in the dictionary, sorted, as runs of numbers that
// follow each other: gap, length, gap, length, ... as varints. What hosts have was
// mostly seen together first, so that a set of 2,000 takes some bytes to some hundreds.
type set string

func newSet(ids []int64) set {
	var b []byte
	end := int64(0)
	for i := 0; i < len(ids); {
		n := 1
		for i+n < len(ids) && ids[i+n] == ids[i]+int64(n) {
			n++
		}
		b = binary.AppendUvarint(b, uint64(ids[i]-end))
		b = binary.AppendUvarint(b, uint64(n))
		end = ids[i] + int64(n)
		i += n
	}
	return set(b)
}

// each calls f with every run.
func (s set) each(f func(first, n int64)) {
	end := int64(0)
	for b := []byte(s); len(b) > 0; {
		gap, k := binary.Uvarint(b)
		n, l := binary.Uvarint(b[k:])
		b = b[k+l:]
		f(end+int64(gap), int64(n))
		end += int64(gap) + int64(n)
	}
}

// among are those of some numbers, in ascending order, that are in the set.
func (s set) among(ids []int64) (in []int64) {
	i := 0
	s.each(func(first, n int64) {
		for i < len(ids) && ids[i] < first {
			i++
		}
		for ; i < len(ids) && ids[i] < first+n; i++ {
			in = append(in, ids[i])
		}
	})
	return in
}
