package hosts

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"

	"muster"
	"muster/api"
	"muster/internal/canon"
	"muster/internal/db"
	"muster/inventory"
)

// A stored is the document of a host as the database has it.
type stored struct {
	sum      []byte // set-hash
	kept     []byte // the same without sections that have no history
	items    []item
	sections []byte // JSON of the document without packages
}

// readStored reads what is stored of a host; nil without an inventory.
func (h *Hosts) readStored(tx *db.Tx, host int64) (*stored, error) {
	var s stored
	var items, sections []byte
	err := tx.QueryRow("SELECT sum, kept, software, sections FROM hosts_inventory WHERE host = ?", host).Scan(&s.sum, &s.kept, &items, &sections)
	if muster.KindOf(err) == muster.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.items, err = unpackItems(items); err != nil {
		return nil, err
	}
	s.sections, err = h.unpack.DecodeAll(sections, nil)
	return &s, err
}

// document puts a document together.
func (h *Hosts) document(tx *db.Tx, items []item, sections []byte) (*inventory.Document, error) {
	d := inventory.New()
	if err := readJSON("an inventory", sections, d); err != nil {
		return nil, err
	}
	nums := make([]int64, len(items))
	for i, it := range items {
		nums[i] = it.software
	}
	words, err := h.words.words(tx, nums)
	if err != nil {
		return nil, err
	}
	rows := map[string][]inventory.Package{}
	for _, it := range items {
		w := words[it.software]
		p := w.Package
		p.Installed = it.installed
		rows[w.source] = append(rows[w.source], p)
	}
	for source := range rows {
		rows[source] = inventory.SortPackages(rows[source])
	}
	if len(rows) > 0 {
		d.Packages = rows
	}
	return d, nil
}

// sectionsOf encodes a document without its packages.
func sectionsOf(d *inventory.Document) ([]byte, error) {
	rest := *d
	rest.Packages = nil
	return canon.Marshal(&rest)
}

// PutInventory takes a document ([api.TypeDocument]) or a delta ([api.TypeDelta])
// of the caller. What it names as kept is on disk. A report that comes again, or
// late, changes nothing: it is the document that counts, not the report.
func (h *Hosts) PutInventory(ctx context.Context, c *Caller, kind string, data []byte) (api.InventoryTaken, error) {
	if err := h.beginReport(c); err != nil {
		return api.InventoryTaken{}, err
	}
	defer h.endReport(c)
	// A document of 32 MiB takes some 250 MiB while it is taken apart.
	weight := min(int64(len(data))*8, maxWeight)
	if err := h.weight.Acquire(ctx, weight); err != nil {
		return api.InventoryTaken{}, muster.WithKind(muster.Unavailable, err)
	}
	defer h.weight.Release(weight)
	r := report{h: h, c: c}
	var err error
	switch kind {
	case api.TypeDocument:
		r.doc, err = inventory.Parse(data)
	case api.TypeDelta:
		r.delta, err = inventory.ParseDelta(data)
	default:
		err = muster.Errorf(muster.Invalid, "%q is no type of an inventory", cut(kind, 100))
	}
	if err != nil {
		return api.InventoryTaken{}, err
	}
	// Another report of the same host may come between reading and writing.
	for range 3 {
		var out api.InventoryTaken
		if out, err = r.put(ctx); !errors.Is(err, errMoved) {
			return out, err
		}
	}
	return api.InventoryTaken{}, muster.Errorf(muster.Busy, "host %q sends several inventories at once", c.id)
}

// maxWeight bounds the memory that inventories take at once, in bytes, roughly.
const maxWeight = 256 << 20

// beginReport lets one report of a host in at a time: a host cannot fill memory
// with small deltas of a large document.
func (h *Hosts) beginReport(c *Caller) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.e.state != api.Accepted {
		// Two machines would write history in turns.
		return muster.Errorf(muster.Conflict, "host %q keeps its inventory until a person says which machine it is", c.id)
	}
	if c.e.reporting {
		return muster.Errorf(muster.Busy, "host %q sends several inventories at once", c.id)
	}
	c.e.reporting = true
	return nil
}

func (h *Hosts) endReport(c *Caller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.e.reporting = false
}

// errMoved is that the stored document is not the one that was read.
var errMoved = errors.New("the inventory changed meanwhile")

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
		w := &r.words[i]
		r.h.words.put(w.sum, &w.software)
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
	if err := haveSoftware(tx, r.c.num, added, removed); err != nil {
		return err
	}
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

// haveSoftware keeps hosts_has, the counts with it. An item in both lists has
// another time, and is had before and after.
func haveSoftware(tx *db.Tx, host int64, added, removed []item) error {
	gained, lost := diffNums(added, removed)
	rows := make([][]any, len(gained))
	for i, n := range gained {
		rows[i] = []any{n, host}
	}
	if err := tx.Insert("hosts_has", []string{"software", "host"}, rows); err != nil {
		return err
	}
	if err := inChunks(gained, func(in string, nums []any) error {
		_, err := tx.Exec("UPDATE hosts_count SET hosts = hosts + 1 WHERE software IN "+in, nums...)
		return err
	}); err != nil {
		return err
	}
	return inChunks(lost, func(in string, nums []any) error {
		if _, err := tx.Exec("UPDATE hosts_count SET hosts = hosts - 1 WHERE software IN "+in, nums...); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM hosts_has WHERE software IN "+in+" AND host = ?", append(nums, host)...)
		return err
	})
}

// diffNums leaves out the numbers that both sorted lists have.
func diffNums(added, removed []item) (gained, lost []any) {
	both := map[int64]bool{}
	for _, i := range removed {
		both[i.software] = true
	}
	for _, i := range added {
		if both[i.software] {
			delete(both, i.software)
			continue
		}
		gained = append(gained, i.software)
	}
	for _, i := range removed {
		if both[i.software] {
			lost = append(lost, i.software)
		}
	}
	return gained, lost
}

// inChunks calls f with as many values as one IN takes.
func inChunks(nums []any, f func(in string, nums []any) error) error {
	for len(nums) > 0 {
		n := min(len(nums), chunk)
		if err := f(db.In(n), nums[:n:n]); err != nil {
			return err
		}
		nums = nums[n:]
	}
	return nil
}
