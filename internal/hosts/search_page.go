package hosts

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/search"
)

// orders are what a list may be sorted by: the column of a text, or the field of a number.
var orders = map[string]struct{ text, number string }{
	"name": {text: "h.name"}, "status": {text: "f.status"}, "seen": {number: "seen"}, "enrolled": {number: "enrolled"},
}

// A place is where a page ends: the last host, and what it was sorted by. So a
// page follows the last one whatever hosts came and went in between.
type place struct {
	Sort string `json:"sort"`
	Key  any    `json:"key"` // a text or a number
	Num  int64  `json:"num"`
}

func (p *place) String() string {
	data, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// readPlace reads a cursor of a list that is sorted so.
func readPlace(cursor, sort string) (*place, error) {
	if cursor == "" {
		return nil, nil
	}
	bad := muster.WithHint(muster.Errorf(muster.Invalid, "%q is no cursor of a list sorted by %q", cut(cursor, 64), sort), "begin at the first page")
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(cursor) > 4096 {
		return nil, bad
	}
	var p struct {
		Sort string
		Key  json.RawMessage
		Num  int64
	}
	if err := json.Unmarshal(data, &p); err != nil || p.Sort != sort {
		return nil, bad
	}
	out := &place{Sort: sort, Num: p.Num}
	var number int64
	var text string
	switch by := strings.TrimPrefix(sort, "-"); {
	case by == "seen" || by == "enrolled":
		err, out.Key = json.Unmarshal(p.Key, &number), nil
		out.Key = number
	default:
		err = json.Unmarshal(p.Key, &text)
		out.Key = text
	}
	if err != nil {
		return nil, bad
	}
	return out, nil
}

// A listing is a question for hosts, checked.
type listing struct {
	h       *Hosts
	query   *search.Query
	sort    string // with "-" when the other way round
	from    *place
	limit   int
	columns []string
	count   bool
}

func (h *Hosts) readListing(q api.HostQuery) (*listing, error) {
	l := &listing{h: h, sort: q.Sort, limit: q.Limit, columns: q.Columns, count: q.Count}
	if l.sort == "" {
		l.sort = "name"
	}
	if l.limit <= 0 {
		l.limit = 50
	}
	l.limit = min(l.limit, 1000)
	if _, ok := orders[strings.TrimPrefix(l.sort, "-")]; !ok {
		err := muster.WithHint(muster.Errorf(muster.Invalid, "hosts cannot be sorted by %q", cut(q.Sort, 64)), "sort by name, seen, enrolled or status")
		return nil, muster.WithField(err, "sort")
	}
	for _, name := range q.Columns {
		if _, ok := shown(name); !ok {
			return nil, muster.WithField(muster.Errorf(muster.Invalid, "a list has no column %q", cut(name, 64)), "columns")
		}
	}
	var err error
	if l.from, err = readPlace(q.Cursor, l.sort); err != nil {
		return nil, muster.WithField(err, "cursor")
	}
	l.query, err = search.Parse(q.Query)
	return l, muster.WithField(err, "q")
}

// List returns a page of the hosts that a search finds. Memory says which; the rows are
// read from the database.
func (p *Part) List(ctx context.Context, q api.HostQuery) (out api.HostPage, err error) {
	l, err := p.h.readListing(q)
	if err != nil {
		return out, err
	}
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.HostPage{}
		var rows []row
		err := p.h.ask(tx, func(q *inquiry) error {
			found := q.in(l.query.Root())
			found.and(q.scope(p.see))
			if rows = l.rows(q, found); l.count {
				out.Total = found.count()
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(rows) > l.limit { // one more than is shown tells that there are more
			rows = rows[:l.limit]
			last := rows[l.limit-1]
			out.Next = (&place{l.sort, last.key(l), last.num}).String()
		}
		return l.page(tx, &out, rows)
	})
	return out, err
}

// A row is a host of a page, and what it is sorted by.
type row struct {
	text   string
	number int64
	num    int64
}

func (r row) compare(o row) int {
	return cmp.Or(strings.Compare(r.text, o.text), cmp.Compare(r.number, o.number), cmp.Compare(r.num, o.num))
}

// key is what stands in a cursor.
func (r row) key(l *listing) any {
	if orders[strings.TrimPrefix(l.sort, "-")].text != "" {
		return r.text
	}
	return r.number
}

// rows are the first hosts after where the page begins, and one more.
func (l *listing) rows(q *inquiry, found hostSet) []row {
	compare := row.compare
	if l.sort[0] == '-' {
		compare = func(a, b row) int { return b.compare(a) }
	}
	var from row
	if l.from != nil {
		from.num = l.from.Num
		from.text, _ = l.from.Key.(string)
		from.number, _ = l.from.Key.(int64)
	}
	by := orders[strings.TrimPrefix(l.sort, "-")]
	first := leading[row]{limit: l.limit + 1, compare: compare}
	texts, numbers := q.texts[by.text], q.numbers[by.number]
	for place := range found.all() {
		r := row{num: q.nums[place]}
		if texts != nil {
			r.text = texts.text(place)
		} else {
			r.number = numbers[place]
		}
		if (l.from == nil || compare(r, from) > 0) && !first.late(r) {
			first.add(r)
		}
	}
	return first.sorted()
}

// page reads the rows. A host that the transaction does not know yet is left out.
func (l *listing) page(tx *db.Tx, out *api.HostPage, rows []row) error {
	out.Hosts = []api.Host{}
	if len(rows) == 0 {
		return nil
	}
	nums := make([]any, len(rows))
	for i, r := range rows {
		nums[i] = r.num
	}
	byNum := make(map[int64]api.Host, len(rows))
	err := tx.Each("SELECT "+hostColumns+hostTables+" WHERE h.num IN "+db.In(len(nums)), nums, func(scan db.Scan) error {
		num, host, err := l.h.scanHost(scan)
		byNum[num] = host
		return err
	})
	if err != nil {
		return err
	}
	nums = slices.DeleteFunc(nums, func(n any) bool { _, ok := byNum[n.(int64)]; return !ok })
	for _, n := range nums {
		out.Hosts = append(out.Hosts, byNum[n.(int64)])
	}
	return l.fill(tx, nums, out.Hosts)
}
