package hosts

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"unicode"

	"muster/internal/db"
	"muster/search"
)

// free looks for a word without a field, in texts that memory keeps.
func (c *condition) free(t *search.Term) (string, error) {
	texts, err := c.h.recall.texts.hosts(c.tx, readTexts)
	if err != nil {
		return "", err
	}
	is := finder(t.Whole())
	var nums []int64
	for num, r := range texts {
		if slices.ContainsFunc(r.values, is) {
			nums = append(nums, num)
		}
	}
	if c.h.Refresh == 0 {
		return c.amongAll(t, c.h.from(nums, is))
	}
	list, err := c.amongAll(t, nums)
	return "(" + list + " OR " + c.like(column{"s.address", false}, t.Whole()) + ")", err
}

// from adds the hosts whose address is so. It changes with every request: where
// one server alone has the database, memory has the newest.
func (h *Hosts) from(nums []int64, is func(string) bool) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	for num, e := range h.byNum {
		if e.address != "" && is(e.address) {
			nums = append(nums, num)
		}
	}
	return nums
}

// word is a term about texts.
func (c *condition) word(t *search.Term) (string, error) {
	name := t.Field.Name
	first, last, network := t.Network()
	switch {
	case network && name == "from":
		return c.listed(t, "SELECT h.num, s.address"+hostTables, nil)
	case network:
		return c.network(t, first, last)
	case name == "group":
		return c.group(t), nil
	case name == "unit" || name == "directory":
		return c.placed(t, t.MatchText)
	case values[name] != nil:
		return c.valueLike(values[name], t.Whole()), nil
	}
	var parts []string
	for _, col := range columns[name] {
		parts = append(parts, c.like(col, t.Whole()))
	}
	return "(" + strings.Join(parts, " OR ") + ")", nil
}

// like holds a column against a pattern. No value is "".
func (c *condition) like(col column, p search.Pattern) string {
	name := col.name
	if col.mixed {
		name = lowered(name, p)
	}
	if s, ok := p.Literal(); ok {
		c.args = append(c.args, s)
		return name + " = ?"
	}
	c.args = append(c.args, p.Like())
	return "(" + name + " LIKE ? ESCAPE '!' AND " + col.name + " <> '')"
}

// lowered is a column in lower case, as far as the pattern looks. Some engines know
// the case of A to Z alone, so each other letter of the pattern is said to them.
func lowered(column string, p search.Pattern) string {
	done := map[rune]bool{}
	for _, r := range p.Like() {
		for _, upper := range capitals()[r] {
			if !done[upper] {
				column = "REPLACE(" + column + ", '" + string(upper) + "', '" + string(r) + "')"
			}
			done[upper] = true
		}
	}
	return "LOWER(" + column + ")"
}

// capitals are the letters beyond ASCII that have a small letter.
var capitals = sync.OnceValue(func() map[rune][]rune {
	all := map[rune][]rune{}
	for u := rune(unicode.MaxASCII + 1); u <= unicode.MaxRune; u++ {
		if low := unicode.ToLower(u); low != u {
			all[low] = append(all[low], u)
		}
	}
	return all
})

// valueLike holds the values of some fields against a pattern. One value is found by
// the index of values; for others each host is looked at, so that a page ends early.
func (c *condition) valueLike(fields []any, p search.Pattern) string {
	c.args = append(c.args, fields...)
	where := "v.field IN " + db.In(len(fields)) + " AND " + c.like(column{"v.value", false}, p) + ")"
	if _, ok := p.Literal(); ok {
		return "h.num IN (SELECT v.host FROM hosts_value v WHERE " + where
	}
	return "EXISTS (SELECT 1 FROM hosts_value v WHERE v.host = h.num AND " + where
}

// network asks for addresses. Those of a network that ends at a dot begin alike.
func (c *condition) network(t *search.Term, first, last netip.Addr) (string, error) {
	begin, whole := commonDots(first, last)
	if whole {
		c.args = append(c.args, begin+"%")
		return "EXISTS (SELECT 1 FROM hosts_value v WHERE v.host = h.num AND v.field = 'ip' AND v.value LIKE ?)", nil
	}
	texts, err := c.h.recall.texts.hosts(c.tx, readTexts)
	if err != nil {
		return "", err
	}
	so := func(address string) bool { return strings.HasPrefix(address, begin) && t.MatchText(address) }
	var nums []int64
	for num, r := range texts {
		if slices.ContainsFunc(r.values[:r.addresses], so) {
			nums = append(nums, num)
		}
	}
	return c.amongAll(t, nums)
}

// commonDots returns the numbers that IPv4 addresses from first to last begin
// with, and whether all addresses that do are among them.
func commonDots(first, last netip.Addr) (begin string, whole bool) {
	if !first.Is4() {
		return "", false
	}
	a, b := first.As4(), last.As4()
	n := 0
	for n < 3 && a[n] == b[n] {
		n++
	}
	parts := strings.SplitAfter(first.String(), ".")
	whole = n > 0
	for i := n; i < 4; i++ {
		whole = whole && a[i] == 0 && b[i] == 255
	}
	return strings.Join(parts[:n], ""), whole
}

// listed reads hosts with a value each, and lists those of which t is so.
func (c *condition) listed(t *search.Term, query string, args []any) (string, error) {
	var nums []int64
	err := each(c.tx, query, args, func(scan scanner) error {
		var num int64
		var value string
		if err := scan(&num, &value); err != nil {
			return err
		}
		if t.MatchText(value) {
			nums = append(nums, num)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return c.among(t, nums)
}

// maxListed is how many values stand in a statement, where there are not more.
const maxListed = 500

// version compares with the few versions that hosts have.
func (c *condition) version(t *search.Term) (string, error) {
	col := columns[t.Field.Name][0].name
	match, err := c.distinct(col, t.MatchText)
	if err != nil {
		return "", err
	}
	if len(match) > maxListed {
		return c.listed(t, "SELECT h.num, "+col+hostTables, nil)
	}
	return c.in(col, match), nil
}

// distinct reads the values of a column that are so.
func (c *condition) distinct(col string, so func(string) bool) (match []any, err error) {
	table := " FROM hosts_fact f"
	if col[0] == 'h' {
		table = " FROM hosts_host h"
	}
	err = each(c.tx, "SELECT DISTINCT "+col+table, nil, func(scan scanner) error {
		var v string
		err := scan(&v)
		if err == nil && so(v) {
			match = append(match, v)
		}
		return err
	})
	return match, err
}

// group asks for members.
func (c *condition) group(t *search.Term) string {
	sql := "EXISTS (SELECT 1 FROM hosts_member m JOIN hosts_group g ON g.num = m.grp WHERE m.host = h.num AND "
	if c.chosen {
		sql += "g.query = '' AND "
	}
	return sql + c.like(column{"g.name", false}, t.Whole()) + ")"
}

// placed asks where hosts stand: in units that people chose, and in the
// directory, which is in memory.
func (c *condition) placed(t *search.Term, so func(name string) bool) (string, error) {
	unit := t.Field.Name == "unit" || t.Of() != nil && t.Of().Name == "unit"
	if c.h.Directory == nil {
		return c.unit(unit, so)
	}
	var nums []int64
	err := each(c.tx, "SELECT h.num, h.unit, f.fqdn FROM hosts_host h JOIN hosts_fact f ON f.host = h.num", nil, func(scan scanner) error {
		var num int64
		var path, fqdn string
		if err := scan(&num, &path, &fqdn); err != nil {
			return err
		}
		for _, name := range c.h.places(unit, path, fqdn) {
			if so(name) {
				nums = append(nums, num)
				break
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return c.among(t, nums)
}

// unit is placed where there is no directory.
func (c *condition) unit(unit bool, so func(name string) bool) (string, error) {
	if !unit {
		return never, nil
	}
	match, err := c.distinct("h.unit", func(path string) bool { return slices.ContainsFunc(c.h.places(true, path, ""), so) })
	return c.in("h.unit", match), err
}

// places are the units of a host, or its groups of the directory.
func (h *Hosts) places(unit bool, path, fqdn string) []string {
	if unit && path != "" {
		return unitNames(path)
	}
	if h.Directory == nil || fqdn == "" {
		return nil
	}
	units, groups, _ := h.Directory.Place(fqdn)
	if unit {
		return units
	}
	return groups
}

// in compares a column with a list. NOT of "IN" of nothing would be nothing.
func (c *condition) in(column string, values []any) string {
	if len(values) == 0 {
		return never
	}
	c.args = append(c.args, values...)
	return column + " IN " + db.In(len(values))
}
