package sites

import (
	"cmp"
	"container/list"
	"slices"
	"sync"

	"muster"
	"muster/internal/db"
)

// A cached set is one that was read, or its body.
type cached struct {
	num   int64
	base  int64
	depth int64
	ids   []int64 // shared: not to be changed
}

// A setCache has sets that were used last. Sets do not change, so that what it has is
// right on every server, if it is still there.
type setCache struct {
	mu     sync.Mutex
	order  *list.List // of *cached, newest first
	byNum  map[int64]*list.Element
	total  int // numbers in all of them
	recent map[int64][]int64
}

// Bounds of the cache: 16 MB of numbers; and of sets of one platform that a new host's
// is compared with.
const (
	maxCached  = 2 << 20
	maxRecent  = 6
	maxRecents = 10_000
)

func newSetCache() *setCache {
	return &setCache{order: list.New(), byNum: map[int64]*list.Element{}, recent: map[int64][]int64{}}
}

func (c *setCache) get(num int64) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byNum[num]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached)
}

func (c *setCache) put(s *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byNum[s.num] != nil || len(s.ids) > maxCached/4 {
		return
	}
	c.byNum[s.num] = c.order.PushFront(s)
	for c.total += len(s.ids) + 16; c.total > maxCached; {
		last := c.order.Back()
		old := c.order.Remove(last).(*cached)
		delete(c.byNum, old.num)
		c.total -= len(old.ids) + 16
	}
}

// drop forgets everything: sets were deleted.
func (c *setCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order.Init()
	clear(c.byNum)
	clear(c.recent)
	c.total = 0
}

// used notes that hosts of a platform have a set, which is one that others may be close to.
func (c *setCache) used(platform, num int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.DeleteFunc(c.recent[platform], func(n int64) bool { return n == num })
	if len(all) >= maxRecent {
		all = all[1:]
	}
	if len(c.recent) >= maxRecents {
		clear(c.recent)
	}
	c.recent[platform] = append(all, num)
}

func (c *setCache) recently(platform int64) []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.recent[platform])
}

// A setRow is one of sites_set.
type setRow struct {
	num, base, depth int64
	body             []byte
}

func readSet(tx *db.Tx, num int64) (r setRow, err error) {
	r.num = num
	err = tx.QueryRow("SELECT base, depth, body FROM sites_set WHERE num = ?", num).Scan(&r.base, &r.depth, &r.body)
	if none(err) {
		err = muster.Errorf(muster.Internal, "the database has no set %d", num)
	}
	return r, err
}

// set reads a set and what it is built on.
func (s *Sites) set(tx *db.Tx, num int64) (*cached, error) {
	var chain []setRow
	var at *cached
	for at = s.sets.get(num); at == nil; at = s.sets.get(num) {
		r, err := readSet(tx, num)
		if err != nil {
			return nil, err
		}
		if r.base >= num || len(chain) > maxDepth {
			return nil, errDamaged()
		}
		chain = append(chain, r)
		if num = r.base; num == 0 {
			break
		}
	}
	for _, r := range slices.Backward(chain) {
		var base []int64
		if at != nil {
			base = at.ids
		}
		ids, err := s.expand(r.body, r.base != 0, base)
		if err != nil {
			return nil, err
		}
		at = &cached{num: r.num, base: r.base, depth: r.depth, ids: ids}
		if !tx.Writing() { // what a write sees may never have been
			s.sets.put(at)
		}
	}
	return at, nil
}

// setNumbered returns the number of the set with a sum; 0: there is none.
func setNumbered(tx *db.Tx, s sum) (num int64, err error) {
	return findOr(tx, "SELECT num FROM sites_set WHERE sum = ?", []any{s[:]}, func() (int64, error) { return 0, nil })
}

// A form is a way to store a set.
type form struct {
	base, depth int64
	body        []byte
}

// forms lists ways to store a set, the smallest first: as what differs from the set
// that the host had, from the one at the root of that, from those of other hosts of
// its platform; or whole.
func (s *Sites) forms(tx *db.Tx, platform, former int64, ids []int64) ([]form, error) {
	all := []form{{body: s.wholeBody(ids)}}
	near := s.sets.recently(platform)
	if former != 0 {
		root, err := s.root(tx, former)
		if err != nil {
			return nil, err
		}
		near = append([]int64{former}, root)
	}
	for i, num := range near {
		if slices.Contains(near[:i], num) {
			continue
		}
		base, err := s.set(tx, num)
		if err != nil && former == 0 {
			continue // of another host, and deleted since
		}
		if err != nil {
			return nil, err
		}
		if base.depth < maxDepth {
			all = append(all, form{base.num, base.depth + 1, s.deltaBody(base.ids, ids)})
		}
	}
	slices.SortStableFunc(all, func(a, b form) int { return cmp.Compare(len(a.body), len(b.body)) })
	return all, nil
}

// root is the set that another ends on, whole.
func (s *Sites) root(tx *db.Tx, num int64) (int64, error) {
	for range maxDepth + 1 {
		at := s.sets.get(num)
		if at == nil {
			var err error
			if at, err = s.set(tx, num); err != nil {
				return 0, err
			}
		}
		if at.base == 0 {
			return num, nil
		}
		num = at.base
	}
	return 0, errDamaged()
}

// insertSet adds a set in the smallest form whose base is there.
func insertSet(tx *db.Tx, name sum, size int, forms []form) (int64, error) {
	for _, f := range forms {
		if f.base != 0 {
			n, err := findOr(tx, "SELECT num FROM sites_set WHERE num = ?", []any{f.base}, func() (int64, error) { return 0, nil })
			if err != nil {
				return 0, err
			}
			if n == 0 {
				continue
			}
		}
		num, err := tx.Next("sites_number", "set", 1)
		if err != nil {
			return 0, err
		}
		return num, tx.Insert("sites_set", []string{"num", "sum", "base", "depth", "size", "body"}, [][]any{{num, name[:], f.base, f.depth, size, f.body}})
	}
	return 0, errMoved
}

// none reports that a query found no row.
func none(err error) bool { return muster.KindOf(err) == muster.NotFound }
