package hosts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/search"
)

// A chosen host is one of those that a change is for.
type chosen struct {
	num      int64 // 0: it is not there, for who asks
	id, name string
	may      bool // be changed
	moves    bool // by what is asked for: it is not so yet
}

// choose finds the hosts that a change means, in the order of their ids, and holds
// them against those that were expected.
func (p *Part) choose(ctx context.Context, b *bulk, in *api.HostsChange) (all []chosen, err error) {
	found := func(q *inquiry) hostSet { return q.withIDs(in.Hosts) }
	if in.Query != nil {
		query, err := search.Parse(*in.Query)
		if err != nil {
			return nil, muster.WithField(err, "/query")
		}
		found = func(q *inquiry) hostSet { return q.in(query.Root()) }
	}
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		if err := b.look(tx); err != nil {
			return err
		}
		return p.h.ask(tx, func(q *inquiry) error {
			meant := found(q)
			meant.and(q.scope(p.see))
			all = p.chosen(q, b, meant)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	b.out.HostSet = setOfHosts(all)
	if in.Expect != nil && *in.Expect != b.out.HostSet {
		return nil, muster.WithHint(muster.Errorf(muster.Conflict, "other hosts are meant than in the preview: %d by now, not the same %d", b.out.Count, in.Expect.Count), "look at the preview again")
	}
	return append(all, absent(in.Hosts, all)...), nil
}

// chosen tells of the hosts that are meant which may be changed, and which would be.
func (p *Part) chosen(q *inquiry, b *bulk, meant hostSet) (all []chosen) {
	may, moves := q.scope(p.change), q.everyone()
	if !b.forget && !b.wakesOnly() {
		moves = b.would(q)
	}
	ids, names := q.texts["h.id"], q.texts["h.name"]
	for place := range meant.all() {
		all = append(all, chosen{q.nums[place], ids.text(place), names.text(place), may.has(place), moves.has(place)})
	}
	slices.SortFunc(all, func(a, b chosen) int { return cmp.Compare(a.id, b.id) })
	return all
}

// would are the hosts that an edit would change.
func (e *edition) would(q *inquiry) hostSet {
	found := q.none()
	if e.State != nil {
		q.unlike(found, "h.state", string(*e.State))
	}
	if e.Unit != nil {
		q.unlike(found, "h.unit", *e.Unit)
	}
	for _, name := range e.AddGroups {
		others := q.everyone()
		others.andNot(q.membersOf(name))
		found.or(others)
	}
	for _, name := range e.RemoveGroups {
		found.or(q.membersOf(name))
	}
	return found
}

// unlike adds the hosts whose text is another.
func (q *inquiry) unlike(found hostSet, column, text string) {
	col := q.texts[column]
	for place := range q.here.all() {
		if col.text(place) != text {
			found.add(place)
		}
	}
}

// membersOf are the hosts of one group.
func (q *inquiry) membersOf(name string) hostSet {
	found := q.none()
	q.lists["group"].find(found, func(n string) bool { return n == name })
	return found
}

// withIDs are the hosts with these ids.
func (q *inquiry) withIDs(ids []string) hostSet {
	wanted, found := map[string]bool{}, q.none()
	for _, id := range ids {
		wanted[id] = true
	}
	q.texts["h.id"].find(found, func(id string) bool { return wanted[id] })
	return found
}

// absent are the ids that are not among the hosts.
func absent(ids []string, there []chosen) (all []chosen) {
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		_, is := slices.BinarySearchFunc(there, id, func(c chosen, id string) int { return strings.Compare(c.id, id) })
		if !is {
			all = append(all, chosen{id: cut(id, 64)})
		}
	}
	return all
}

// setOfHosts names hosts, which are in the order of their ids, by how many they are and
// a hash.
func setOfHosts(all []chosen) api.HostSet {
	sum := sha256.New()
	for _, c := range all {
		sum.Write([]byte(c.id + "\n")) //nolint:errcheck // it never fails
	}
	return api.HostSet{Count: len(all), Digest: hex.EncodeToString(sum.Sum(nil))}
}
