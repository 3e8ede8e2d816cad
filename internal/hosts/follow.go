package hosts

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"muster/api"
	"muster/internal/db"
)

// Newest is the number of the newest event or report: who follows from there hears of
// all that comes.
func (h *Hosts) Newest(ctx context.Context) (n int64, err error) {
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		n, err = newest(tx)
		return err
	})
	return n, err
}

func newest(tx *db.Tx) (n int64, err error) {
	err = tx.QueryRow("SELECT last FROM hosts_number WHERE name = 'change'").Scan(&n)
	return n, err
}

// Follow lists what happened to hosts, and what changed in their inventories, after a
// number, the oldest first. last is the number to follow from next. Numbers appear in
// their order, so that nothing is left out.
func (p *Part) Follow(ctx context.Context, after int64, limit int) (items []api.FeedItem, last int64, err error) {
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		top, err := newest(tx)
		if err != nil {
			return err
		}
		events, err := p.followEvents(tx, after, limit)
		if err != nil {
			return err
		}
		reports, err := p.followReports(tx, after, limit)
		if err != nil {
			return err
		}
		items = nil
		var all []numbered
		all, last = db.Feed(top, limit, events, reports)
		for _, n := range all {
			items = append(items, n.Item)
		}
		return nil
	})
	return items, last, err
}

type (
	numbered = db.Numbered[api.FeedItem]
	run      = db.Run[api.FeedItem]
)

// followEvents reads events; a page that is full before limit is cut.
func (p *Part) followEvents(tx *db.Tx, after int64, limit int) (out run, err error) {
	in, args, err := p.in(tx, "e.host", p.see)
	if err != nil {
		return out, err
	}
	room := page{left: maxPage}
	err = room.read(tx, `SELECT e.number, e.happened, e.id, h.name, e.what, e.note, e.result FROM hosts_event e LEFT JOIN hosts_host h ON h.num = e.host
		WHERE e.number > ? AND `+in+` ORDER BY e.number LIMIT ?`, slices.Concat([]any{after}, args, []any{limit}), func(scan db.Scan) error {
		e, size, err := p.h.scanEvent(scan)
		if err == nil {
			err = room.take(size)
		}
		if err != nil {
			return err
		}
		out.Items = append(out.Items, numbered{Number: e.Number, Item: api.FeedItem{ID: "h" + strconv.FormatInt(e.Number, 10), Kind: "host." + e.What, Time: e.Time, Host: e.Host, Name: e.Name, Event: &e}})
		return nil
	})
	out.Cut = room.full
	return out, err
}

// changeSize is about how many bytes one change of a report is, as people read it.
const changeSize = 250

// A followed report is one before the numbers of its software are words.
type followed struct {
	told
	id, name sql.NullString
}

func (p *Part) followReports(tx *db.Tx, after int64, limit int) (out run, err error) {
	in, args, err := p.in(tx, "r.host", p.see)
	if err != nil {
		return out, err
	}
	var reports []followed
	room := page{left: maxPage}
	err = room.read(tx, `SELECT r.host, r.number, r.happened, r.body, h.id, h.name FROM hosts_report r LEFT JOIN hosts_host h ON h.num = r.host
		WHERE r.number > ? AND `+in+` ORDER BY r.number LIMIT ?`, slices.Concat([]any{after}, args, []any{limit}), func(scan db.Scan) error {
		var f followed
		var body []byte
		err := scan(&f.host, &f.number, &f.happened, &body, &f.id, &f.name)
		if err == nil {
			f.patch, _, err = p.h.decodePatch(body)
		}
		if err == nil {
			err = room.take(changeSize * (1 + len(f.patch.added) + len(f.patch.removed) + len(f.patch.sections)))
		}
		if err == nil {
			reports = append(reports, f)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	for _, f := range reports {
		words, err := p.h.words.words(tx, sortedNums(f.patch.added, f.patch.removed))
		if err != nil {
			return out, err
		}
		changes := softwareChanges(words, f.patch.added, f.patch.removed)
		for _, s := range f.patch.sections {
			changes = append(changes, api.HistoryChange{Section: s.name, Op: "changed"})
		}
		for i := range changes {
			changes[i].Time, changes[i].Host, changes[i].Name = f.happened, f.id.String, f.name.String
		}
		out.Items = append(out.Items, numbered{Number: f.number, Item: api.FeedItem{ID: "h" + strconv.FormatInt(f.number, 10), Kind: "inventory", Time: f.happened,
			Host: f.id.String, Name: f.name.String, Inventory: changes}})
	}
	out.Cut = room.full
	return out, nil
}
