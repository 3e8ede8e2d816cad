package sites

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"muster/internal/db"
)

// A hunt finds out which of some packages sets hold, without reading the sets whole:
// a set holds what its delta adds, and what its base holds less what its delta removes.
type hunt struct {
	s    *Sites
	tx   *db.Tx
	ids  []int64           // sorted
	rows map[int64]setRow  // of sets that were asked for, and of all that they are built on
	held map[int64][]int64 // sorted
}

func (s *Sites) hunt(tx *db.Tx, ids []int64) *hunt {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return &hunt{s: s, tx: tx, ids: slices.Compact(ids), rows: map[int64]setRow{}, held: map[int64][]int64{}}
}

// in returns, of the sets that hold some, which.
func (h *hunt) in(sets []int64) (map[int64][]int64, error) {
	order, err := h.chains(sets)
	if err != nil {
		return nil, err
	}
	for _, num := range order {
		if err := h.look(h.rows[num]); err != nil {
			return nil, err
		}
		delete(h.rows, num)
	}
	found := map[int64][]int64{}
	for _, num := range sets {
		if in := h.held[num]; len(in) > 0 {
			found[num] = in
		}
	}
	return found, nil
}

// chains reads sets, and all that they are built on. They come in the order of their
// numbers: a base has a smaller one.
func (h *hunt) chains(sets []int64) (order []int64, err error) {
	for ask := slices.Clone(sets); len(ask) > 0; {
		ask = slices.DeleteFunc(ask, func(n int64) bool { _, read := h.rows[n]; return read })
		slices.Sort(ask)
		ask = slices.Compact(ask)
		next, err := h.read(ask)
		if err != nil {
			return nil, err
		}
		order = append(order, ask...)
		ask = next
	}
	slices.Sort(order)
	return order, nil
}

// everywhere returns, of all sets that hold some, which: they are read one by one, and only
// what is found is kept.
func (h *hunt) everywhere() (map[int64][]int64, error) {
	err := h.tx.Each("SELECT num, base, body FROM sites_set ORDER BY num", nil, func(scan db.Scan) error {
		var r setRow
		if err := scan(&r.num, &r.base, &r.body); err != nil {
			return err
		}
		if r.base >= r.num {
			return errDamaged()
		}
		return h.look(r)
	})
	return h.held, err
}

// read reads rows of sets and returns what they are built on.
func (h *hunt) read(nums []int64) (bases []int64, err error) {
	for part := range slices.Chunk(nums, chunk) {
		err := h.tx.Each("SELECT num, base, body FROM sites_set WHERE num IN "+db.In(len(part)), anys(part), func(scan db.Scan) error {
			var r setRow
			if err := scan(&r.num, &r.base, &r.body); err != nil {
				return err
			}
			if r.base >= r.num {
				return errDamaged()
			}
			h.rows[r.num] = r
			if r.base != 0 {
				bases = append(bases, r.base)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return bases, nil
}

// look finds out what one set holds. Its base was looked at before.
func (h *hunt) look(r setRow) error {
	plain, err := h.s.plain(r.body)
	if err != nil {
		return err
	}
	c := newCursor(plain)
	if r.base == 0 {
		h.hold(r.num, c.holds(h.ids))
		return c.End()
	}
	removed, added := c.holds(h.ids), c.holds(h.ids)
	in := h.held[r.base]
	if len(removed)+len(added) > 0 {
		in = slices.DeleteFunc(slices.Clone(in), func(id int64) bool { return slices.Contains(removed, id) })
		in = append(in, added...)
		slices.Sort(in)
	}
	h.hold(r.num, in)
	return c.End()
}

func (h *hunt) hold(num int64, in []int64) {
	if len(in) > 0 {
		h.held[num] = in
	}
}

// count counts hosts by package, given how many have each set. No set is read whole: a
// delta changes the counts for all hosts that have it, or a set that is built on it.
func (s *Sites) count(tx *db.Tx, sets map[int64]int) (map[int64]int, error) {
	h := s.hunt(tx, nil)
	order, err := h.chains(slices.Collect(maps.Keys(sets)))
	if err != nil {
		return nil, err
	}
	hosts, ends := maps.Clone(sets), map[int64]int{}
	for _, num := range slices.Backward(order) { // those that are built on it come first
		r := h.rows[num]
		if err := s.countSet(r, hosts[num], ends); err != nil {
			return nil, err
		}
		hosts[r.base] += hosts[num]
	}
	count, n, from := map[int64]int{}, 0, int64(0)
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		for id := from; n > 0 && id < end; id++ {
			count[id] = n
		}
		if n, from = n+ends[end], end; n < 0 {
			return nil, errDamaged()
		}
	}
	return count, nil
}

// countSet adds the runs of a set, as it is stored, for n hosts: where one begins there are
// so many more, and where it ends fewer.
func (s *Sites) countSet(r setRow, n int, ends map[int64]int) error {
	plain, err := s.plain(r.body)
	if err != nil {
		return err
	}
	c := newCursor(plain)
	add := func(n int) func(first, length int64) {
		return func(first, length int64) {
			ends[first] += n
			ends[first+length] -= n
		}
	}
	if r.base != 0 {
		c.runs(add(-n))
	}
	c.runs(add(n))
	return c.End()
}

// Holders calls f with every host that has one of these packages now, once for each: with
// those of some sites, by their names, or where these are nil with all. Hosts come in the
// order of their numbers. f runs while the database is read.
func (s *Sites) Holders(ctx context.Context, ids []int64, of []string, f func(Host, int64) error) error {
	return s.DB.Read(ctx, func(tx *db.Tx) error {
		in, args, err := ofSites(tx, of)
		if err != nil {
			return err
		}
		var sets []int64
		if err := eachNumber(tx, "SELECT DISTINCT h.has FROM sites_host h WHERE h.gone = 0"+in, args, &sets); err != nil {
			return err
		}
		found, err := s.hunt(tx, ids).in(sets)
		if err != nil {
			return err
		}
		var all []Host
		for part := range slices.Chunk(slices.Sorted(maps.Keys(found)), chunk) {
			hosts, err := hostsOf(tx, "h.gone = 0 AND h.has IN "+db.In(len(part))+in, append(anys(part), args...)...)
			if err != nil {
				return err
			}
			all = append(all, hosts...)
		}
		slices.SortFunc(all, func(a, b Host) int { return cmp.Compare(a.ID, b.ID) })
		for _, h := range all {
			for _, id := range found[h.set] {
				if err := f(h, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// ofSites is a further condition that hosts are of some sites; "" are hosts under agents.
func ofSites(tx *db.Tx, names []string) (string, []any, error) {
	if names == nil {
		return "", nil, nil
	}
	nums := []int64{-1} // of no site, so that the list is not empty
	if slices.Contains(names, "") {
		nums = append(nums, 0)
	}
	for part := range slices.Chunk(names, chunk) {
		var some []int64
		if err := eachNumber(tx, "SELECT num FROM sites_site WHERE name IN "+db.In(len(part)), anys(part), &some); err != nil {
			return "", nil, err
		}
		nums = append(nums, some...)
	}
	return " AND h.site IN " + db.In(len(nums)), anys(nums), nil
}

func eachNumber(tx *db.Tx, query string, args []any, all *[]int64) error {
	*all = nil
	return tx.Each(query, args, func(scan db.Scan) error {
		var n int64
		err := scan(&n)
		*all = append(*all, n)
		return err
	})
}
