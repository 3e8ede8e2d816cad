package db

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFeed follows two kinds of what happened with pages of every size, cut off anywhere:
// each item comes once, in its order.
func TestFeed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var kinds [2][]int64
		var want []int64
		for n := int64(1); n <= 40; n++ {
			if k := r.IntN(3); k < 2 { // else nobody follows it
				kinds[k] = append(kinds[k], n)
				want = append(want, n)
			}
		}
		limit := 1 + r.IntN(6)
		read := func(kind []int64, after int64) (out Run[string]) {
			for _, n := range kind {
				if n > after && len(out.Items) < limit {
					if out.Cut = len(out.Items) > 0 && r.IntN(4) == 0; out.Cut {
						break
					}
					out.Items = append(out.Items, Numbered[string]{n, ""})
				}
			}
			return out
		}
		var got []int64
		for after := int64(0); ; {
			all, last := Feed(40, limit, read(kinds[0], after), read(kinds[1], after))
			if len(all) > limit || last < after {
				t.Fatalf("%d items of %d, from %d to %d", len(all), limit, after, last)
			}
			for _, n := range all {
				got = append(got, n.Number)
			}
			if last == after {
				break
			}
			after = last
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d at once: %v, want %v", limit, got, want)
		}
	}
}
