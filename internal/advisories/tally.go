package advisories

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
	"muster/sitereport"
)

// A mark is how bad an advisory is somewhere.
type mark int64

const (
	markSeverity  mark = 7
	markExploited mark = 8
	markFixable   mark = 16
)

func markOf(f *finding) mark {
	m := mark(f.severity)
	if f.exploited {
		m |= markExploited
	}
	if f.fixed != "" {
		m |= markFixable
	}
	return m
}

func (m mark) severity() advisory.Severity { return advisory.Severity(m & markSeverity) }

// with is what two packages of a host make together: the worse, exploited if one is,
// and with a fix if one has.
func (m mark) with(o mark) mark {
	return max(m&markSeverity, o&markSeverity) | (m|o)&^markSeverity
}

// A marked advisory is one that a host has, and how bad that is.
type marked struct {
	num  int64
	mark mark
}

// A tally is what hosts have that have the same packages and run the same kernel: what
// is kept of a group is
//
//	count, then for each advisory in the order of their numbers: gap to the number before, mark
//
// as varints.
type tally struct {
	list   []marked
	counts api.AdvisoryCounts
	stale  bool  // it was not counted yet
	apart  int64 // constants apart...
	release
	covered bool // a list of advisories speaks of what it runs
}

func (t *tally) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(len(t.list)))
	last := int64(0)
	for _, m := range t.list {
		b = binary.AppendUvarint(b, uint64(m.num-last))
		b = binary.AppendUvarint(b, uint64(m.mark))
		last = m.num
	}
	return b
}

// decodeTally reads what is kept of a group.
func decodeTally(b []byte) (list []marked, err error) {
	next := func() (v int64) {
		u, n := binary.Uvarint(b)
		if n <= 0 || u > 1<<62 {
			err = errTally()
			return 0
		}
		b = b[n:]
		return int64(u)
	}
	count, last := next(), int64(0)
	if err == nil && count > int64(len(b)) {
		return nil, errTally()
	}
	for range count {
		gap, m := next(), next()
		if err != nil {
			return nil, err
		}
		if last += gap; last < 0 || m > int64(markSeverity|markExploited|markFixable) {
			return nil, errTally()
		}
		list = append(list, marked{last, mark(m)})
	}
	if len(b) > 0 && err == nil {
		err = errTally()
	}
	return list, err
}

func errTally() error {
	return muster.Errorf(muster.Internal, "the database holds a count of advisories that is damaged")
}

// What stands for a severity where nothing is found.
const (
	worstNone      = -1
	worstUncovered = -2 // and no list speaks of it
)

// worst is the worst severity of a tally, or a constant worst...
func (t *tally) worst() int {
	worst := worstUncovered
	if t.covered {
		worst = worstNone
	}
	for _, m := range t.list {
		worst = max(worst, int(m.mark.severity()))
	}
	return worst
}

// countTo adds n advisories of a mark to counts.
func (m mark) countTo(c *api.AdvisoryCounts, n int64) {
	*c.Of(m.severity().String()) += n
	if m&markExploited != 0 {
		c.Exploited += n
	}
	if m&markFixable != 0 {
		c.Fixable += n
	}
}

// A counter counts what hosts have. It keeps what it read of rows: hosts have most of
// them in common. Findings must not change while it is used.
type counter struct {
	a       *Advisories
	ignored *ignoring
	rows    map[int64]*counted // nil: nothing is found in it
	size    int

	kernels map[int64]*sitereport.Package // of rows; nil: it holds no kernel
	own     map[ownKey]*ownRow
	aside   aside
}

// A counted row is one of the dictionary in which something is found.
type counted struct {
	*knownRow
	found  []marked
	kernel bool // whether it runs is another question
}

// maxCounter bounds what a counter keeps: about so many findings and rows.
const maxCounter = 2_000_000

func (a *Advisories) counter() *counter {
	return &counter{a: a, rows: map[int64]*counted{}, kernels: map[int64]*sitereport.Package{}, own: map[ownKey]*ownRow{}}
}

// tally counts what a host of a site has, given the rows of its packages.
func (c *counter) tally(tx *db.Tx, site string, m machine, ids []int64) (t tally, err error) {
	if err := c.read(tx, ids); err != nil {
		return t, err
	}
	w, err := c.whole(tx, m, ids)
	if err != nil {
		return t, err
	}
	x, err := c.a.facts(tx)
	if err != nil {
		return t, err
	}
	t.apart, t.release = w.apart(), c.a.releaseOf(&m.rows)
	t.covered = len(ids) > 0 && x.covers(t.platform)
	open, hidden := map[int64]mark{}, map[int64]bool{}
	for r := range c.judged(&w, ids) {
		some := false
		for _, f := range r.found {
			if why, _ := c.ignored.why(site, r.knownRow, f.num); why != nil {
				hidden[f.num] = true
				continue
			}
			some = true
			if had, there := open[f.num]; there {
				f.mark = f.mark.with(had)
			}
			open[f.num] = f.mark
		}
		if some {
			t.counts.Packages++
		}
	}
	for _, num := range slices.Sorted(maps.Keys(open)) {
		t.list = append(t.list, marked{num, open[num]})
		open[num].countTo(&t.counts, 1)
		delete(hidden, num)
	}
	t.counts.Ignored = int64(len(hidden))
	return t, nil
}

// judged are the rows of a host in which something is found that concerns it.
func (c *counter) judged(w *whole, ids []int64) iter.Seq[*counted] {
	return func(yield func(*counted) bool) {
		for _, o := range w.own {
			if !yield(&o.counted) {
				return
			}
		}
		for _, id := range ids {
			if r := c.rows[id]; r != nil && !(r.kernel && w.Idle(r.Package)) && !yield(r) {
				return
			}
		}
	}
}

// read has the counter know rows.
func (c *counter) read(tx *db.Tx, ids []int64) error {
	if err := c.begin(tx); err != nil {
		return err
	}
	var ask []int64
	for _, id := range ids {
		if _, there := c.rows[id]; !there {
			ask = append(ask, id)
		}
	}
	found, err := findingsOf(tx, ask)
	if err != nil {
		return err
	}
	return c.keep(tx, ask, found)
}

// begin has the counter know what is ignored, and forget rows where it knows too many.
func (c *counter) begin(tx *db.Tx) (err error) {
	if c.ignored == nil {
		c.ignored, err = c.a.ignoring(tx)
	}
	if c.size > maxCounter {
		clear(c.rows)
		clear(c.kernels)
		c.size = 0
	}
	return err
}

// keep has the counter know rows, and what is found in them.
func (c *counter) keep(tx *db.Tx, ids []int64, found map[int64][]finding) error {
	rows, err := rowsNumbered(tx, slices.Collect(maps.Keys(found)))
	if err != nil {
		return err
	}
	for _, id := range ids {
		c.rows[id] = nil
	}
	c.size += len(ids)
	for _, k := range rows {
		r := &counted{knownRow: c.a.knownRow(k)}
		r.kernel, _ = advisory.Kernel(noMachine.is, k.Package)
		for _, f := range found[k.ID] {
			r.found = append(r.found, marked{f.advisory, markOf(&f)})
		}
		c.rows[k.ID] = r
		c.size += len(r.found)
	}
	return nil
}

// rowsNumbered reads rows of the dictionary in which something is found.
func rowsNumbered(tx *db.Tx, ids []int64) (all []sites.Known, err error) {
	for part := range slices.Chunk(ids, someIDs) {
		rows, err := knownRows(tx, "SELECT body FROM advisories_row WHERE known IN "+db.In(len(part)), anys(part)...)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// knownRows reads rows of the dictionary as they are kept here, in its order.
func knownRows(tx *db.Tx, query string, args ...any) (all []sites.Known, err error) {
	err = tx.Each(query, args, func(scan db.Scan) error {
		var body []byte
		var k sites.Known
		if err := scan(&body); err != nil {
			return err
		}
		if err := json.Unmarshal(body, &k); err != nil {
			return muster.Errorf(muster.Internal, "the database holds a package that is damaged: %w", err)
		}
		all = append(all, k)
		return nil
	})
	slices.SortFunc(all, func(a, b sites.Known) int { return cmp.Compare(a.ID, b.ID) })
	return all, err
}
