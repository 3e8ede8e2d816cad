package hosts

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
	"muster/sign"
)

// Detail returns all about one host but its inventory.
func (p *Part) Detail(ctx context.Context, name string) (out api.HostDetail, err error) {
	h := p.h
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.HostDetail{}
		r, err := p.find(tx, name)
		if err != nil {
			return err
		}
		return (&detail{h, r, &out}).read(tx)
	})
	return out, err
}

// A detail is the answer of Detail in the making.
type detail struct {
	h   *Hosts
	r   *record
	out *api.HostDetail
}

func (d *detail) read(tx *db.Tx) error {
	err := tx.Each("SELECT "+hostColumns+hostTables+" WHERE h.num = ?", []any{d.r.num}, func(scan db.Scan) (err error) {
		_, d.out.Host, err = d.h.scanHost(scan)
		return err
	})
	if err != nil {
		return err
	}
	for _, part := range []func(*db.Tx) error{d.identity, d.inventory, d.installed, d.memberships} {
		if err := part(tx); err != nil {
			return err
		}
	}
	return d.presence(tx)
}

func (d *detail) identity(tx *db.Tx) error {
	var token int64
	var cert, facts, summary []byte
	var alarm string
	err := tx.QueryRow("SELECT h.cert, h.token, h.facts, h.alarm, f.summary FROM hosts_host h JOIN hosts_fact f ON f.host = h.num WHERE h.num = ?", d.r.num).
		Scan(&cert, &token, &facts, &alarm, &summary)
	if err != nil {
		return err
	}
	d.out.Key, d.out.Expires = fingerprint(d.r.spki), d.r.expires
	if token > 0 {
		d.out.Token = strconv.FormatInt(token, 10)
	}
	if alarm != "" {
		d.out.Alarms = append(d.out.Alarms, alarm)
	}
	if cert != nil {
		c, err := readCertificate(cert)
		if err != nil {
			return err
		}
		d.out.Certificate = string(sign.EncodeCerts(c))
	}
	if summary != nil {
		d.out.Summary = new(api.Summary)
		if err := readJSON("a summary", summary, d.out.Summary); err != nil {
			return err
		}
	}
	return readJSON("facts", facts, &d.out.Facts)
}

func (d *detail) inventory(tx *db.Tx) error {
	var sum []byte
	err := tx.QueryRow("SELECT sum, changed FROM hosts_inventory WHERE host = ?", d.r.num).Scan(&sum, &d.out.Inventory)
	if muster.KindOf(err) == muster.NotFound {
		return nil
	}
	d.out.Set = hexSum(sum)
	return err
}

// installed lists the packages of the machine with their status, and those that should be
// there: of its own root, and of areas.
func (d *detail) installed(tx *db.Tx) error {
	s, err := d.h.readStored(tx, d.r.num)
	if err != nil || s == nil {
		return err
	}
	var doc inventory.Document
	if err := readJSON("an inventory", s.sections, &doc); err != nil {
		return err
	}
	for _, p := range packagesOf(&doc) {
		p.Root = p.root // one of people, or of an agent that is none of the whole machine
		d.out.Installed = append(d.out.Installed, p.InstalledPackage)
	}
	return nil
}

// memberships are those that the next check-in will tell.
func (d *detail) memberships(*db.Tx) error {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	if e := d.h.byNum[d.r.num]; e != nil {
		p, _ := d.h.policy(e)
		d.out.Memberships = p.Memberships
	}
	return nil
}

// presence adds the alarms that come and go by themselves.
func (d *detail) presence(tx *db.Tx) error {
	var e entry
	var stale int
	err := tx.QueryRow("SELECT seen, skew, serial, stale FROM hosts_seen WHERE host = ?", d.r.num).Scan(&e.seen, &e.skew, &e.serial, &stale)
	if err != nil {
		return err
	}
	e.stale = stale != 0
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	if m := d.h.byNum[d.r.num]; m != nil && m.seen >= e.seen {
		e.skew, e.serial, e.stale = m.skew, m.serial, m.stale
	}
	if s := time.Duration(e.skew) * time.Second; s.Abs() >= time.Minute {
		d.out.Alarms = append(d.out.Alarms, fmt.Sprintf("its clock is off by %s", s))
	}
	if e.stale {
		d.out.Alarms = append(d.out.Alarms, fmt.Sprintf("it believes no head of the repository newer than serial %d, and that has expired", e.serial))
	}
	return nil
}
