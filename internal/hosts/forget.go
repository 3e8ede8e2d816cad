package hosts

import (
	"maps"
	"slices"

	"muster/api"
	"muster/internal/db"
)

// untilExpired is how long a host that a person removed cannot come back by its
// certificate: as long as that is good, and a day at least.
func (h *Hosts) untilExpired(r *record) int64 { return max(r.expires, h.Now().Unix()+86400) }

// forget removes hosts, [chunk] at most, and all that is known of them. Until what until
// says they cannot come back by their certificates.
func (h *Hosts) forget(tx *db.Tx, by string, until func(*record) int64, all ...*record) error {
	if len(all) == 0 {
		return nil
	}
	nums := make([]any, len(all))
	for i, r := range all {
		nums[i] = r.num
	}
	in := db.In(len(nums))
	for _, step := range []func(tx *db.Tx, in string, nums []any) error{leaveGroups, uncount, deleteHosts} {
		if err := step(tx, in, nums); err != nil {
			return err
		}
	}
	states := map[api.State]int{}
	for _, r := range all {
		states[r.state]++
	}
	for _, s := range slices.Sorted(maps.Keys(states)) {
		if err := total(tx, "state", string(s), -states[s]); err != nil {
			return err
		}
	}
	return h.recordForgotten(tx, by, until, all)
}

// leaveGroups ends all memberships of hosts.
func leaveGroups(tx *db.Tx, in string, nums []any) error {
	groups := map[int64]int{}
	err := tx.Each("SELECT grp, COUNT(*) FROM hosts_member WHERE host IN "+in+" GROUP BY grp", nums, func(scan db.Scan) error {
		var grp int64
		var n int
		err := scan(&grp, &n)
		groups[grp] = n
		return err
	})
	if err != nil {
		return err
	}
	for _, grp := range slices.Sorted(maps.Keys(groups)) {
		if _, err := tx.Exec("UPDATE hosts_group SET hosts = hosts - ? WHERE num = ?", groups[grp], grp); err != nil {
			return err
		}
	}
	_, err = tx.Exec("DELETE FROM hosts_member WHERE host IN "+in, nums...)
	return err
}

// uncount takes hosts out of what is counted by status.
func uncount(tx *db.Tx, in string, nums []any) error {
	statuses := map[string]int{}
	err := tx.Each("SELECT status, COUNT(*) FROM hosts_fact WHERE host IN "+in+" GROUP BY status", nums, func(scan db.Scan) error {
		var status string
		var n int
		err := scan(&status, &n)
		statuses[status] = n
		return err
	})
	for _, s := range slices.Sorted(maps.Keys(statuses)) {
		if err == nil {
			err = total(tx, "status", s, -statuses[s])
		}
	}
	return err
}

func deleteHosts(tx *db.Tx, in string, nums []any) error {
	if _, err := tx.Exec("DELETE FROM hosts_touched WHERE number IN (SELECT number FROM hosts_report WHERE host IN "+in+")", nums...); err != nil {
		return err
	}
	for _, table := range []string{"hosts_inventory", "hosts_report", "hosts_muster", "hosts_value", "hosts_event", "hosts_result", "hosts_fact", "hosts_seen"} {
		if _, err := tx.Exec("DELETE FROM "+table+" WHERE host IN "+in, nums...); err != nil {
			return err
		}
	}
	_, err := tx.Exec("DELETE FROM hosts_host WHERE num IN "+in, nums...)
	return err
}

// recordForgotten keeps that hosts were removed, by whom, and until when they stay so.
func (h *Hosts) recordForgotten(tx *db.Tx, by string, until func(*record) int64, all []*record) error {
	ids, events := make([]any, len(all)), make([]event, len(all))
	for i, r := range all {
		ids[i] = r.id
		events[i] = event{at: h.Now().Unix(), id: r.id, what: "forgotten", note: "by " + by + "; was named " + r.name}
	}
	first, err := addEvents(tx, events...)
	if err != nil {
		return err
	}
	was := map[string]int64{} // by a person, and somebody else waited under its id since
	err = tx.Each("SELECT id, expires FROM hosts_forgotten WHERE id IN "+db.In(len(ids)), ids, func(scan db.Scan) error {
		var id string
		var expires int64
		err := scan(&id, &expires)
		was[id] = expires
		return err
	})
	if err != nil {
		return err
	}
	rows := make([][]any, len(all))
	for i, r := range all {
		rows[i] = []any{r.id, max(until(r), was[r.id]), first + int64(i)}
	}
	return tx.Upsert("hosts_forgotten", []string{"id"}, []string{"id", "expires", "edited"}, rows)
}
