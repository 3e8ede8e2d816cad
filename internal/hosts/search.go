package hosts

import (
	"slices"
	"strconv"
	"time"

	"muster"
	"muster/internal/db"
	"muster/search"
)

// An inquiry finds the hosts of the census that an expression means, with the functions
// by which [search.Query.Match] decides: of each word that hosts share once.
type inquiry struct {
	*census
	h   *Hosts
	now time.Time
	// found are groups that are searches themselves, where they are left out, so that
	// none depends on another.
	found map[string]bool
}

// in returns the hosts of an expression. The set is the caller's.
func (q *inquiry) in(e *search.Expr) hostSet {
	switch e.Op {
	case search.Is:
		found := q.none()
		q.term(found, e.Term)
		found.and(q.here)
		return found
	case search.Not:
		rest := q.everyone()
		rest.andNot(q.in(e.Of[0]))
		return rest
	case search.Or:
		found := q.none()
		for _, o := range e.Of {
			found.or(q.in(o))
		}
		return found
	}
	found := q.everyone()
	for _, o := range e.Of {
		if !found.empty() {
			found.and(q.in(o))
		}
	}
	return found
}

// scope is in for a scope.
func (q *inquiry) scope(s search.Scope) hostSet {
	switch {
	case s.All():
		return q.everyone()
	case s.None():
		return q.none()
	}
	return q.in(s.Expr())
}

// term adds the hosts of which a term is so.
func (q *inquiry) term(found hostSet, t *search.Term) {
	if t.Field == nil {
		q.free(found, t)
		return
	}
	switch t.Field.Kind {
	case search.Count, search.Size, search.Time:
		low, high := t.Range(q.now)
		q.number(found, t.Field.Name, low, high)
	case search.Package:
		q.software(found, t)
	case search.Muster, search.Audit:
		q.muster.find(found, t.MatchSoftware)
	case search.Presence:
		q.present(found, t)
	default:
		q.text(found, t.Field.Name, matcher(t))
	}
}

// numbers are the fields that are numbers: the column, and the least that is one.
var numbers = map[string]struct {
	column string
	least  int64
}{
	"reboot": {"f.reboot", 1}, "cores": {"f.cores", 1}, "memory": {"f.memory", 1}, "disk": {"f.disk", 1}, "free": {"f.free", 0},
	"seen": {"s.seen", 1}, "enrolled": {"h.enrolled", 1},
}

func (q *inquiry) number(found hostSet, field string, low, high int64) {
	low = max(low, numbers[field].least)
	for place, n := range q.census.numbers[field] {
		if low <= n && n <= high {
			found.add(uint32(place))
		}
	}
}

// columns are the fields of which a host has one text, or two for "os".
var columns = map[string][]string{
	"name": {"h.name"}, "id": {"h.id"}, "state": {"h.state"}, "agent": {"h.agent"}, "from": {"s.address"}, "fqdn": {"f.fqdn"},
	"domain": {"f.domain"}, "os": {"f.os", "f.osid"}, "osname": {"f.osname"}, "osversion": {"f.osversion"}, "arch": {"f.arch"},
	"kernel": {"f.kernel"}, "status": {"f.status"}, "problem": {"f.problem"}, "serial": {"f.serial"}, "vendor": {"f.vendor"},
	"product": {"f.product"}, "uuid": {"f.uuid"}, "machine": {"f.machine"}, "cpu": {"f.cpu"},
}

// values are the fields of which a host may have several, and what they are in
// hosts_value.
var values = map[string][]string{"ip": {"ip"}, "mac": {"mac"}, "session": {"session"}, "user": {"user", "session"}}

// ask looks at the census with an inquiry.
func (h *Hosts) ask(tx *db.Tx, f func(q *inquiry) error) error {
	return h.look(tx, func(c *census) error { return f(&inquiry{census: c, h: h, now: h.Now()}) })
}

// within returns the numbers of the hosts that an expression means, as of the transaction,
// also of one that writes: what it changed is read again.
func (h *Hosts) within(tx *db.Tx, e *search.Expr) (nums []int64, err error) {
	var since int64
	err = h.ask(tx, func(q *inquiry) error {
		nums, since = q.numbersOf(q.in(e)), q.change
		return nil
	})
	if err != nil || !tx.Writing() {
		return nums, err
	}
	ahead := newCensus()
	ahead.change = since
	if err := h.learnHosts(tx, ahead, since); err != nil {
		return nil, err
	}
	nums = slices.DeleteFunc(nums, func(n int64) bool { _, newer := ahead.places[n]; return newer })
	q := inquiry{census: ahead, h: h, now: h.Now()}
	return append(nums, ahead.numbersOf(q.in(e))...), nil
}

// these are those of some hosts that an expression means, read anew.
func (h *Hosts) these(tx *db.Tx, nums []int64, e *search.Expr) ([]int64, error) {
	c := newCensus()
	if err := h.enter(tx, c, anyOf(nums)); err != nil {
		return nil, err
	}
	q := inquiry{census: c, h: h, now: h.Now()}
	return c.numbersOf(q.in(e)), nil
}

// maxStatement bounds a list of hosts in a statement. SQLite takes 1,000,000 bytes.
const maxStatement = 800_000

// numberList is nums, sorted, for the right side of IN.
func numberList(nums []int64) (string, error) {
	slices.Sort(nums)
	list := []byte("(")
	for i, n := range nums {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, n, 10)
	}
	if len(list) > maxStatement {
		return "", muster.WithHint(muster.Errorf(muster.Invalid, "%d hosts are too many to be named one by one", len(nums)), "ask for one host, or for less of them")
	}
	return string(append(list, ')')), nil
}
