package hosts

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/httpsig"
	"muster/inventory"
)

// A fleet is hosts with their inventories.
type fleet struct {
	*world
	machines []*machine
	docs     []*inventory.Document
}

func newFleet(b *testing.B, hosts int, make func(seed uint64) *inventory.Document) *fleet {
	b.Helper()
	f := &fleet{world: newWorld(b, dbtest.SQLite(b)), machines: nil}
	token, err := f.CreateToken(b.Context(), "alice", api.TokenRequest{Uses: -1})
	if err != nil {
		b.Fatal(err)
	}
	f.machines, f.docs = append(f.machines, newMachines(b, hosts)...), append(f.docs, nil)
	f.docs = f.docs[:0]
	for i := range hosts {
		f.docs = append(f.docs, make(uint64(i)))
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(hosts); i = next.Add(1) - 1 {
				if _, err := f.machines[i].enrol(f.world, token.Secret); err != nil {
					b.Error(err)
				}
				f.machines[i].put(f.world, f.docs[i])
			}
		})
	}
	all.Wait()
	return f
}

func newMachines(b *testing.B, n int) []*machine {
	all := make([]*machine, n)
	for i := range all {
		all[i] = newMachine(b, hostID(i))
		all[i].from = netAddr(i)
	}
	return all
}

// windows is a document of 200 packages, of which fleets share most.
func windows(seed uint64) *inventory.Document {
	d := desktop(seed, 0)
	r := rand.New(rand.NewPCG(seed, 2))
	d.System.OS, d.System.ID, d.System.Name, d.System.Version = "windows", "windows", "Windows 11 Pro", "10.0.22631"
	var rows []inventory.Package
	for i := range 200 {
		version := fmt.Sprintf("%d.%d.%d", 1+i%20, i%10, r.IntN(3))
		rows = append(rows, inventory.Package{Architecture: "amd64", ID: fmt.Sprintf("{%08X-0000-0000-0000-%012X}", i*7919, i), Name: fmt.Sprintf("Application %d of some vendor", i),
			Installed: 1700000000/86400*86400 + int64(r.IntN(50))*86400, Size: int64(i) << 20, Vendor: fmt.Sprintf("Vendor %d Inc.", i%40), Version: version})
	}
	d.Packages = map[string][]inventory.Package{"windows": inventory.SortPackages(rows)}
	return d
}

func debian(seed uint64) *inventory.Document { return desktop(seed, 2500) }

// upgrade is d with n packages in a newer version, of which there is one every ten
// days: other hosts have it too.
func upgrade(d *inventory.Document, r *rand.Rand, n int, now time.Time) *inventory.Document {
	next := *d
	next.Packages = map[string][]inventory.Package{}
	release := int(now.Sub(start) / (10 * 24 * time.Hour))
	for source, rows := range d.Packages {
		all := append([]inventory.Package(nil), rows...)
		for range n {
			p := &all[r.IntN(len(all))]
			p.Version = fmt.Sprintf("%d.%d.0-1", 2+release, p.Size>>10%7)
			p.Installed = now.Unix()
		}
		next.Packages[source] = inventory.SortPackages(all)
	}
	return &next
}

func deltaOf(b *testing.B, was, now *inventory.Document) []byte {
	b.Helper()
	d, err := inventory.Diff(was, now)
	if err != nil {
		b.Fatal(err)
	}
	data, err := d.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkCheckIn is what a check-in costs beside HTTP and the signature: of hosts
// that have nothing new, and where one in 50 brings a delta of ten upgrades, which
// is on disk when it is answered.
func BenchmarkCheckIn(b *testing.B) {
	for _, share := range []int{0, 50} {
		name := "nothing-new"
		if share > 0 {
			name = "one-delta-in-50"
		}
		b.Run(name, func(b *testing.B) {
			f := newFleet(b, 500, windows)
			b.Run("64-at-once", func(b *testing.B) { f.checkIns(b, share) })
		})
	}
}

func (f *fleet) checkIns(b *testing.B, share int) {
	type request struct {
		m     *machine
		msg   *httpsig.Message
		set   string
		delta []byte
	}
	const batch = 2000
	requests := make([]request, batch)
	r := rand.New(rand.NewPCG(1, 1))
	for done := 0; done < b.N; done += batch {
		b.StopTimer()
		f.pass(time.Second)
		for i := range requests {
			n := (done + i) % len(f.machines)
			m := f.machines[n]
			m.counter++
			q := request{m: m, msg: m.message(b, f.time(), m.id, m.counter), set: setOf(b, f.docs[n])}
			if share > 0 && r.IntN(share) == 0 {
				next := upgrade(f.docs[n], r, 10, f.time())
				q.delta = deltaOf(b, f.docs[n], next)
				f.docs[n] = next
			}
			requests[i] = q
		}
		b.StartTimer()
		var next atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for i := next.Add(1) - 1; i < int64(min(batch, b.N-done)); i = next.Add(1) - 1 {
					q := &requests[i]
					c, err := f.Accept(b.Context(), q.msg, q.m.from)
					if err == nil && q.delta != nil {
						_, err = f.PutInventory(b.Context(), c, api.TypeDelta, q.delta)
					} else if err == nil {
						_, err = f.CheckIn(b.Context(), c, api.CheckIn{Set: q.set, Clock: f.time().Unix(), Etag: "x"})
					}
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
	}
}

// BenchmarkWhole is a first inventory: parsed, taken apart, on disk.
func BenchmarkWhole(b *testing.B) {
	for name, doc := range map[string]func(uint64) *inventory.Document{"windows": windows, "debian": debian} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				f := newFleet(b, 0, doc)
				machines := newMachines(b, 32)
				token, err := f.CreateToken(b.Context(), "alice", api.TokenRequest{Uses: -1})
				if err != nil {
					b.Fatal(err)
				}
				var docs []*inventory.Document
				for i, m := range machines {
					if _, err := m.enrol(f.world, token.Secret); err != nil {
						b.Fatal(err)
					}
					docs = append(docs, doc(uint64(i)))
				}
				b.StartTimer()
				var all sync.WaitGroup
				for i, m := range machines {
					all.Go(func() { m.put(f.world, docs[i]) })
				}
				all.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/32, "µs/host")
		})
	}
}

// BenchmarkSize is how many bytes SQLite takes: for one more host, for a row of the
// dictionary, which hosts share, and for a change in the history, where each host
// has five packages upgraded a day.
func BenchmarkSize(b *testing.B) {
	for name, doc := range map[string]func(uint64) *inventory.Document{"windows": windows, "debian": debian} {
		b.Run(name, func(b *testing.B) {
			hosts, days := 100, 60
			if name == "debian" {
				hosts, days = 40, 30 // making the documents takes longest
			}
			for b.Loop() {
				f := newFleet(b, hosts, doc)
				before := f.bytes(b)
				b.ReportMetric(before["other"]/float64(hosts), "B/host")
				b.ReportMetric(before["dictionary"]/f.words(b), "B/word")
				changes := f.live(b, days, 5)
				after := f.bytes(b)
				b.ReportMetric(after["history"]/changes, "B/change")
				b.ReportMetric(after["other"]/float64(hosts), "B/host-later")
			}
		})
	}
}

// live has days pass on which each host has packages upgraded. It returns how many.
func (f *fleet) live(b *testing.B, days, upgrades int) (changes float64) {
	r := rand.New(rand.NewPCG(3, 3))
	for range days {
		f.pass(24 * time.Hour)
		var all sync.WaitGroup
		for i, m := range f.machines {
			next := upgrade(f.docs[i], r, upgrades, f.time())
			d, err := inventory.Diff(f.docs[i], next)
			if err != nil {
				b.Fatal(err)
			}
			data, err := d.Marshal()
			if err != nil {
				b.Fatal(err)
			}
			for _, rows := range d.Packages {
				changes += float64(len(rows.Changed))
			}
			f.docs[i] = next
			all.Go(func() { m.send(f.world, api.TypeDelta, data) })
		}
		all.Wait()
	}
	return changes
}

func (f *fleet) words(b *testing.B) (n float64) {
	b.Helper()
	if err := f.DB.Read(b.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT count(*) FROM hosts_software").Scan(&n) }); err != nil {
		b.Fatal(err)
	}
	return n
}

// bytes are the pages of the database by what they are for.
func (f *fleet) bytes(b *testing.B) map[string]float64 {
	b.Helper()
	kinds := map[string]string{"hosts_software": "dictionary", "hosts_software_sum": "dictionary", "hosts_software_name": "dictionary",
		"hosts_report": "history", "hosts_report_number": "history", "hosts_touched": "history"}
	all := map[string]float64{}
	err := f.DB.Read(b.Context(), func(tx *db.Tx) error {
		return tx.Each("SELECT name, sum(pgsize) FROM dbstat GROUP BY name", nil, func(scan db.Scan) error {
			var name string
			var bytes float64
			err := scan(&name, &bytes)
			kind := kinds[name]
			if kind == "" {
				kind = "other"
			}
			all[kind] += bytes
			b.Logf("%-30s %9.0f", name, bytes)
			return err
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	return all
}
