package relay

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// List returns actions, the newest first. Pages are of what is in view: that there is
// more is told neither by an empty page nor by one that none follows.
func (r *Relay) List(ctx context.Context, q api.ActionQuery, v View) (page api.ActionPage, err error) {
	before, err := number(q.Cursor, 0)
	if err != nil {
		return page, err
	}
	if v != nil && q.Host != "" && !v[q.Host] {
		return api.ActionPage{Actions: []api.Action{}}, nil
	}
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		l := listing{view: v, limit: bound(q.Limit, 50), page: api.ActionPage{Actions: []api.Action{}}}
		err := l.fill(tx, q, before)
		page = l.page
		return err
	})
	return page, err
}

// A listing is a page that is being filled.
type listing struct {
	view  View
	limit int
	page  api.ActionPage
	last  int64 // number of the last action of the page
}

// A row is an action of the database, with its number.
type row struct {
	num int64
	api.Action
}

// fill reads batches until the page is full, and one action in view is left.
func (l *listing) fill(tx *db.Tx, q api.ActionQuery, before int64) error {
	for {
		where, args := where(q, l.view, before)
		rows, err := readActions(tx, where+" ORDER BY num DESC LIMIT ?", append(args, l.limit+1))
		if err != nil {
			return err
		}
		for _, x := range rows {
			if err := l.add(tx, x); err != nil || l.page.Next != "" {
				return err
			}
			before = x.num
		}
		if len(rows) <= l.limit {
			return nil
		}
	}
}

// add puts an action that is in view onto the page, or behind it.
func (l *listing) add(tx *db.Tx, x row) error {
	err := l.view.count(tx, x.num, &x.Action)
	switch {
	case muster.KindOf(err) == muster.NotFound:
		return nil
	case err != nil:
		return err
	case len(l.page.Actions) == l.limit:
		l.page.Next = strconv.FormatInt(l.last, 10)
	default:
		l.page.Actions, l.last = append(l.page.Actions, x.Action), x.num
	}
	return nil
}

func readActions(tx *db.Tx, where string, args []any) (rows []row, err error) {
	err = tx.Each(selectAction+where, args, func(scan db.Scan) error {
		num, a, err := scanAction(scan)
		rows = append(rows, row{num, a})
		return err
	})
	return rows, err
}

// where is the condition of a list of actions. Of few hosts it names these, so that
// what is not in view need not be read; of many, most is in view.
func where(q api.ActionQuery, v View, before int64) (text string, args []any) {
	text = "WHERE 1=1"
	add := func(condition string, more ...any) {
		text, args = text+" AND "+condition, append(args, more...)
	}
	if q.State != "" {
		add("state = ?", string(q.State))
	}
	if q.Host != "" {
		add("num IN (SELECT action FROM relay_target WHERE host = ?)", q.Host)
	}
	if before > 0 {
		add("num < ?", before)
	}
	if v != nil && q.Host == "" && len(v) <= chunk {
		hosts := []any{}
		for _, host := range slices.Sorted(maps.Keys(v)) {
			hosts = append(hosts, host)
		}
		add("num IN (SELECT action FROM relay_target WHERE host IN "+db.In(len(hosts))+")", hosts...)
	}
	return text, args
}
