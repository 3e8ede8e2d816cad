package advisories

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"muster"
	"muster/advisory"
	"muster/internal/db"
	"muster/internal/sites"
)

// Hosts of a site that are in one state (packages, kernel) are a group. What the group
// has is counted once, and added to what the site has for each of its hosts; a host that
// changes is taken from one group to another. What is subtracted is always what was
// added: the list that the group keeps. So the sums stay true whatever breaks off.

// A groupKey names a group.
type groupKey struct{ site, state string }

// A group is a row of advisories_group.
type group struct {
	num   int64
	key   groupKey
	hosts int64
	list  []marked
}

// movedHosts is how many hosts are moved in one write.
const movedHosts = 500

// moveHosts follows hosts that changed.
func (a *Advisories) moveHosts(ctx context.Context) error {
	edited, err := self[int64](ctx, a, "edited")
	if err != nil {
		return err
	}
	c := a.counter()
	for {
		hosts, err := a.Fleet.HostsAfter(ctx, edited, movedHosts)
		if err != nil || len(hosts) == 0 {
			return err
		}
		edited = hosts[len(hosts)-1].Edited
		if err := a.move(ctx, c, hosts, edited); err != nil {
			return err
		}
	}
}

// A move is where hosts are to go.
type move struct {
	to    map[int64]groupKey // hosts; those that are gone go nowhere
	all   []int64            // hosts
	fresh map[groupKey]*tally
}

func (a *Advisories) move(ctx context.Context, c *counter, hosts []sites.Host, edited int64) error {
	m := move{to: map[int64]groupKey{}, fresh: map[groupKey]*tally{}}
	for _, h := range hosts {
		m.all = append(m.all, h.ID)
		if h.Gone == 0 {
			m.to[h.ID] = groupKey{h.Site, stateOf(&h)}
		}
	}
	if len(hosts) < movedHosts {
		if err := a.tallyNew(ctx, c, &m); err != nil {
			return err
		}
	} else {
		m.later()
	}
	return a.write(ctx, func(tx *db.Tx) error {
		if err := m.write(tx, a.Serious); err != nil {
			return err
		}
		return setSelf(tx, "edited", edited)
	})
}

// later has the groups that are not there yet counted when all hosts have moved: where
// many come, what sites have would be written again and again.
func (m *move) later() {
	for _, k := range m.to {
		m.fresh[k] = &tally{stale: true}
	}
}

// tallyNew counts the groups that are not there yet. A host that changes meanwhile goes
// where it belongs now, and comes again.
func (a *Advisories) tallyNew(ctx context.Context, c *counter, m *move) error {
	there := map[groupKey]bool{}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		clear(there)
		states := map[string]bool{}
		for _, k := range m.to {
			states[k.state] = true
		}
		for part := range slices.Chunk(slices.Collect(maps.Keys(states)), someIDs) {
			err := tx.Each("SELECT site, state FROM advisories_group WHERE state IN "+db.In(len(part)), anys(part), func(scan db.Scan) error {
				var k groupKey
				err := scan(&k.site, &k.state)
				there[k] = true
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, host := range m.all {
		k, stays := m.to[host]
		if !stays || there[k] || m.fresh[k] != nil {
			continue
		}
		ids, h, err := a.Fleet.HostRows(ctx, host)
		if muster.KindOf(err) == muster.NotFound {
			delete(m.to, host)
			continue
		}
		if err != nil {
			return err
		}
		k = groupKey{h.Site, stateOf(&h)}
		if m.to[host] = k; h.Gone != 0 {
			delete(m.to, host)
			continue
		}
		t, err := a.tally(ctx, c, h.Site, machineOf(&h), ids)
		if err != nil {
			return err
		}
		m.fresh[k] = t
	}
	return nil
}

func (a *Advisories) tally(ctx context.Context, c *counter, site string, m machine, ids []int64) (*tally, error) {
	var t tally
	a.lapsed = time.Time{} // it may run what nobody at the site ran before
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		t, err = c.tally(tx, site, m, ids)
		return err
	})
	return &t, err
}

// write moves the hosts.
func (m *move) write(tx *db.Tx, serious advisory.Severity) error {
	was, err := groupsOfHosts(tx, m.all)
	if err != nil {
		return err
	}
	byNum, err := groupsBy(tx, "num", slices.Collect(maps.Values(was)))
	if err != nil {
		return err
	}
	states := map[string]bool{}
	for _, k := range m.to {
		states[k.state] = true
	}
	found, err := groupsBy(tx, "state", slices.Collect(maps.Keys(states)))
	if err != nil {
		return err
	}
	byKey := map[groupKey]*group{}
	for num, g := range found {
		if had := byNum[num]; had != nil {
			g = had
		}
		byNum[num], byKey[g.key] = g, g
	}
	fresh, err := m.insert(tx, byKey)
	if err != nil {
		return err
	}
	hosts := map[*group]int64{} // by how many it grows
	var put [][]any
	var gone []int64
	for _, host := range m.all {
		from, to := byNum[was[host]], byKey[m.to[host]]
		if _, stays := m.to[host]; !stays {
			to = nil
		}
		if from == to {
			continue
		}
		if from != nil {
			hosts[from]--
		}
		if to == nil {
			gone = append(gone, host)
			continue
		}
		hosts[to]++
		put = append(put, []any{host, to.num})
	}
	if err := grow(tx, hosts, fresh, serious); err != nil {
		return err
	}
	for part := range slices.Chunk(gone, someIDs) {
		if _, err := tx.Exec("DELETE FROM advisories_host WHERE host IN "+db.In(len(part)), anys(part)...); err != nil {
			return err
		}
	}
	return tx.Upsert("advisories_host", []string{"host"}, []string{"host", "grp"}, put)
}

// insert makes groups that are not there, without hosts.
func (m *move) insert(tx *db.Tx, byKey map[groupKey]*group) (fresh map[*group]bool, err error) {
	fresh = map[*group]bool{}
	keys := slices.SortedFunc(maps.Keys(m.fresh), func(a, b groupKey) int {
		return cmp.Or(cmp.Compare(a.site, b.site), cmp.Compare(a.state, b.state))
	})
	var rows [][]any
	for _, k := range keys {
		if byKey[k] != nil {
			continue
		}
		num, err := tx.Next("advisories_number", "group", 1)
		if err != nil {
			return nil, err
		}
		t := m.fresh[k]
		g := &group{num: num, key: k, list: t.list}
		byKey[k], fresh[g] = g, true
		counts, err := json.Marshal(t.counts)
		if err != nil {
			return nil, err
		}
		rows = append(rows, []any{num, k.site, k.state, 0, t.stale, t.worst(), t.counts.Exploited, t.apart, t.platform, t.os, counts, t.encode()})
	}
	return fresh, tx.Insert("advisories_group", []string{"num", "site", "state", "hosts", "stale", "severity", "exploited", "apart", "platform", "os", "counts", "body"}, rows)
}

func groupsOfHosts(tx *db.Tx, hosts []int64) (map[int64]int64, error) {
	out := map[int64]int64{}
	for part := range slices.Chunk(hosts, someIDs) {
		err := tx.Each("SELECT host, grp FROM advisories_host WHERE host IN "+db.In(len(part)), anys(part), func(scan db.Scan) error {
			var host, num int64
			err := scan(&host, &num)
			out[host] = num
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// groupsBy reads groups by a column.
func groupsBy[T comparable](tx *db.Tx, column string, values []T) (map[int64]*group, error) {
	out := map[int64]*group{}
	for part := range slices.Chunk(values, someIDs) {
		err := tx.Each("SELECT num, site, state, hosts, body FROM advisories_group WHERE "+column+" IN "+db.In(len(part)), anys(part), func(scan db.Scan) error {
			var g group
			var body []byte
			err := scan(&g.num, &g.key.site, &g.key.state, &g.hosts, &body)
			if err == nil {
				g.list, err = decodeTally(body)
			}
			out[g.num] = &g
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// grow gives groups hosts or takes them, and their sites what those have. A group
// without hosts goes.
func grow(tx *db.Tx, hosts map[*group]int64, fresh map[*group]bool, serious advisory.Severity) error {
	d := deltas{}
	var empty []int64
	for g, n := range hosts {
		d.add(g.key.site, g.list, n)
		if g.hosts+n == 0 {
			empty = append(empty, g.num)
			continue
		}
		if _, err := tx.Exec("UPDATE advisories_group SET hosts = hosts + ? WHERE num = ?", n, g.num); err != nil {
			return err
		}
	}
	for g := range fresh {
		if hosts[g] == 0 {
			empty = append(empty, g.num)
		}
	}
	for part := range slices.Chunk(empty, someIDs) {
		if _, err := tx.Exec("DELETE FROM advisories_group WHERE num IN "+db.In(len(part)), anys(part)...); err != nil {
			return err
		}
	}
	return d.write(tx, serious)
}
