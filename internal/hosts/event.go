package hosts

import (
	"context"
	"database/sql"
	"muster/api"
	"muster/internal/db"
)

// An event is something that happened to a host.
type event struct {
	at     int64
	host   int64
	id     string
	what   string
	failed bool
	note   string
	result []byte // zstd of JSON of api.Result
}

func addEvent(tx *db.Tx, e event) error {
	_, err := addEvents(tx, e)
	return err
}

// addEvents numbers events and returns the first number.
func addEvents(tx *db.Tx, all ...event) (int64, error) {
	n, err := tx.Next("hosts_number", "change", int64(len(all)))
	if err != nil {
		return 0, err
	}
	rows := make([][]any, len(all))
	for i, e := range all {
		rows[i] = []any{n + int64(i), e.at, e.host, e.id, e.what, bit(e.failed), cut(e.note, 500), e.result}
	}
	return n, tx.Insert("hosts_event", []string{"number", "happened", "host", "id", "what", "failed", "note", "result"}, rows)
}

// Events lists what hosts did and what happened to them: the newest first, or
// after a number the oldest first, for whoever follows. They are fewer than q.Limit
// where more would be larger than a page may be.
func (p *Part) Events(ctx context.Context, q api.EventQuery) (out api.EventPage, err error) {
	q.Limit = limited(q.Limit)
	h := p.h
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		out.Events = []api.Event{}
		where, args, err := p.eventFilter(tx, q)
		if err != nil {
			return err
		}
		order := "DESC"
		if q.Since > 0 {
			order = "ASC"
		}
		room := page{left: maxPage}
		return room.read(tx, `SELECT e.number, e.happened, e.id, h.name, e.what, e.note, e.result
			FROM hosts_event e LEFT JOIN hosts_host h ON h.num = e.host WHERE `+where+` ORDER BY e.number `+order+` LIMIT ?`,
			append(args, q.Limit), func(scan db.Scan) error {
				e, size, err := h.scanEvent(scan)
				if err == nil {
					err = room.take(size)
				}
				if err == nil {
					out.Events = append(out.Events, e)
				}
				return err
			})
	})
	return out, err
}

// eventFilter leaves out events of hosts that may not be seen, and, for who may not see
// all, of those that are gone.
func (p *Part) eventFilter(tx *db.Tx, q api.EventQuery) (where string, args []any, err error) {
	in, inArgs, err := p.in(tx, "e.host", p.see)
	if err != nil {
		return "", nil, err
	}
	where, args = "e.number > ? AND "+in, append([]any{q.Since}, inArgs...)
	if q.Failed {
		where += " AND e.failed = 1"
	}
	if q.Host != "" {
		r, err := p.find(tx, q.Host)
		if err != nil {
			return "", nil, err
		}
		where, args = where+" AND e.host = ?", append(args, r.num)
	}
	return where, args, nil
}

// scanEvent reads an event, and about how many bytes it is.
func (h *Hosts) scanEvent(scan db.Scan) (e api.Event, size int, err error) {
	var name sql.NullString
	var result []byte
	if err := scan(&e.Number, &e.Time, &e.Host, &name, &e.What, &e.Text, &result); err != nil {
		return e, 0, err
	}
	e.Name = name.String
	size = 200 + len(e.Text)
	if result == nil {
		return e, size, nil
	}
	e.Result = new(api.Result)
	n, err := h.readPacked("a result", result, e.Result)
	return e, size + n, err
}
