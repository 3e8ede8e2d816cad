package hosts

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// Diff returns what changed in the inventory of a host between two times; to 0
// is now, and a time before its first inventory is that of the first.
func (p *Part) Diff(ctx context.Context, name string, from, to int64) (out api.HistoryPage, err error) {
	h := p.h
	if to == 0 {
		to = 1 << 62
	}
	if from > to {
		return out, muster.Errorf(muster.Invalid, "the time from which to compare is after the one up to which")
	}
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		out.Changes = []api.HistoryChange{}
		r, err := p.find(tx, name)
		if err != nil {
			return err
		}
		s, err := h.readStored(tx, r.num)
		if err != nil {
			return err
		}
		first, err := firstKnown(tx, r)
		if err != nil {
			return err
		}
		was, now, err := h.between(tx, r.num, s, max(from, first), to)
		if err != nil {
			return err
		}
		added, removed := diffItems(was.list(), now.list())
		words, err := h.words.words(tx, sortedNums(added, removed))
		if err != nil {
			return err
		}
		out.Changes = append(out.Changes, softwareChanges(words, added, removed)...)
		out.Changes = append(out.Changes, expand(sectionChanges(was, now))...)
		for i := range out.Changes {
			c := &out.Changes[i]
			c.Time, c.Host, c.Name = min(to, h.Now().Unix()), r.id, r.name
		}
		return nil
	})
	return out, err
}

// between returns the documents of a host at two times.
func (h *Hosts) between(tx *db.Tx, host int64, s *stored, from, to int64) (was, now *past, err error) {
	if was, err = h.newPast(s); err != nil {
		return nil, nil, err
	}
	err = reportsSince(tx, host, from, func(_, happened int64, body []byte) (bool, error) {
		if happened <= to && now == nil {
			now = was.clone()
		}
		_, err := was.back(body)
		return true, err
	})
	if now == nil {
		now = was
	}
	return was, now, err
}

func (p *past) clone() *past {
	return &past{h: p.h, items: maps.Clone(p.items), sections: maps.Clone(p.sections), sum: p.sum}
}

func sectionChanges(was, now *past) (all []api.HistoryChange) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(was.sections)), maps.Keys(now.sections))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if b, a := was.sections[name], now.sections[name]; !bytes.Equal(b, a) {
			all = append(all, api.HistoryChange{Section: name, Op: "changed", Before: b, After: a})
		}
	}
	return all
}
