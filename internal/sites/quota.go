package sites

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"muster"
	"muster/internal/db"
)

// room refuses what a quota has no room for, beside the database's only writer: what
// it would do, and take back then, all others would wait for.
func (t *taking) room(tx *db.Tx) error {
	if err := t.roomDay(tx); err != nil || t.site == nil || t.was != nil && t.was.gone == 0 {
		return err
	}
	err := tx.QueryRow("SELECT hosts FROM sites_site WHERE num = ?", t.siteNum).Scan(&t.spent.Hosts)
	switch {
	case none(err):
		return t.errRemoved()
	case err != nil:
		return err
	case t.spent.Hosts >= t.site.Quota.Hosts:
		return t.used("of hosts")
	}
	return nil
}

// roomDay does so for what a day has room for, whatever the report brings.
func (t *taking) roomDay(tx *db.Tx) error {
	if t.site == nil {
		return nil
	}
	q, d := &t.site.Quota, &t.spent
	*d = Quota{}
	err := tx.QueryRow("SELECT reports, bytes, packages FROM sites_day WHERE site = ? AND day = ?", t.siteNum, t.day).Scan(&d.Reports, &d.Bytes, &d.Packages)
	if err != nil && !none(err) {
		return err
	}
	if d.Reports >= q.Reports || t.from.Bytes > q.Bytes-d.Bytes {
		return t.dayUsed()
	}
	return nil
}

// fullDays is how many days a year a site may bring as many new packages as a day has room
// for: a quota of days alone would let one fill the dictionary, of which nothing goes as
// long as history has it.
const fullDays = 20

// roomWords refuses more new packages than the site may bring.
func (t *taking) roomWords(tx *db.Tx) error {
	if t.site == nil {
		return nil
	}
	most, n := t.site.Quota.Packages, int64(len(t.missing))
	if n > most-t.spent.Packages {
		return t.dayUsed()
	}
	var year int64
	if err := tx.QueryRow("SELECT COALESCE(SUM(packages), 0) FROM sites_day WHERE site = ? AND day > ?", t.siteNum, t.day-366).Scan(&year); err != nil {
		return err
	}
	if (year+n-1)/fullDays >= most { // a product might overflow
		return t.used("of a year: " + strconv.Itoa(fullDays) + " times the " + strconv.FormatInt(most, 10) + " new packages of a day")
	}
	return nil
}

// charge counts against the quotas of a day.
func (t *taking) charge(tx *db.Tx, n Quota) error {
	if t.site == nil {
		return nil
	}
	q := &t.site.Quota
	r, err := tx.Exec("UPDATE sites_day SET reports = reports + ?, bytes = bytes + ?, packages = packages + ? WHERE site = ? AND day = ? AND reports <= ? AND bytes <= ? AND packages <= ?",
		n.Reports, n.Bytes, n.Packages, t.siteNum, t.day, q.Reports-n.Reports, q.Bytes-n.Bytes, q.Packages-n.Packages)
	if err = moved(r, err); !errors.Is(err, errMoved) {
		return err
	}
	var there int64
	if err := tx.QueryRow("SELECT COUNT(*) FROM sites_day WHERE site = ? AND day = ?", t.siteNum, t.day).Scan(&there); err != nil {
		return err
	}
	if there > 0 || n.Reports > q.Reports || n.Bytes > q.Bytes || n.Packages > q.Packages {
		return t.dayUsed()
	}
	return tx.Insert("sites_day", []string{"site", "day", "reports", "bytes", "packages"}, [][]any{{t.siteNum, t.day, n.Reports, n.Bytes, n.Packages}})
}

// attempt counts a report that was refused, as it took the work of reading it. One
// that waited here is no attempt of its sender: who takes those tries them again.
func (t *taking) attempt(ctx context.Context) error {
	if !t.over || t.spent.Reports >= t.site.Quota.Reports || t.waited {
		return nil
	}
	return t.s.DB.Write(ctx, func(tx *db.Tx) error { return t.charge(tx, Quota{Reports: 1}) })
}

// countHost counts a host that comes, or comes back.
func (t *taking) countHost(tx *db.Tx) error {
	if t.site == nil {
		return nil
	}
	r, err := tx.Exec("UPDATE sites_site SET hosts = hosts + 1 WHERE num = ? AND hosts < ?", t.siteNum, t.site.Quota.Hosts)
	if err = moved(r, err); !errors.Is(err, errMoved) {
		return err
	}
	there, err := findOr(tx, "SELECT num FROM sites_site WHERE num = ?", []any{t.siteNum}, func() (int64, error) { return 0, nil })
	if err == nil && there == 0 {
		return t.errRemoved()
	}
	return cmp.Or(err, t.used("of hosts"))
}

func (t *taking) dayUsed() error {
	q := &t.site.Quota
	return t.used("of a day: " + strconv.FormatInt(q.Reports, 10) + " reports, " + strconv.FormatInt(q.Bytes, 10) + " bytes, " + strconv.FormatInt(q.Packages, 10) + " new packages")
}

func (t *taking) used(what string) error {
	t.over = true
	return muster.WithHint(muster.Errorf(muster.Busy, "site %q has used up its quota %s", t.site.Name, what), "those who run the collector can raise it")
}
