package main

import (
	"runtime"
	"testing"
)

// Small servers are left alone; for large ones, garbage is bounded, but never so
// much that collecting it is all they do.
func TestGarbagePercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 10 << 20: 100, 64 << 20: 100, 128 << 20: 50, 400 << 20: 16, 8 << 30: leastPercent} {
		if got := garbagePercent(live, room); got != want {
			t.Errorf("with %d MB live, %d %%, want %d", live>>20, got, want)
		}
	}
	runtime.GC()
	if m := lookAt(); m.live < 64<<10 || m.working <= 0 || m.collecting > m.working {
		t.Errorf("this process is %+v", m)
	}
}

// While collecting is much of the work there is more room, and it is given back some
// time after.
func TestHaste(t *testing.T) {
	var h haste
	var collecting, working float64
	look := func(c, w float64) uint64 {
		collecting, working = collecting+c, working+c+w
		return h.room(collecting, working)
	}
	for i, c := range []struct {
		collecting, other float64
		want              uint64
	}{{.1, .9, room}, {0, 0, room}, {.5, .5, 2 * room}, {0, 0, 2 * room}, {.5, 1, 4 * room}, {.1, 1, 4 * room}} {
		if got := look(c.collecting, c.other); got != c.want {
			t.Errorf("look %d: %d MB, want %d", i, got>>20, c.want>>20)
		}
	}
	for range 20 {
		look(1, 1)
	}
	most, shrunk := look(1, 1), 0
	if most != 16*room {
		t.Errorf("%d MB at most", most>>20)
	}
	for range 4 * calm {
		if got := look(.1, 1); got < most {
			most, shrunk = got, shrunk+1
		}
	}
	if most != room || shrunk != 4 {
		t.Errorf("%d MB when it is quiet, in %d steps", most>>20, shrunk)
	}
}
