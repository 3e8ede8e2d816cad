package hosts

import (
	"slices"
	"testing"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/search"
)

// TestUnits lists the units of hosts and those around them, to somebody who sees all
// hosts and to somebody who sees one.
func TestUnits(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		crowd(w, 4)
		for i, unit := range []string{"paris/lab", "paris", "rome/office/first"} {
			if err := w.Edit(t.Context(), "alice", hostID(i+1), api.HostEdit{Unit: &unit}); err != nil {
				t.Fatal(err)
			}
		}
		units := func(p *Part, want ...api.Unit) {
			t.Helper()
			if got, err := p.Units(t.Context()); err != nil || !slices.Equal(got, want) {
				t.Errorf("units %+v, want %+v; %v", got, want, err)
			}
		}
		units(w.Part, api.Unit{Path: "paris", Package: "paris", Hosts: 2}, api.Unit{Path: "paris/lab", Package: "paris.lab", Hosts: 1}, api.Unit{Path: "rome", Package: "rome", Hosts: 1},
			api.Unit{Path: "rome/office", Package: "rome.office", Hosts: 1}, api.Unit{Path: "rome/office/first", Package: "rome.office.first", Hosts: 1})
		units(w.Hosts.Part(scopeOf(t, "name:pc-00001"), search.Scope{}, nil), api.Unit{Path: "paris", Package: "paris", Hosts: 1}, api.Unit{Path: "paris/lab", Package: "paris.lab", Hosts: 1})
		units(w.Hosts.Part(search.Scope{}, search.Scope{}, nil))
	})
}
