package references

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db/dbtest"
	"muster/internal/sites"
	"muster/internal/testneed"
	"muster/reference"
	"muster/sitereport"
)

// A crowd is a store of many hosts, in memory: roles of packages of a whole index of
// Debian, of which hosts are at different levels. A state is told by its kernel.
type crowd struct {
	words  []sites.Known // by number, from 1
	sets   [][]int64
	hosts  []sites.Host
	ofHost []int // set of each host
	reads  int
}

func (c *crowd) KnownNumbered(_ context.Context, ids []int64) (all []sites.Known, _ error) {
	for _, id := range ids {
		all = append(all, c.words[id])
	}
	return all, nil
}

func (c *crowd) HostsAfter(_ context.Context, edited int64, most int) (page []sites.Host, _ error) {
	i, _ := slices.BinarySearchFunc(c.hosts, edited+1, func(h sites.Host, n int64) int { return int(h.Edited - n) })
	return c.hosts[i:min(i+most, len(c.hosts))], nil
}

func (c *crowd) HostRows(_ context.Context, host int64) ([]int64, sites.Host, error) {
	c.reads++
	i := host - 1
	return c.sets[c.ofHost[i]], c.hosts[i], nil
}

func (c *crowd) Host(_ context.Context, host int64) (sites.Host, error) {
	return c.hosts[host-1], nil
}

func (c *crowd) HostPackages(_ context.Context, host, _ int64) (all []sites.Known, h sites.Host, _ error) {
	for _, id := range c.sets[c.ofHost[host-1]] {
		all = append(all, c.words[id])
	}
	return all, c.hosts[host-1], nil
}

func (c *crowd) Hosts(context.Context, sites.Filter, sites.Page) ([]sites.Host, error) {
	return nil, muster.Errorf(muster.Unavailable, "not asked here")
}

func (c *crowd) Versions(context.Context, string, int64, int64, func(sites.Interval) error) error {
	return muster.Errorf(muster.Unavailable, "not asked here")
}

// debian is the index of this machine's repositories.
func debian(b *testing.B) *reference.List {
	out, err := exec.Command(testneed.Program(b, "apt-get"), "indextargets", "--format", "$(FILENAME)", "Created-By: Packages").Output()
	check(b, err)
	var n reference.Newest
	var all [][]byte
	size := 0
	for _, file := range strings.Fields(string(out)) {
		data, err := exec.Command(testneed.Program(b, "/usr/lib/apt/apt-helper"), "cat-file", file).Output()
		check(b, err)
		all, size = append(all, data), size+len(data)
	}
	measure(b, fmt.Sprintf("read indexes, %.1f MB", float64(size)/1e6), 1, func() {
		for _, data := range all {
			check(b, n.AddDebian("Packages", bytes.NewReader(data)))
		}
	})
	if n.Len() < 10_000 {
		testneed.Missing(b, "lists of apt: apt-get update")
	}
	return n.List("debian")
}

const (
	crowdHosts = 50_000
	crowdHas   = 2000
	roles      = 20
	levels     = 10 // how far hosts of a role are behind
)

// newCrowd makes hosts of 20 roles, whose packages are updated on ten days, and of which
// one in own has something that no other has.
func newCrowd(l *reference.List, own int) *crowd {
	random := rand.New(rand.NewPCG(5, 6))
	c := &crowd{words: make([]sites.Known, 1)}
	numbers := map[string]int64{}
	number := func(w *reference.Wanted, v string) int64 {
		key := w.Name + " " + w.Arch + " " + v
		if numbers[key] == 0 {
			numbers[key] = int64(len(c.words))
			c.words = append(c.words, sites.Known{ID: numbers[key], System: sitereport.System{ID: "debian", Version: "12"},
				Package: sitereport.Package{Manager: "dpkg", Name: w.Name, Version: v, Arch: w.Arch}})
		}
		return numbers[key]
	}
	common := random.Perm(len(l.Wanted))
	for role := range roles {
		chosen := append(slices.Clone(common[:1500]), common[1500+role*500:1500+role*500+500]...)
		for level := range levels {
			var set []int64
			for i, at := range chosen {
				w := &l.Wanted[at]
				v := w.Want.Bounds[0].Version
				if i%40 < level { // 50 packages more with each day
					v += "~"
				}
				set = append(set, number(w, v))
			}
			slices.Sort(set)
			c.sets = append(c.sets, set)
		}
	}
	for i := range crowdHosts {
		at := random.IntN(roles * levels)
		if own > 0 && i%own == 0 {
			set := slices.Clone(c.sets[at])
			w := &l.Wanted[common[12_000+i%30_000]]
			set = append(set, number(w, w.Want.Bounds[0].Version))
			slices.Sort(set)
			c.sets, at = append(c.sets, slices.Compact(set)), len(c.sets)
		}
		h := sites.Host{ID: int64(i + 1), Name: fmt.Sprintf("host%05d.example.org", i), Site: fmt.Sprintf("SITE-%03d", i%200), Tag: "wn", Edited: int64(i + 1)}
		h.System = sitereport.System{ID: "debian", Version: "12", Kernel: fmt.Sprint("set ", at)}
		c.hosts, c.ofHost = append(c.hosts, h), append(c.ofHost, at)
	}
	return c
}

// BenchmarkReferences is the question what it costs to hold 50,000 hosts with 2,000
// packages each against a whole index of Debian: when the server starts, when the list
// changes, when a host does, when somebody looks; and what comparing host by host costs.
func BenchmarkReferences(b *testing.B) {
	l := debian(b)
	text := string(l.Print())
	b.Logf("%d rows, %.1f MB of YAML", len(l.Wanted), float64(len(text))/1e6)
	measure(b, "read the list", 3, func() {
		_, err := reference.ParseYAML("debian", []byte(text))
		check(b, err)
	})
	for _, x := range []struct {
		name string
		own  int
	}{{"sets=200", 0}, {"sets=1200", 50}, {"sets=50000", 1}} {
		c := newCrowd(l, x.own)
		b.Run(x.name, func(b *testing.B) { benchCrowd(b, c, l, text) })
	}
}

func benchCrowd(b *testing.B, c *crowd, l *reference.List, text string) {
	at := time.Unix(1_795_000_000, 0)
	r, err := Open(b.Context(), Config{DB: dbtest.SQLite(b), Source: c, Now: func() time.Time { return at }})
	check(b, err)
	before := heap()
	measure(b, "start: read hosts", 1, func() { check(b, r.Follow(b.Context())) })
	_, err = r.Put(b.Context(), "x", "debian", api.ReferencePut{Text: text})
	check(b, err)
	measure(b, "list put: read and judge", 1, func() { check(b, r.Follow(b.Context())) })
	b.Logf("%d states, %d packages known, %.1f MB of memory", len(r.fleet.states), r.fleet.words.len(), float64(heap()-before)/1e6)
	v := r.views["debian"]
	measure(b, "list judged alone", 3, func() { r.makeView(&view{stored: v.stored, list: v.list}, nil, at.Unix()) })
	for _, q := range []Question{{By: api.ReferenceByHost}, {By: api.ReferenceBySite}, {By: api.ReferenceByPackage}, {By: api.ReferenceByPackage, Verdict: "behind"}} {
		measure(b, "look by "+q.By+" "+q.Verdict, 2, func() {
			_, err := r.Compare(b.Context(), "debian", q)
			check(b, err)
		})
	}
	measure(b, "count", 5, func() { r.countView(map[dayKey]dayRow{}, "debian", v, 0) })
	host := int64(0)
	m := l.Matcher(at.Unix())
	measure(b, "naive: one host", 300, func() {
		host += 150
		all, h, _ := c.HostPackages(b.Context(), host, 0)
		m.Compare(&reference.Host{Site: h.Site, Tag: h.Tag, System: h.System}, pointers(all))
	})
	n := 0
	measure(b, "host changed", 1000, func() { benchChange(r, c, n); n++ }) // last, for it adds sets
}

// measure reports the time of processors that f takes, which other work on the machine
// does not change much, and the time that goes by.
func measure(b *testing.B, what string, times int, f func()) {
	wall, begun := time.Now(), processor(b)
	for range times {
		f()
	}
	b.Logf("%-28s %10.3f ms of processor, %10.3f ms", what, float64((processor(b)-begun).Microseconds())/1000/float64(times), float64(time.Since(wall).Microseconds())/1000/float64(times))
}

func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchChange has a host come to a set that no host has.
func benchChange(r *References, c *crowd, n int) {
	h := c.hosts[n%crowdHosts]
	set := slices.Clone(c.sets[c.ofHost[n%crowdHosts]])
	h.System.Kernel = fmt.Sprint("changed ", n)
	change := &hostChange{host: h, has: newSet(set[1:])}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apply(change)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkStart is the question what a server that starts reads from the store itself:
// 500 hosts with 2,000 packages, each with one that no other has.
func BenchmarkStart(b *testing.B) {
	w := newWorld(b, dbtest.SQLite(b), "A")
	const hosts = 500
	common := make([]string, crowdHas-1)
	for i := range common {
		common[i] = fmt.Sprintf("package-%d 1:2.36-9+deb12u10 amd64", i)
	}
	measure(b, "take a report", hosts, func() {
		w.report("A", fmt.Sprint("host", w.count), append(common, fmt.Sprintf("own-%d 1 amd64", w.count))...)
	})
	cold, err := sites.Open(b.Context(), sites.Config{DB: w.DB}) // that has nothing in memory yet
	check(b, err)
	r, err := Open(b.Context(), Config{DB: w.DB, Source: cold, Now: w.now})
	check(b, err)
	measure(b, fmt.Sprintf("start: read %d hosts", hosts), 1, func() { check(b, r.Follow(b.Context())) })
	if len(r.fleet.hosts) != hosts || len(r.fleet.states) != hosts {
		b.Fatalf("%d hosts in %d states", len(r.fleet.hosts), len(r.fleet.states))
	}
}
