package hosts

import (
	"context"
	"sync"
	"time"

	"muster"
	"muster/internal/db"
	"muster/search"
)

// A census is what memory has of all hosts for searches, so that each is a walk
// through columns and sets instead of a question to the database. It is read when the
// server starts, and then as far as hosts changed: whatever changes what is searched
// for gives the host a new edited. Only when hosts were seen goes another way.
//
// What it costs: some 1.5 kB a host, and, of each software, 4 bytes a host that has it
// or a bit of every host, whichever is less (docs/bench/search.md).
//
// # Order of locks
//
// Who has the turn reads the database; who holds mu puts what was read in its place. A
// host is put whole, so that who looks meanwhile sees it as it was or as it is. mu comes
// before the mu of [Hosts], and nobody waits for the database under it.
type census struct {
	turn     chan struct{} // has room for who reads
	patience time.Duration // how long others wait for that

	mu      sync.RWMutex
	read    bool             // all of it was, once
	change  int64            // newest that is known
	version uint64           // grows with whatever changes what searches find, but the time
	places  map[int64]uint32 // by number of the host
	nums    []int64          // by place; 0: free
	free    []uint32
	here    hostSet // places that are not free
	texts   map[string]*textColumn
	lists   map[string]*listColumn[string]
	numbers map[string][]int64 // by field
	muster  *listColumn[search.Software]
	stock   stock

	listened time.Time // when what other servers have seen was read
	latest   int64     // newest seen that they wrote
}

func newCensus() *census {
	c := &census{turn: make(chan struct{}, 1), patience: 2 * time.Second, change: -1, places: map[int64]uint32{}, texts: map[string]*textColumn{}, lists: map[string]*listColumn[string]{},
		numbers: map[string][]int64{}, muster: newListColumn[search.Software](), stock: newStock()}
	for _, name := range textColumns {
		c.texts[name] = newTextColumn()
	}
	for _, name := range listFields {
		c.lists[name] = newListColumn[string]()
	}
	return c
}

// look calls f with the census, as new as the transaction at least. A transaction that
// writes is not learned from, for it may not come to be: what it changed is not seen.
func (h *Hosts) look(tx *db.Tx, f func(c *census) error) error {
	c := h.census
	if !tx.Writing() {
		if err := h.survey(tx); err != nil {
			return err
		}
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.read {
		return errReading()
	}
	return f(c)
}

func errReading() error {
	return muster.WithHint(muster.Errorf(muster.Busy, "the server reads what it knows of its hosts"), "try again in some seconds")
}

// keepCensus learns what changed before somebody asks.
func (h *Hosts) keepCensus(ctx context.Context) error {
	return h.DB.Read(ctx, h.survey)
}

// survey has the census learn what the transaction knows more.
func (h *Hosts) survey(tx *db.Tx) error {
	var newest int64
	if err := tx.QueryRow("SELECT last FROM hosts_number WHERE name = 'change'").Scan(&newest); err != nil {
		return err
	}
	c := h.census
	if c.knows(newest) && !c.deaf(h) {
		return nil
	}
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-timer.C:
		return errReading()
	}
	if !c.knows(newest) {
		if err := h.learnHosts(tx, c, newest); err != nil {
			return err
		}
	}
	if !c.deaf(h) {
		return nil
	}
	return c.listen(tx, h.Now())
}

func (c *census) knows(change int64) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.read && c.change >= change
}

// learnHosts reads the hosts that changed, as of change. Who calls has the turn. Where it
// fails, what was read stays, and is read again.
func (h *Hosts) learnHosts(tx *db.Tx, c *census, change int64) error {
	if err := c.forget(tx); err != nil {
		return err
	}
	var nums []any
	err := tx.Each("SELECT num FROM hosts_host WHERE edited > ? ORDER BY num", []any{c.change}, func(scan db.Scan) error {
		var num int64
		err := scan(&num)
		nums = append(nums, num)
		return err
	})
	if err != nil {
		return err
	}
	if err := h.enter(tx, c, nums); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.change, c.read = change, true
	return nil
}

// enter reads these hosts.
func (h *Hosts) enter(tx *db.Tx, c *census, nums []any) error {
	size := len(c.nums) + len(nums)
	return inChunks(nums, func(in string, nums []any) error {
		all, err := c.profiles(tx, in, nums)
		if err != nil {
			return err
		}
		wares, err := c.stock.read(tx, all)
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, w := range wares {
			c.stock.wares[w.num] = w
		}
		for _, p := range all {
			c.put(p, size)
			c.heard(h.newest(p.num))
		}
		c.stock.sweep()
		return nil
	})
}

// forget lets go of hosts that are gone.
func (c *census) forget(tx *db.Tx) error {
	var gone []string
	err := tx.Each("SELECT id FROM hosts_forgotten WHERE edited > ?", []any{c.change}, func(scan db.Scan) error {
		gone = append(gone, "")
		return scan(&gone[len(gone)-1])
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range gone {
		for place := range c.whose("h.id", id).all() {
			c.drop(place)
		}
	}
	c.stock.sweep()
	return nil
}

// whose are the hosts with exactly this text.
func (c *census) whose(column, text string) hostSet {
	found := c.none()
	col := c.texts[column]
	if n, ok := col.number[text]; ok && n != 0 {
		for place, of := range col.of {
			if of == n {
				found.add(uint32(place))
			}
		}
	}
	return found
}

// those are the hosts with these numbers.
func (c *census) those(nums []any) hostSet {
	found := c.none()
	for _, n := range nums {
		if place, ok := c.places[n.(int64)]; ok {
			found.add(place)
		}
	}
	return found
}

func (c *census) none() hostSet { return make(hostSet, len(c.here)) }

// everyone is a copy of all places that are not free.
func (c *census) everyone() hostSet { return append(hostSet(nil), c.here...) }

// put makes what is known of a host that of p.
func (c *census) put(p *profile, size int) {
	place, ok := c.places[p.num]
	if !ok {
		place = c.place(p.num)
	}
	c.fill(place, p, size)
}

// place gives a host that is new a place.
func (c *census) place(num int64) uint32 {
	place := uint32(len(c.nums))
	if last := len(c.free) - 1; last >= 0 {
		place, c.free = c.free[last], c.free[:last]
		c.nums[place] = num
	} else {
		c.nums = append(c.nums, num)
	}
	c.places[num] = place
	c.here.add(place)
	return place
}

func (c *census) fill(place uint32, p *profile, size int) {
	c.version++
	for i, name := range textColumns {
		c.texts[name].put(place, p.texts[i])
	}
	for i, name := range listFields {
		c.lists[name].put(place, p.lists[i])
	}
	for i, name := range numberFields {
		col := c.numbers[name]
		for int(place) >= len(col) {
			col = append(col, 0)
		}
		col[place] = p.numbers[i]
		c.numbers[name] = col
	}
	c.muster.put(place, p.muster)
	c.stock.put(place, p.goods, size)
}

// drop frees the place of a host.
func (c *census) drop(place uint32) {
	c.fill(place, newProfile(0), len(c.nums))
	delete(c.places, c.nums[place])
	c.nums[place] = 0
	c.here.remove(place)
	c.free = append(c.free, place)
}

// textsOf are the texts of hosts, in no order.
func (c *census) textsOf(column string, set hostSet) []string {
	all := make([]string, 0, set.count())
	for place := range set.all() {
		all = append(all, c.texts[column].text(place))
	}
	return all
}

// numbersOf are the numbers of hosts, in no order.
func (c *census) numbersOf(set hostSet) []int64 {
	nums := make([]int64, 0, set.count())
	for place := range set.all() {
		nums = append(nums, c.nums[place])
	}
	return nums
}
