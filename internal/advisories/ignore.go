package advisories

import (
	"context"
	"maps"
	"slices"
	"strings"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
)

// Findings are stored whether they are ignored or not. What is answered leaves out what
// is ignored now; what is counted follows: an entry that begins to count, ends or
// expires has the rows that it names counted anew, and no others.

// maxIgnored bounds the entries of a server.
const maxIgnored = 20_000

// An ignored entry is one of advisories_ignore.
type ignored struct {
	api.AdvisoryIgnore
	ended   int64
	counted bool
	rule    advisory.Ignore // without the advisory, which is found by its number
}

func (e *ignored) active(now int64) bool {
	return e.ended == 0 && (e.Expires == 0 || now < e.Expires)
}

func ignoredEntries(tx *db.Tx, where string, args ...any) (all []ignored, err error) {
	err = tx.Each("SELECT num, advisory, package, platform, site, reason, creator, created, expires, ended, counted FROM advisories_ignore WHERE "+where+" ORDER BY num", args, func(scan db.Scan) error {
		var e ignored
		err := scan(&e.Number, &e.Advisory, &e.Package, &e.Platform, &e.Site, &e.Reason, &e.By, &e.Created, &e.Expires, &e.ended, &e.counted)
		e.rule = advisory.Ignore{Package: e.Package, Platform: e.Platform, Site: e.Site}
		all = append(all, e)
		return err
	})
	return all, err
}

// An ignoring is what is ignored now, ready to be asked.
type ignoring struct {
	all     []ignored
	of      map[int64][]int              // places in all of the entries for an advisory, in their order
	general []int                        // of those that name none
	names   map[int64]*advisory.Advisory // ID and aliases of those in of
}

func (a *Advisories) ignoring(tx *db.Tx) (*ignoring, error) {
	now := a.Now().Unix()
	all, err := ignoredEntries(tx, "ended = 0 AND (expires = 0 OR expires > ?)", now)
	if err != nil {
		return nil, err
	}
	x := &ignoring{all: all, of: map[int64][]int{}}
	for i := range all {
		if all[i].Advisory == "" {
			x.general = append(x.general, i)
			continue
		}
		nums, err := numbered(tx, all[i].Advisory)
		if err != nil {
			return nil, err
		}
		for _, n := range nums {
			x.of[n] = append(x.of[n], i)
		}
	}
	x.names, err = namesOf(tx, slices.Collect(maps.Keys(x.of)))
	return x, err
}

// namesOf reads what advisories are called, and nothing else of them.
func namesOf(tx *db.Tx, nums []int64) (map[int64]*advisory.Advisory, error) {
	out := make(map[int64]*advisory.Advisory, len(nums))
	for part := range slices.Chunk(nums, someIDs) {
		err := tx.Each(`SELECT n.advisory, a.id, n.name FROM advisories_name n JOIN advisories_version v ON v.advisory = n.advisory AND v.born = n.born
			JOIN advisories_source s ON s.num = v.source JOIN advisories_advisory a ON a.num = n.advisory
			WHERE n.advisory IN `+db.In(len(part))+" AND "+current+" ORDER BY n.advisory, n.name", anys(part), func(scan db.Scan) error {
			var num int64
			var id, name string
			if err := scan(&num, &id, &name); err != nil {
				return err
			}
			if out[num] == nil {
				out[num] = &advisory.Advisory{ID: id}
			}
			if name != id {
				out[num].Aliases = append(out[num].Aliases, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// numbered lists the advisories that have a name.
func numbered(tx *db.Tx, name string) ([]int64, error) {
	return numbers(tx, `SELECT DISTINCT n.advisory FROM advisories_name n JOIN advisories_version v ON v.advisory = n.advisory AND v.born = n.born
		JOIN advisories_source s ON s.num = v.source WHERE n.name = ? AND `+current+" ORDER BY n.advisory", name)
}

// why is the entry that leaves an advisory in a row of the dictionary out at a site; nil:
// none does. The note then says what is left where entries name a part of it.
func (x *ignoring) why(site string, r *knownRow, num int64) (e *ignored, note string) {
	places := slices.Concat(x.of[num], x.general)
	slices.Sort(places)
	var ids []string
	fit := places[:0]
	for _, i := range places {
		if e := &x.all[i]; r.covered(site, e) {
			ids, fit = append(ids, e.Advisory), append(fit, i)
		}
	}
	if len(fit) == 0 {
		return nil, ""
	}
	names := x.names[num]
	if names == nil {
		names = &advisory.Advisory{}
	}
	first, left := names.IgnoredBy(ids)
	if first < 0 {
		return nil, advisory.PartlyIgnored(left)
	}
	return &x.all[fit[first]], ""
}

// A knownRow is a row of the dictionary with whose advisories speak of it.
type knownRow struct {
	sites.Known
	platform advisory.Platform
	names    []string // that advisories call it by
}

func (a *Advisories) knownRow(k sites.Known) *knownRow {
	p := a.platform(&k)
	return &knownRow{k, p, advisory.Names(p, k.Package)}
}

// covered reports whether an entry is about the row, whatever the advisory.
func (r *knownRow) covered(site string, e *ignored) bool {
	for _, n := range r.names {
		f := advisory.Finding{Advisory: &advisory.Advisory{}, Affected: &advisory.Affected{Name: n}, Package: r.Package, Platform: r.platform}
		if e.rule.Covers(site, &f) {
			return true
		}
	}
	return false
}

// Ignore adds an entry that leaves findings out of what counts.
func (a *Advisories) Ignore(ctx context.Context, by string, in api.AdvisoryIgnore) (out api.AdvisoryIgnore, err error) {
	in.Platform = strings.ToLower(strings.TrimSpace(in.Platform))
	if err := a.checkIgnore(&in); err != nil {
		return out, err
	}
	out = in
	out.By, out.Created, out.Over = cut(by, maxText), a.Now().Unix(), false
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		all := []api.AdvisoryIgnore{out}
		err := insertIgnored(tx, all)
		out = all[0]
		return err
	})
	if err == nil {
		a.Poke()
	}
	return out, err
}

// insertIgnored numbers entries and adds them.
func insertIgnored(tx *db.Tx, all []api.AdvisoryIgnore) error {
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM advisories_ignore").Scan(&n); err != nil {
		return err
	}
	if n+len(all) > maxIgnored {
		return muster.Errorf(muster.Conflict, "%d entries are ignored already, and with %d more they would be more than %d", n, len(all), maxIgnored)
	}
	if len(all) == 0 {
		return nil
	}
	first, err := tx.Next("advisories_number", "ignore", int64(len(all)))
	if err != nil {
		return err
	}
	var rows [][]any
	for i := range all {
		e := &all[i]
		e.Number = first + int64(i)
		rows = append(rows, []any{e.Number, e.Advisory, e.Package, e.Platform, e.Site, e.Reason, e.By, e.Created, e.Expires, 0, 0})
	}
	return tx.Insert("advisories_ignore", []string{"num", "advisory", "package", "platform", "site", "reason", "creator", "created", "expires", "ended", "counted"}, rows)
}

func (a *Advisories) checkIgnore(in *api.AdvisoryIgnore) error {
	if in.Advisory == "" && in.Package == "" {
		return muster.WithHint(muster.Errorf(muster.Invalid, "what is ignored has neither an advisory nor a package"), "name one of them, or both")
	}
	if strings.TrimSpace(in.Reason) == "" {
		return muster.WithField(muster.Errorf(muster.Invalid, "it is not said why this is ignored"), "/reason")
	}
	if strings.Trim(in.Package, "*") == "" && in.Advisory == "" {
		return muster.WithField(muster.Errorf(muster.Invalid, "%q would have everything ignored", in.Package), "/package")
	}
	if !fits(in.Advisory, maxText) || !fits(in.Package, maxText) || !fits(in.Site, maxText) || !fits(in.Platform, 100) || !fits(in.Reason, 500) {
		return muster.Errorf(muster.Invalid, "a name of what is ignored is longer than %d bytes, or the reason than 500", maxText)
	}
	if strings.Count(in.Package, "*") > 1 {
		return muster.WithField(muster.Errorf(muster.Invalid, "%q has more than one *", in.Package), "/package")
	}
	ecosystem, release, _ := strings.Cut(in.Platform, " ")
	if in.Platform != "" && !a.Systems.Ecosystem(ecosystem, release).Known {
		err := muster.WithHint(muster.Errorf(muster.Invalid, "%q is no platform that advisories speak of", in.Platform), "write 'debian' or 'debian 12'; known are %s", strings.Join(a.Systems.Ecosystems(), ", "))
		return muster.WithField(err, "/platform")
	}
	if in.Expires != 0 && in.Expires <= a.Now().Unix() {
		return muster.WithField(muster.Errorf(muster.Invalid, "what is ignored would be over already"), "/expires")
	}
	return nil
}

// Unignore ends an entry.
func (a *Advisories) Unignore(ctx context.Context, num int64) error {
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		all, err := ignoredEntries(tx, "num = ? AND ended = 0", num)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return muster.Errorf(muster.NotFound, "nothing is ignored under number %d", num)
		}
		_, err = tx.Exec("UPDATE advisories_ignore SET ended = ? WHERE num = ?", a.Now().Unix(), num)
		return err
	})
	if err == nil {
		a.Poke()
	}
	return err
}

// Ignored lists what is ignored, the newest first: what is about all sites, and what is
// about those that the asker may see.
func (a *Advisories) Ignored(ctx context.Context, see []string) (out api.AdvisoryIgnorePage, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out.Ignored = []api.AdvisoryIgnore{}
		all, err := ignoredEntries(tx, "ended = 0")
		for _, e := range slices.Backward(all) {
			if e.Site == "" || seen(see, e.Site) {
				e.Over = !e.active(a.Now().Unix())
				out.Ignored = append(out.Ignored, e.AdvisoryIgnore)
			}
		}
		return err
	})
	return out, err
}

// seen reports whether who may see some sites may see one; nil are all.
func seen(see []string, site string) bool { return see == nil || slices.Contains(see, site) }

// expire has the counts follow entries that came, ended or expired.
func (a *Advisories) expire(ctx context.Context) error {
	now := a.Now().Unix()
	var all []ignored
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = ignoredEntries(tx, "counted = 0 AND (ended <> 0 OR expires = 0 OR expires > ?) OR counted = 1 AND (ended <> 0 OR expires <> 0 AND expires <= ?)", now, now)
		return err
	})
	for i := range all {
		if err == nil {
			err = a.turnOver(ctx, &all[i], now)
		}
	}
	return err
}

// turnOver marks the rows that an entry names, and in the same breath that it counts or
// does not any more.
func (a *Advisories) turnOver(ctx context.Context, e *ignored, now int64) error {
	rows, err := a.named(ctx, e)
	if err != nil {
		return err
	}
	if e.counted == e.active(now) {
		rows = nil // ended before it was counted
	}
	return a.write(ctx, func(tx *db.Tx) error {
		if err := soilRows(tx, rows); err != nil {
			return err
		}
		if err := soilOwn(tx); err != nil {
			return err
		}
		if e.ended != 0 {
			_, err := tx.Exec("DELETE FROM advisories_ignore WHERE num = ?", e.Number)
			return err
		}
		_, err := tx.Exec("UPDATE advisories_ignore SET counted = ? WHERE num = ?", e.active(now), e.Number)
		return err
	})
}

func soilRows(tx *db.Tx, ids []int64) error {
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{id}
	}
	return tx.Upsert("advisories_dirty", []string{"known"}, []string{"known"}, rows)
}

// named lists the rows in which something is found that an entry may name.
func (a *Advisories) named(ctx context.Context, e *ignored) (ids []int64, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		ids = nil
		query, args := "SELECT body FROM advisories_row", []any(nil)
		if e.Advisory != "" {
			nums, err := numbered(tx, e.Advisory)
			if err != nil {
				return err
			}
			query, args = "SELECT body FROM advisories_row WHERE known IN (SELECT known FROM advisories_finding WHERE advisory IN "+db.In(len(nums))+")", anys(nums)
		}
		rows, err := knownRows(tx, query, args...)
		for _, k := range rows {
			if a.knownRow(k).covered(e.Site, e) {
				ids = append(ids, k.ID)
			}
		}
		return err
	})
	return ids, err
}

// soilIgnored has rows counted anew in which an advisory is found that changed, where an
// entry names it by a name that it has now or had: that may have come or gone.
func (a *Advisories) soilIgnored(ctx context.Context, src *sourceRow) error {
	return a.write(ctx, func(tx *db.Tx) error {
		ids, err := numbers(tx, `SELECT DISTINCT f.known FROM advisories_ignore g JOIN advisories_name n ON n.name = g.advisory
			JOIN advisories_version v ON v.advisory = n.advisory AND v.born = n.born JOIN advisories_finding f ON f.advisory = v.advisory WHERE `+changedVersions, src.changedArgs()...)
		if err != nil {
			return err
		}
		return soilRows(tx, ids)
	})
}
