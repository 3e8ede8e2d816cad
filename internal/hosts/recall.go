package hosts

import (
	"slices"
	"strings"
	"sync"

	"muster/internal/db"
	"muster/search"
)

// A recall is what memory keeps of hosts for searches that would have the database
// read all of it: texts that words are looked for in, and the numbers of software.
// It is read at the first search that needs it, and then only what changed since:
// whatever changes these things gives the host a new edited.
//
// It takes some 300 bytes a host for texts, and 4 for each software of a host.
type recall struct {
	texts    kept[remembered]
	software kept[[]uint32]
}

// A remembered is the texts of a host, in lower case; the addresses first.
type remembered struct {
	values    []string
	addresses int
}

// A kept is one thing of every host.
type kept[T any] struct {
	mu     sync.Mutex
	change int64 // newest that is known
	of     map[int64]T
}

// hosts returns what is kept, as new as the transaction at least. It must not be
// changed, and is not: what changes is in another map.
func (k *kept[T]) hosts(tx *db.Tx, read func(tx *db.Tx, since int64) (map[int64]T, error)) (map[int64]T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var newest, there int64
	if err := tx.QueryRow("SELECT last FROM hosts_number WHERE name = 'change'").Scan(&newest); err != nil {
		return nil, err
	}
	if newest <= k.change {
		return k.of, nil
	}
	changed, err := read(tx, k.change)
	if err != nil {
		return nil, err
	}
	if len(changed) > 0 {
		if err := tx.QueryRow("SELECT count(*) FROM hosts_host").Scan(&there); err != nil {
			return nil, err
		}
		if k.of, err = merged(tx, k.of, changed, there); err != nil {
			return nil, err
		}
	}
	k.change = newest
	return k.of, nil
}

// merged is old with what changed. Hosts that are gone do no harm in it, for no
// statement finds them: they are left out when they are many.
func merged[T any](tx *db.Tx, old, changed map[int64]T, there int64) (map[int64]T, error) {
	all := make(map[int64]T, len(old)+len(changed))
	var alive map[int64]bool
	if int64(len(old)) > there+there/4+100 {
		var err error
		if alive, err = numbersOf(tx, "SELECT num FROM hosts_host"); err != nil {
			return nil, err
		}
	}
	for num, v := range old {
		if alive == nil || alive[num] {
			all[num] = v
		}
	}
	for num, v := range changed {
		all[num] = v
	}
	return all, nil
}

// readTexts reads the texts of hosts that changed.
func readTexts(tx *db.Tx, since int64) (map[int64]remembered, error) {
	all := map[int64]remembered{}
	err := each(tx, `SELECT v.host, v.field, v.value FROM hosts_host h JOIN hosts_value v ON v.host = h.num
		WHERE h.edited > ? AND v.field IN ('ip', 'user', 'session')`, []any{since}, func(scan scanner) error {
		var num int64
		var field, value string
		err := scan(&num, &field, &value)
		r := all[num]
		r.values = append(r.values, value)
		if field == "ip" {
			last := len(r.values) - 1
			r.values[r.addresses], r.values[last] = r.values[last], r.values[r.addresses]
			r.addresses++
		}
		all[num] = r
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, each(tx, `SELECT h.num, h.name, f.fqdn, f.serial, f.osname FROM hosts_host h JOIN hosts_fact f ON f.host = h.num
		WHERE h.edited > ?`, []any{since}, func(scan scanner) error {
		var num int64
		var v [4]string
		err := scan(&num, &v[0], &v[1], &v[2], &v[3])
		r := all[num]
		for _, text := range v {
			if text != "" {
				r.values = append(r.values, strings.ToLower(text))
			}
		}
		r.values = slices.Clip(r.values)
		all[num] = r
		return err
	})
}

// readLists reads the software of hosts that changed.
func readLists(tx *db.Tx, since int64) (map[int64][]uint32, error) {
	all := map[int64][]uint32{}
	return all, each(tx, "SELECT i.host, i.software FROM hosts_host h JOIN hosts_inventory i ON i.host = h.num WHERE h.edited > ?", []any{since}, func(scan scanner) error {
		var num int64
		var packed []byte
		if err := scan(&num, &packed); err != nil {
			return err
		}
		items, err := unpackItems(packed)
		list := make([]uint32, len(items))
		for i, it := range items {
			list[i] = uint32(it.software) // one row each: nobody has four billion
		}
		all[num] = list
		return err
	})
}

// finder says quickly whether a text in lower case is what a pattern means.
func finder(p search.Pattern) func(text string) bool {
	like := p.Like()
	part := longest(like)
	if like == "%"+part+"%" && !strings.ContainsAny(part, "%_!") {
		return func(text string) bool { return strings.Contains(text, part) }
	}
	return func(text string) bool { return strings.Contains(text, part) && p.Match(text) }
}

// longest is the longest text that whatever LIKE finds has in it.
func longest(like string) (part string) {
	var now []byte
	for i := 0; i <= len(like); i++ {
		switch {
		case i < len(like) && like[i] == '!' && i+1 < len(like):
			i++
			now = append(now, like[i])
		case i < len(like) && like[i] != '%' && like[i] != '_':
			now = append(now, like[i])
		default:
			if len(now) > len(part) {
				part = string(now)
			}
			now = now[:0]
		}
	}
	return part
}
