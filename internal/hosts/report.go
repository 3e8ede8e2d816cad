package hosts

import (
	"bytes"
	"context"
	"encoding/hex"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
)

// A report is an inventory on its way into the database.
type report struct {
	h     *Hosts
	c     *Caller
	delta *inventory.Delta
	doc   *inventory.Document // what comes out

	base     *stored // nil: there is none
	sum      []byte  // set-hash of doc
	kept     []byte
	sections []byte
	words    []wordOf
	missing  []*wordOf
	patch    patch // back to base
	changed  bool  // sections
	facts    facts
	values   [][2]string
}

// put stores the report, or finds that nothing is to be stored.
func (r *report) put(ctx context.Context) (api.InventoryTaken, error) {
	answer, done, err := r.prepare(ctx)
	if err != nil || done {
		return answer, err
	}
	if err := r.h.write(ctx, r.store); err != nil {
		return api.InventoryTaken{}, err
	}
	for i := range r.words {
		w := r.words[i].software // a copy: a pointer into words would keep the whole report
		r.h.words.put(r.words[i].sum, &w)
	}
	return api.InventoryTaken{Set: hexSum(r.sum)}, nil
}

// prepare does beside the database's only writer what can be done beside it.
func (r *report) prepare(ctx context.Context) (answer api.InventoryTaken, done bool, err error) {
	err = r.h.DB.Read(ctx, func(tx *db.Tx) error {
		var err error
		if r.base, err = r.h.readStored(tx, r.c.num); err != nil {
			return err
		}
		if r.delta != nil {
			if answer, done, err = r.apply(tx); err != nil || done {
				return err
			}
		}
		if err := r.hash(); err != nil {
			return err
		}
		if r.base != nil && bytes.Equal(r.sum, r.base.sum) {
			answer, done = api.InventoryTaken{Set: hexSum(r.sum)}, true
			return nil
		}
		if r.words, err = wordsOf(r.doc); err != nil {
			return err
		}
		r.missing, err = r.h.words.resolve(tx, r.words)
		return err
	})
	if err != nil || done {
		return answer, done, err
	}
	if r.sections, err = sectionsOf(r.doc); err != nil {
		return answer, false, err
	}
	r.changed = r.base == nil || !bytes.Equal(r.sections, r.base.sections)
	r.facts, r.values = factsOf(r.doc), valuesOf(r.doc)
	if r.base != nil {
		r.patch.sections, err = diffSections(r.base.sections, r.sections)
	}
	return answer, false, err
}

// hash finds out the set-hash. Apply has held that of a delta to be as promised.
func (r *report) hash() (err error) {
	if r.delta != nil && len(r.doc.Status) == 0 {
		r.sum, err = hex.DecodeString(r.delta.Result)
		r.kept = r.sum
		return err
	}
	hashes, err := r.doc.Hashes()
	if err != nil {
		return err
	}
	if r.sum, err = hex.DecodeString(hashes.Set()); err != nil {
		return err
	}
	r.kept, err = keptSum(hashes)
	return err
}

// apply makes the document that the delta promises. One that cannot be applied
// is answered by asking for the whole: so a host that lost its way finds back.
func (r *report) apply(tx *db.Tx) (answer api.InventoryTaken, done bool, err error) {
	if r.base == nil {
		return api.InventoryTaken{Send: api.SendWhole}, true, nil
	}
	has := hexSum(r.base.sum)
	switch has {
	case r.delta.Result: // came before
		return api.InventoryTaken{Set: has}, true, nil
	case r.delta.Base:
	default:
		return api.InventoryTaken{Set: has, Send: api.SendWhole}, true, nil
	}
	was, err := r.h.document(tx, r.base.items, r.base.sections)
	if err != nil {
		return answer, false, err
	}
	if r.doc, err = r.delta.Apply(was); err != nil {
		return api.InventoryTaken{Set: has, Send: api.SendWhole}, true, nil
	}
	return answer, false, nil
}

// store writes the report, in the transaction that has the database for itself.
func (r *report) store(tx *db.Tx) error {
	var sum []byte
	err := tx.QueryRow("SELECT sum FROM hosts_inventory WHERE host = ?", r.c.num).Scan(&sum)
	if err != nil && muster.KindOf(err) != muster.NotFound {
		return err
	}
	if r.base == nil && sum != nil || r.base != nil && !bytes.Equal(sum, r.base.sum) {
		return errMoved
	}
	if err := r.c.act(tx); err != nil {
		return err
	}
	if err := r.number(tx); err != nil {
		return err
	}
	items := make([]item, len(r.words))
	for i, w := range r.words {
		items[i] = item{w.software.num, w.installed}
	}
	sortItems(items)
	var was []item
	if r.base != nil {
		was = r.base.items
	}
	added, removed := diffItems(was, items)
	if err := r.keepHistory(tx, added, removed); err != nil {
		return err
	}
	if err := r.keepDocument(tx, items); err != nil {
		return err
	}
	if err := r.keepFacts(tx); err != nil {
		return err
	}
	return touch(tx, r.c.num)
}

// number gives numbers to software that has none yet. Another report may have
// brought it since prepare looked; and a transaction that is run again begins anew.
func (r *report) number(tx *db.Tx) error {
	if len(r.missing) == 0 {
		return nil
	}
	for _, w := range r.missing {
		w.software.num = 0
	}
	var missing []*wordOf
	for all := r.missing; len(all) > 0; {
		n := min(len(all), chunk)
		if err := findWords(tx, all[:n]); err != nil {
			return err
		}
		for _, w := range all[:n] {
			if w.software.num == 0 {
				missing = append(missing, w)
			}
		}
		all = all[n:]
	}
	return insertWords(tx, missing)
}

// keepDocument replaces the stored document.
func (r *report) keepDocument(tx *db.Tx, items []item) error {
	sections := r.h.pack.EncodeAll(r.sections, nil)
	if r.base != nil {
		_, err := tx.Exec("UPDATE hosts_inventory SET sum = ?, kept = ?, changed = ?, software = ?, sections = ? WHERE host = ?",
			r.sum, r.kept, r.c.at.Unix(), appendItems(nil, items), sections, r.c.num)
		return err
	}
	return tx.Insert("hosts_inventory", []string{"host", "sum", "kept", "first", "changed", "software", "sections"},
		[][]any{{r.c.num, r.sum, r.kept, r.c.at.Unix(), r.c.at.Unix(), appendItems(nil, items), sections}})
}

// keepFacts replaces what is searched for.
func (r *report) keepFacts(tx *db.Tx) error {
	if !r.changed {
		return nil
	}
	var known string
	if err := tx.QueryRow("SELECT fqdn FROM hosts_fact WHERE host = ?", r.c.num).Scan(&known); err != nil {
		return err
	}
	f := r.facts
	if n := len(f.fqdn); len(known) > n && known[:n] == f.fqdn && (n == 0 || known[n] == '.') {
		f.fqdn = known // the host said more of its name when it enrolled
	}
	if err := f.update(tx, r.c.num); err != nil {
		return err
	}
	if f.hostname != "" {
		if _, err := tx.Exec("UPDATE hosts_host SET name = ? WHERE num = ? AND named = 0", f.hostname, r.c.num); err != nil {
			return err
		}
	}
	if err := replaceValues(tx, r.c.num, []any{"ip", "mac", "user"}, r.values); err != nil {
		return err
	}
	return replaceMuster(tx, r.c.num, musterRows(r.c.num, r.doc))
}
