package hosts

import (
	"maps"
	"slices"
	"strings"

	"muster/internal/db"
	"muster/search"
)

// What a profile has, in this order.
var (
	textColumns = func() []string {
		all := []string{"h.unit"}
		for _, cols := range columns {
			all = append(all, cols...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}()
	numberFields = slices.Sorted(maps.Keys(numbers))
	listFields   = []string{"group", "ip", "mac", "session", "user"}
)

// A profile is what the database has of one host for searches.
type profile struct {
	num     int64
	texts   []string // of textColumns
	numbers []int64  // of numberFields
	lists   [][]string
	muster  []search.Software
	goods   goods
}

func newProfile(num int64) *profile {
	return &profile{num: num, texts: make([]string, len(textColumns)), numbers: make([]int64, len(numberFields)), lists: make([][]string, len(listFields))}
}

// profiles reads some hosts.
func (c *census) profiles(tx *db.Tx, in string, nums []any) ([]*profile, error) {
	r := profiles{c: c, tx: tx, in: in, nums: nums, byNum: map[int64]*profile{}}
	for _, part := range []func() error{r.facts, r.values, r.groups, r.muster, r.software} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return r.all, nil
}

// Profiles are some hosts that are being read.
type profiles struct {
	c     *census
	tx    *db.Tx
	in    string
	nums  []any
	all   []*profile
	byNum map[int64]*profile
}

func (r *profiles) facts() error {
	cols := slices.Clone(textColumns)
	for _, name := range numberFields {
		cols = append(cols, numbers[name].column)
	}
	return r.tx.Each("SELECT h.num, "+strings.Join(cols, ", ")+hostTables+" WHERE h.num IN "+r.in, r.nums, func(scan db.Scan) error {
		p := newProfile(0)
		dest := []any{&p.num}
		for i := range p.texts {
			dest = append(dest, &p.texts[i])
		}
		for i := range p.numbers {
			dest = append(dest, &p.numbers[i])
		}
		err := scan(dest...)
		r.all, r.byNum[p.num] = append(r.all, p), p
		return err
	})
}

// list reads a field with several values.
func (r *profiles) list(query string) error {
	return r.tx.Each(query+r.in, r.nums, func(scan db.Scan) error {
		var num int64
		var field, value string
		err := scan(&num, &field, &value)
		if i, ok := slices.BinarySearch(listFields, field); ok && r.byNum[num] != nil {
			p := r.byNum[num]
			p.lists[i] = append(p.lists[i], value)
		}
		return err
	})
}

func (r *profiles) values() error {
	return r.list("SELECT host, field, value FROM hosts_value WHERE host IN ")
}

func (r *profiles) groups() error {
	return r.list("SELECT m.host, 'group', g.name FROM hosts_member m JOIN hosts_group g ON g.num = m.grp WHERE m.host IN ")
}

func (r *profiles) muster() error {
	return r.tx.Each("SELECT host, name, version, status, audit FROM hosts_muster WHERE host IN "+r.in, r.nums, func(scan db.Scan) error {
		var num int64
		var s search.Software
		err := scan(&num, &s.Name, &s.Version, &s.Status, &s.Audit)
		if p := r.byNum[num]; p != nil {
			p.muster = append(p.muster, s)
		}
		return err
	})
}

func (r *profiles) software() error {
	return r.tx.Each("SELECT host, software FROM hosts_inventory WHERE host IN "+r.in, r.nums, func(scan db.Scan) error {
		var num int64
		var packed []byte
		if err := scan(&num, &packed); err != nil || r.byNum[num] == nil {
			return err
		}
		var before uint64
		if place, ok := r.c.places[num]; ok {
			before = r.c.stock.before(place)
		}
		var err error
		r.byNum[num].goods, err = r.c.stock.unpack(packed, before)
		return err
	})
}
