package hosts

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestPages holds that pages of any order have every host once and in order, also
// where many sort alike and hosts come and go in between.
func TestPages(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i := range 11 {
			m := joined(w, i+1)
			name := []string{"same", "same", "other", "É", "z_%"}[i%5]
			if err := w.Edit(context.Background(), "alice", m.id, api.HostEdit{Name: &name}); err != nil {
				t.Fatal(err)
			}
			status := []muster.Status{muster.OK, muster.Error, muster.NeedUpgrade}[i%3]
			if _, err := m.checkIn(w, api.CheckIn{Summary: &api.Summary{Status: status}}); err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 {
				w.pass(time.Minute)
			}
		}
		if err := w.FlushPresence(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, sort := range []string{"", "name", "-name", "seen", "-seen", "enrolled", "-enrolled", "status", "-status"} {
			for _, limit := range []int{1, 2, 5, 11, 12} {
				walk(t, w, sort, limit)
			}
		}
	})
}

func walk(t *testing.T, w *world, sort string, limit int) {
	t.Helper()
	q := api.HostQuery{Sort: sort, Limit: limit, Query: "state:accepted", Count: true}
	var all []api.Host
	for {
		page, err := w.List(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != 11 || len(page.Hosts) == 0 || len(page.Hosts) > limit {
			t.Fatalf("by %q, %d of %d hosts", sort, len(page.Hosts), page.Total)
		}
		all = append(all, page.Hosts...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	key := func(h api.Host) string {
		return map[string]string{"": h.Name, "name": h.Name, "seen": fmt.Sprintf("%020d", h.Seen), "enrolled": fmt.Sprintf("%020d", h.Enrolled),
			"status": string(h.Status)}[strings.TrimPrefix(sort, "-")]
	}
	for i := range all[1:] {
		c := cmp.Compare(key(all[i]), key(all[i+1]))
		if strings.HasPrefix(sort, "-") {
			c = -c
		}
		if c > 0 {
			t.Fatalf("by %q, %q comes before %q", sort, key(all[i]), key(all[i+1]))
		}
	}
	ids := map[string]bool{}
	for _, h := range all {
		ids[h.ID] = true
	}
	if len(all) != 11 || len(ids) != 11 {
		t.Fatalf("by %q in pages of %d: %d hosts, %d different", sort, limit, len(all), len(ids))
	}
}

// TestListRefuses holds what lists refuse.
func TestListRefuses(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	cursor := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, q := range []api.HostQuery{
		{Sort: "size"}, {Sort: "--name"}, {Query: "nane:x"}, {Columns: []string{"package"}}, {Columns: []string{"h.spki"}},
		{Cursor: "!"}, {Cursor: cursor("{}")}, {Cursor: cursor(`{"sort":"seen","key":1,"num":1}`)},
		{Sort: "seen", Cursor: cursor(`{"sort":"seen","key":"x","num":1}`)}, {Cursor: cursor(`{"sort":"name","key":{},"num":1}`)},
	} {
		if page, err := w.List(context.Background(), q); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%+v: %+v, %v", q, page, err)
		}
	}
}

// TestColumns holds what columns of a list say.
func TestColumns(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, func(c *Config) { c.Directory = tree{} })
		m := joined(w, 1)
		m.put(w, desktop(7, 0))
		unit := "paris/lab"
		if err := w.Edit(context.Background(), "alice", m.id, api.HostEdit{Unit: &unit, AddGroups: nil}); err != nil {
			t.Fatal(err)
		}
		page, err := w.List(context.Background(), api.HostQuery{Columns: []string{"os", "osversion", "memory", "ip", "mac", "user", "session", "unit", "directory",
			"group", "enrolled", "vendor", "cores", "free", "from"}})
		if err != nil || len(page.Hosts) != 1 {
			t.Fatal(page, err)
		}
		got, err := json.Marshal(page.Hosts[0].Columns)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"cores":"4","directory":"staff","enrolled":"2026-11-21T09:00:00Z","from":"10.0.0.1","ip":"10.0.0.7","mac":"02:00:00:00:00:07","memory":"16G",` +
			`"os":"debian","osversion":"12","unit":"paris, paris.lab","user":"alice","vendor":"Dell Inc."}`
		if string(got) != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	})
}

// TestBroad holds searches for software that most hosts have, which are answered
// from the lists of the hosts.
func TestBroad(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var all []string
		for i := range 4 {
			m := joined(w, i+1)
			m.put(w, desktop(uint64(i), 8000*min(i, 1)))
			all = append(all, m.id)
		}
		for query, want := range map[string][]string{"package:*": all[1:], "-package:lib-*": all[:1], "package:lib*<99": all[1:], "package:dpkg/*": all[1:], "package:lib-*>99": nil} {
			page, err := w.List(context.Background(), api.HostQuery{Query: query})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range page.Hosts {
				got = append(got, h.ID)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
	})
}

// FuzzPlace holds that a cursor which is read is printed as it was.
func FuzzPlace(f *testing.F) {
	f.Add((&place{"name", "x", 7}).String(), "name")
	f.Add((&place{"-seen", 1790000000, 7}).String(), "-seen")
	f.Add("e30", "name")
	f.Fuzz(func(t *testing.T, cursor, sort string) {
		p, err := readPlace(cursor, sort)
		if err != nil || p == nil {
			return
		}
		again, err := readPlace(p.String(), sort)
		if err != nil || *again != *p {
			t.Fatalf("%q is read as %+v, that as %+v: %v", cursor, p, again, err)
		}
	})
}
