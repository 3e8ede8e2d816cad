package hosts

import (
	"context"
	"testing"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
)

// found is how many hosts a search finds.
func (w *world) found(query string) int {
	w.t.Helper()
	page, err := w.List(context.Background(), api.HostQuery{Query: query, Count: true})
	if err != nil || len(page.Hosts) != page.Total {
		w.t.Fatalf("%s: %d hosts of %d, %v", query, len(page.Hosts), page.Total, err)
	}
	return page.Total
}

// TestCensus has what memory keeps for searches follow what happens here, and on
// another server of the database.
func TestCensus(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWorld(t, first)
		one, two := joined(w, 1), joined(w, 2)
		other := newWorld(t, second)
		holds := func(want map[string]int) {
			t.Helper()
			for query, n := range want {
				for name, s := range map[string]*world{"here": w, "there": other} {
					if got := s.found(query); got != n {
						t.Errorf("%s, %s finds %d hosts, want %d", name, query, got, n)
					}
				}
			}
		}
		holds(map[string]int{"pc-000001": 1, "-pc-000001": 1, "example.org": 2, "-example.org": 0, "package:lib-package-*": 0, "-package:lib-package-*": 2})
		one.put(w, desktop(1, 5))
		holds(map[string]int{"pc-000001": 1, "package:lib-package-*": 1, "-package:lib-package-*": 1, "ip:10.0.0.0/20": 1, "ip:10.0.16.0/20": 0, "alice": 1})
		name := "reception"
		if err := other.Edit(t.Context(), "alice", two.id, api.HostEdit{Name: &name}); err != nil {
			t.Fatal(err)
		}
		holds(map[string]int{"reception": 1, "rec?ption": 1, "re*tion": 1})
		doc := inventory.New()
		doc.System = &inventory.System{Hostname: "pc", OS: "linux", Arch: "amd64"}
		one.put(w, doc)
		holds(map[string]int{"package:lib-package-*": 0, "alice": 0, "-alice": 2})
		if err := w.Forget(t.Context(), "alice", two.id); err != nil {
			t.Fatal(err)
		}
		holds(map[string]int{"reception": 0, "-reception": 1, "-alice": 1})
	})
}

func TestLongest(t *testing.T) {
	for like, want := range map[string]string{"": "", "%": "", "%pc%": "pc", "a%bcd_e": "bcd", "100!%!!_x": "100%!", "é%": "é", "!": "!"} {
		if got := longest(like); got != want {
			t.Errorf("%q has %q, want %q", like, got, want)
		}
	}
}
