package sites

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"muster/internal/db/dbtest"
)

// randomSet is a set as hosts have them: runs with holes.
func randomSet(r *rand.Rand) (ids []int64) {
	next := int64(1 + r.IntN(1000))
	for range r.IntN(50) {
		for range 1 + r.IntN(40) {
			ids = append(ids, next)
			next++
		}
		next += int64(1 + r.IntN(300))
	}
	return ids
}

// change is a set after an upgrade.
func change(r *rand.Rand, ids []int64) (out []int64) {
	for _, id := range ids {
		if r.IntN(20) > 0 {
			out = append(out, id)
		}
	}
	for range r.IntN(20) {
		out = append(out, int64(1+r.IntN(40_000)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestForms holds the two forms of a set to what goes in, and hunts to reading it whole.
func TestForms(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		was := randomSet(r)
		now := change(r, was)
		got, err := w.expand(w.wholeBody(now), false, nil)
		if check(t, err); !slices.Equal(got, now) {
			t.Fatalf("whole: %v came back as %v", now, got)
		}
		got, err = w.expand(w.deltaBody(was, now), true, was)
		if check(t, err); !slices.Equal(got, now) {
			t.Fatalf("delta: %v came back as %v", now, got)
		}
		ask := change(r, now)
		c := newCursor(appendRuns(nil, now))
		var want []int64
		for _, id := range ask {
			if slices.Contains(now, id) {
				want = append(want, id)
			}
		}
		if in := c.holds(ask); !slices.Equal(in, want) {
			t.Fatalf("of %v the set %v holds %v, not %v", ask, now, want, in)
		}
	}
}

// TestSmall holds the size of what is stored to what docs/bench/collector.md says of it.
func TestSmall(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	ids := make([]int64, 2000)
	for i := range ids {
		ids[i] = int64(70_000 + i)
	}
	if n := len(w.wholeBody(ids)); n > 8 {
		t.Errorf("2,000 packages that were first seen together take %d bytes", n)
	}
	upgraded := slices.Concat(ids[:100], ids[105:], []int64{90_001, 90_002, 90_003, 90_004, 90_005})
	if n := len(w.deltaBody(ids, upgraded)); n > 16 {
		t.Errorf("five upgrades take %d bytes", n)
	}
}

func FuzzSet(f *testing.F) {
	w := newWorld(f, dbtest.SQLite(f))
	f.Add(w.wholeBody([]int64{1, 2, 3, 9}), false)
	f.Add(w.deltaBody([]int64{1, 2, 3, 9}, []int64{2, 3, 9, 10}), true)
	f.Add([]byte{0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, false)
	f.Add([]byte{1, 0x28, 0xb5, 0x2f, 0xfd}, true)
	base := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 101, 102}
	f.Fuzz(func(t *testing.T, body []byte, delta bool) {
		ids, err := w.expand(body, delta, base)
		if err != nil {
			return
		}
		if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) || len(ids) > 2*maxPackages+len(base) || len(ids) > 0 && ids[0] < 1 {
			t.Fatalf("%x is read as %v", body, ids)
		}
		plain, err := w.plain(body)
		check(t, err)
		again := appendRuns(nil, ids)
		if delta {
			c := newCursor(plain)
			again = appendRuns(appendRuns(nil, c.list()), c.list())
		}
		if !bytes.Equal(again, plain) {
			t.Fatalf("%x is read as what is written %x", plain, again)
		}
	})
}
