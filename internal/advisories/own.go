package advisories

import (
	"context"
	"encoding/json"
	"slices"

	"muster"
	"muster/advisory"
	"muster/internal/db"
	"muster/internal/sites"
	"muster/sitereport"
)

// A host is judged by its packages, and by what runs on it and is of none of them: the
// system of FreeBSD, a kernel whose package was replaced. No row of the dictionary
// stands for that, so nothing is stored of it but what the host's group has in all.

// What a group has that its packages alone do not tell.
const (
	apartAdrift int64 = 1 // none of its kernels runs: none is idle
	apartOwn    int64 = 2 // something is judged that is of no package
)

// A whole is a host as advisories see it, beside its packages.
type whole struct {
	advisory.Kernels
	own []*ownRow
}

func (w *whole) apart() (n int64) {
	if w.Adrift {
		n |= apartAdrift
	}
	if len(w.own) > 0 {
		n |= apartOwn
	}
	return n
}

// An ownRow is what runs on hosts, as if it were a row of the dictionary.
type ownRow struct {
	counted
	all  []finding
	note string
}

type ownKey struct {
	id, version, name string // of the system of rows
	own               advisory.Own
}

// stateOf is the state of a host by which it is of a group.
func stateOf(h *sites.Host) string {
	state := h.State()
	for _, p := range advisory.Base(h.System) {
		state += " " + p.Version
	}
	return cut(state, 250)
}

// A machine is the system of a host as it was reported, and that of its rows, by which
// it is known whose advisories speak of it: what decides must be the same for both.
type machine struct{ is, rows sitereport.System }

func machineOf(h *sites.Host) machine { return machine{h.System, h.RowsSystem()} }

// noMachine runs no kernel that is known: each may be the one.
var noMachine machine

// whole looks at a host that has some rows.
func (c *counter) whole(tx *db.Tx, m machine, ids []int64) (w whole, err error) {
	if err := c.readKernels(tx, ids); err != nil {
		return w, err
	}
	p := c.a.Systems.Of(m.rows.ID, m.rows.Version, m.rows.Name)
	w.Kernels = advisory.KernelsOf(m.is, p, func(yield func(sitereport.Package) bool) {
		for _, id := range ids {
			if k := c.kernels[id]; k != nil && !yield(*k) {
				return
			}
		}
	})
	for _, o := range w.Own {
		row, err := c.ownRow(tx, m.rows, o, w.Adrift)
		if err != nil {
			return w, err
		}
		w.own = append(w.own, row)
	}
	return w, nil
}

// ownRow judges what runs, once for all hosts whose rows have a system and on which it does.
func (c *counter) ownRow(tx *db.Tx, system sitereport.System, o advisory.Own, adrift bool) (*ownRow, error) {
	key := ownKey{system.ID, system.Version, system.Name, o}
	if had := c.own[key]; had != nil {
		return had, nil
	}
	k := sites.Known{System: sitereport.System{ID: key.id, Version: key.version, Name: key.name}, Package: o.Package}
	judged, err := c.a.judge(tx, []sites.Known{k})
	if err != nil {
		return nil, err
	}
	row := &ownRow{counted: counted{knownRow: c.a.knownRow(k)}, all: judged[0].found}
	row.Package.Version = o.As
	if adrift {
		row.note = advisory.NoteRuns
	}
	for _, f := range row.all {
		row.found = append(row.found, marked{f.advisory, markOf(&f)})
	}
	c.own[key] = row
	return row, nil
}

// readKernels has the counter know which rows hold kernels, whether something is found
// in them or not.
func (c *counter) readKernels(tx *db.Tx, ids []int64) error {
	var ask []int64
	for _, id := range ids {
		if _, there := c.kernels[id]; !there {
			ask = append(ask, id)
			c.kernels[id] = nil
		}
	}
	for part := range slices.Chunk(ask, someIDs) {
		rows, err := knownRows(tx, "SELECT body FROM advisories_kernel WHERE known IN "+db.In(len(part)), anys(part)...)
		if err != nil {
			clear(c.kernels)
			return err
		}
		for i := range rows {
			c.kernels[rows[i].ID] = &rows[i].Package
		}
	}
	return nil
}

// keepKernel keeps a row that holds a kernel.
func (p *patch) keepKernel(k *sites.Known) {
	if !advisory.MayRun(k.Package) {
		return
	}
	body, err := json.Marshal(k)
	if err == nil { // texts and numbers
		p.kernels = append(p.kernels, []any{k.ID, body})
	}
}

// aside are the hosts of groups that have more than their packages tell.
type aside struct {
	adrift map[int64]bool // hosts
	own    []int64        // hosts that one of some advisories may concern by what runs
}

// readAside has the counter know them.
func (c *counter) readAside(tx *db.Tx, nums map[int64]bool) error {
	c.aside = aside{adrift: map[int64]bool{}}
	var groups []int64
	err := tx.Each("SELECT num, apart, body FROM advisories_group WHERE apart > 0", nil, func(scan db.Scan) error {
		var num, apart int64
		var body []byte
		if err := scan(&num, &apart, &body); err != nil || apart&apartOwn == 0 {
			return err
		}
		list, err := decodeTally(body)
		if slices.ContainsFunc(list, func(m marked) bool { return nums[m.num] }) {
			groups = append(groups, num)
		}
		return err
	})
	if err != nil {
		return err
	}
	adrift, err := numbers(tx, "SELECT h.host FROM advisories_group g JOIN advisories_host h ON h.grp = g.num WHERE g.apart IN (?, ?)", apartAdrift, apartAdrift|apartOwn)
	for _, host := range adrift {
		c.aside.adrift[host] = true
	}
	for part := range slices.Chunk(groups, someIDs) {
		if err != nil {
			return err
		}
		var hosts []int64
		hosts, err = numbers(tx, "SELECT host FROM advisories_host WHERE grp IN "+db.In(len(part))+" ORDER BY host", anys(part)...)
		c.aside.own = append(c.aside.own, hosts...)
	}
	return err
}

// eachAside calls f with every host that one of some advisories concerns by what runs on
// it, and is not ignored there.
func (a *Advisories) eachAside(ctx context.Context, c *counter, see []string, nums map[int64]bool, f func(*sites.Host, *ownRow, *finding)) error {
	for _, host := range c.aside.own {
		ids, h, err := a.Fleet.HostRows(ctx, host)
		if muster.KindOf(err) == muster.NotFound || err == nil && !seen(see, h.Site) {
			continue
		}
		if err != nil {
			return err
		}
		var w whole
		err = a.DB.Read(ctx, func(tx *db.Tx) error {
			w, err = c.whole(tx, machineOf(&h), ids)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range w.own {
			for i := range o.all {
				if !nums[o.all[i].advisory] {
					continue
				}
				if why, _ := c.ignored.why(h.Site, o.knownRow, o.all[i].advisory); why == nil {
					f(&h, o, &o.all[i])
				}
			}
		}
	}
	return nil
}

// idle reports whether a row is of a kernel that does not run on a host; see readAside.
func (c *counter) idle(h *sites.Host, r *counted) bool {
	if !r.kernel {
		return false
	}
	kernel, runs := advisory.Kernel(h.System, r.Package)
	return kernel && !runs && !(c.aside.adrift[h.ID] && advisory.MayRun(r.Package))
}

// soilOwn has groups counted anew of which no row of the dictionary tells that what is
// published about what runs there has changed.
func soilOwn(tx *db.Tx) error {
	_, err := tx.Exec("UPDATE advisories_group SET stale = 1 WHERE stale = 0 AND apart >= ?", apartOwn)
	return err
}
