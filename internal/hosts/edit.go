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
	by   string
	part *Part
}

func newEdition(by string, e api.HostEdit) (*edition, error) {
	ed := &edition{HostEdit: e, by: cut(by, 190)}
	if e.State != nil && *e.State != api.Accepted && *e.State != api.Refused {
		return nil, muster.Errorf(muster.Invalid, "a host can be %q or %q, not %q", api.Accepted, api.Refused, *e.State)
	}
	if e.Unit != nil {
		unit, err := checkUnit(*e.Unit)
		if err != nil {
			return nil, err
		}
		ed.Unit = &unit
	}
	if e.Name != nil {
		name := cut(inventory.Text(*e.Name), 190)
		ed.Name = &name
	}
	var err error
	if ed.AddGroups, err = checkGroups(e.AddGroups); err != nil {
		return nil, err
	}
	ed.RemoveGroups, err = checkGroups(e.RemoveGroups)
	return ed, err
}

func (e *edition) apply(tx *db.Tx, r *record, now int64) error {
	if e.State != nil {
		if err := e.decide(tx, r, now); err != nil {
			return err
		}
	}
	if e.Name != nil {
		if err := e.rename(tx, r); err != nil {
			return err
		}
	}
	moved := e.Unit != nil && *e.Unit != r.unit
	if moved {
		if _, err := tx.Exec("UPDATE hosts_host SET unit = ? WHERE num = ?", *e.Unit, r.num); err != nil {
			return err
		}
	}
	if err := e.regroup(tx, r); err != nil {
		return err
	}
	if moved || e.Wake {
		return nudge(tx, r.num)
	}
	return nil
}

// decide lets a host in, ends an alarm, or refuses a host.
func (e *edition) decide(tx *db.Tx, r *record, now int64) error {
	was := r.state
	if _, err := tx.Exec("UPDATE hosts_host SET alarm = '' WHERE num = ? AND alarm <> ''", r.num); err != nil {
		return err
	}
	if was == *e.State {
		return touch(tx, r.num)
	}
	if err := r.become(tx, *e.State); err != nil {
		return err
	}
	if *e.State == api.Accepted {
		if err := welcomeBack(tx, r.id, now); err != nil {
			return err
		}
	}
	what := map[api.State]string{api.Accepted: "approved", api.Refused: "refused"}[*e.State]
	return addEvent(tx, event{at: now, host: r.num, id: r.id, what: what, note: "by " + e.by + "; was " + string(was)})
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

// regroup changes memberships that people choose.
func (e *edition) regroup(tx *db.Tx, r *record) error {
	for _, name := range e.AddGroups {
		g, err := e.group(tx, name)
		if err != nil {
			return err
		}
		if err := g.chosen(); err != nil {
			return err
		}
		if err := g.add(tx, r.num); err != nil {
			return err
		}
	}
	for _, name := range e.RemoveGroups {
		g, err := e.part.visible(tx, name)
		if err != nil {
			return err
		}
		if err := g.chosen(); err != nil {
			return err
		}
		if err := g.remove(tx, r.num); err != nil {
			return err
		}
	}
	return nil
}

// group is one that a host comes into: made where there is none, by who may change
// every host; for others it has to be one that they see.
func (e *edition) group(tx *db.Tx, name string) (*group, error) {
	if e.part.change.All() {
		return needGroup(tx, name)
	}
	return e.part.visible(tx, name)
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
		return h.forget(tx, r, by, max(r.expires, h.Now().Unix()+86400))
	})
}

// forget removes a host. Until expires it cannot come back by its certificate.
func (h *Hosts) forget(tx *db.Tx, r *record, by string, expires int64) error {
	if err := leaveGroups(tx, r.num); err != nil {
		return err
	}
	var status string
	if err := tx.QueryRow("SELECT status FROM hosts_fact WHERE host = ?", r.num).Scan(&status); err != nil {
		return err
	}
	if err := total(tx, "status", status, -1); err != nil {
		return err
	}
	if err := total(tx, "state", string(r.state), -1); err != nil {
		return err
	}
	if _, err := tx.Exec("DELETE FROM hosts_touched WHERE number IN (SELECT number FROM hosts_report WHERE host = ?)", r.num); err != nil {
		return err
	}
	for _, table := range []string{"hosts_inventory", "hosts_report", "hosts_muster", "hosts_value", "hosts_event", "hosts_result", "hosts_fact", "hosts_seen"} {
		if _, err := tx.Exec("DELETE FROM "+table+" WHERE host = ?", r.num); err != nil {
			return err
		}
	}
	if _, err := tx.Exec("DELETE FROM hosts_host WHERE num = ?", r.num); err != nil {
		return err
	}
	number, err := addEvents(tx, event{at: h.Now().Unix(), id: r.id, what: "forgotten", note: "by " + by + "; was named " + r.name})
	if err != nil {
		return err
	}
	was, err := forgottenUntil(tx, r.id) // by a person, and somebody else waited under its id since
	if err != nil {
		return err
	}
	expires = max(expires, was)
	return tx.Upsert("hosts_forgotten", []string{"id"}, []string{"id", "expires", "edited"}, [][]any{{r.id, expires, number}})
}

// forgottenUntil is how long a host that was removed may not come back by its
// certificate; 0 for one that was not.
func forgottenUntil(tx *db.Tx, id string) (expires int64, err error) {
	return expires, tx.QueryRow("SELECT COALESCE(MAX(expires), 0) FROM hosts_forgotten WHERE id = ?", id).Scan(&expires)
}

// welcomeBack ends that a host was removed.
func welcomeBack(tx *db.Tx, id string, now int64) error {
	_, err := tx.Exec("UPDATE hosts_forgotten SET expires = ? WHERE id = ? AND expires > ?", now, id, now)
	return err
}

// leaveGroups ends all memberships of a host.
func leaveGroups(tx *db.Tx, host int64) error {
	if _, err := tx.Exec("UPDATE hosts_group SET hosts = hosts - 1 WHERE num IN (SELECT grp FROM hosts_member WHERE host = ?)", host); err != nil {
		return err
	}
	_, err := tx.Exec("DELETE FROM hosts_member WHERE host = ?", host)
	return err
}
