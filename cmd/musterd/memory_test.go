package main

import "testing"

// Small servers are left alone; for large ones, garbage is bounded, but never so
// much that collecting it is all they do.
func TestGarbagePercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 10 << 20: 100, 64 << 20: 100, 128 << 20: 50, 400 << 20: 16, 8 << 30: leastPercent} {
		if got := garbagePercent(live); got != want {
			t.Errorf("with %d MB live, %d %%, want %d", live>>20, got, want)
		}
	}
	if liveMemory() < 64<<10 {
		t.Errorf("this process lives on %d bytes", liveMemory())
	}
}
