package hosts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/search"
)

// A Part is those of the hosts that somebody may see, and, of these, those that they
// may change. What is not in it is not there for them: no method tells, by what it
// answers or by the steps that it takes, that there are others; but [Part.Alone] tells
// that others have a name too. Numbers of events and cursors grow with what happens elsewhere.
type Part struct {
	h           *Hosts
	see, change search.Scope
	refuse      func(what string) error
}

// Part returns the hosts of somebody who may see the hosts in one scope and change
// those that are in both. refuse is the error for what (a host or a group, by name)
// may be seen and not be changed; nil is one of kind Denied.
func (h *Hosts) Part(see, change search.Scope, refuse func(what string) error) *Part {
	if refuse == nil {
		refuse = func(what string) error { return muster.Errorf(muster.Denied, "%s may be seen, not changed", what) }
	}
	return &Part{h: h, see: see, change: see.And(change), refuse: refuse}
}

// Everything is the part of who may see and change every host.
func (h *Hosts) Everything() *Part { return h.Part(search.Everything(), search.Everything(), nil) }

// in is the condition that a column with the number of a host is of a scope.
func (p *Part) in(tx *db.Tx, column string, s search.Scope) (string, []any, error) {
	if s.All() {
		return always, nil, nil
	}
	if s.None() {
		return never, nil, nil
	}
	nums, err := p.h.within(tx, s.Expr())
	if err != nil || len(nums) <= wide {
		sql, err := among(column, nums, err)
		return sql, nil, err
	}
	others, err := p.h.within(tx, &search.Expr{Op: search.Not, Of: []*search.Expr{s.Expr()}})
	if err != nil || len(nums) <= len(others) {
		sql, err := among(column, nums, err)
		return sql, nil, err
	}
	sql, err := notAmong(column, others)
	return sql, nil, err
}

// wide is from how many hosts on a scope names the others, if they are fewer.
const wide = 10_000

// among lists hosts. Where they are many, the list is not what to begin with.
func among(column string, nums []int64, err error) (string, error) {
	if err != nil || len(nums) == 0 {
		return never, err
	}
	if len(nums) > fewHosts {
		column += " + 0"
	}
	list, err := numberList(nums)
	return column + " IN " + list, err
}

// notAmong lists the hosts that are not meant, of those that there are.
func notAmong(column string, others []int64) (string, error) {
	there := "EXISTS (SELECT 1 FROM hosts_host there WHERE there.num = " + column + ")"
	if len(others) == 0 {
		return there, nil
	}
	list, err := numberList(others)
	return there + " AND " + column + " + 0 NOT IN " + list, err
}

// What every host is, and none.
const (
	always = "1=1"
	never  = "1=0"
)

// some are those of some hosts that are in a scope.
func (p *Part) some(tx *db.Tx, nums []int64, s search.Scope) ([]int64, error) {
	if s.All() || len(nums) == 0 {
		return nums, nil
	}
	if s.None() {
		return nil, nil
	}
	if tx.Writing() { // nothing but these is read while others wait to write
		return p.h.these(tx, nums, s.Expr())
	}
	all, err := p.h.within(tx, s.Expr())
	slices.Sort(all)
	return slices.DeleteFunc(nums, func(n int64) bool { _, ok := slices.BinarySearch(all, n); return !ok }), err
}

// named are the hosts that somebody means by an id or a name, with their states.
func named(tx *db.Tx, name string) (map[int64]api.State, error) {
	sql, args := "h.id = ?", []any{name}
	if checkID(name) != nil {
		sql = "h.num IN (SELECT num FROM hosts_host WHERE name IN (?, ?) UNION SELECT host FROM hosts_fact WHERE fqdn = ?)"
		args = []any{name, strings.ToUpper(name), strings.ToLower(name)}
	}
	all := map[int64]api.State{}
	return all, tx.Each("SELECT h.num, h.state FROM hosts_host h WHERE "+sql, args, func(scan db.Scan) error {
		var num int64
		var state api.State
		err := scan(&num, &state)
		all[num] = state
		return err
	})
}

// find reads the host that a name or id means among those that may be seen.
func (p *Part) find(tx *db.Tx, name string) (*record, error) {
	states, err := named(tx, name)
	if err != nil {
		return nil, err
	}
	// Anybody may wait under any name: who waits is meant when nobody else is.
	var nums, waiting []int64
	all, err := p.some(tx, slices.Sorted(maps.Keys(states)), p.see)
	for _, num := range all {
		if states[num] == api.Pending {
			waiting = append(waiting, num)
		} else {
			nums = append(nums, num)
		}
	}
	if len(nums) == 0 {
		nums = waiting
	}
	switch {
	case err != nil:
		return nil, err
	case len(nums) == 0:
		return nil, noHost(name)
	case len(nums) > 1:
		return nil, muster.WithHint(muster.Errorf(muster.Conflict, "%d hosts are named %q", len(nums), name), "give the id of one: 'muster hosts name:%s'", name)
	}
	return readRecord(tx, "num", nums[0])
}

// findToChange is find for a host that is about to be changed.
func (p *Part) findToChange(tx *db.Tx, name string) (*record, error) {
	r, err := p.find(tx, name)
	if err != nil || p.change.All() {
		return r, err
	}
	nums, err := p.some(tx, []int64{r.num}, p.change)
	if err == nil && len(nums) == 0 {
		err = p.refuse(fmt.Sprintf("host %q", r.name))
	}
	return r, err
}

// Resolve returns the id of a host, named by its id or by a name that only one
// host has.
func (p *Part) Resolve(ctx context.Context, name string) (id string, err error) {
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		r, err := p.find(tx, name)
		if err == nil {
			id = r.id
		}
		return err
	})
	return id, err
}

// IDs calls f with the id of every host that a search finds, of those that may be
// changed, in no order: for what is to be done to all of them.
func (p *Part) IDs(ctx context.Context, text string, f func(id string) error) error {
	q, err := search.Parse(text)
	if err != nil {
		return err
	}
	var ids []string
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		return p.h.ask(tx, func(i *inquiry) error {
			found := i.in(q.Root())
			found.and(i.scope(p.change))
			ids = i.textsOf("h.id", found)
			return nil
		})
	})
	for _, id := range ids {
		if err != nil {
			break
		}
		err = f(id)
	}
	return err
}

// visible reads a group that has a member who may be seen, or that there is at all for
// who may see every host.
func (p *Part) visible(tx *db.Tx, name string) (*group, error) {
	g, err := readGroup(tx, name)
	if muster.KindOf(err) == muster.NotFound {
		return nil, noGroup(name)
	}
	if err != nil || p.see.All() {
		return g, err
	}
	members, err := p.members(tx, g, p.see)
	if err == nil && len(members) == 0 {
		err = noGroup(name)
	}
	return g, err
}

// members are the members of a group in a scope.
func (p *Part) members(tx *db.Tx, g *group, s search.Scope) (map[int64]bool, error) {
	in, args, err := p.in(tx, "m.host", s)
	if err != nil {
		return nil, err
	}
	return numbersOf(tx, "SELECT m.host FROM hosts_member m WHERE m.grp = ? AND "+in, append([]any{g.num}, args...)...)
}

// putMembers is PutGroup for who may change some hosts: they say which of these are
// members; the others stay what they are, and so does the group.
func (p *Part) putMembers(tx *db.Tx, in api.Group) error {
	g, err := p.visible(tx, in.Name)
	if err != nil {
		return err
	}
	if err := g.chosen(); err != nil {
		return err
	}
	var note string
	if err := tx.QueryRow("SELECT note FROM hosts_group WHERE num = ?", g.num).Scan(&note); err != nil {
		return err
	}
	if in.Query != "" || in.Note != note {
		return p.refuse(fmt.Sprintf("group %q", g.name))
	}
	wanted := map[int64]bool{}
	has, err := p.members(tx, g, p.change)
	if err != nil {
		return err
	}
	for _, id := range in.Members {
		r, err := p.find(tx, id)
		if err != nil {
			return err
		}
		member, err := g.has(tx, r.num)
		if err != nil {
			return err
		}
		if !member || has[r.num] {
			if _, err := p.findToChange(tx, id); err != nil {
				return err
			}
			wanted[r.num] = true
		}
	}
	return g.turn(tx, has, wanted)
}

// Alone reports, as an error, that a package for the host of that name would reach
// others than one that may be changed: hosts say themselves what they are called.
func (p *Part) Alone(ctx context.Context, name string) error {
	return p.h.DB.Read(ctx, func(tx *db.Tx) error {
		r, err := p.findToChange(tx, name)
		if err != nil {
			return err
		}
		all, err := named(tx, name)
		if delete(all, r.num); err == nil && len(all) > 0 {
			return muster.WithHint(muster.Errorf(muster.Denied, "a package for host %q would reach others of that name, and you have no right to \"assign\" to every host", name),
				"somebody who has it publishes the package")
		}
		return err
	})
}
