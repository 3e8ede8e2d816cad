package sites

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"muster"
	"muster/internal/db"
	"muster/sitereport"
)

// A Host is a host of a site, or one under an agent.
type Host struct {
	ID       int64
	Name     string
	Site     string // "" under an agent
	Tag      string
	System   sitereport.System
	Form     string // in which it last reported
	Address  string // from which
	Moved    int64  // since when it reports from there; 0: it never did from elsewhere
	First    int64  // when it was heard of first, in Unix seconds
	Last     int64  // and last; under an agent: when it last said something new
	Changed  int64  // since when it is as it is
	Gone     int64  // since when it is forgotten; 0: it is not
	Reports  int64  // that it sent
	Packages int    // that it has
	Fleet    bool   // under an agent
	Agent    string // its id there
	Edited   int64  // number of its newest change: see [Sites.HostsAfter]

	set   int64
	named string // the name that its packages have: see [Known]
}

// A hostRow is what taking a report reads of a host.
type hostRow struct {
	num, changed, gone, edited, os, has int64
	seen, sent, reports                 int64
	nonce, sum                          []byte
}

func readHost(tx *db.Tx, site int64, ident string) (*hostRow, error) {
	var h hostRow
	err := tx.QueryRow(`SELECT h.num, h.changed, h.gone, h.edited, h.os, h.has, s.seen, s.sent, s.nonce, s.sum, s.reports
		FROM sites_host h JOIN sites_seen s ON s.host = h.num WHERE h.site = ? AND h.ident = ?`, site, ident).
		Scan(&h.num, &h.changed, &h.gone, &h.edited, &h.os, &h.has, &h.seen, &h.sent, &h.nonce, &h.sum, &h.reports)
	if none(err) {
		return nil, nil
	}
	return &h, err
}

// addHost adds a host that was not known.
func (t *taking) addHost(tx *db.Tx, os, has int64) (int64, error) {
	if err := t.countHost(tx); err != nil {
		return 0, err
	}
	num, err := tx.Next("sites_number", "host", 1)
	if err != nil {
		return 0, err
	}
	edited, err := tx.Next("sites_number", "change", 1)
	if err != nil {
		return 0, err
	}
	err = tx.Insert("sites_host", []string{"num", "site", "ident", "name", "tag", "form", "first", "changed", "gone", "edited", "os", "has"},
		[][]any{{num, t.siteNum, t.ident, t.r.Host, cut(t.r.Tag, MaxName), cut(t.from.Form, 20), t.at, t.at, 0, edited, os, has}})
	if err != nil {
		return 0, err
	}
	err = tx.Insert("sites_seen", []string{"host", "seen", "sent", "nonce", "sum", "reports", "address"},
		[][]any{{num, t.now, t.r.Time, t.nonceBytes(), t.sum[:], 1, t.address()}})
	if err != nil {
		return 0, err
	}
	return num, insertState(tx, num, t.at, os, has)
}

func insertState(tx *db.Tx, host, began, os, has int64) error {
	return tx.Insert("sites_state", []string{"host", "began", "until", "seen", "os", "has"}, [][]any{{host, began, 0, 0, os, has}})
}

// changeHost writes what a host is and has now.
func (t *taking) changeHost(tx *db.Tx, was *hostRow, os, has int64) error {
	if was.gone != 0 {
		if err := t.countHost(tx); err != nil {
			return err
		}
	}
	edited, err := tx.Next("sites_number", "change", 1)
	if err != nil {
		return err
	}
	changed := was.changed
	if was.gone != 0 || was.os != os || was.has != has {
		changed = t.at
		if err := t.turn(tx, was, os, has); err != nil {
			return err
		}
	}
	if _, err := tx.Exec("UPDATE sites_host SET name = ?, tag = ?, form = ?, changed = ?, gone = 0, edited = ?, os = ?, has = ? WHERE num = ?",
		t.r.Host, cut(t.r.Tag, MaxName), cut(t.from.Form, 20), changed, edited, os, has, was.num); err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE sites_seen SET seen = ?, sent = ?, nonce = ?, sum = ?, reports = reports + 1, "+atAddress+" WHERE host = ?",
		max(t.now, was.seen), t.sent(), t.nonceBytes(), t.sum[:], t.address(), t.now, t.address(), was.num)
	return err
}

// atAddress notes from where a host reports, and since when, where that is new: MySQL reads
// the columns as they are by then.
const atAddress = "moved = CASE WHEN address = ? THEN moved ELSE ? END, address = ?"

// turn ends the state that a host was in and begins another. One that lasted no second
// never was.
func (t *taking) turn(tx *db.Tx, was *hostRow, os, has int64) error {
	if was.gone == 0 && t.at == was.changed {
		_, err := tx.Exec("UPDATE sites_state SET os = ?, has = ? WHERE host = ? AND began = ?", os, has, was.num, t.at)
		return err
	}
	if was.gone == 0 {
		if _, err := tx.Exec("UPDATE sites_state SET until = ?, seen = ? WHERE host = ? AND until = 0", t.at, was.seen, was.num); err != nil {
			return err
		}
	}
	return insertState(tx, was.num, t.at, os, has)
}

// hostColumns are read by hostFrom.
const hostColumns = `SELECT h.num, h.name, s.name, h.tag, f.id, f.version, f.name, o.name, o.arch, o.kernel, h.form, n.address, n.moved, h.first, n.seen, h.changed, h.gone, n.reports, t.size, h.site, h.ident, h.edited, h.has
	FROM sites_host h JOIN sites_seen n ON n.host = h.num JOIN sites_system o ON o.num = h.os JOIN sites_platform f ON f.num = o.platform
	JOIN sites_set t ON t.num = h.has LEFT JOIN sites_site s ON s.num = h.site
	WHERE (h.site = 0 OR s.num IS NOT NULL) AND ` // those of sites that were removed wait for [Sites.Clear]

func hostFrom(scan db.Scan) (h Host, err error) {
	var site *string
	var num int64
	var ident string
	o := &h.System
	err = scan(&h.ID, &h.Name, &site, &h.Tag, &o.ID, &o.Version, &h.named, &o.Name, &o.Arch, &o.Kernel, &h.Form, &h.Address, &h.Moved, &h.First, &h.Last, &h.Changed, &h.Gone, &h.Reports, &h.Packages, &num, &ident, &h.Edited, &h.set)
	if site != nil {
		h.Site = *site
	}
	if num == 0 {
		h.Fleet, h.Agent = true, ident
	}
	return h, err
}

func hostsOf(tx *db.Tx, where string, args ...any) (all []Host, err error) {
	err = tx.Each(hostColumns+where, args, func(scan db.Scan) error {
		h, err := hostFrom(scan)
		all = append(all, h)
		return err
	})
	return all, err
}

// A Filter says which hosts are meant. What it leaves out is not asked for.
type Filter struct {
	Sites  []string // hosts of these sites alone; empty: none; nil: every host
	Under  bool     // besides those of Sites, hosts under agents
	Fleet  *bool    // under agents, or not
	Agents []string // of those under agents, these; nil: every one
	IDs    []int64
	Name   string // or a part of it
	Tag    string
	System string // ID of os-release, or ID and VERSION_ID with a blank between
	Gone   bool   // those that were forgotten, too
	Silent int64  // heard of last before that, in Unix seconds
}

// where writes a filter as SQL.
func (f *Filter) where() (string, []any) {
	all, args := []string{"1=1"}, []any{}
	add := func(sql string, values ...any) { all, args = append(all, sql), append(args, values...) }
	switch {
	case f.Sites == nil:
	case f.Under: // has to be said: who may see a site may see nothing of the agents' hosts
		add("(h.site = 0 OR s.name IN "+db.In(len(f.Sites))+")", anys(f.Sites)...)
	default:
		add("s.name IN "+db.In(len(f.Sites)), anys(f.Sites)...)
	}
	if f.Fleet != nil && *f.Fleet {
		add("h.site = 0")
	}
	if f.Fleet != nil && !*f.Fleet {
		add("h.site <> 0")
	}
	if f.Agents != nil {
		add("(h.site <> 0 OR h.ident IN "+db.In(len(f.Agents))+")", anys(f.Agents)...)
	}
	if f.IDs != nil {
		add("h.num IN "+db.In(len(f.IDs)), anys(f.IDs)...)
	}
	if f.Name != "" {
		add("LOWER(h.name) LIKE ? ESCAPE '!'", "%"+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(f.Name))+"%")
	}
	if f.Tag != "" {
		add("h.tag = ?", f.Tag)
	}
	if id, version, both := strings.Cut(f.System, " "); id != "" {
		add("f.id = ?", id)
		if both {
			add("f.version = ?", version)
		}
	}
	if !f.Gone {
		add("h.gone = 0")
	}
	if f.Silent != 0 {
		add("n.seen < ?", f.Silent)
	}
	return strings.Join(all, " AND "), args
}

func anys[T any](all []T) []any {
	out := make([]any, len(all))
	for i, v := range all {
		out[i] = v
	}
	return out
}

// A Page is a part of a list: of at most Limit, those behind After, which is the number
// of the last one that was seen.
type Page struct {
	After int64
	Limit int // 0: 500
}

func (p Page) limit() int {
	if p.Limit <= 0 || p.Limit > 10_000 {
		return 500
	}
	return p.Limit
}

// Hosts lists hosts by their numbers.
func (s *Sites) Hosts(ctx context.Context, f Filter, p Page) (all []Host, err error) {
	where, args := f.where()
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all, err = hostsOf(tx, where+" AND h.num > ? ORDER BY h.num LIMIT ?", append(args, p.After, p.limit())...)
		return err
	})
	return all, err
}

// HostsAfter lists hosts in the order in which they changed, from the change behind a
// number on, for who follows: those that were forgotten too, and of sites that were
// removed that they are gone, and nothing else of them. A host that reports what it
// reported before is none of them.
func (s *Sites) HostsAfter(ctx context.Context, edited int64, most int) (all []Host, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		if all, err = hostsOf(tx, "h.edited > ? ORDER BY h.edited LIMIT ?", edited, most); err != nil {
			return err
		}
		gone, err := goneHosts(tx, edited, most)
		all = append(all, gone...)
		slices.SortFunc(all, func(a, b Host) int { return cmp.Compare(a.Edited, b.Edited) })
		all = all[:min(len(all), most)]
		return err
	})
	return all, err
}

// Host reads one host.
func (s *Sites) Host(ctx context.Context, id int64) (h Host, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		h, err = hostNumbered(tx, id)
		return err
	})
	return h, err
}

func hostNumbered(tx *db.Tx, id int64) (h Host, err error) {
	h, err = hostFrom(tx.QueryRow(hostColumns+"h.num = ?", id).Scan)
	if none(err) {
		err = muster.Errorf(muster.NotFound, "there is no host %d", id)
	}
	return h, err
}

// HostNamed finds a host by its site and the name that it gives itself.
func (s *Sites) HostNamed(ctx context.Context, site, name string) (h Host, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		h, err = hostFrom(tx.QueryRow(hostColumns+"s.name = ? AND h.ident = ?", site, strings.ToLower(name)).Scan)
		if none(err) {
			err = muster.Errorf(muster.NotFound, "site %q has no host %q", cut(site, 60), cut(name, 60))
		}
		return err
	})
	return h, err
}
