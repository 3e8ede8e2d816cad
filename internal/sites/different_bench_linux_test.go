package sites

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// BenchmarkDifferent asks about packages where every host has another set, and had another
// before: all of them of one site.
//
//	MUSTER_BENCH_HOSTS=50000 go test ./internal/sites -run XXX -bench Different -benchtime 1x
func BenchmarkDifferent(b *testing.B) {
	for range b.N {
		hosts := number("MUSTER_BENCH_HOSTS", 5_000)
		w := newWorld(b, dbtest.SQLite(b))
		w.site("A", func(s *Site) { s.Quota = Quota{Hosts: 1e6, Packages: 1e9} })
		w.different(hosts)
		w.Sites = must(Open(ctx(b), Config{DB: w.DB}))(b)
		took := func(name string, want int, ask func() int) {
			begun, cpu := time.Now(), processor(b)
			if n := ask(); n < want {
				b.Errorf("%s: %d, not %d", name, n, want)
			}
			b.Logf("%-20s %6d ms of processor, %6d ms", name, (processor(b) - cpu).Milliseconds(), time.Since(begun).Milliseconds())
		}
		for _, at := range []int64{0, began.Unix() + 60} {
			took(fmt.Sprintf("site at %v", at > 0), hosts, func() int {
				_, n, err := w.SiteAt(ctx(b), "A", at)
				check(b, err)
				return n
			})
		}
		for _, name := range []string{"lib00005", "own00005", "lib"} {
			took("versions "+name, 0, func() (n int) {
				check(b, w.Versions(ctx(b), name, 0, 0, func(Interval) error { n++; return nil }))
				return n
			})
		}
		took("sightings", 1, func() int { return len(must(w.Sightings(ctx(b), []string{"A"}, "own00005", ""))(b)) })
		took("holders", 1, func() (n int) {
			check(b, w.Holders(ctx(b), []int64{5, differentRoot + 5}, nil, func(Host, int64) error { n++; return nil }))
			return n
		})
		b.ReportMetric(0, "ns/op")
	}
}

// processor is the time of processors that this process took, which other work on the
// machine does not change much.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// differentRoot is how many packages the sets have in common; as many more are there to
// choose from.
const differentRoot = 2000

// different puts hosts beside one that has reported: each has most of what that has, and had
// something else before.
func (w *world) different(hosts int) {
	w.t.Helper()
	r := w.report("A", "n")
	for i := range 2 * differentRoot {
		name := fmt.Sprintf("lib%05d", i)
		if i >= differentRoot {
			name = fmt.Sprintf("own%05d", i-differentRoot)
		}
		r.Packages = append(r.Packages, pkg(name+" 1"))
	}
	w.take(r) // set 1: all of them
	random := rand.New(rand.NewPCG(5, 7))
	base := make([]int64, 2*differentRoot)
	for i := range base {
		base[i] = int64(i + 1)
	}
	for done := 0; done < hosts; done += 1000 {
		check(w.t, w.DB.Write(ctx(w.t), func(tx *db.Tx) error { return w.addDifferent(tx, random, base, done) }))
	}
}

func (w *world) addDifferent(tx *db.Tx, random *rand.Rand, base []int64, done int) error {
	var sets, hosts, seen, states [][]any
	at := began.Unix()
	for i := range 1000 {
		n := int64(done + i + 2)
		for k := range int64(2) { // before, and now
			without := map[int64]bool{}
			for range 20 {
				without[1+random.Int64N(differentRoot)] = true
			}
			var ids []int64
			for _, id := range base {
				if !without[id] && (id <= differentRoot || random.IntN(100) == 0) {
					ids = append(ids, id)
				}
			}
			num := 2*n + k
			sum := sumOf(fmt.Sprint(num))
			sets = append(sets, []any{num, sum[:], 1, 1, len(ids), w.deltaBody(base, ids)})
			states = append(states, []any{n, at + k*3600, (1 - k) * (at + 3600), at, 1, num})
		}
		hosts = append(hosts, []any{n, 1, fmt.Sprint("h", n), fmt.Sprint("h", n), "", "native", at, at + 3600, 0, n, 1, 2*n + 1})
		seen = append(seen, []any{n, at + 7200, at, []byte{}, []byte{}, 1, ""})
	}
	for _, t := range []struct {
		table string
		cols  []string
		rows  [][]any
	}{
		{"sites_set", []string{"num", "sum", "base", "depth", "size", "body"}, sets},
		{"sites_host", []string{"num", "site", "ident", "name", "tag", "form", "first", "changed", "gone", "edited", "os", "has"}, hosts},
		{"sites_seen", []string{"host", "seen", "sent", "nonce", "sum", "reports", "address"}, seen},
		{"sites_state", []string{"host", "began", "until", "seen", "os", "has"}, states},
	} {
		if err := tx.Insert(t.table, t.cols, t.rows); err != nil {
			return err
		}
	}
	return nil
}
