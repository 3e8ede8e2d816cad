package advisories

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/db"
)

// The content of a source is replaced in four steps, of which each may be the last
// before a crash:
//
//	stage   what is new is written with born = generation + 1, what it replaces gets
//	        died = generation + 1: nobody looks at either, and the next import undoes it
//	switch  generation grows by one, in one row: from then on the new content counts
//	match   the rows of the dictionary that carry names of what was born or died are
//	        matched again, in the order of the names, with the place kept beside
//	prune   what has died is deleted
//
// Only what changed is written at all. No step holds the writer for longer than some
// hundred rows take.

// Bounds of one write of a stage.
const (
	stageDocuments = 200
	stageBytes     = 1 << 20
	stageRows      = 4000 // of advisories_affected
	someIDs        = 500  // values of one IN
)

// A stage is an import under way.
type stage struct {
	a        *Advisories
	source   sourceRow
	next     int64            // generation
	had      map[string]entry // by ID; what is left at the end is gone
	came     map[string]int64 // what this import has yielded, and its number where it was staged
	unread   map[string]bool  // what could not be read, by fileName
	spared   int64            // of had: it stays as it was
	batch    []*document
	size     int
	affected int
	out      api.AdvisoryImport
}

// An entry is an advisory as its source has it.
type entry struct {
	num       int64
	sum       string
	withdrawn bool
}

// begin undoes what an import that broke off has left, and reads what there is.
func (a *Advisories) begin(ctx context.Context, src sourceRow) (*stage, error) {
	if err := a.undo(ctx, src); err != nil {
		return nil, err
	}
	st := &stage{a: a, source: src, next: src.generation + 1, had: map[string]entry{}, came: map[string]int64{}, unread: map[string]bool{}, out: api.AdvisoryImport{Source: src.name}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		clear(st.had)
		return tx.Each(`SELECT a.id, a.num, v.sum, v.withdrawn FROM advisories_advisory a JOIN advisories_version v ON v.advisory = a.num
			WHERE a.source = ? AND v.died = 0`, []any{src.num}, func(scan db.Scan) error {
			var id string
			var e entry
			var sum []byte
			var withdrawn int64
			err := scan(&id, &e.num, &sum, &withdrawn)
			e.sum, e.withdrawn = string(sum), withdrawn != 0
			st.had[id] = e
			return err
		})
	})
	return st, err
}

// undo removes what was staged and never counted.
func (a *Advisories) undo(ctx context.Context, src sourceRow) error {
	if err := a.deleteVersions(ctx, src.num, "born > ?", src.generation); err != nil {
		return err
	}
	for {
		var ids []int64
		err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
			ids, err = numbers(tx, "SELECT advisory FROM advisories_version WHERE source = ? AND died > ? ORDER BY died, advisory LIMIT ?", src.num, src.generation, someIDs)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		err = a.write(ctx, func(tx *db.Tx) error {
			_, err = tx.Exec("UPDATE advisories_version SET died = 0 WHERE source = ? AND died > ? AND advisory IN "+db.In(len(ids)), slices.Concat([]any{src.num, src.generation}, anys(ids))...)
			return err
		})
		if err != nil {
			return err
		}
	}
}

// deleteVersions deletes versions of a source with all that hangs on them, and
// advisories of which none is left.
func (a *Advisories) deleteVersions(ctx context.Context, source int64, where string, args ...any) error {
	for {
		var all [][2]int64
		err := a.DB.Read(ctx, func(tx *db.Tx) error {
			all = nil
			return tx.Each("SELECT advisory, born FROM advisories_version WHERE source = ? AND "+where+" ORDER BY advisory, born LIMIT 200", slices.Concat([]any{source}, args), func(scan db.Scan) error {
				var v [2]int64
				err := scan(&v[0], &v[1])
				all = append(all, v)
				return err
			})
		})
		if err != nil || len(all) == 0 {
			return err
		}
		err = a.write(ctx, func(tx *db.Tx) error {
			for _, v := range all {
				if err := deleteVersion(tx, v[0], v[1]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

func deleteVersion(tx *db.Tx, num, born int64) error {
	for _, table := range []string{"advisories_affected", "advisories_name", "advisories_version"} {
		if _, err := tx.Exec("DELETE FROM "+table+" WHERE advisory = ? AND born = ?", num, born); err != nil {
			return err
		}
	}
	_, err := tx.Exec("DELETE FROM advisories_advisory WHERE num = ? AND NOT EXISTS (SELECT 1 FROM advisories_version WHERE advisory = ?)", num, num)
	return err
}

// put takes one advisory of the new content.
func (st *stage) put(ctx context.Context, in *advisory.Advisory) error {
	d, err := st.a.newDocument(in)
	if err != nil {
		return st.skip(in.ID, err)
	}
	if _, twice := st.came[d.ID]; twice {
		return st.merge(ctx, d)
	}
	st.out.Entries++
	st.came[d.ID] = 0
	if had, there := st.had[d.ID]; there {
		delete(st.had, d.ID)
		if had.sum == string(d.sum) {
			return nil
		}
		d.num = had.num
	}
	return st.add(ctx, d)
}

func (st *stage) add(ctx context.Context, d *document) error {
	if d.num == 0 {
		st.out.Added++
	} else {
		st.out.Changed++
	}
	st.batch = append(st.batch, d)
	st.size += len(d.body)
	st.affected += len(d.Affected)
	if len(st.batch) >= stageDocuments || st.size >= stageBytes || st.affected >= stageRows {
		return st.flush(ctx)
	}
	return nil
}

// maxNotes bounds the reasons that are kept of an import.
const maxNotes = 20

// skip notes an entry that is left out. Its name is its ID, with that of its package
// before it, or its file.
func (st *stage) skip(name string, why error) error {
	st.unread[fileName(name[strings.LastIndexByte(name, ' ')+1:])] = true
	st.out.Skipped++
	if len(st.out.Notes) < maxNotes {
		st.out.Notes = append(st.out.Notes, cut(why.Error(), 500))
	}
	return nil
}

// fileName is the name of the file of an advisory (CSAF 2.0, 5.1), of its ID or of a path.
func fileName(s string) string {
	s = strings.TrimSuffix(filepath.Base(s), ".json")
	return strings.Map(func(r rune) rune {
		if r == '+' || r == '-' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(s))
}

// spare keeps what was there and cannot be read now: its publisher did not withdraw it.
func (st *stage) spare() {
	for id := range st.had {
		if st.unread[fileName(id)] {
			delete(st.had, id)
			st.spared++
		}
	}
}

// merge takes an advisory that came before in the same content: a folder may have one
// document for each release. What it adds is put to what there is.
func (st *stage) merge(ctx context.Context, d *document) error {
	if err := st.flush(ctx); err != nil {
		return err
	}
	was, num, staged, err := st.current(ctx, d.ID)
	if err != nil {
		return err
	}
	if !joined(was, d.Advisory) {
		return nil
	}
	whole, err := st.a.newDocument(was)
	if err != nil {
		return st.skip(was.ID, err)
	}
	whole.num = num
	return st.a.write(ctx, func(tx *db.Tx) error {
		if staged {
			if err := deleteVersion(tx, num, st.next); err != nil {
				return err
			}
			if err := tx.Upsert("advisories_advisory", []string{"num"}, []string{"num", "source", "id"}, [][]any{{num, st.source.num, d.ID}}); err != nil {
				return err
			}
		}
		return st.insert(tx, []*document{whole})
	})
}

// current reads what an advisory would be if the import ended here.
func (st *stage) current(ctx context.Context, id string) (out *advisory.Advisory, num int64, staged bool, err error) {
	err = st.a.DB.Read(ctx, func(tx *db.Tx) error {
		var born int64
		var body []byte
		err := tx.QueryRow(`SELECT a.num, v.born, v.body FROM advisories_advisory a JOIN advisories_version v ON v.advisory = a.num
			WHERE a.source = ? AND a.id = ? AND v.died = 0`, st.source.num, id).Scan(&num, &born, &body)
		if err != nil {
			return err
		}
		staged = born == st.next
		out, err = st.a.read(body)
		return err
	})
	return out, num, staged, err
}

// joined adds to an advisory what another document of the same ID has, and reports
// whether that was anything.
func joined(to, from *advisory.Advisory) bool {
	grew := false
	has := map[string]bool{} // there may be very many of both
	for i := range to.Affected {
		has[fmt.Sprintf("%#v", to.Affected[i])] = true
	}
	for _, f := range from.Affected {
		if text := fmt.Sprintf("%#v", f); !has[text] {
			has[text], grew = true, true
			to.Affected = append(to.Affected, f)
		}
	}
	clear(has)
	for _, n := range to.Aliases {
		has[n] = true
	}
	for _, n := range from.Aliases {
		if !has[n] {
			has[n], grew = true, true
			to.Aliases = append(to.Aliases, n)
		}
	}
	slices.Sort(to.Aliases)
	return grew
}

// flush writes what has gathered.
func (st *stage) flush(ctx context.Context) error {
	if len(st.batch) == 0 {
		return nil
	}
	err := st.a.write(ctx, func(tx *db.Tx) error { return st.insert(tx, st.batch) })
	st.batch, st.size, st.affected = nil, 0, 0
	return err
}

// insert writes documents as of the next generation, and has what they replace end with
// this one.
func (st *stage) insert(tx *db.Tx, all []*document) error {
	nums, fresh, err := st.number(tx, all)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(nums, someIDs) {
		_, err := tx.Exec("UPDATE advisories_version SET died = ? WHERE died = 0 AND born < ? AND advisory IN "+db.In(len(part)), slices.Concat([]any{st.next, st.next}, anys(part))...)
		if err != nil {
			return err
		}
	}
	var versions, names, affected [][]any
	for i, d := range all {
		versions = append(versions, []any{nums[i], st.next, 0, st.source.num, d.sum, int(d.Severity), d.Exploited, d.Published, d.Withdrawn, st.a.pack.EncodeAll(d.body, nil)})
		for _, n := range d.names() {
			names = append(names, []any{n, nums[i], st.next})
		}
		rows, err := d.rows(nums[i], st.next)
		if err != nil {
			return err
		}
		affected = append(affected, rows...)
	}
	for _, t := range []struct {
		table string
		cols  []string
		rows  [][]any
	}{
		{"advisories_advisory", []string{"num", "source", "id"}, fresh},
		{"advisories_version", []string{"advisory", "born", "died", "source", "sum", "severity", "exploited", "published", "withdrawn", "body"}, versions},
		{"advisories_name", []string{"name", "advisory", "born"}, names},
		{"advisories_affected", []string{"ecosystem", "branch", "name", "advisory", "born", "slot", "body"}, affected},
	} {
		if err := tx.Insert(t.table, t.cols, t.rows); err != nil {
			return err
		}
	}
	return nil
}

// number gives numbers to documents that have none. They are not kept in the documents:
// a write may run twice.
func (st *stage) number(tx *db.Tx, all []*document) (nums []int64, fresh [][]any, err error) {
	missing := int64(0)
	for _, d := range all {
		if d.num == 0 {
			missing++
		}
	}
	next := int64(0)
	if missing > 0 {
		if next, err = tx.Next("advisories_number", "advisory", missing); err != nil {
			return nil, nil, err
		}
	}
	for _, d := range all {
		num := d.num
		if num == 0 {
			num = next
			next++
			fresh = append(fresh, []any{num, st.source.num, d.ID})
		}
		nums = append(nums, num)
	}
	return nums, fresh, nil
}

// withdraw ends what the new content has not: it stays to be read about, and concerns
// no package any more.
func (st *stage) withdraw(ctx context.Context) error {
	var gone []int64
	for _, e := range st.had {
		if !e.withdrawn {
			gone = append(gone, e.num)
		}
	}
	slices.Sort(gone)
	for part := range slices.Chunk(gone, stageDocuments) {
		docs, err := st.ended(ctx, part)
		if err == nil {
			err = st.a.write(ctx, func(tx *db.Tx) error { return st.insert(tx, docs) })
		}
		if err != nil {
			return err
		}
		st.out.Withdrawn += int64(len(docs))
	}
	return nil
}

func (st *stage) ended(ctx context.Context, nums []int64) (docs []*document, err error) {
	now := st.a.Now().Unix()
	err = st.a.DB.Read(ctx, func(tx *db.Tx) error {
		docs = nil
		return tx.Each("SELECT advisory, body FROM advisories_version WHERE died = 0 AND advisory IN "+db.In(len(nums)), anys(nums), func(scan db.Scan) error {
			var num int64
			var body []byte
			if err := scan(&num, &body); err != nil {
				return err
			}
			was, err := st.a.read(body)
			if err != nil {
				return err
			}
			was.Withdrawn = now
			d, err := st.a.newDocument(was)
			if err != nil {
				return err
			}
			d.num = num
			docs = append(docs, d)
			return nil
		})
	})
	return docs, err
}

// shrunk refuses an import that would take away most of what there is: more
// likely a file that was cut, or another file.
func (st *stage) shrunk() error {
	entries := st.out.Entries + st.spared
	had := int64(len(st.had)) + int64(len(st.came)) - st.out.Added + st.spared
	if had == 0 || entries > 0 && entries*2 >= had {
		return nil
	}
	return tooFew(st.source.name, st.out.Entries, had)
}

func tooFew(source string, entries, had int64) error {
	err := muster.Errorf(muster.Conflict, "%q has %d entries, where it had %d", source, entries, had)
	return muster.WithHint(err, "see whether that is so; then import it by hand, with shrinking allowed")
}

// anys makes arguments of numbers.
func anys[T any](all []T) []any {
	out := make([]any, len(all))
	for i, v := range all {
		out[i] = v
	}
	return out
}

// numbers reads a column of numbers.
func numbers(tx *db.Tx, query string, args ...any) (all []int64, err error) {
	err = tx.Each(query, args, func(scan db.Scan) error {
		var n int64
		err := scan(&n)
		all = append(all, n)
		return err
	})
	return all, err
}

// sameSum reports whether content is what counts already.
func (s *sourceRow) sameSum(sum []byte) bool { return s.generation > 0 && bytes.Equal(s.sum, sum) }
