package hosts

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
)

// drawDocument draws documents that have much in common.
func drawDocument(t *rapid.T) *inventory.Document {
	d := inventory.New()
	for _, source := range []string{"dpkg", "windows"} {
		rows := inventory.SortPackages(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) inventory.Package {
			return inventory.Package{
				Architecture:  rapid.SampledFrom([]string{"", "amd64"}).Draw(t, "arch"),
				ID:            rapid.SampledFrom([]string{"", "", "x"}).Draw(t, "id"),
				Installed:     rapid.Int64Range(0, 2).Draw(t, "installed"),
				Name:          rapid.SampledFrom([]string{"a", "A", "b", "c <&> é"}).Draw(t, "name"),
				Origin:        rapid.SampledFrom([]string{"", "o"}).Draw(t, "origin"),
				Source:        rapid.SampledFrom([]string{"", "s", "t"}).Draw(t, "source"),
				SourceVersion: rapid.SampledFrom([]string{"", "9"}).Draw(t, "source version"),
				Vendor:        rapid.SampledFrom([]string{"", "v"}).Draw(t, "vendor"),
				Version:       rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "version"),
			}
		}), 0, 8).Draw(t, source))
		if len(rows) > 0 {
			if d.Packages == nil {
				d.Packages = map[string][]inventory.Package{}
			}
			d.Packages[source] = rows
		}
	}
	if rapid.Bool().Draw(t, "system") {
		d.System = &inventory.System{Arch: "amd64", Hostname: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "host"), OS: "linux"}
	}
	if rapid.Bool().Draw(t, "users") {
		d.Users = &inventory.Users{}
	}
	for _, name := range []string{"p", "q", "r"} {
		if rapid.Bool().Draw(t, "audit") {
			output := strings.Repeat(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "output"), rapid.IntRange(0, 300).Draw(t, "length"))
			d.Audits = append(d.Audits, inventory.Audit{Package: name, Status: "OK", Output: output})
		}
		if rapid.Bool().Draw(t, "status") {
			d.Status = append(d.Status, inventory.Status{Name: name, Status: rapid.SampledFrom([]string{"OK", "ERROR"}).Draw(t, "status")})
		}
	}
	return d
}

// TestDocuments holds, for any sequence of reports, whole and as deltas, also
// doubled and late, that what is stored is what was sent, now and at every
// time of the past, that comparing two times says what differs, and that memory
// has of each software as many hosts as the documents.
func TestDocuments(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		n := 0
		if d.Dialect() != db.SQLite && flag.Lookup("rapid.checks").Value.String() == "100" {
			flag.Set("rapid.checks", "25") //nolint:errcheck // the same code, slower
			defer flag.Set("rapid.checks", "100")
		}
		rapid.Check(t, func(rt *rapid.T) {
			n++
			s := story{w: w, m: joined(w, n), rt: rt}
			for range rapid.IntRange(1, 6).Draw(rt, "reports") {
				s.report()
			}
			s.look()
		})
		checkCounts(t, w)
	})
}

// A story is the reports of one host.
type story struct {
	w     *world
	m     *machine
	rt    *rapid.T
	docs  []*inventory.Document
	times []int64
	late  []byte // a delta that was sent before
}

func (s *story) report() {
	s.w.pass(time.Duration(rapid.IntRange(1, 100).Draw(s.rt, "seconds")) * time.Second)
	doc := drawDocument(s.rt)
	data, err := doc.Marshal()
	if err != nil {
		s.rt.Fatal(err)
	}
	kind := api.TypeDocument
	if len(s.docs) > 0 && rapid.Bool().Draw(s.rt, "delta") {
		delta, err := inventory.Diff(s.docs[len(s.docs)-1], doc)
		if err != nil {
			s.rt.Fatal(err)
		}
		if data, err = delta.Marshal(); err != nil {
			s.rt.Fatal(err)
		}
		kind = api.TypeDelta
	}
	for range rapid.IntRange(1, 2).Draw(s.rt, "times") {
		if out := s.m.send(s.w, kind, data); out.Set != setOf(s.w.t, doc) || out.Send != api.SendNothing {
			s.rt.Fatalf("%s answers %+v, want %s", kind, out, setOf(s.w.t, doc))
		}
	}
	if s.late != nil && rapid.Bool().Draw(s.rt, "late") {
		s.m.send(s.w, api.TypeDelta, s.late)
		if now, _ := s.at(0); setOf(s.w.t, now) != setOf(s.w.t, doc) && !s.applies(doc) {
			s.rt.Fatal("a late delta changed the document")
		}
		s.m.put(s.w, doc)
	}
	if kind == api.TypeDelta {
		s.late = data
	}
	s.docs, s.times = append(s.docs, doc), append(s.times, s.w.time().Unix())
}

// applies reports whether the late delta is for doc, by chance.
func (s *story) applies(doc *inventory.Document) bool {
	d, err := inventory.ParseDelta(s.late)
	return err == nil && d.Base == setOf(s.w.t, doc)
}

func (s *story) at(when int64) (*inventory.Document, error) {
	return s.w.At(context.Background(), s.m.id, when)
}

// look compares all times with what was sent.
func (s *story) look() {
	s.same("now", 0, s.docs[len(s.docs)-1])
	for i, want := range s.docs {
		past := *want
		past.Status = nil
		s.same("at the report", s.times[i], &past)
		if i+1 < len(s.times) {
			s.same("before the next", s.times[i+1]-1, &past)
		}
	}
	if _, err := s.at(s.times[0] - 1); muster.KindOf(err) != muster.NotFound {
		s.rt.Fatalf("before the first report: %v", err)
	}
	for range 3 {
		i := rapid.IntRange(0, len(s.docs)-1).Draw(s.rt, "from")
		s.compare(i, rapid.IntRange(i, len(s.docs)-1).Draw(s.rt, "to"))
	}
}

func (s *story) same(what string, when int64, want *inventory.Document) {
	got, err := s.at(when)
	if err != nil {
		s.rt.Fatalf("%s: %v", what, err)
	}
	a, err := got.Marshal()
	if err != nil {
		s.rt.Fatal(err)
	}
	b, err := want.Marshal()
	if err != nil {
		s.rt.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		s.rt.Fatalf("%s:\n%s\nwant\n%s", what, a, b)
	}
}

// compare holds Diff to what the documents say.
func (s *story) compare(i, j int) {
	page, err := s.w.Diff(context.Background(), s.m.id, s.times[i], s.times[j])
	if err != nil {
		s.rt.Fatal(err)
	}
	was, now := *s.docs[i], *s.docs[j]
	was.Status, now.Status = nil, nil
	delta, err := inventory.Diff(&was, &now)
	if err != nil {
		s.rt.Fatal(err)
	}
	want := len(delta.Gone)
	for name := range delta.Packages {
		r := delta.Packages[name]
		want += len(r.Added) + len(r.Removed) + len(r.Changed)
	}
	for _, g := range delta.Gone {
		if source, ok := strings.CutPrefix(g, "packages."); ok {
			want += len(was.Packages[source]) - 1
		}
	}
	if delta.New != nil {
		h, err := delta.New.Hashes()
		if err != nil {
			s.rt.Fatal(err)
		}
		want += len(h)
	}
	if len(page.Changes) != want && !pairedOtherwise(delta) {
		data, _ := delta.Marshal()
		s.rt.Fatalf("%d changes, want %d:\n%+v\n%s", len(page.Changes), want, page.Changes, data)
	}
	for _, c := range page.Changes {
		if c.Section == "audits" && now.Audits != nil {
			var audits []inventory.Audit
			if err := json.Unmarshal(c.After, &audits); err != nil || len(audits) != len(now.Audits) {
				s.rt.Fatalf("audits after: %s, %v", c.After, err)
			}
		}
	}
}

// pairedOtherwise reports a delta that removes and adds under one name, because
// one of the versions is empty and Was could not name it; history pairs those.
func pairedOtherwise(d *inventory.Delta) bool {
	for _, r := range d.Packages {
		if len(r.Added) > 0 && len(r.Removed) > 0 {
			return true
		}
	}
	return false
}

// checkCounts holds what memory has of software against the documents.
func checkCounts(t *testing.T, w *world) {
	t.Helper()
	want := map[int64]int{}
	err := w.DB.Read(t.Context(), func(tx *db.Tx) error {
		var blobs [][]byte
		err := tx.Each("SELECT software FROM hosts_inventory", nil, func(scan db.Scan) error {
			blobs = append(blobs, nil)
			return scan(&blobs[len(blobs)-1])
		})
		if err != nil {
			return err
		}
		for _, b := range blobs {
			items, err := unpackItems(b)
			if err != nil {
				return err
			}
			for _, i := range items {
				want[i.software]++
			}
		}
		return w.look(tx, func(c *census) error {
			got := map[int64]int{}
			for num, ware := range c.stock.wares {
				got[num] = ware.n
			}
			if !maps.Equal(got, want) {
				t.Errorf("memory has %v, the documents %v", got, want)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestForgetLeavesNothing holds that all tables are as before a host came, but
// for the dictionary and the event.
func TestForgetLeavesNothing(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := joined(w, 1)
		m.put(w, desktop(1, 20))
		m.put(w, desktop(2, 20))
		if err := w.Edit(t.Context(), "alice", m.id, api.HostEdit{AddGroups: []string{"lab"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Forget(t.Context(), "alice", m.id); err != nil {
			t.Fatal(err)
		}
		checkCounts(t, w)
		for _, table := range []string{"host", "fact", "seen", "inventory", "report", "touched", "muster", "value", "member", "result"} {
			var n int
			err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT count(*) FROM hosts_" + table).Scan(&n) })
			if err != nil || n != 0 {
				t.Errorf("hosts_%s has %d rows, %v", table, n, err)
			}
		}
		states, err := w.Totals(t.Context(), "state")
		if err != nil || len(states) != 0 {
			t.Errorf("states: %v, %v", states, err)
		}
		if g, err := w.Group(t.Context(), "lab"); err != nil || g.Count != 0 || len(g.Members) != 0 {
			t.Errorf("group: %+v, %v", g, err)
		}
	})
}

// TestSchemaClustered holds that on SQLite the tables with a row for every package
// or fact of every host have no row ids, which makes them a third smaller.
func TestSchemaClustered(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for _, table := range []string{"hosts_report", "hosts_touched", "hosts_muster", "hosts_value", "hosts_member"} {
		err := w.DB.Read(t.Context(), func(tx *db.Tx) error {
			var text string
			err := tx.QueryRow("SELECT sql FROM sqlite_master WHERE name = ?", table).Scan(&text)
			if err == nil && !strings.HasSuffix(text, "WITHOUT ROWID") {
				t.Errorf("%s has row ids:\n%s", table, text)
			}
			return err
		})
		if err != nil {
			t.Error(table, err)
		}
	}
}
