package relay

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// A View is the hosts that a person may see; nil is all of them. Actions of which
// they see no host are not there for them.
type View map[string]bool

const selectAction = "SELECT num, id, state, kind, title, reason, begins, ends, created, sender, signers, need, hosts, stops, sum FROM relay_action a "

func scanAction(scan db.Scan) (num int64, a api.Action, err error) {
	var names, sum []byte
	err = scan(&num, &a.ID, &a.State, &a.Kind, &a.Title, &a.Reason, &a.Begins, &a.Ends, &a.Created, &a.By, &names, &a.Need, &a.Hosts, &a.Stops, &sum)
	if err == nil {
		err = json.Unmarshal(names, &a.Signers)
	}
	a.SHA256 = hex.EncodeToString(sum)
	return num, a, err
}

// Action returns an action as far as its hosts are in view.
func (r *Relay) Action(ctx context.Context, id string, v View) (a api.Action, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		num := int64(0)
		if num, err = r.find(tx, id, &a); err != nil {
			return err
		}
		return v.count(tx, num, &a)
	})
	return a, err
}

// Message is the signed message of an action.
func (r *Relay) Message(ctx context.Context, id string) (der []byte, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		err := tx.QueryRow("SELECT message FROM relay_action WHERE id = ?", id).Scan(&der)
		if muster.KindOf(err) == muster.NotFound {
			return unknown(id)
		}
		return err
	})
	return der, err
}

// Hosts are those of an action, sorted.
func (r *Relay) Hosts(ctx context.Context, id string) (hosts []string, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		num, err := r.find(tx, id, nil)
		if err == nil {
			hosts, err = readHosts(tx, num)
		}
		return err
	})
	return hosts, err
}

func (r *Relay) find(tx *db.Tx, id string, into *api.Action) (num int64, err error) {
	num = -1
	err = tx.Each(selectAction+"WHERE id = ?", []any{id}, func(scan db.Scan) error {
		n, a, err := scanAction(scan)
		num = n
		if into != nil {
			*into = a
		}
		return err
	})
	if err == nil && num < 0 {
		err = unknown(id)
	}
	return num, err
}

// count fills in how many hosts are in each state.
func (v View) count(tx *db.Tx, num int64, a *api.Action) error {
	a.Counts = map[string]int{}
	if v == nil {
		return tx.Each("SELECT state, count(*) FROM relay_target WHERE action = ? GROUP BY state", []any{num}, func(scan db.Scan) error {
			var state string
			var n int
			err := scan(&state, &n)
			a.Counts[state] = n
			return err
		})
	}
	a.Hosts = 0
	err := tx.Each("SELECT host, state FROM relay_target WHERE action = ?", []any{num}, func(scan db.Scan) error {
		var host, state string
		err := scan(&host, &state)
		if v[host] {
			a.Counts[state]++
			a.Hosts++
		}
		return err
	})
	if err == nil && a.Hosts == 0 {
		return unknown(a.ID)
	}
	return err
}

func bound(limit, or int) int {
	if limit <= 0 {
		return or
	}
	return min(limit, 1000)
}

// Targets lists hosts of an action, by id.
func (r *Relay) Targets(ctx context.Context, id string, q api.TargetQuery, v View) (page api.TargetPage, err error) {
	from, err := number(q.Cursor, -1)
	if err != nil {
		return page, err
	}
	limit := bound(q.Limit, 100)
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		page = api.TargetPage{Targets: []api.Target{}}
		var a api.Action
		num, err := r.find(tx, id, &a)
		if err == nil {
			err = v.count(tx, num, &a)
		}
		if err != nil {
			return err
		}
		query, args := selectTarget+"WHERE action = ? AND place > ?", []any{num, from}
		for column, value := range map[string]string{"state": q.State, "host": q.Host} {
			if value != "" {
				query, args = query+" AND "+column+" = ?", append(args, value)
			}
		}
		return tx.Each(query+" ORDER BY place", args, func(scan db.Scan) error {
			if page.Next != "" {
				return nil
			}
			place, _, t, err := scanTarget(scan)
			switch {
			case err != nil || v != nil && !v[t.Host]:
			case len(page.Targets) == limit:
				page.Next = strconv.FormatInt(from, 10)
			default:
				page.Targets, from = append(page.Targets, t), place
			}
			return err
		})
	})
	return page, err
}

const selectTarget = "SELECT place, changed, host, state, status, note, at, result FROM relay_target "

func scanTarget(scan db.Scan) (place, changed int64, t api.Target, err error) {
	err = scan(&place, &changed, &t.Host, &t.State, &t.Status, &t.Note, &t.At, &t.Result)
	return place, changed, t, err
}

func number(cursor string, or int64) (int64, error) {
	if cursor == "" {
		return or, nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || n < 0 {
		return 0, muster.WithHint(muster.Errorf(muster.Invalid, "%.40q is no cursor of this list", cursor), "begin at the first page")
	}
	return n, nil
}
