package advisories

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"muster"
	"muster/advisory"
	"muster/internal/db"
	"muster/internal/sites"
)

// manyDirty is from how many rows on all groups are counted anew, rather than finding
// out which have them.
const manyDirty = 5000

// soil marks the groups stale that have rows whose findings changed.
func (a *Advisories) soil(ctx context.Context) error {
	for {
		var ids []int64
		err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
			ids, err = numbers(tx, "SELECT known FROM advisories_dirty ORDER BY known LIMIT ?", manyDirty)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		if len(ids) == manyDirty {
			if err := a.soilAll(ctx); err != nil {
				return err
			}
			continue
		}
		if err := a.soilHolders(ctx, ids); err != nil {
			return err
		}
	}
}

func (a *Advisories) soilAll(ctx context.Context) error {
	return a.write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE advisories_group SET stale = 1 WHERE stale = 0"); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM advisories_dirty")
		return err
	})
}

// soilHolders finds the groups of the hosts that have some rows. A host that came to
// have one since it was last looked at is counted when it is moved.
func (a *Advisories) soilHolders(ctx context.Context, ids []int64) error {
	seen := map[int64]bool{}
	err := a.Fleet.Holders(ctx, ids, nil, func(h sites.Host, _ int64) error {
		seen[h.ID] = true
		return nil
	})
	if err != nil {
		return err
	}
	hosts := slices.Sorted(maps.Keys(seen))
	return a.write(ctx, func(tx *db.Tx) error {
		groups, err := groupsOfHosts(tx, hosts)
		if err != nil {
			return err
		}
		nums := slices.Sorted(maps.Values(groups))
		for part := range slices.Chunk(slices.Compact(nums), someIDs) {
			if _, err := tx.Exec("UPDATE advisories_group SET stale = 1 WHERE num IN "+db.In(len(part)), anys(part)...); err != nil {
				return err
			}
		}
		for part := range slices.Chunk(ids, someIDs) {
			if _, err := tx.Exec("DELETE FROM advisories_dirty WHERE known IN "+db.In(len(part)), anys(part)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// A stale group is counted anew.
type staleGroup struct {
	num   int64
	key   groupKey
	hosts []int64 // some of them
	now   *tally
}

// someStale is how many groups are counted between two writes.
const someStale = 100

// recount counts stale groups anew, and tells sites.
func (a *Advisories) recount(ctx context.Context) error {
	c := a.counter()
	for last := (groupKey{}); ; {
		var all []*staleGroup
		err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
			all, err = staleGroups(tx, last)
			return err
		})
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return a.tell(ctx)
		}
		last = all[len(all)-1].key
		for _, g := range all {
			if err := a.countStale(ctx, c, g); err != nil {
				return err
			}
		}
		if err := a.write(ctx, func(tx *db.Tx) error { return writeStale(tx, all, a.Serious) }); err != nil {
			return err
		}
	}
}

// triedHosts is how many hosts of a group are asked what it has: each may have changed
// a moment ago.
const triedHosts = 5

// staleGroups reads some behind a group, site by site: what a site has is then written
// once for many groups.
func staleGroups(tx *db.Tx, last groupKey) (all []*staleGroup, err error) {
	err = tx.Each("SELECT num, site, state FROM advisories_group WHERE stale = 1 AND (site > ? OR site = ? AND state > ?) ORDER BY site, state LIMIT ?", []any{last.site, last.site, last.state, someStale}, func(scan db.Scan) error {
		g := new(staleGroup)
		err := scan(&g.num, &g.key.site, &g.key.state)
		all = append(all, g)
		return err
	})
	for _, g := range all {
		if err == nil {
			g.hosts, err = numbers(tx, "SELECT host FROM advisories_host WHERE grp = ? ORDER BY host LIMIT ?", g.num, triedHosts)
		}
	}
	return all, err
}

// countStale asks hosts of a group. Where all have changed the group stays stale: most
// likely nobody is in it any more once they are moved.
func (a *Advisories) countStale(ctx context.Context, c *counter, g *staleGroup) error {
	for _, host := range g.hosts {
		ids, h, err := a.Fleet.HostRows(ctx, host)
		if muster.KindOf(err) == muster.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if h.Gone != 0 || (groupKey{h.Site, stateOf(&h)}) != g.key {
			continue
		}
		g.now, err = a.tally(ctx, c, h.Site, machineOf(&h), ids)
		return err
	}
	return nil
}

// writeStale replaces what groups have, for all of their hosts.
func writeStale(tx *db.Tx, all []*staleGroup, serious advisory.Severity) error {
	var nums []int64
	for _, g := range all {
		if g.now != nil {
			nums = append(nums, g.num)
		}
	}
	was, err := groupsBy(tx, "num", nums)
	if err != nil {
		return err
	}
	d := deltas{}
	for _, g := range all {
		old := was[g.num]
		if g.now == nil || old == nil {
			continue
		}
		d.add(g.key.site, old.list, -old.hosts)
		d.add(g.key.site, g.now.list, old.hosts)
		counts, err := json.Marshal(g.now.counts)
		if err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE advisories_group SET stale = 0, severity = ?, exploited = ?, apart = ?, platform = ?, os = ?, counts = ?, body = ? WHERE num = ?",
			g.now.worst(), g.now.counts.Exploited, g.now.apart, g.now.platform, g.now.os, counts, g.now.encode(), g.num)
		if err != nil {
			return err
		}
	}
	return d.write(tx, serious)
}
