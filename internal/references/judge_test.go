package references

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"muster/advisory/systems"
	"muster/internal/sites"
	"muster/reference"
	"muster/sitereport"
)

// BenchmarkJudge is the question what it costs to judge a set of 2,000 packages by a list
// of 60,000, when no other set is like it.
func BenchmarkJudge(b *testing.B) {
	f := newFleet(systems.Builtin())
	l := &reference.List{Optional: true}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 60_000 {
		p := sitereport.Package{Manager: "dpkg", Name: fmt.Sprintf("package-%05d", i), Version: "1", Arch: "amd64"}
		f.addWord(&sites.Known{ID: int64(i + 1), Package: p, System: sitereport.System{ID: "debian", Version: "12"}})
		want, err := reference.ParseWant(fmt.Sprint(">= ", random.IntN(3)))
		check(b, err)
		l.Wanted = append(l.Wanted, reference.Wanted{Name: p.Name, Manager: "dpkg", Arch: "amd64", Want: want})
	}
	check(b, l.Check())
	v := newView(stored{}, l, nil, 0)
	v.extendAll(&f)
	states := make([]*state, 500)
	for i := range states {
		ids := make([]int64, 2000)
		for j := range ids {
			ids[j] = int64(j*30 + random.IntN(30) + 1)
		}
		slices.Sort(ids)
		states[i] = &state{has: newSet(ids)}
	}
	rows := make([]tally, len(v.absent))
	b.ResetTimer()
	for n := range b.N {
		v.judge(&f, states[n%len(states)], &v.scratch, func(row int32, m mark) { rows[row].add(m, 1) })
	}
}

// A set comes out as it went in.
func TestSet(t *testing.T) {
	for _, ids := range [][]int64{nil, {1}, {1, 2, 3}, {5, 7, 8, 9, 1 << 40, 1<<40 + 1}} {
		var got []int64
		newSet(ids).each(func(first, n int64) {
			for id := first; id < first+n; id++ {
				got = append(got, id)
			}
		})
		if !slices.Equal(got, ids) {
			t.Errorf("%v, then %v", ids, got)
		}
	}
}
