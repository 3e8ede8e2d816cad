package hosts

import (
	"context"
	"encoding/json"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// How long counts of hosts are kept: a row an hour, and a row a day.
const (
	keepHours = 7 * 24 * time.Hour
	keepDays  = 366 * 24 * time.Hour
)

// keepTrend counts the hosts once an hour, whichever server of the database comes first,
// and as soon as one runs in it. The row of a day is that of its last hour.
func (h *Hosts) keepTrend(ctx context.Context) error {
	now := h.Now().UTC()
	hour := now.Truncate(time.Hour)
	if hour.Equal(h.trended) {
		return nil
	}
	point := api.TrendPoint{Time: now.Unix()}
	spreads, err := h.countAll(ctx, &point)
	if err != nil {
		return err
	}
	err = h.DB.Write(ctx, func(tx *db.Tx) error {
		kept, err := putTrend(tx, hour, &point)
		if err != nil || !kept {
			return err
		}
		return putSpreads(tx, hour, spreads, now)
	})
	if err != nil {
		return err
	}
	h.trended = hour
	return nil
}

// countAll counts the hosts, and those of versions.
func (h *Hosts) countAll(ctx context.Context, point *api.TrendPoint) (spreads []*spread, err error) {
	rolling, err := h.rolling(ctx)
	if err != nil {
		return nil, err
	}
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		chosen, err := chosenSpreads(tx)
		if err != nil {
			return err
		}
		return h.ask(tx, func(q *inquiry) error {
			q.count(point)
			spreads = counted(q.spreads(), chosen, rolling)
			return nil
		})
	})
	return spreads, err
}

// count counts all hosts.
func (q *inquiry) count(p *api.TrendPoint) {
	p.Status = map[muster.Status]int{}
	for _, s := range q.textsOf("f.status", q.here) {
		p.Hosts++
		status := muster.Status(s)
		if s != "" {
			p.Status[status]++
		}
		switch status {
		case muster.Error:
			p.Errors++
		case muster.NeedInstall, muster.NeedUpgrade, muster.NeedDowngrade, muster.NeedRemove:
			p.Change++
		}
	}
	p.Online = q.online()
}

// online counts the hosts that hold a connection to this server, or are not overdue.
func (q *inquiry) online() (n int) {
	q.h.mu.Lock()
	defer q.h.mu.Unlock()
	for place := range q.here.all() {
		e := q.h.byNum[q.nums[place]]
		if e == nil {
			continue
		}
		seen, due := e.seen, e.due
		if other := q.numbers["seen"][place]; other > seen { // by another server
			seen, due = other, 0
		}
		if e.held > 0 || q.h.expected(e, seen, due) {
			n++
		}
	}
	return n
}

// putTrend keeps what was counted, unless another server has in the same hour, and ends
// what is old.
func putTrend(tx *db.Tx, hour time.Time, p *api.TrendPoint) (kept bool, err error) {
	var there int
	err = tx.QueryRow("SELECT COUNT(*) FROM hosts_trend WHERE span = 'hour' AND began = ?", hour.Unix()).Scan(&there)
	if err != nil || there > 0 {
		return false, err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return false, err
	}
	err = tx.Upsert("hosts_trend", []string{"span", "began"}, []string{"span", "began", "body"},
		[][]any{{"hour", hour.Unix(), body}, {"day", hour.Truncate(24 * time.Hour).Unix(), body}})
	if err != nil {
		return false, err
	}
	_, err = tx.Exec("DELETE FROM hosts_trend WHERE span = 'hour' AND began < ? OR span = 'day' AND began < ?",
		hour.Add(-keepHours).Unix(), hour.Add(-keepDays).Unix())
	return true, err
}

// Trend is how many hosts there were since a time, the oldest first.
func (h *Hosts) Trend(ctx context.Context, from int64) (out api.Trend, err error) {
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.Trend{Hours: []api.TrendPoint{}, Days: []api.TrendPoint{}}
		return tx.Each("SELECT span, body FROM hosts_trend WHERE began >= ? ORDER BY span, began", []any{from}, func(scan db.Scan) error {
			var span string
			var body []byte
			if err := scan(&span, &body); err != nil {
				return err
			}
			list := &out.Hours
			if span == "day" {
				list = &out.Days
			}
			*list = append(*list, api.TrendPoint{})
			return readJSON("a count of hosts", body, &(*list)[len(*list)-1])
		})
	})
	return out, err
}
