package hosts

import (
	"context"
	"errors"

	"muster"
	"muster/internal/db"
	"muster/search"
)

// Saved searches are groups that find their members themselves. Whatever changes a
// host marks it (learn), and every few seconds the marked ones, and only those, are
// held against the saved searches. A server that begins marks all, so that a crash
// in between loses nothing. What changes without the host, such as how long ago
// it was seen, is looked at by Prune.

// savedSearch reads the query of a group.
func savedSearch(text string) (*search.Query, error) {
	if text == "" {
		return nil, nil
	}
	return search.Parse(text)
}

// few is how many hosts are named in a statement. More are all.
const fewHosts = 500

// Regroup holds hosts that changed against saved searches. Members that come and
// go look for news.
func (h *Hosts) Regroup(ctx context.Context) error {
	h.mu.Lock()
	marked := h.marked
	h.marked = map[int64]bool{}
	h.mu.Unlock()
	if len(marked) == 0 {
		return nil
	}
	err := h.regroup(ctx, marked)
	if err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		for num := range marked {
			h.marked[num] = true
		}
	}
	return err
}

// regroup looks at the hosts; nil is all.
func (h *Hosts) regroup(ctx context.Context, hosts map[int64]bool) error {
	var groups []group
	err := h.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.Each("SELECT num, name, query FROM hosts_group WHERE query <> '' ORDER BY num", nil, func(scan db.Scan) error {
			var g group
			err := scan(&g.num, &g.name, &g.query)
			groups = append(groups, g)
			return err
		})
	})
	if err != nil {
		return err
	}
	var scope []any
	if hosts != nil && len(hosts) <= fewHosts {
		for num := range hosts {
			scope = append(scope, num)
		}
	}
	var errs []error // one search that fails keeps no other from its hosts
	for i := range groups {
		errs = append(errs, h.refill(ctx, &groups[i], scope))
	}
	return errors.Join(errs...)
}

// refill makes the members of a saved search what it finds, within scope; nil is all.
func (h *Hosts) refill(ctx context.Context, g *group, scope []any) error {
	q, err := search.Parse(g.query)
	if err != nil {
		return muster.Errorf(muster.KindOf(err), "the search that is saved as group %q: %w", g.name, err)
	}
	var found, has map[int64]bool
	err = h.DB.Read(ctx, func(tx *db.Tx) (err error) {
		if found, err = h.find(tx, q, scope); err != nil {
			return err
		}
		has, err = g.hosts(tx, scope)
		return err
	})
	if err != nil || same(found, has) {
		return err
	}
	return h.write(ctx, func(tx *db.Tx) error {
		now, err := readGroup(tx, g.name)
		if muster.KindOf(err) == muster.NotFound || err == nil && (now.num != g.num || now.query != g.query) {
			return nil // edited meanwhile: whoever did has looked
		}
		if err != nil {
			return err
		}
		if has, err = g.hosts(tx, scope); err != nil {
			return err
		}
		// Hosts may have been forgotten since they were found.
		there, err := alive(tx, found)
		if err != nil {
			return err
		}
		return g.turn(tx, has, there)
	})
}

// find are the hosts that a saved search means, within scope; nil is all.
func (h *Hosts) find(tx *db.Tx, query *search.Query, scope []any) (map[int64]bool, error) {
	saved := map[string]bool{}
	err := tx.Each("SELECT name FROM hosts_group WHERE query <> ''", nil, func(scan db.Scan) error {
		var name string
		err := scan(&name)
		saved[name] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	all := map[int64]bool{}
	return all, h.ask(tx, func(q *inquiry) error {
		q.found = saved
		found := q.in(query.Root())
		if scope != nil {
			found.and(q.those(scope))
		}
		for _, num := range q.numbersOf(found) {
			all[num] = true
		}
		return nil
	})
}

// hosts are the members within scope; nil is all.
func (g *group) hosts(tx *db.Tx, scope []any) (map[int64]bool, error) {
	query, args := "SELECT host FROM hosts_member WHERE grp = ?", []any{g.num}
	if scope != nil {
		query, args = query+" AND host IN "+db.In(len(scope)), append(args, scope...)
	}
	return numbersOf(tx, query, args...)
}

// alive leaves the hosts that there are.
func alive(tx *db.Tx, hosts map[int64]bool) (map[int64]bool, error) {
	var nums []any
	for n := range hosts {
		nums = append(nums, n)
	}
	all := map[int64]bool{}
	err := inChunks(nums, func(in string, nums []any) error {
		some, err := numbersOf(tx, "SELECT num FROM hosts_host WHERE num IN "+in, nums...)
		for n := range some {
			all[n] = true
		}
		return err
	})
	return all, err
}

// numbersOf is the set of numbers that a query answers.
func numbersOf(tx *db.Tx, query string, args ...any) (map[int64]bool, error) {
	all := map[int64]bool{}
	return all, tx.Each(query, args, func(scan db.Scan) error {
		var n int64
		err := scan(&n)
		all[n] = true
		return err
	})
}

func same(a, b map[int64]bool) bool {
	for n := range a {
		if !b[n] {
			return false
		}
	}
	return len(a) == len(b)
}
