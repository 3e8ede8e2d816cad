package hosts

import (
	"context"
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
