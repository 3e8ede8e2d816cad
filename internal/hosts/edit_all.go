package hosts

import (
	"maps"
	"slices"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// applyAll edits hosts, [chunk] at most, but for their names, and returns the numbers of
// those that were not so before.
func (e *edition) applyAll(tx *db.Tx, all []*record, now int64) (map[int64]bool, error) {
	changed := map[int64]bool{}
	for _, step := range []func(*db.Tx, []*record, int64) ([]any, error){e.decide, e.move, e.regroup, e.nudge} {
		nums, err := step(tx, all, now)
		if err != nil {
			return nil, err
		}
		for _, n := range nums {
			changed[n.(int64)] = true
		}
	}
	return changed, nil
}

// decide lets hosts in, ends alarms, or refuses hosts.
func (e *edition) decide(tx *db.Tx, all []*record, now int64) (changed []any, err error) {
	if e.State == nil {
		return nil, nil
	}
	to, was := *e.State, map[api.State]int{}
	var nums, ids []any
	var events []event
	what := map[api.State]string{api.Accepted: "approved", api.Refused: "refused"}[to]
	for _, r := range all {
		nums = append(nums, r.num)
		if r.state != to || r.alarm != "" {
			changed = append(changed, r.num)
		}
		if r.state != to {
			was[r.state]++
			ids = append(ids, r.id)
			events = append(events, event{at: now, host: r.num, id: r.id, what: what, note: "by " + e.by + "; was " + string(r.state)})
		}
	}
	err = inChunks(nums, func(in string, nums []any) error {
		_, err := tx.Exec("UPDATE hosts_host SET state = ?, alarm = '' WHERE num IN "+in, append([]any{string(to)}, nums...)...)
		return err
	})
	if err == nil { // those that are so too: memory may doubt a host of which the database does not yet
		err = touch(tx, nums...)
	}
	if err != nil || len(ids) == 0 {
		return changed, err
	}
	for _, s := range slices.Sorted(maps.Keys(was)) {
		if err := total(tx, "state", string(s), -was[s]); err != nil {
			return nil, err
		}
	}
	if err := total(tx, "state", string(to), len(ids)); err != nil {
		return nil, err
	}
	if to == api.Accepted {
		if err := welcomeBack(tx, now, ids...); err != nil {
			return nil, err
		}
	}
	_, err = addEvents(tx, events...)
	return changed, err
}

// welcomeBack ends that hosts were removed.
func welcomeBack(tx *db.Tx, now int64, ids ...any) error {
	return inChunks(ids, func(in string, ids []any) error {
		_, err := tx.Exec("UPDATE hosts_forgotten SET expires = ? WHERE expires > ? AND id IN "+in, append([]any{now, now}, ids...)...)
		return err
	})
}

// move gives hosts a unit.
func (e *edition) move(tx *db.Tx, all []*record, _ int64) (changed []any, err error) {
	for _, r := range all {
		if e.Unit != nil && *e.Unit != r.unit {
			changed = append(changed, r.num)
		}
	}
	if len(changed) == 0 {
		return nil, nil
	}
	if err := inChunks(changed, func(in string, nums []any) error {
		_, err := tx.Exec("UPDATE hosts_host SET unit = ? WHERE num IN "+in, append([]any{*e.Unit}, nums...)...)
		return err
	}); err != nil {
		return nil, err
	}
	return changed, nudge(tx, changed...)
}

// regroup changes memberships that people choose.
func (e *edition) regroup(tx *db.Tx, all []*record, _ int64) (changed []any, err error) {
	nums := make([]any, len(all))
	for i, r := range all {
		nums[i] = r.num
	}
	for _, name := range e.AddGroups {
		some, err := e.enter(tx, name, nums)
		if err != nil {
			return nil, err
		}
		changed = append(changed, some...)
	}
	for _, name := range e.RemoveGroups {
		some, err := e.leave(tx, name, nums)
		if err != nil {
			return nil, err
		}
		changed = append(changed, some...)
	}
	return changed, nil
}

// enter makes hosts members of a group, and returns those that were none.
func (e *edition) enter(tx *db.Tx, name string, nums []any) ([]any, error) {
	g, err := e.group(tx, name)
	if err != nil {
		return nil, err
	}
	gained, err := g.members(tx, nums, false)
	if err != nil {
		return nil, err
	}
	return gained, g.change(tx, gained, nil)
}

// leave ends memberships of a group, and returns those who were members.
func (e *edition) leave(tx *db.Tx, name string, nums []any) ([]any, error) {
	g, err := e.named(tx, name)
	if err != nil {
		return nil, err
	}
	lost, err := g.members(tx, nums, true)
	if err != nil {
		return nil, err
	}
	return lost, g.change(tx, nil, lost)
}

// members are those of the hosts who are in the group, or who are not; it is one whose
// members people choose.
func (g *group) members(tx *db.Tx, nums []any, in bool) (some []any, err error) {
	if err := g.chosen(); err != nil {
		return nil, err
	}
	has, err := g.hosts(tx, nums)
	if err != nil {
		return nil, err
	}
	for _, n := range nums {
		if has[n.(int64)] == in {
			some = append(some, n)
		}
	}
	return some, nil
}

// group is one that hosts come into: made where there is none, by who may change every
// host; for others it has to be one that they see.
func (e *edition) group(tx *db.Tx, name string) (*group, error) {
	if e.part.change.All() {
		return needGroup(tx, name)
	}
	return e.named(tx, name)
}

// named is a group that there is, for who edits.
func (e *edition) named(tx *db.Tx, name string) (*group, error) {
	if !e.looked {
		return e.part.visible(tx, name)
	}
	g, err := readGroup(tx, name)
	if muster.KindOf(err) == muster.NotFound {
		err = noGroup(name)
	}
	return g, err
}

// look reports the first group of an edit of many hosts that it cannot be about, before
// anything changes. From then on the groups are taken to be seen: they may not be any
// more when their last members have left by this edit itself.
func (e *edition) look(tx *db.Tx) error {
	for _, name := range slices.Concat(e.AddGroups, e.RemoveGroups) {
		g, err := e.part.visible(tx, name)
		if muster.KindOf(err) == muster.NotFound && e.part.change.All() && slices.Contains(e.AddGroups, name) {
			continue
		}
		if err == nil {
			err = g.chosen()
		}
		if err != nil {
			return err
		}
	}
	e.looked = true
	return nil
}

// nudge has hosts look for news, where that is asked for: what changes nothing else
// changes them all.
func (e *edition) nudge(tx *db.Tx, all []*record, _ int64) (changed []any, err error) {
	if !e.Wake {
		return nil, nil
	}
	nums := make([]any, len(all))
	for i, r := range all {
		nums[i] = r.num
	}
	if e.wakesOnly() {
		changed = nums
	}
	return changed, nudge(tx, nums...)
}

func (e *edition) wakesOnly() bool {
	return e.Wake && e.State == nil && e.Unit == nil && len(e.AddGroups)+len(e.RemoveGroups) == 0
}
