package hosts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/search"
)

// orders are what a list may be sorted by.
var orders = map[string]string{"name": "h.name", "seen": "s.seen", "enrolled": "h.enrolled", "status": "f.status"}

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
	column  string
	from    *place
	limit   int
	columns []string
}

func (h *Hosts) readListing(q api.HostQuery) (*listing, error) {
	l := &listing{h: h, sort: q.Sort, limit: q.Limit, columns: q.Columns}
	if l.sort == "" {
		l.sort = "name"
	}
	if l.limit <= 0 {
		l.limit = 50
	}
	l.limit = min(l.limit, 1000)
	if l.column = orders[strings.TrimPrefix(l.sort, "-")]; l.column == "" {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "hosts cannot be sorted by %q", cut(q.Sort, 64)), "sort by name, seen, enrolled or status")
	}
	for _, name := range q.Columns {
		if _, ok := shown(name); !ok {
			return nil, muster.Errorf(muster.Invalid, "a list has no column %q", cut(name, 64))
		}
	}
	var err error
	if l.from, err = readPlace(q.Cursor, l.sort); err != nil {
		return nil, err
	}
	l.query, err = search.Parse(q.Query)
	return l, err
}

// List returns a page of the hosts that a search finds.
func (p *Part) List(ctx context.Context, q api.HostQuery) (out api.HostPage, err error) {
	l, err := p.h.readListing(q)
	if err != nil {
		return out, err
	}
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.HostPage{}
		where, args, err := p.where(tx, l.query)
		if err != nil {
			return err
		}
		if err := l.page(tx, &out, where, args); err != nil || !q.Count {
			return err
		}
		out.Total, err = l.count(tx, where, args)
		return err
	})
	return out, err
}

func (l *listing) count(tx *db.Tx, where string, args []any) (n int, err error) {
	tables := hostTables
	if where == always {
		tables = " FROM hosts_host h"
	}
	return n, tx.QueryRow("SELECT count(*)"+tables+" WHERE "+where, args...).Scan(&n)
}

// page reads one host more than it shows, to know whether there are more.
func (l *listing) page(tx *db.Tx, out *api.HostPage, where string, args []any) error {
	query := "SELECT " + hostColumns + hostTables + " WHERE " + where
	than, way := " > ", ""
	if l.sort[0] == '-' {
		than, way = " < ", " DESC"
	}
	if l.from != nil {
		query += " AND (" + l.column + than + "? OR " + l.column + " = ? AND h.num" + than + "?)"
		args = append(args[:len(args):len(args)], l.from.Key, l.from.Key, l.from.Num)
	}
	query += " ORDER BY " + l.column + way + ", h.num" + way + " LIMIT ?"
	out.Hosts = []api.Host{}
	var nums []any
	var more bool
	var end place
	err := each(tx, query, append(args[:len(args):len(args)], l.limit+1), func(scan scanner) error {
		if more = len(nums) == l.limit; more {
			return nil
		}
		num, host, stored, err := l.scan(scan)
		nums, out.Hosts = append(nums, num), append(out.Hosts, host)
		end = place{l.sort, stored, num}
		return err
	})
	if err != nil {
		return err
	}
	if more {
		out.Next = end.String()
	}
	return l.fill(tx, nums, out.Hosts)
}

// scan reads a host, and what it is sorted by: as stored, for memory may know
// newer.
func (l *listing) scan(scan scanner) (num int64, host api.Host, key any, err error) {
	num, host, err = l.h.scanHost(func(dest ...any) error {
		err := scan(dest...)
		if err != nil {
			return err
		}
		for i, name := range strings.Split(hostColumns, ", ") {
			if name == l.column {
				key = copied(dest[i])
			}
		}
		return nil
	})
	return num, host, key, err
}

// copied is the value that a scan wrote.
func copied(dest any) any {
	switch d := dest.(type) {
	case *int64:
		return *d
	case *string:
		return *d
	case *muster.Status:
		return string(*d)
	}
	return nil
}
