package hosts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// History lists what changed in inventories, the newest first.
func (p *Part) History(ctx context.Context, q api.HistoryQuery) (out api.HistoryPage, err error) {
	h := p.h
	q.Limit = limited(q.Limit)
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		f := feed{h: h, p: p, tx: tx, q: q, names: map[int64]*record{}}
		err := f.read()
		out = f.out
		return err
	})
	return out, err
}

// A feed is a page of history in the making.
type feed struct {
	h     *Hosts
	p     *Part
	tx    *db.Tx
	q     api.HistoryQuery
	host  int64 // 0: all
	out   api.HistoryPage
	names map[int64]*record
}

// A told report is one of a page.
type told struct {
	host, number, happened int64
	patch                  *patch
}

func (f *feed) read() error {
	f.out.Changes = []api.HistoryChange{}
	if f.q.Host != "" {
		r, err := f.p.find(f.tx, f.q.Host)
		if err != nil {
			return err
		}
		f.host = r.num
	}
	number, skip, err := readCursor(f.q.Cursor)
	if err != nil {
		return err
	}
	for {
		reports, err := f.reports(number, 200)
		if err != nil || len(reports) == 0 {
			return err
		}
		for _, r := range reports {
			full, err := f.tell(r, skip)
			if err != nil || full {
				return err
			}
			number, skip = r.number-1, 0
		}
	}
}

// readCursor reads where a page begins: a report, and how many of its changes
// were shown.
func readCursor(text string) (number int64, skip int, err error) {
	if text == "" {
		return 1 << 62, 0, nil
	}
	if n, err := fmt.Sscanf(text, "%d.%d", &number, &skip); err != nil || n != 2 || skip < 0 || number < 0 {
		return 0, 0, muster.Errorf(muster.Invalid, "%q is no cursor", cut(text, 50))
	}
	return number, skip, nil
}

// reports reads the next reports, from number down.
func (f *feed) reports(number int64, limit int) ([]told, error) {
	where, args := []string{"r.number <= ?"}, []any{number}
	add := func(cond string, v any) { where, args = append(where, cond), append(args, v) }
	if f.host != 0 {
		add("r.host = ?", f.host)
	} else {
		in, inArgs, err := f.p.in(f.tx, "r.host", f.p.see)
		if err != nil {
			return nil, err
		}
		where, args = append(where, in), append(args, inArgs...)
	}
	if f.q.From != 0 {
		add("r.happened >= ?", f.q.From)
	}
	if f.q.To != 0 {
		add("r.happened <= ?", f.q.To)
	}
	if f.q.Software != "" {
		add(`r.number IN (SELECT t.number FROM hosts_touched t WHERE t.family IN
			(SELECT w.family FROM hosts_software w WHERE w.name = ?))`, lower(f.q.Software, 190))
	}
	var all []told
	query := "SELECT r.host, r.number, r.happened, r.body FROM hosts_report r WHERE " + strings.Join(where, " AND ") + " ORDER BY r.number DESC LIMIT ?"
	return all, f.tx.Each(query, append(args, limit), func(scan db.Scan) error {
		var t told
		var body []byte
		err := scan(&t.host, &t.number, &t.happened, &body)
		if err == nil {
			t.patch, _, err = f.h.decodePatch(body)
		}
		all = append(all, t)
		return err
	})
}

// tell adds the changes of a report to the page, and says when that is full.
func (f *feed) tell(t told, skip int) (full bool, err error) {
	words, err := f.h.words.words(f.tx, sortedNums(t.patch.added, t.patch.removed))
	if err != nil {
		return false, err
	}
	changes := softwareChanges(words, t.patch.added, t.patch.removed)
	if f.q.Software != "" {
		changes = slices.DeleteFunc(changes, func(c api.HistoryChange) bool { return !strings.EqualFold(c.Software, f.q.Software) })
	} else if len(t.patch.sections) > 0 {
		sections, err := f.sections(t)
		if err != nil {
			return false, err
		}
		changes = append(changes, expand(sections)...)
	}
	r := f.names[t.host]
	if r == nil {
		if r, err = readRecord(f.tx, "num", t.host); err != nil {
			return false, err
		}
		f.names[t.host] = r
	}
	for i, c := range changes {
		if i < skip {
			continue
		}
		if len(f.out.Changes) == f.q.Limit {
			f.out.Next = fmt.Sprintf("%d.%d", t.number, i)
			return true, nil
		}
		c.Time, c.Host, c.Name = t.happened, r.id, r.name
		f.out.Changes = append(f.out.Changes, c)
	}
	return false, nil
}

// maxWalk bounds how many reports are gone back for the values of one section.
const maxWalk = 500

// sections are the changes of a report that are not of packages. Their values
// are made of the newest ones, by going back; where that is far, they are left out.
func (f *feed) sections(t told) (changes []api.HistoryChange, err error) {
	for _, s := range t.patch.sections {
		changes = append(changes, api.HistoryChange{Section: s.name, Op: "changed"})
	}
	s, err := f.h.readStored(f.tx, t.host)
	if err != nil || s == nil {
		return changes, err
	}
	p, err := f.h.newPast(s)
	if err != nil {
		return nil, err
	}
	walked := 0
	err = reportsSince(f.tx, t.host, t.happened-1, func(number, _ int64, body []byte) (bool, error) {
		if walked++; walked > maxWalk {
			return false, nil
		}
		after := maps.Clone(p.sections)
		if _, err := p.back(body); err != nil || number != t.number {
			return err == nil, err
		}
		for i := range changes {
			c := &changes[i]
			c.Before, c.After = p.sections[c.Section], after[c.Section]
		}
		return false, nil
	})
	return changes, err
}

// softwareChanges pairs what came with what went under the same name, so that an
// upgrade is one change.
func softwareChanges(words map[int64]*software, added, removed []item) []api.HistoryChange {
	type key struct{ source, name, arch, id string }
	keyOf := func(i item) key {
		w := words[i.software]
		return key{w.source, w.Name, w.Architecture, w.ID}
	}
	gone := map[key][]item{}
	for _, i := range removed {
		gone[keyOf(i)] = append(gone[keyOf(i)], i)
	}
	var all []api.HistoryChange
	change := func(i item, op, from, to string) {
		w := words[i.software]
		all = append(all, api.HistoryChange{Section: "packages." + w.source, Op: op, Software: w.Name, Arch: w.Architecture, From: from, To: to})
	}
	for _, i := range added {
		k := keyOf(i)
		if old := gone[k]; len(old) > 0 {
			change(i, "changed", words[old[0].software].Version, words[i.software].Version)
			gone[k] = old[1:]
			continue
		}
		change(i, "installed", "", words[i.software].Version)
	}
	for _, i := range removed {
		if k := keyOf(i); len(gone[k]) > 0 && gone[k][0] == i {
			change(i, "removed", words[i.software].Version, "")
			gone[k] = gone[k][1:]
		}
	}
	slices.SortStableFunc(all, func(a, b api.HistoryChange) int {
		return strings.Compare(a.Section+"\x00"+a.Software, b.Section+"\x00"+b.Software)
	})
	return all
}
