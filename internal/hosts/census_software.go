package hosts

import (
	"hash/maphash"
	"slices"

	"muster"
	"muster/internal/db"
	"muster/search"
)

// A stock is the software of all hosts: of each, who has it. What a host has is known
// only by looking at each, which happens when it changes.
type stock struct {
	wares map[int64]*ware // that a host has, by number
	list  []uint64        // by place: a hash of the host's list; 0: none is known
	any   hostSet         // hosts that have any
	left  []int64         // wares whose last host has gone, to be swept
	seed  maphash.Seed
}

// A ware is a row of hosts_software, as it is searched for.
type ware struct {
	num int64
	search.Software
	holders
}

func newStock() stock { return stock{wares: map[int64]*ware{}, seed: maphash.MakeSeed()} }

// A goods is the software of one host as it is stored.
type goods struct {
	hash uint64
	nums []int64 // nil where the hash is the one that is known
}

// unpack reads the list of a host, if it is not the one before.
func (s *stock) unpack(packed []byte, before uint64) (goods, error) {
	g := goods{hash: max(1, maphash.Bytes(s.seed, packed))}
	if g.hash == before {
		return g, nil
	}
	items, err := unpackItems(packed)
	g.nums = make([]int64, len(items))
	for i, it := range items {
		g.nums[i] = it.software
	}
	return g, err
}

// before is the hash of the list that is known of a place.
func (s *stock) before(place uint32) uint64 {
	if int(place) < len(s.list) {
		return s.list[place]
	}
	return 0
}

// put makes the software of a host that of g, whose wares are known. size is how many
// hosts there are.
func (s *stock) put(place uint32, g goods, size int) {
	before := s.before(place)
	for int(place) >= len(s.list) {
		s.list = append(s.list, 0)
	}
	if g.hash == before {
		return
	}
	if before != 0 {
		s.clear(place, g.nums)
	}
	for _, n := range g.nums {
		s.wares[n].add(place, size)
	}
	s.any.remove(place)
	if len(g.nums) > 0 {
		s.any.add(place)
	}
	s.list[place] = g.hash
}

// clear takes from a host what is not in nums, which are sorted.
func (s *stock) clear(place uint32, nums []int64) {
	for n, w := range s.wares {
		if !w.has(place) {
			continue
		}
		if _, stays := slices.BinarySearch(nums, n); stays {
			continue
		}
		if w.remove(place); w.n == 0 {
			s.left = append(s.left, n)
		}
	}
}

// sweep lets go of wares that no host has any more. Not before all hosts that were read
// together are in their places: one may leave to another what was known.
func (s *stock) sweep() {
	for _, n := range s.left {
		if w := s.wares[n]; w != nil && w.n == 0 {
			delete(s.wares, n)
		}
	}
	s.left = nil
}

// read makes ready what is not known yet of the software of some hosts.
func (s *stock) read(tx *db.Tx, all []*profile) (added []*ware, err error) {
	missing := map[int64]bool{}
	for _, p := range all {
		for _, n := range p.goods.nums {
			if s.wares[n] == nil {
				missing[n] = true
			}
		}
	}
	var ask []any
	for n := range missing {
		ask = append(ask, n)
	}
	err = inChunks(ask, func(in string, nums []any) error {
		return tx.Each("SELECT num, source, name, version FROM hosts_software WHERE num IN "+in, nums, func(scan db.Scan) error {
			w := new(ware)
			err := scan(&w.num, &w.Source, &w.Name, &w.Version)
			added = append(added, w)
			return err
		})
	})
	if err == nil && len(added) != len(ask) {
		err = muster.Errorf(muster.Internal, "the database lacks %d rows of software that hosts have", len(ask)-len(added))
	}
	return added, err
}

// Holders are the hosts that have one software: a sorted list while they are few,
// a bit of every host when that is shorter.
type holders struct {
	n    int
	few  []uint32
	many hostSet // nil: few
}

func (h *holders) has(place uint32) bool {
	if h.many != nil {
		return h.many.has(place)
	}
	_, ok := slices.BinarySearch(h.few, place)
	return ok
}

// add adds a host of size.
func (h *holders) add(place uint32, size int) {
	if h.has(place) {
		return
	}
	h.n++
	if h.many != nil {
		h.many.add(place)
		return
	}
	at, _ := slices.BinarySearch(h.few, place)
	if h.few = slices.Insert(h.few, at, place); h.n < 16 || h.n <= size/32 {
		return
	}
	h.many = make(hostSet, size>>6+1)
	for _, p := range h.few {
		h.many.add(p)
	}
	h.few = nil
}

func (h *holders) remove(place uint32) {
	if h.n--; h.many != nil {
		h.many.remove(place)
		return
	}
	at, _ := slices.BinarySearch(h.few, place)
	h.few = slices.Delete(h.few, at, at+1)
}

// find adds them to a set.
func (h *holders) find(found hostSet) {
	found.or(h.many)
	for _, p := range h.few {
		found.add(p)
	}
}

// within is how many of them are in a set.
func (h *holders) within(set hostSet) int {
	n := h.many.countOf(set)
	for _, p := range h.few {
		if set.has(p) {
			n++
		}
	}
	return n
}
