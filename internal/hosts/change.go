package hosts

import (
	"context"
	"fmt"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// maxChangedShown is how many hosts an answer names.
const maxChangedShown = 1000

// A bulk is one change of many hosts. Which these are is settled in memory, as of one
// moment; they are changed [chunk] at a time, each in a transaction that looks again
// whether they may be. Where one fails those before it stay changed: the same change
// again does the rest.
type bulk struct {
	*edition
	forget bool
	out    api.HostsChanged
	left   []api.HostChanged // changed and unchanged, to be named after the refused
}

// Change changes many hosts in the same way, or forgets them, for the person named by;
// or says what that would do. It is a Conflict where other hosts are meant than
// expected: then nothing changes.
func (p *Part) Change(ctx context.Context, by string, in api.HostsChange) (api.HostsChanged, error) {
	b, err := p.newBulk(by, &in)
	if err != nil {
		return api.HostsChanged{}, err
	}
	chosen, err := p.choose(ctx, b, &in)
	if err != nil {
		return b.out, err
	}
	if in.Preview {
		b.foresee(chosen)
		return b.answer(), nil
	}
	defer p.h.learned(ctx) // once, for all that was changed
	done := len(chosen)
	for len(chosen) > 0 {
		n := min(len(chosen), chunk)
		if err := b.some(ctx, chosen[:n]); err != nil {
			return b.answer(), muster.WithHint(muster.Errorf(muster.KindOf(err), "%d of %d hosts were seen to, then: %w", done-len(chosen), done, err),
				"do the same again: hosts that are so already stay as they are")
		}
		chosen = chosen[n:]
	}
	return b.answer(), nil
}

func (p *Part) newBulk(by string, in *api.HostsChange) (*bulk, error) {
	e := &in.Edit
	nothing := e.State == nil && e.Unit == nil && len(e.AddGroups)+len(e.RemoveGroups) == 0 && !e.Wake
	switch {
	case e.Name != nil:
		return nil, muster.WithField(muster.Errorf(muster.Invalid, "a name is for one host"), "/edit/name")
	case nothing != in.Forget:
		return nil, muster.Errorf(muster.Invalid, "a change of hosts edits them or forgets them")
	case (in.Query == nil) == (len(in.Hosts) == 0):
		return nil, muster.Errorf(muster.Invalid, "a change of hosts says which: by a query, or by their ids")
	case in.Query != nil && in.Expect == nil && !in.Preview:
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "a query may find other hosts than somebody saw"), "ask for a preview first, and expect the hosts that it answers")
	}
	ed, err := newEdition(by, *e)
	if err != nil {
		return nil, muster.WithField(err, "/edit"+muster.FieldOf(err))
	}
	ed.part = p
	return &bulk{edition: ed, forget: in.Forget}, nil
}

// foresee tells what the change would do.
func (b *bulk) foresee(all []chosen) {
	for _, c := range all {
		switch {
		case !c.may:
			b.refuse(c)
		case c.moves:
			b.tell(c, api.Changed)
		default:
			b.tell(c, api.Unchanged)
		}
	}
}

// some changes hosts in one transaction, or none of them.
func (b *bulk) some(ctx context.Context, all []chosen) error {
	var there, changed map[int64]bool
	err := b.part.h.DB.Write(ctx, func(tx *db.Tx) (err error) {
		there, changed, err = b.write(tx, all)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range all {
		switch {
		case !there[c.num]:
			b.refuse(c)
		case changed[c.num]:
			b.tell(c, api.Changed)
		default:
			b.tell(c, api.Unchanged)
		}
	}
	return nil
}

// write returns the hosts that may be changed, and those that were.
func (b *bulk) write(tx *db.Tx, all []chosen) (there, changed map[int64]bool, err error) {
	var nums []int64
	for _, c := range all {
		if c.may {
			nums = append(nums, c.num)
		}
	}
	// What was so of them in memory may not be so any more.
	if nums, err = b.part.some(tx, nums, b.part.change); err != nil {
		return nil, nil, err
	}
	records, err := readRecords(tx, nums)
	if err != nil {
		return nil, nil, err
	}
	there = map[int64]bool{}
	for _, r := range records {
		there[r.num] = true
	}
	if b.forget {
		return there, there, b.part.h.forget(tx, b.by, b.part.h.untilExpired, records...)
	}
	changed, err = b.applyAll(tx, records, b.part.h.Now().Unix())
	return there, changed, err
}

// refuse tells of a host that may not be changed, or that is not there.
func (b *bulk) refuse(c chosen) {
	b.out.Refused++
	if len(b.out.Hosts) == maxChangedShown {
		return
	}
	err := noHost(c.id)
	if c.num != 0 {
		err = b.part.refuse(fmt.Sprintf("host %q", c.name))
	}
	b.out.Hosts = append(b.out.Hosts, api.HostChanged{ID: c.id, Name: c.name, Outcome: api.NotLet, Why: err.Error()})
}

func (b *bulk) tell(c chosen, as api.ChangeOutcome) {
	if as == api.Changed {
		b.out.Changed++
	} else {
		b.out.Unchanged++
	}
	if len(b.left) < maxChangedShown {
		b.left = append(b.left, api.HostChanged{ID: c.id, Name: c.name, Outcome: as})
	}
}

// answer is what was done until now.
func (b *bulk) answer() api.HostsChanged {
	b.out.Hosts = append(b.out.Hosts, b.left[:min(len(b.left), maxChangedShown-len(b.out.Hosts))]...)
	if b.out.Hosts == nil {
		b.out.Hosts = []api.HostChanged{}
	}
	return b.out
}
