package hosts

import (
	"context"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
)

// A Whole is all that a host said of itself, for who writes it in another form.
type Whole struct {
	ID, Name, Agent, Unit string
	State                 api.State
	Document              *inventory.Document
	Volatile              *inventory.Volatile // nil: not known
}

// Whole reads all of a host, as of one moment. It is Unavailable while
// the host has not yet said what it has.
func (p *Part) Whole(ctx context.Context, name string) (out *Whole, err error) {
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		r, err := p.find(tx, name)
		if err != nil {
			return err
		}
		out, err = p.h.entire(tx, r)
		return err
	})
	return out, err
}

func (h *Hosts) entire(tx *db.Tx, r *record) (*Whole, error) {
	s, err := h.readStored(tx, r.num)
	if err == nil && s == nil {
		err = muster.Errorf(muster.Unavailable, "host %q has not said what it has", r.name)
	}
	if err != nil {
		return nil, err
	}
	w := &Whole{ID: r.id, Name: r.name, Unit: r.unit, State: r.state}
	var packed []byte
	err = tx.QueryRow("SELECT h.agent, f.volatile FROM hosts_host h JOIN hosts_fact f ON f.host = h.num WHERE h.num = ?", r.num).
		Scan(&w.Agent, &packed)
	if err != nil {
		return nil, err
	}
	if w.Volatile, err = h.unpackVolatile(packed); err != nil {
		return nil, err
	}
	w.Document, err = h.document(tx, s.items, s.sections)
	return w, err
}

// unpackVolatile reads what volatile.keep wrote; nil for nothing.
func (h *Hosts) unpackVolatile(packed []byte) (*inventory.Volatile, error) {
	if packed == nil {
		return nil, nil
	}
	data, err := h.unpack.DecodeAll(packed, nil)
	if err != nil {
		return nil, err
	}
	return inventory.ParseVolatile(data)
}
