package hosts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/api"
	"muster/internal/db/dbtest"
	"muster/inventory"
)

// talkative has a host tell of n changes, as long as it can, and report software
// between them. Packed, all of it is a few kilobytes.
func talkative(t *testing.T, w *world, n int) {
	t.Helper()
	m := joined(w, 1)
	doc := desktop(1, 5)
	m.put(w, doc)
	for i := range n {
		r := api.Result{ID: hostID(100 + i), Kind: "upgrade", Error: strings.Repeat("e", 1<<13), Output: strings.Repeat("o", 1<<14), Started: 1, Ended: 2}
		for k := range 300 {
			r.Steps = append(r.Steps, api.Change{Op: "install", Name: fmt.Sprint("p", k, strings.Repeat("n", 100)), To: "1", Error: strings.Repeat("x", 4000)})
		}
		if _, err := m.checkIn(w, api.CheckIn{Results: []api.Result{r}}); err != nil {
			t.Fatal(err)
		}
		if i%7 == 0 {
			doc.Packages["dpkg"] = append(doc.Packages["dpkg"], inventory.Package{Name: fmt.Sprintf("zzz%03d", i), Version: "1", Architecture: "amd64"})
			m.put(w, doc)
		}
	}
}

// TestPagesBounded: one host that says as much as it may makes no page larger than the
// server has room for, and nothing is left out for it, nor comes twice.
func TestPagesBounded(t *testing.T) {
	w := newWorld(t, dbtest.Open(t, "sqlite:"+t.TempDir()+"/h.db"))
	const n = 40
	talkative(t, w, n)
	p := w.Everything()
	newest, err := p.Events(t.Context(), api.EventQuery{Limit: 1000})
	if size := sizeOf(t, newest); err != nil || len(newest.Events) >= n || size > maxPage+1<<20 {
		t.Errorf("%d events of %d bytes: %v", len(newest.Events), size, err)
	}
	var numbers []int64
	reports := 0
	for after := int64(0); ; {
		items, last, err := p.Follow(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if size := sizeOf(t, items); size > maxPage+1<<20 {
			t.Errorf("a page of %d bytes", size)
		}
		for _, i := range items {
			if i.Event == nil {
				reports++
			} else if i.Event.Result != nil {
				numbers = append(numbers, i.Event.Number)
			}
		}
		if len(items) == 0 {
			break
		}
		after = last
	}
	if !slices.IsSorted(numbers) || len(slices.Compact(slices.Clone(numbers))) != n || len(numbers) != n || reports < 6 {
		t.Errorf("%d results, %d reports", len(numbers), reports)
	}
}

func sizeOf(t *testing.T, v any) int {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return len(data)
}
