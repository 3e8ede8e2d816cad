package hosts

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/db"
	"muster/inventory"
)

// A group is a row of hosts_group.
type group struct {
	num         int64
	name, query string
}

func readGroup(tx *db.Tx, name string) (*group, error) {
	g := &group{name: name}
	err := tx.QueryRow("SELECT num, query FROM hosts_group WHERE name = ?", name).Scan(&g.num, &g.query)
	return g, err
}

// needGroup is readGroup, and makes a group whose members are chosen where there is none.
func needGroup(tx *db.Tx, name string) (*group, error) {
	g, err := readGroup(tx, name)
	if muster.KindOf(err) != muster.NotFound {
		return g, err
	}
	if g.num, err = tx.Next("hosts_number", "group", 1); err != nil {
		return nil, err
	}
	return g, tx.Insert("hosts_group", []string{"num", "name", "note", "query", "hosts"}, [][]any{{g.num, name, "", "", 0}})
}

// addMember puts a host into groups whose members people choose. A saved search
// finds its members itself, and is passed over.
func addMember(tx *db.Tx, host int64, names ...string) error {
	for _, name := range names {
		g, err := needGroup(tx, name)
		if err != nil {
			return err
		}
		if g.query != "" {
			continue
		}
		if err := g.add(tx, host); err != nil {
			return err
		}
	}
	return nil
}

// add makes a host a member, and counts it.
func (g *group) add(tx *db.Tx, host int64) error {
	if in, err := g.has(tx, host); err != nil || in {
		return err
	}
	return g.change(tx, []any{host}, nil)
}

func (g *group) has(tx *db.Tx, host int64) (bool, error) {
	var n int
	err := tx.QueryRow("SELECT count(*) FROM hosts_member WHERE grp = ? AND host = ?", g.num, host).Scan(&n)
	return n > 0, err
}

// chosen refuses to change by hand what a saved search finds.
func (g *group) chosen() error {
	if g.query == "" {
		return nil
	}
	return muster.WithHint(muster.Errorf(muster.Conflict, "group %q is a saved search, and finds its members itself", g.name),
		"run 'muster groups edit %s --query ...'", g.name)
}

func noGroup(name string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "there is no group %q", cut(name, 128)), "run 'muster groups list'")
}

// Groups lists the groups, without their members: those that have one who may be seen.
func (p *Part) Groups(ctx context.Context) (out api.GroupPage, err error) {
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		out.Groups = []api.Group{}
		counts, err := p.counts(tx)
		if err != nil {
			return err
		}
		return tx.Each("SELECT name, note, query, hosts FROM hosts_group ORDER BY name", nil, func(scan db.Scan) error {
			var g api.Group
			err := scan(&g.Name, &g.Note, &g.Query, &g.Count)
			if !p.see.All() {
				g.Count = counts[g.Name]
			}
			if g.Count > 0 || p.see.All() {
				out.Groups = append(out.Groups, g)
			}
			return err
		})
	})
	return out, err
}

// counts are how many members who may be seen groups have, for who may not see all.
func (p *Part) counts(tx *db.Tx) (counts map[string]int, err error) {
	if p.see.All() {
		return nil, nil
	}
	return counts, p.h.ask(tx, func(q *inquiry) error {
		counts = q.lists["group"].counts(q.scope(p.see))
		return nil
	})
}

// Group returns a group with its members who may be seen.
func (p *Part) Group(ctx context.Context, name string) (out api.Group, err error) {
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		g, err := p.visible(tx, name)
		if err != nil {
			return err
		}
		out = api.Group{Name: g.name, Query: g.query}
		if err := tx.QueryRow("SELECT note FROM hosts_group WHERE num = ?", g.num).Scan(&out.Note); err != nil {
			return err
		}
		return p.h.ask(tx, func(q *inquiry) error {
			found := q.none()
			q.lists["group"].find(found, func(n string) bool { return n == g.name })
			found.and(q.scope(p.see))
			out.Members = q.textsOf("h.id", found)
			slices.Sort(out.Members)
			out.Count = len(out.Members)
			return nil
		})
	})
	return out, err
}

// PutGroup makes or replaces a group, or, for who may change some hosts only, says
// which of these are members. The hosts whose memberships change look for news.
func (p *Part) PutGroup(ctx context.Context, in api.Group) (api.Group, error) {
	if err := control.CheckName(in.Name); err != nil {
		return api.Group{}, muster.WithField(muster.Errorf(muster.Invalid, "group %q: %w", cut(in.Name, 64), err), "/name")
	}
	if in.Query != "" && len(in.Members) > 0 {
		return api.Group{}, muster.WithField(muster.Errorf(muster.Invalid, "group %q has members or a query, not both", in.Name), "/query")
	}
	query, err := savedSearch(in.Query)
	if err != nil {
		return api.Group{}, muster.WithField(err, "/query")
	}
	h := p.h
	var saved *group
	err = h.write(ctx, func(tx *db.Tx) error {
		saved = nil
		if !p.change.All() {
			return p.putMembers(tx, in)
		}
		g, err := needGroup(tx, in.Name)
		if err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE hosts_group SET note = ?, query = ? WHERE num = ?", cut(inventory.Text(in.Note), 500), in.Query, g.num)
		if err != nil {
			return err
		}
		if query != nil {
			saved = g
			saved.query = in.Query
			return nil
		}
		wanted := map[int64]bool{}
		for _, id := range in.Members {
			r, err := p.find(tx, id)
			if err != nil {
				return err
			}
			wanted[r.num] = true
		}
		return g.become(tx, wanted)
	})
	if err == nil && saved != nil {
		// After the commit: a host that changes from now on is held against the query too.
		err = h.refill(ctx, saved, nil)
	}
	if err != nil {
		return api.Group{}, err
	}
	out, err := p.Group(ctx, in.Name)
	if muster.KindOf(err) == muster.NotFound && !p.see.All() {
		return api.Group{Name: in.Name}, nil // its last member who may be seen has left
	}
	return out, err
}

// become makes the members of g those wanted.
func (g *group) become(tx *db.Tx, wanted map[int64]bool) error {
	has, err := g.hosts(tx, nil)
	if err != nil {
		return err
	}
	return g.turn(tx, has, wanted)
}

// turn makes members of those that are wanted and are none, and ends the
// memberships of those that are not.
func (g *group) turn(tx *db.Tx, has, wanted map[int64]bool) error {
	var gained, lost []any
	for _, n := range slices.Sorted(maps.Keys(wanted)) {
		if !has[n] {
			gained = append(gained, n)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(has)) {
		if !wanted[n] {
			lost = append(lost, n)
		}
	}
	return g.change(tx, gained, lost)
}

// change adds and removes members, which are and are not there.
func (g *group) change(tx *db.Tx, gained, lost []any) error {
	if len(gained)+len(lost) == 0 {
		return nil
	}
	rows := make([][]any, len(gained))
	for i, n := range gained {
		rows[i] = []any{g.num, n}
	}
	if err := tx.Insert("hosts_member", []string{"grp", "host"}, rows); err != nil {
		return err
	}
	err := inChunks(lost, func(in string, nums []any) error {
		_, err := tx.Exec("DELETE FROM hosts_member WHERE host IN "+in+" AND grp = ?", append(nums, g.num)...)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE hosts_group SET hosts = hosts + ? WHERE num = ?", len(gained)-len(lost), g.num); err != nil {
		return err
	}
	return nudge(tx, append(gained, lost...)...)
}

// DeleteGroup removes a group.
func (p *Part) DeleteGroup(ctx context.Context, name string) error {
	return p.h.write(ctx, func(tx *db.Tx) error {
		g, err := p.visible(tx, name)
		if err != nil {
			return err
		}
		if !p.change.All() {
			return p.refuse(fmt.Sprintf("group %q", g.name))
		}
		if err := g.become(tx, nil); err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM hosts_group WHERE num = ?", g.num)
		return err
	})
}
