package relay

import (
	"context"
	"slices"
	"strconv"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/db"
)

// Newest is the number of the newest change: who follows from there hears of all that
// comes.
func (r *Relay) Newest(ctx context.Context) (n int64, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		n, err = newest(tx)
		return err
	})
	return n, err
}

func newest(tx *db.Tx) (n int64, err error) {
	err = tx.QueryRow("SELECT last FROM relay_number WHERE name = 'change'").Scan(&n)
	return n, err
}

// Follow lists actions that changed after a number, and hosts that are over with one,
// the oldest first, as far as they are in view: last is the number to follow from
// next. Numbers appear in their order. An action that changed twice since is told of
// once, as it is now; what a host says in the end stays.
func (r *Relay) Follow(ctx context.Context, after int64, limit int, v View) (items []api.FeedItem, last int64, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		top, err := newest(tx)
		if err != nil {
			return err
		}
		actions, err := followActions(tx, after, limit, v)
		if err != nil {
			return err
		}
		targets, err := followTargets(tx, after, limit, v)
		if err != nil {
			return err
		}
		items = nil
		var all []numbered
		all, last = db.Feed(top, limit, db.Run[api.FeedItem]{Items: actions}, db.Run[api.FeedItem]{Items: targets})
		for _, n := range all {
			if n.Item.ID != "" {
				items = append(items, n.Item)
			}
		}
		return nil
	})
	return items, last, err
}

// A numbered item without an id is not in view. No two actions have one number, nor two
// answers of hosts.
type numbered = db.Numbered[api.FeedItem]

func followActions(tx *db.Tx, after int64, limit int, v View) (all []numbered, err error) {
	rows, err := readActions(tx, "WHERE changed > ? ORDER BY changed LIMIT ?", []any{after, limit})
	if err != nil {
		return nil, err
	}
	for _, x := range rows {
		var n numbered
		var at int64
		err := tx.QueryRow(`SELECT a.changed, COALESCE(MAX(t.at), 0) FROM relay_action a LEFT JOIN relay_target t ON t.action = a.num AND t.changed = a.changed
			WHERE a.num = ? GROUP BY a.changed`, x.num).Scan(&n.Number, &at)
		if err != nil {
			return nil, err
		}
		err = v.count(tx, x.num, &x.Action)
		if err == nil {
			n.Item = api.FeedItem{ID: itemID(n.Number), Kind: "action." + string(x.State), Time: max(at, x.Created), Action: &x.Action}
		} else if muster.KindOf(err) != muster.NotFound {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

func itemID(number int64) string { return "o" + strconv.FormatInt(number, 10) }

// followTargets lists what hosts said in the end.
func followTargets(tx *db.Tx, after int64, limit int, v View) (all []numbered, err error) {
	final := []any{action.Refused, action.Done, action.Failed, action.Interrupted, action.Expired, action.Cancelled}
	args := slices.Concat([]any{after}, final, []any{limit})
	return all, tx.Each(`SELECT t.changed, t.host, t.state, t.status, t.note, t.at, a.id, a.kind, a.title FROM relay_target t JOIN relay_action a ON a.num = t.action
		WHERE t.changed > ? AND t.result IS NOT NULL AND t.state IN `+db.In(len(final))+` ORDER BY t.changed LIMIT ?`, args, func(scan db.Scan) error {
		n, t := numbered{}, &api.ActionTarget{}
		err := scan(&n.Number, &t.Host, &t.State, &t.Status, &t.Note, &t.At, &t.Action, &t.Kind, &t.Title)
		if v == nil || v[t.Host] {
			n.Item = api.FeedItem{ID: itemID(n.Number), Kind: "action.result", Time: t.At, Host: t.Host, Target: t}
		}
		all = append(all, n)
		return err
	})
}
