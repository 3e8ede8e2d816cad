package references

import "math/bits"

// A shelf has something of packages, by their numbers in the dictionary. Numbers are
// never given twice, so that in the end most of them are of packages that nobody has any
// more: a shelf takes room for those that are there, in boards of some that follow each other,
// as packages do that were first seen together.
type shelf[T any] struct{ boards []*board[T] }

// boardSize is how many numbers lie side by side: a place takes 16 bytes.
const boardSize = 32

type board[T any] struct {
	there uint32 // by bit
	slots [boardSize]T
}

// at returns what there is of a package; nil: nothing.
func (s *shelf[T]) at(id int64) *T {
	if i := id / boardSize; i < int64(len(s.boards)) && s.boards[i] != nil && s.boards[i].there&(1<<(id%boardSize)) != 0 {
		return &s.boards[i].slots[id%boardSize]
	}
	return nil
}

// put makes room for a package, where there is none, and returns it.
func (s *shelf[T]) put(id int64) *T {
	i := id / boardSize
	if n := int(i) + 1 - len(s.boards); n > 0 {
		s.boards = append(s.boards, make([]*board[T], n)...)
	}
	if s.boards[i] == nil {
		s.boards[i] = &board[T]{}
	}
	s.boards[i].there |= 1 << (id % boardSize)
	return &s.boards[i].slots[id%boardSize]
}

// drop takes a package away.
func (s *shelf[T]) drop(id int64) {
	if s.at(id) == nil {
		return
	}
	b := s.boards[id/boardSize]
	var none T
	b.slots[id%boardSize] = none
	if b.there &^= 1 << (id % boardSize); b.there == 0 {
		s.boards[id/boardSize] = nil
	}
}

// each calls f with every package that is there, in the order of their numbers.
func (s *shelf[T]) each(f func(id int64, v *T)) {
	for i, b := range s.boards {
		if b == nil {
			continue
		}
		for there := b.there; there != 0; there &= there - 1 {
			k := bits.TrailingZeros32(there)
			f(int64(i*boardSize+k), &b.slots[k])
		}
	}
}

func (s *shelf[T]) len() (n int) {
	for _, b := range s.boards {
		if b != nil {
			n += bits.OnesCount32(b.there)
		}
	}
	return n
}
