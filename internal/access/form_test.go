package access

import (
	"sync"
	"sync/atomic"
	"testing"

	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// A form is claimed once, by whichever server, until it is released or long ago.
func TestForms(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{now: start}
		one, two := open(t, d, c), open(t, d, c)
		claim := func(a *Access, form byte, want bool) {
			t.Helper()
			if first := must(a.ClaimForm(t.Context(), [32]byte{form}))(t); first != want {
				t.Errorf("form %d: %v", form, first)
			}
		}
		claim(one, 1, true)
		claim(two, 1, false)
		claim(two, 2, true)
		check(t, one.ReleaseForm(t.Context(), [32]byte{1}))
		claim(two, 1, true)
		c.pass(FormLasts)
		claim(one, 1, true)
		var first atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if ok, err := []*Access{one, two}[i%2].ClaimForm(t.Context(), [32]byte{3}); err == nil && ok {
					first.Add(1)
				}
			})
		}
		all.Wait()
		if first.Load() != 1 {
			t.Errorf("%d are the first", first.Load())
		}
	})
}
