package hosts

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"muster"
	"muster/internal/canon"
	"muster/internal/db"
	"muster/inventory"
)

// A past is the document of a host as it was, on the way back in time.
type past struct {
	h        *Hosts
	items    map[int64]int64 // software, and when it was installed
	sections map[string]json.RawMessage
	sum      []byte // the first bytes of its set-hash, without sections that have no history
}

func (h *Hosts) newPast(s *stored) (*past, error) {
	sections, err := splitSections(s.sections)
	if err != nil {
		return nil, err
	}
	p := &past{h: h, items: make(map[int64]int64, len(s.items)), sections: sections, sum: s.kept[:min(len(s.kept), sumPrefix)]}
	for _, i := range s.items {
		p.items[i.software] = i.installed
	}
	return p, nil
}

// back undoes a report.
func (p *past) back(body []byte) (*patch, error) {
	d, sum, err := p.h.decodePatch(body)
	if err != nil {
		return nil, err
	}
	for _, i := range d.added {
		delete(p.items, i.software)
	}
	for _, i := range d.removed {
		p.items[i.software] = i.installed
	}
	for i := range d.sections {
		s := &d.sections[i]
		before, err := s.undo(p.sections[s.name])
		if err != nil {
			return nil, err
		}
		if before == nil {
			delete(p.sections, s.name)
		} else {
			p.sections[s.name] = before
		}
	}
	p.sum = sum
	return d, nil
}

// document is what the host had then.
func (p *past) document(tx *db.Tx) (*inventory.Document, error) {
	sections := map[string]any{"format": inventory.Format}
	for name, v := range p.sections {
		sections[name] = v
	}
	data, err := canon.Marshal(sections)
	if err != nil {
		return nil, err
	}
	doc, err := p.h.document(tx, p.list(), data)
	if err != nil {
		return nil, err
	}
	hashes, err := doc.Hashes()
	if err != nil {
		return nil, err
	}
	sum, err := keptSum(hashes)
	if err == nil && !bytes.HasPrefix(sum, p.sum) {
		return nil, muster.Errorf(muster.Internal, "the history in the database does not lead to the inventory that was reported")
	}
	return doc, err
}

// list is the software, sorted.
func (p *past) list() []item {
	items := make([]item, 0, len(p.items))
	for n, t := range p.items {
		items = append(items, item{n, t})
	}
	sortItems(items)
	return items
}

// keptSum is the set-hash without the sections that have no history.
func keptSum(hashes inventory.Hashes) ([]byte, error) {
	for _, name := range noHistory {
		delete(hashes, name)
	}
	return hex.DecodeString(hashes.Set())
}

// reportsSince calls f for the reports of a host that came later than at, the
// newest first, until f says that it is enough.
func reportsSince(tx *db.Tx, host, at int64, f func(number, happened int64, body []byte) (bool, error)) error {
	for below, more := int64(1)<<62, true; more; {
		type row struct {
			number, happened int64
			body             []byte
		}
		var rows []row
		err := tx.Each("SELECT number, happened, body FROM hosts_report WHERE host = ? AND number < ? AND happened > ? ORDER BY number DESC LIMIT 200",
			[]any{host, below, at}, func(scan db.Scan) error {
				rows = append(rows, row{})
				r := &rows[len(rows)-1]
				return scan(&r.number, &r.happened, &r.body)
			})
		if err != nil {
			return err
		}
		more = len(rows) == 200
		for _, r := range rows {
			below = r.number
			if ok, err := f(r.number, r.happened, r.body); err != nil || !ok {
				return err
			}
		}
	}
	return nil
}

// At returns the document of a host as it was at a time, without what has no
// history; 0 is now, with all. It is NotFound before the first report that is still known.
func (p *Part) At(ctx context.Context, name string, at int64) (doc *inventory.Document, err error) {
	h := p.h
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		r, err := p.find(tx, name)
		if err != nil {
			return err
		}
		s, err := h.readStored(tx, r.num)
		if err == nil {
			err = h.known(tx, r, 1<<62)
		}
		if err != nil {
			return err
		}
		if at == 0 {
			doc, err = h.document(tx, s.items, s.sections)
			return err
		}
		doc, err = h.at(tx, r, s, at)
		return err
	})
	return doc, err
}

func (h *Hosts) at(tx *db.Tx, r *record, s *stored, at int64) (*inventory.Document, error) {
	if err := h.known(tx, r, at); err != nil {
		return nil, err
	}
	p, err := h.newPast(s)
	if err != nil {
		return nil, err
	}
	err = reportsSince(tx, r.num, at, func(_, _ int64, body []byte) (bool, error) {
		_, err := p.back(body)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return p.document(tx)
}

// known refuses a time before the first report that is still known.
func (h *Hosts) known(tx *db.Tx, r *record, at int64) error {
	first, err := firstKnown(tx, r)
	if err == nil && at < first {
		err = muster.WithHint(muster.Errorf(muster.NotFound, "the inventory of host %q is not known so far back", r.id),
			"the oldest that is known is of %s", time.Unix(first, 0).UTC().Format(time.RFC3339))
	}
	return err
}

// firstKnown is the time of the host's first inventory that is still known.
func firstKnown(tx *db.Tx, r *record) (first int64, err error) {
	err = tx.QueryRow("SELECT first FROM hosts_inventory WHERE host = ?", r.num).Scan(&first)
	if muster.KindOf(err) == muster.NotFound {
		err = muster.Errorf(muster.NotFound, "host %q has not sent its inventory yet", r.id)
	}
	return first, err
}

// sortedNums lists the software of items, each once.
func sortedNums(lists ...[]item) []int64 {
	var nums []int64
	for _, items := range lists {
		for _, i := range items {
			nums = append(nums, i.software)
		}
	}
	slices.Sort(nums)
	return slices.Compact(nums)
}
