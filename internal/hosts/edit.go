package hosts

import (
	"context"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
)

func noHost(name string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "there is no host %q", cut(name, 190)), "run 'muster hosts'")
}

// Edit changes what the server keeps of a host, for the person named by, and
// wakes the host where that is of interest to it.
func (p *Part) Edit(ctx context.Context, by, name string, e api.HostEdit) error {
	ed, err := newEdition(by, e)
	if err != nil {
		return err
	}
	ed.part = p
	h := p.h
	return h.write(ctx, func(tx *db.Tx) error {
		r, err := p.findToChange(tx, name)
		if err != nil {
			return err
		}
		return ed.apply(tx, r, h.Now().Unix())
	})
}

// An edition is an edit whose values were checked.
type edition struct {
	api.HostEdit
	by     string
	part   *Part
	looked bool // its groups are known to be seen
}

func newEdition(by string, e api.HostEdit) (*edition, error) {
	ed := &edition{HostEdit: e, by: cut(by, 190)}
	if e.State != nil && *e.State != api.Accepted && *e.State != api.Refused {
		return nil, muster.WithField(muster.Errorf(muster.Invalid, "a host can be %q or %q, not %q", api.Accepted, api.Refused, *e.State), "/state")
	}
	if e.Unit != nil {
		unit, err := checkUnit(*e.Unit)
		if err != nil {
			return nil, muster.WithField(err, "/unit")
		}
		ed.Unit = &unit
	}
	if e.Name != nil {
		name := cut(inventory.Text(*e.Name), 190)
		ed.Name = &name
	}
	var err error
	if ed.AddGroups, err = checkGroups(e.AddGroups); err != nil {
		return nil, muster.WithField(err, "/add-groups")
	}
	ed.RemoveGroups, err = checkGroups(e.RemoveGroups)
	return ed, muster.WithField(err, "/remove-groups")
}

// apply edits one host.
func (e *edition) apply(tx *db.Tx, r *record, now int64) error {
	if e.Name != nil {
		if err := e.rename(tx, r); err != nil {
			return err
		}
	}
	_, err := e.applyAll(tx, []*record{r}, now)
	return err
}

// rename gives a name; "" gives the host its own again.
func (e *edition) rename(tx *db.Tx, r *record) error {
	name, named := *e.Name, 1
	if name == "" {
		var fqdn string
		if err := tx.QueryRow("SELECT fqdn FROM hosts_fact WHERE host = ?", r.num).Scan(&fqdn); err != nil {
			return err
		}
		name, _, _ = strings.Cut(fqdn, ".")
		named = 0
	}
	if _, err := tx.Exec("UPDATE hosts_host SET name = ?, named = ? WHERE num = ?", name, named, r.num); err != nil {
		return err
	}
	return touch(tx, r.num)
}

// Forget removes a host and all that is known of it, but that it was forgotten,
// by whom. As long as its certificate is good, it cannot come back by that alone.
func (p *Part) Forget(ctx context.Context, by, name string) error {
	h := p.h
	return h.write(ctx, func(tx *db.Tx) error {
		r, err := p.findToChange(tx, name)
		if err != nil {
			return err
		}
		return h.forget(tx, by, h.untilExpired, r)
	})
}

// forgottenUntil is how long a host that was removed may not come back by its
// certificate; 0 for one that was not.
func forgottenUntil(tx *db.Tx, id string) (expires int64, err error) {
	return expires, tx.QueryRow("SELECT COALESCE(MAX(expires), 0) FROM hosts_forgotten WHERE id = ?", id).Scan(&expires)
}
