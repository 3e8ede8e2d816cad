package ledger

import (
	"context"

	"muster/api"
	"muster/internal/auditlog"
	"muster/internal/db"
)

// List lists entries.
func (l *Ledger) List(ctx context.Context, q api.AuditQuery) (out api.AuditPage, err error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	where, args := filter(q)
	order := "DESC"
	if q.Forward || q.Since > 0 {
		order = "ASC"
	}
	err = l.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.AuditPage{Entries: []api.AuditEntry{}}
		if out.Size, err = size(tx); err != nil {
			return err
		}
		rows, err := tx.Query("SELECT body FROM audit_entry WHERE "+where+" ORDER BY number "+order+" LIMIT ?", append(args, q.Limit)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var body []byte
			if err := rows.Scan(&body); err != nil {
				return err
			}
			e, err := auditlog.Parse(body)
			if err != nil {
				return err
			}
			out.Entries = append(out.Entries, *e)
		}
		return rows.Err()
	})
	return out, err
}

func filter(q api.AuditQuery) (where string, args []any) {
	where, args = "number >= ?", []any{q.Since}
	add := func(on bool, condition string, value any) {
		if on {
			where, args = where+" AND "+condition, append(args, value)
		}
	}
	add(q.Before > 0 && q.Since == 0, "number < ?", q.Before)
	add(q.Who != "", "who = ?", q.Who)
	add(q.What != "", "what = ?", q.What)
	add(q.Target != "", "target = ?", q.Target)
	add(q.From != 0, "happened >= ?", q.From)
	add(q.To != 0, "happened <= ?", q.To)
	add(q.Failed, "failed = ?", 1)
	return where, args
}
