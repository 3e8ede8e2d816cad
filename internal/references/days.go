package references

import (
	"context"
	"time"

	"muster/api"
	"muster/internal/db"
)

const (
	day       = 24 * 60 * 60
	countEach = 60 // seconds between two writes of counts
	maxDays   = 20_000
)

type dayKey struct{ list, site string }

// A dayRow is how the hosts of a site stand to a list.
type dayRow struct {
	day, revision, hosts, fit int64
	rows                      wide
}

// same reports whether o says the same, whenever.
func (d dayRow) same(o dayRow) bool {
	return d.revision == o.revision && d.hosts == o.hosts && d.fit == o.fit && d.rows == o.rows
}

// count writes what changed since it was counted last: soon after a change, and not
// each of many. Who calls has the turn.
func (r *References) count(ctx context.Context) error {
	now := r.Now().Unix()
	if !r.dirty || r.written != nil && now < r.counted+countEach && now/day == r.counted/day {
		return nil
	}
	if r.written == nil {
		written, err := r.readCounts(ctx)
		if err != nil {
			return err
		}
		r.written = written
	}
	rows := make(map[dayKey]dayRow)
	for name, v := range r.views {
		r.countView(rows, name, v, now/day)
	}
	for k, was := range r.written { // a site that has no hosts any more
		if _, ok := rows[k]; !ok && r.views[k.list] != nil && was.hosts > 0 {
			rows[k] = dayRow{day: now / day, revision: r.views[k.list].revision}
		}
	}
	for k, row := range rows {
		if was, ok := r.written[k]; ok && was.same(row) {
			delete(rows, k)
		}
	}
	if err := r.writeCounts(ctx, rows); err != nil {
		return err
	}
	for k, row := range rows {
		r.written[k] = row
	}
	r.counted, r.dirty = now, false
	return nil
}

func (r *References) countView(rows map[dayKey]dayRow, name string, v *view, today int64) {
	for _, m := range r.fleet.hosts {
		if !v.covers(m) {
			continue
		}
		k := dayKey{name, m.site}
		row := rows[k]
		row.day, row.revision = today, v.revision
		t := &v.outcomes[m.state.number].tally
		row.rows.add(t, 1)
		if row.hosts++; t[unfit] == 0 {
			row.fit++
		}
		rows[k] = row
	}
}

var dayColumns = []string{"list", "site", "day", "revision", "hosts", "fit", "unfit", "behind", "equal", "ahead", "missing", "unexpected", "expired"}

func (r *References) writeCounts(ctx context.Context, rows map[dayKey]dayRow) error {
	if len(rows) == 0 {
		return nil
	}
	values := make([][]any, 0, len(rows))
	for k, row := range rows {
		value := []any{k.list, k.site, row.day, row.revision, row.hosts, row.fit}
		for _, n := range row.rows {
			value = append(value, n)
		}
		values = append(values, value)
	}
	return r.DB.Write(ctx, func(tx *db.Tx) error {
		return tx.Upsert("references_day", []string{"list", "site", "day"}, dayColumns, values)
	})
}

const selectDays = "SELECT list, site, day, revision, hosts, fit, unfit, behind, equal, ahead, missing, unexpected, expired FROM references_day d WHERE "

func eachDay(tx *db.Tx, where string, args []any, f func(k dayKey, row dayRow)) error {
	return tx.Each(selectDays+where, args, func(scan db.Scan) error {
		var k dayKey
		var d dayRow
		w := &d.rows
		err := scan(&k.list, &k.site, &d.day, &d.revision, &d.hosts, &d.fit, &w[0], &w[1], &w[2], &w[3], &w[4], &w[5], &w[6])
		if err == nil {
			f(k, d)
		}
		return err
	})
}

// readCounts reads the newest counts of every list and site.
func (r *References) readCounts(ctx context.Context) (map[dayKey]dayRow, error) {
	var all map[dayKey]dayRow
	err := r.DB.Read(ctx, func(tx *db.Tx) error {
		all = map[dayKey]dayRow{}
		return eachDay(tx, "day = (SELECT max(day) FROM references_day e WHERE e.list = d.list AND e.site = d.site)", nil, func(k dayKey, row dayRow) { all[k] = row })
	})
	return all, err
}

// Days tells how sites stood to a list over time: a row for each day, from one to
// another, on which something changed; on the first day how it was. The days are in
// Unix seconds; to 0 is today.
func (r *References) Days(ctx context.Context, name string, from, to int64, sight Sight) (out api.ReferenceDays, err error) {
	if to == 0 {
		to = r.Now().Unix()
	}
	from, to = from/day, to/day
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.ReferenceDays{Reference: name}
		if last, err := newest(tx, name); err != nil || last == nil {
			if err == nil {
				err = None(name)
			}
			return err
		}
		take := func(k dayKey, row dayRow) {
			if len(out.Days) < maxDays && (k.site == "" && sight.Agent == nil || k.site != "" && sight.sees(k.site, "")) {
				row.day = max(row.day, from)
				out.Days = append(out.Days, row.about(k.site))
			}
		}
		err := eachDay(tx, "list = ? AND day = (SELECT max(day) FROM references_day e WHERE e.list = d.list AND e.site = d.site AND e.day <= ?) ORDER BY site", []any{name, from}, take)
		if err != nil {
			return err
		}
		return eachDay(tx, "list = ? AND day > ? AND day <= ? ORDER BY day, site", []any{name, from, to}, take)
	})
	return out, err
}

func (d dayRow) about(site string) api.ReferenceDay {
	return api.ReferenceDay{Day: time.Unix(d.day*day, 0).UTC().Format(time.DateOnly), Site: site, Revision: d.revision, Hosts: d.hosts, Fit: d.fit, Counts: d.rows.counts()}
}
