package advisories

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"muster"
	"muster/advisory"
	"muster/internal/db"
	"muster/internal/sites"
	"muster/sitereport"
)

// A finding is one of advisories_finding, without its row of the dictionary.
type finding struct {
	advisory  int64
	fixed     string
	status    string
	severity  advisory.Severity
	exploited bool
}

// A matched row is one of the dictionary with all that is found in it, by advisory.
type matchedRow struct {
	sites.Known
	renamed []string // names that advisories call it by beside its own
	found   []finding
}

// platform is whose advisories speak of a row of the dictionary.
func (a *Advisories) platform(k *sites.Known) advisory.Platform {
	return a.Systems.For(k.System.ID, k.System.Version, k.System.Name, k.Package.Manager)
}

// judge holds rows of the dictionary against all that counts.
func (a *Advisories) judge(tx *db.Tx, rows []sites.Known) ([]matchedRow, error) {
	type release struct{ ecosystem, release string }
	all := make([]matchedRow, len(rows))
	platforms := make([]advisory.Platform, len(rows))
	by := map[release][]int{}
	for i, k := range rows {
		all[i].Known, platforms[i] = k, a.platform(&k)
		if p := platforms[i]; p.Known {
			by[release{p.Ecosystem, p.Release}] = append(by[release{p.Ecosystem, p.Release}], i)
		}
	}
	later, err := a.toCome(tx)
	if err != nil {
		return nil, err
	}
	for r, places := range by {
		names := map[string]bool{anyName: true}
		for _, i := range places {
			for _, n := range advisory.Names(platforms[i], all[i].Package) {
				names[n] = true
				if n != all[i].Package.Name && n != all[i].Package.Source {
					all[i].renamed = append(all[i].renamed, n)
				}
			}
		}
		x, err := newHeap(tx, r.ecosystem, r.release, slices.Sorted(maps.Keys(names)))
		if err != nil {
			return nil, err
		}
		for _, i := range places {
			all[i].found = x.find(platforms[i], all[i].Package, later)
		}
	}
	return all, a.markExploited(tx, all)
}

// A heap is the advisories that rows of one release may be affected by.
type heap struct{ index *advisory.Index }

func newHeap(tx *db.Tx, ecosystem, release string, names []string) (*heap, error) {
	all := map[int64]*advisory.Advisory{}
	err := candidates(tx, ecosystem, release, names, func(c *candidate) {
		if all[c.num] == nil {
			all[c.num] = &advisory.Advisory{ID: strconv.FormatInt(c.num, 10)}
		}
		all[c.num].Affected = append(all[c.num].Affected, c.Affected)
	})
	b := advisory.NewBuilder()
	for _, n := range slices.Sorted(maps.Keys(all)) {
		b.Add(all[n])
	}
	return &heap{b.Index()}, err
}

// find is what affects a package, one finding for each advisory, in the order of their
// numbers, less those that do later.
func (x *heap) find(p advisory.Platform, pkg sitereport.Package, later map[string]bool) (all []finding) {
	x.index.Match(p, pkg, func(hit advisory.Finding) {
		num, err := strconv.ParseInt(hit.Advisory.ID, 10, 64)
		if err != nil || later[hit.Advisory.ID] {
			return // numbers are of newHeap
		}
		all = append(all, finding{num, cut(hit.Fixed, maxText), hit.Affected.Status, hit.Affected.Severity, false})
	})
	slices.SortFunc(all, func(a, b finding) int { return cmp.Compare(a.advisory, b.advisory) })
	return all
}

// compare puts first which of several advisories of one name is shown of a package: the
// worst, one without a status before others, one without a fix. What is left is there so
// that the same one always is.
func (f finding) compare(o finding) int {
	return cmp.Or(cmp.Compare(o.severity, f.severity), cmp.Compare(f.status, o.status), cmp.Compare(o.fixed, f.fixed))
}

// markExploited marks findings whose advisory shares a name with one that is known to
// be exploited: catalogues of those list vulnerabilities, not packages.
func (a *Advisories) markExploited(tx *db.Tx, all []matchedRow) error {
	nums := map[int64]bool{}
	for i := range all {
		for _, f := range all[i].found {
			nums[f.advisory] = true
		}
	}
	exploited, err := exploitedOf(tx, slices.Collect(maps.Keys(nums)))
	if err != nil {
		return err
	}
	for i := range all {
		for j := range all[i].found {
			f := &all[i].found[j]
			f.exploited = exploited[f.advisory]
		}
	}
	return nil
}

func exploitedOf(tx *db.Tx, nums []int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	var any int
	err := tx.QueryRow("SELECT exploited FROM advisories_version WHERE exploited = 1 LIMIT 1").Scan(&any)
	if muster.KindOf(err) == muster.NotFound {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(nums, someIDs) {
		found, err := numbers(tx, `SELECT DISTINCT n.advisory FROM advisories_name n
			JOIN advisories_version w ON w.advisory = n.advisory AND w.born = n.born JOIN advisories_source t ON t.num = w.source
			JOIN advisories_name k ON k.name = n.name
			JOIN advisories_version v ON v.advisory = k.advisory AND v.born = k.born JOIN advisories_source s ON s.num = v.source
			WHERE n.advisory IN `+db.In(len(part))+` AND w.born <= t.generation AND (w.died = 0 OR w.died > t.generation)
			AND v.exploited = 1 AND v.withdrawn = 0 AND `+current, anys(part)...)
		if err != nil {
			return nil, err
		}
		for _, n := range found {
			out[n] = true
		}
	}
	return out, nil
}

// writeFindings is how many findings one write changes at most, about.
const writeFindings = 4000

// match computes the findings of rows anew and writes what differs from what there is.
// last runs in the last of the writes: whatever notes how far the work has come.
func (a *Advisories) match(ctx context.Context, rows []sites.Known, last func(*db.Tx) error) error {
	var all []matchedRow
	var had map[int64][]finding
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		if all, err = a.judge(tx, rows); err != nil {
			return err
		}
		had, err = findingsOf(tx, idsOf(all))
		return err
	})
	if err != nil {
		return err
	}
	var p patch
	for i := range all {
		p.add(&all[i], had[all[i].ID])
		if p.size() >= writeFindings {
			if err := a.write(ctx, p.write); err != nil {
				return err
			}
			p = patch{}
		}
	}
	return a.write(ctx, func(tx *db.Tx) error {
		if err := p.write(tx); err != nil {
			return err
		}
		return last(tx)
	})
}

func idsOf(all []matchedRow) []int64 {
	ids := make([]int64, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return ids
}

// findingsOf reads the findings of rows of the dictionary.
func findingsOf(tx *db.Tx, ids []int64) (map[int64][]finding, error) {
	return findingsBy(tx, "known", ids)
}

// findingsBy reads the findings of rows of the dictionary, or of advisories, by the row
// that has them.
func findingsBy(tx *db.Tx, column string, ids []int64) (map[int64][]finding, error) {
	out := map[int64][]finding{}
	for part := range slices.Chunk(ids, someIDs) {
		err := tx.Each("SELECT known, advisory, fixed, status, severity, exploited FROM advisories_finding WHERE "+column+" IN "+db.In(len(part))+" ORDER BY known, advisory", anys(part), func(scan db.Scan) error {
			var known int64
			var f finding
			err := scan(&known, &f.advisory, &f.fixed, &f.status, &f.severity, &f.exploited)
			out[known] = append(out[known], f)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// A patch is what changes of findings.
type patch struct {
	put, rows, renamed, dirty, kernels [][]any
	gone                               [][2]int64 // row, advisory
	empty                              []int64    // rows that nothing is found in any more
}

func (p *patch) size() int { return len(p.put) + len(p.gone) + len(p.renamed) + len(p.kernels) }

// add compares what is found in a row with what was.
func (p *patch) add(r *matchedRow, had []finding) {
	p.keepKernel(&r.Known)
	was := make(map[int64]finding, len(had))
	for _, f := range had {
		was[f.advisory] = f
	}
	changed := false
	for _, f := range r.found {
		if old, there := was[f.advisory]; !there || old != f {
			p.put = append(p.put, []any{r.ID, f.advisory, f.fixed, f.status, int(f.severity), f.exploited})
			changed = true
		}
		delete(was, f.advisory)
	}
	for num := range was {
		p.gone = append(p.gone, [2]int64{r.ID, num})
		changed = true
	}
	if !changed && len(r.renamed) == 0 {
		return
	}
	body, err := json.Marshal(r.Known)
	if err != nil {
		return // texts and numbers: cannot be
	}
	for _, n := range r.renamed {
		p.renamed = append(p.renamed, []any{n, r.ID, body})
	}
	if !changed {
		return
	}
	p.dirty = append(p.dirty, []any{r.ID})
	if len(r.found) == 0 {
		p.empty = append(p.empty, r.ID)
		return
	}
	origin := r.Package.Source
	if origin == r.Package.Name {
		origin = ""
	}
	p.rows = append(p.rows, []any{r.ID, cut(r.Package.Name, maxText), cut(origin, maxText), body})
}

func (p *patch) write(tx *db.Tx) error {
	for _, g := range p.gone {
		if _, err := tx.Exec("DELETE FROM advisories_finding WHERE known = ? AND advisory = ?", g[0], g[1]); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(p.empty, someIDs) {
		if _, err := tx.Exec("DELETE FROM advisories_row WHERE known IN "+db.In(len(part)), anys(part)...); err != nil {
			return err
		}
	}
	for _, t := range []struct {
		table     string
		key, cols []string
		rows      [][]any
	}{
		{"advisories_finding", []string{"known", "advisory"}, []string{"known", "advisory", "fixed", "status", "severity", "exploited"}, p.put},
		{"advisories_row", []string{"known"}, []string{"known", "name", "origin", "body"}, p.rows},
		{"advisories_renamed", []string{"name", "known"}, []string{"name", "known", "body"}, p.renamed},
		{"advisories_dirty", []string{"known"}, []string{"known"}, p.dirty},
		{"advisories_kernel", []string{"known"}, []string{"known", "body"}, p.kernels},
	} {
		if err := tx.Upsert(t.table, t.key, t.cols, t.rows); err != nil {
			return err
		}
	}
	return nil
}
