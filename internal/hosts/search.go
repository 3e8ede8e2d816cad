package hosts

import (
	"strings"
	"time"

	"muster"
	"muster/internal/db"
	"muster/search"
)

// A condition makes SQL of a query, over hosts_host h, hosts_fact f and
// hosts_seen s. What one statement cannot say well (the order of versions,
// networks, what memory knows) is read and decided here, with the functions that
// [search.Query.Match] uses, and said as a list of values or of hosts.
type condition struct {
	h    *Hosts
	tx   *db.Tx
	now  time.Time
	args []any
	// chosen leaves out groups that are searches themselves, so that none depends
	// on another.
	chosen bool
}

// where returns the condition of a query and its arguments.
func (h *Hosts) where(tx *db.Tx, q *search.Query, chosen bool) (string, []any, error) {
	c := condition{h: h, tx: tx, now: h.Now(), chosen: chosen}
	sql, err := c.expr(q.Root())
	return c.done(sql, err)
}

// done is the condition and its arguments, unless they are more than a database takes.
func (c *condition) done(sql string, err error) (string, []any, error) {
	if err == nil && (len(sql) > maxStatement || len(c.args) > maxArguments) {
		err = muster.WithHint(muster.Errorf(muster.Invalid, "the search compares too many values one by one"), "search for less")
	}
	return sql, c.args, err
}

// Bounds of what a query becomes. SQLite takes 1,000,000 bytes and 32,766
// arguments, the others more.
const (
	maxStatement = 800_000
	maxArguments = 30_000
)

// What every host is, and none.
const (
	always = "1=1"
	never  = "1=0"
)

func (c *condition) expr(e *search.Expr) (string, error) {
	switch e.Op {
	case search.Is:
		return c.term(e.Term)
	case search.Not:
		sql, err := c.expr(e.Of[0])
		return "NOT (" + sql + ")", err
	}
	if len(e.Of) == 0 {
		return always, nil
	}
	parts := make([]string, len(e.Of))
	for i, o := range e.Of {
		var err error
		if parts[i], err = c.expr(o); err != nil {
			return "", err
		}
	}
	joined := map[search.Op]string{search.And: " AND ", search.Or: " OR "}[e.Op]
	return "(" + strings.Join(parts, joined) + ")", nil
}

// term makes SQL of one term. Arguments are added in the order in which they
// stand in the statement.
func (c *condition) term(t *search.Term) (string, error) {
	if t.Field == nil {
		return c.free(t)
	}
	switch t.Field.Kind {
	case search.Count, search.Size, search.Time:
		return c.number(t), nil
	case search.Version:
		return c.version(t)
	case search.Package:
		return c.software(t)
	case search.Muster:
		return c.muster(t)
	case search.Audit:
		return c.audit(t), nil
	case search.Presence:
		return c.present(t)
	}
	return c.word(t)
}

// numbers are the columns of numbers, with the least that is one.
var numbers = map[string]struct {
	column string
	least  int64
}{
	"reboot": {"f.reboot", 1}, "cores": {"f.cores", 1}, "memory": {"f.memory", 1}, "disk": {"f.disk", 1}, "free": {"f.free", 0},
	"seen": {"s.seen", 1}, "enrolled": {"h.enrolled", 1},
}

func (c *condition) number(t *search.Term) string {
	n := numbers[t.Field.Name]
	low, high := t.Range(c.now)
	c.args = append(c.args, max(low, n.least), high)
	return n.column + " BETWEEN ? AND ?"
}

// A column is a text of which a host has one value.
type column struct {
	name string
	// mixed is that of a value which is kept as it was written, and not in lower case.
	mixed bool
}

var columns = map[string][]column{
	"name": {{"h.name", true}}, "id": {{"h.id", false}}, "state": {{"h.state", false}}, "agent": {{"h.agent", true}},
	"from": {{"s.address", false}}, "fqdn": {{"f.fqdn", false}}, "domain": {{"f.domain", false}}, "os": {{"f.os", false}, {"f.osid", false}},
	"osname": {{"f.osname", true}}, "osversion": {{"f.osversion", true}}, "arch": {{"f.arch", false}}, "kernel": {{"f.kernel", true}},
	"status": {{"f.status", true}}, "problem": {{"f.problem", true}}, "serial": {{"f.serial", true}}, "vendor": {{"f.vendor", true}},
	"product": {{"f.product", true}}, "uuid": {{"f.uuid", false}}, "machine": {{"f.machine", false}}, "cpu": {{"f.cpu", true}},
}

// values are the fields of which a host may have several, and what they are in
// hosts_value.
var values = map[string][]any{"ip": {"ip"}, "mac": {"mac"}, "session": {"session"}, "user": {"user", "session"}}

// errTooMany is for what would make a statement that no database takes.
func errTooMany(t *search.Term) error {
	return muster.WithHint(muster.Errorf(muster.Invalid, "%q compares too many values one by one", cut(t.String(), 100)), "search for less")
}
