package hosts

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"muster"
	"muster/internal/db"
)

// A patch turns the document after a report into the one before. So the newest
// document is at hand, and one of the past takes as many patches as there were
// reports since.
type patch struct {
	added, removed []item // by the report; sorted
	sections       []sectionPatch
}

// A sectionPatch is the value of a section before a report, as what differs from
// the value after it: lists in which one row changed take little.
type sectionPatch struct {
	name           string
	before, after  bool // there at all
	prefix, suffix int  // bytes that both have
	middle         []byte
}

// noHistory are sections that change by themselves.
var noHistory = []string{"status"}

// splitSections returns the values of sections by name.
func splitSections(doc []byte) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if err := readJSON("an inventory", doc, &all); err != nil {
		return nil, err
	}
	delete(all, "format")
	for _, name := range noHistory {
		delete(all, name)
	}
	return all, nil
}

func diffSections(was, now []byte) ([]sectionPatch, error) {
	before, err := splitSections(was)
	if err != nil {
		return nil, err
	}
	after, err := splitSections(now)
	if err != nil {
		return nil, err
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(names)
	var all []sectionPatch
	for _, name := range slices.Compact(names) {
		if !bytes.Equal(before[name], after[name]) {
			all = append(all, patchSection(name, before[name], after[name]))
		}
	}
	return all, nil
}

func patchSection(name string, before, after []byte) sectionPatch {
	p := sectionPatch{name: name, before: before != nil, after: after != nil}
	short := min(len(before), len(after))
	for p.prefix < short && before[p.prefix] == after[p.prefix] {
		p.prefix++
	}
	for p.suffix < short-p.prefix && before[len(before)-1-p.suffix] == after[len(after)-1-p.suffix] {
		p.suffix++
	}
	p.middle = before[p.prefix : len(before)-p.suffix]
	return p
}

// undo returns the value before, made of the one after.
func (p *sectionPatch) undo(after []byte) ([]byte, error) {
	if p.prefix+p.suffix > len(after) || p.after != (after != nil) {
		return nil, muster.Errorf(muster.Internal, "the database holds history of section %q that does not fit", p.name)
	}
	if !p.before {
		return nil, nil
	}
	return slices.Concat(after[:p.prefix], p.middle, after[len(after)-p.suffix:]), nil
}

// keepHistory keeps how to go back, unless there is nothing to go back to.
func (r *report) keepHistory(tx *db.Tx, added, removed []item) error {
	p := patch{added: added, removed: removed, sections: r.patch.sections}
	if r.base == nil || len(added)+len(removed)+len(p.sections) == 0 {
		return nil
	}
	number, err := tx.Next("hosts_number", "change", 1)
	if err != nil {
		return err
	}
	body := r.h.encodePatch(&p, r.base.kept)
	err = tx.Insert("hosts_report", []string{"host", "number", "happened", "body"}, [][]any{{r.c.num, number, r.c.at.Unix(), body}})
	if err != nil {
		return err
	}
	return touchFamilies(tx, number, added, removed)
}

// touchFamilies lets the report be found by the names of software.
func touchFamilies(tx *db.Tx, number int64, lists ...[]item) error {
	var ask []any
	for _, n := range sortedNums(lists...) {
		ask = append(ask, n)
	}
	families := map[int64]bool{}
	err := inChunks(ask, func(in string, nums []any) error {
		return tx.Each("SELECT DISTINCT family FROM hosts_software WHERE num IN "+in, nums, func(scan db.Scan) error {
			var n int64
			err := scan(&n)
			families[n] = true
			return err
		})
	})
	if err != nil {
		return err
	}
	var rows [][]any
	for _, n := range slices.Sorted(maps.Keys(families)) {
		rows = append(rows, []any{n, number})
	}
	return tx.Insert("hosts_touched", []string{"family", "number"}, rows)
}
