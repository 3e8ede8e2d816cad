package sites

import (
	"net/netip"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestMoved has a host report from several addresses: since when it is at the last is known,
// whether it says something new or not.
func TestMoved(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A")
		moved := int64(0)
		for i, c := range []struct {
			address, has string
			moves        bool
		}{
			{"192.0.2.7", "bash 1", false},
			{"192.0.2.7", "bash 1", false},
			{"::ffff:192.0.2.7", "bash 2", false},
			{"192.0.2.8", "bash 2", true},
			{"192.0.2.8", "bash 2", false},
			{"192.0.2.8", "bash 3", false},
			{"192.0.2.7", "bash 4", true},
		} {
			w.later(time.Hour)
			from := by("A")
			from.Address = netip.MustParseAddr(c.address)
			out := must(w.Take(ctx(t), w.now, w.report("A", "n", c.has), from))(t)
			if c.moves {
				moved = w.now.Unix()
			}
			if h := must(w.Host(ctx(t), out.Host))(t); h.Moved != moved {
				t.Errorf("report %d: at %s since %d, not %d", i, h.Address, h.Moved, moved)
			}
		}
	})
}
