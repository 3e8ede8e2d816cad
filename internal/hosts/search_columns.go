package hosts

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/api"
	"muster/internal/db"
)

// shown returns the columns of the database that are a column of a list; none
// for fields of which a host has several values.
func shown(field string) (cols []string, ok bool) {
	if n, ok := numbers[field]; ok {
		return []string{n.column}, true
	}
	cols = columns[field]
	return cols, cols != nil || values[field] != nil || field == "group" || field == "unit" || field == "directory"
}

// fill adds the columns that were asked for to the hosts of a page.
func (l *listing) fill(tx *db.Tx, nums []any, hosts []api.Host) error {
	if len(nums) == 0 {
		return nil
	}
	for _, name := range l.columns {
		all, err := l.values(tx, name, nums)
		if err != nil {
			return err
		}
		for i := range hosts {
			found := all[nums[i].(int64)]
			if len(found) == 0 {
				continue
			}
			if hosts[i].Columns == nil {
				hosts[i].Columns = map[string]string{}
			}
			slices.Sort(found)
			hosts[i].Columns[name] = strings.Join(slices.Compact(found), ", ")
		}
	}
	return nil
}

// values reads one column of the hosts of a page.
func (l *listing) values(tx *db.Tx, field string, nums []any) (map[int64][]string, error) {
	all := map[int64][]string{}
	add := func(num int64, value string) {
		if value != "" {
			all[num] = append(all[num], value)
		}
	}
	in := db.In(len(nums))
	if n, ok := numbers[field]; ok {
		return all, tx.Each("SELECT h.num, "+n.column+hostTables+" WHERE h.num IN "+in, nums, func(scan db.Scan) error {
			var num, value int64
			err := scan(&num, &value)
			if err == nil && value >= n.least {
				add(num, printNumber(field, value))
			}
			return err
		})
	}
	if field == "unit" || field == "directory" {
		return all, l.places(tx, field == "unit", nums, add)
	}
	query, args := "SELECT m.host, g.name FROM hosts_member m JOIN hosts_group g ON g.num = m.grp WHERE m.host IN "+in, nums
	if v := values[field]; v != nil {
		query = "SELECT host, value FROM hosts_value WHERE field IN " + db.In(len(v)) + " AND host IN " + in
		args = nil
		for _, name := range v {
			args = append(args, name)
		}
		args = append(args, nums...)
	}
	if c := columns[field]; c != nil { // of two, such as os, the more exact one
		query = "SELECT h.num, " + c[len(c)-1] + hostTables + " WHERE h.num IN " + in
	}
	return all, tx.Each(query, args, func(scan db.Scan) error {
		var num int64
		var value string
		err := scan(&num, &value)
		add(num, value)
		return err
	})
}

func (l *listing) places(tx *db.Tx, unit bool, nums []any, add func(int64, string)) error {
	return tx.Each("SELECT h.num, h.unit, f.fqdn"+hostTables+" WHERE h.num IN "+db.In(len(nums)), nums, func(scan db.Scan) error {
		var num int64
		var path, fqdn string
		if err := scan(&num, &path, &fqdn); err != nil {
			return err
		}
		for _, name := range l.h.places(unit, path, fqdn) {
			add(num, name)
		}
		return nil
	})
}

// printNumber writes a number as a person would search for it.
func printNumber(field string, n int64) string {
	switch field {
	case "seen", "enrolled":
		return time.Unix(n, 0).UTC().Format(time.RFC3339)
	case "cores", "reboot":
		return fmt.Sprint(n)
	}
	unit := 0
	size := float64(n)
	for size >= 1024 && unit < 5 {
		size /= 1024
		unit++
	}
	if unit == 0 {
		return fmt.Sprint(n)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", size), ".0") + "KMGTP"[unit-1:unit]
}
