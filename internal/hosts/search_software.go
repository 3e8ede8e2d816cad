package hosts

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"muster/internal/db"
	"muster/search"
)

// among lists hosts in the statement.
func (c *condition) among(t *search.Term, nums []int64) (string, error) {
	if len(nums) == 0 {
		return never, nil
	}
	list := numberList(nums)
	if len(list) > maxStatement {
		return "", errTooMany(t)
	}
	return "h.num IN " + list, nil
}

// amongAll is among for what many hosts may be: it lists those that are not, where
// these are fewer, for a long list costs. nums may have hosts that are gone.
func (c *condition) amongAll(t *search.Term, nums []int64) (string, error) {
	if len(nums) < c.h.fewNamed {
		return c.among(t, nums)
	}
	all, err := c.h.recall.texts.hosts(c.tx, readTexts) // every host has texts
	if err != nil {
		return "", err
	}
	if len(nums) <= len(all)/2 {
		return c.among(t, nums)
	}
	found := make(map[int64]bool, len(nums))
	for _, n := range nums {
		found[n] = true
	}
	var others []int64
	for num := range all {
		if !found[num] {
			others = append(others, num)
		}
	}
	sql, err := c.among(t, others)
	return "NOT (" + sql + ")", err
}

// numberList is nums, sorted and each once, for the right side of IN.
func numberList(nums []int64) string {
	slices.Sort(nums)
	list := []byte("(")
	for i, n := range slices.Compact(nums) {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, n, 10)
	}
	return string(append(list, ')'))
}

// A counted software is one that a term asks for, and how many hosts have it.
type counted struct{ num, hosts int64 }

// software asks for what package managers installed. The dictionary knows what
// matches and how many hosts have it, which decides how they are found.
func (c *condition) software(t *search.Term) (string, error) {
	if t.Source == "" && t.AnyVersion() && t.Pattern.Like() == "%" {
		return c.anySoftware(), nil
	}
	match, sum, err := c.matching(t)
	if err != nil {
		return "", err
	}
	if sum > c.h.fewRows {
		return c.broad(t, match)
	}
	nums := make([]int64, len(match))
	for i, m := range match {
		nums[i] = m.num
	}
	if len(nums) == 0 {
		return never, nil
	}
	list := numberList(nums)
	if len(list) > maxStatement {
		return "", errTooMany(t)
	}
	return "h.num IN (SELECT x.host FROM hosts_has x WHERE x.software IN " + list + ")", nil
}

// fewRows is how many rows of hosts_has a statement goes through, fewNamed how many
// hosts are named in one without asking whether naming the others is shorter.
const (
	fewRows  = 5000
	fewNamed = 500
)

// matching are the software that t means and any host has, and the sum of hosts.
func (c *condition) matching(t *search.Term) (match []counted, sum int64, err error) {
	inner := condition{h: c.h, tx: c.tx}
	query := "SELECT w.num, w.source, w.name, w.version, n.hosts FROM hosts_software w JOIN hosts_count n ON n.software = w.num WHERE n.hosts > 0 AND " +
		inner.like(column{"w.name", false}, t.Whole())
	if t.Source != "" {
		query += " AND w.source = ?"
		inner.args = append(inner.args, t.Source)
	}
	err = each(c.tx, query, inner.args, func(scan scanner) error {
		var m counted
		var s search.Software
		if err := scan(&m.num, &s.Source, &s.Name, &s.Version, &m.hosts); err != nil {
			return err
		}
		if t.MatchSoftware(s) {
			match, sum = append(match, m), sum+m.hosts
		}
		return nil
	})
	return match, sum, err
}

// broad finds hosts for a term that means much.
func (c *condition) broad(t *search.Term, match []counted) (string, error) {
	wanted := make([]bool, 1+slices.MaxFunc(match, func(a, b counted) int { return cmp.Compare(a.num, b.num) }).num)
	for _, m := range match {
		wanted[m.num] = true
	}
	lists, err := c.h.recall.software.hosts(c.tx, readLists)
	if err != nil {
		return "", err
	}
	is := func(software uint32) bool { return int64(software) < int64(len(wanted)) && wanted[software] }
	var nums []int64
	for num, list := range lists {
		if slices.ContainsFunc(list, is) {
			nums = append(nums, num)
		}
	}
	return c.amongAll(t, nums)
}

// musterRow begins a condition on a package of muster of the host.
const musterRow = "EXISTS (SELECT 1 FROM hosts_muster p WHERE p.host = h.num AND "

// muster asks for packages of muster, whose names are in lower case.
func (c *condition) muster(t *search.Term) (string, error) {
	var with []any
	if !t.AnyVersion() {
		var err error
		if with, err = c.versions(t); err != nil {
			return "", err
		}
	}
	sql := musterRow + c.like(column{"p.name", false}, t.Whole())
	if t.Status != "" {
		c.args = append(c.args, t.Status)
		sql += " AND p.status = ?"
	}
	switch {
	case !t.AnyVersion():
		sql += " AND " + c.in("p.version", with)
	case t.Status == "":
		sql += " AND p.version <> ''"
	}
	return sql + ")", nil
}

// maxVersions bounds the versions of packages of muster that a term compares.
const maxVersions = 5000

// versions are those of t's packages that compare as t says.
func (c *condition) versions(t *search.Term) (match []any, err error) {
	inner := condition{h: c.h, tx: c.tx}
	query := "SELECT DISTINCT p.name, p.version FROM hosts_muster p WHERE " + inner.like(column{"p.name", false}, t.Whole())
	seen := map[string]bool{}
	err = each(c.tx, query, inner.args, func(scan scanner) error {
		s := search.Software{Status: t.Status}
		if err := scan(&s.Name, &s.Version); err != nil {
			return err
		}
		if !seen[s.Version] && t.MatchSoftware(s) {
			seen[s.Version] = true
			match = append(match, s.Version)
		}
		return nil
	})
	if err == nil && len(match) > maxVersions {
		err = errTooMany(t)
	}
	return match, err
}

func (c *condition) audit(t *search.Term) string {
	sql := musterRow + c.like(column{"p.name", false}, t.Whole())
	if t.Status == "" {
		return sql + " AND p.audit <> '')"
	}
	c.args = append(c.args, t.Status)
	return sql + " AND p.audit = ?)"
}

// present asks whether a host has any value of a field.
func (c *condition) present(t *search.Term) (string, error) {
	f := t.Of()
	if f == nil {
		c.args = append(c.args, t.Status)
		return musterRow + "p.audit = ?)", nil
	}
	if n, ok := numbers[f.Name]; ok {
		c.args = append(c.args, n.least)
		return n.column + " >= ?", nil
	}
	if v, ok := values[f.Name]; ok {
		c.args = append(c.args, v...)
		return "EXISTS (SELECT 1 FROM hosts_value v WHERE v.host = h.num AND v.field IN " + db.In(len(v)) + ")", nil
	}
	switch f.Name {
	case "package":
		return c.anySoftware(), nil
	case "muster":
		return musterRow + "p.version <> '')", nil
	case "audit":
		return musterRow + "p.audit <> '')", nil
	case "group":
		if c.chosen {
			return "EXISTS (SELECT 1 FROM hosts_member m JOIN hosts_group g ON g.num = m.grp WHERE m.host = h.num AND g.query = '')", nil
		}
		return "EXISTS (SELECT 1 FROM hosts_member m WHERE m.host = h.num)", nil
	case "unit", "directory":
		return c.placed(t, func(string) bool { return true })
	}
	var parts []string
	for _, col := range columns[f.Name] {
		parts = append(parts, col.name+" <> ''")
	}
	return "(" + strings.Join(parts, " OR ") + ")", nil
}

// anySoftware asks for hosts that have any, by their lists.
func (c *condition) anySoftware() string {
	c.args = append(c.args, appendItems(nil, nil))
	return "EXISTS (SELECT 1 FROM hosts_inventory i WHERE i.host = h.num AND i.software <> ?)"
}
