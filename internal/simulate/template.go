package simulate

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"muster"
	"muster/inventory"
)

// templates make the document of a host of its seed after so many changes.
var templates = map[string]func(seed uint64, changes int) *inventory.Document{
	"windows": windows,
	"debian":  debian,
	"mixed": func(seed uint64, changes int) *inventory.Document {
		if seed%4 == 0 {
			return debian(seed, changes)
		}
		return windows(seed, changes)
	},
}

func machine(seed uint64, name string) (*inventory.Document, *rand.Rand) {
	r := rand.New(rand.NewPCG(seed, 1))
	d := inventory.New()
	d.System = &inventory.System{Arch: "amd64", Hostname: fmt.Sprintf("%s-%06x", name, seed&0xffffff), Domain: "example.org", MachineID: fmt.Sprintf("%032x", r.Uint64()),
		Timezone: "Europe/Paris", Locale: "en_GB.UTF-8"}
	d.Hardware = &inventory.Hardware{CPUs: []inventory.CPU{{Cores: 4, Model: "Some CPU @ 3 GHz", Threads: 8, Sockets: 1, Vendor: "Some"}}, Memory: 16 << 30,
		BIOS: &inventory.BIOS{Date: "04/01/2024", Vendor: "Vendor", Version: "1.2.3"}, Serial: fmt.Sprintf("%07X", r.Uint32()), UUID: fmt.Sprintf("%032x", r.Uint64()),
		Vendor: "Some Computers Inc.", Product: "Desk 7090"}
	d.Disks = &inventory.Disks{Devices: []inventory.Device{{Name: "nvme0n1", Size: 512 << 30, Serial: fmt.Sprint(r.Uint64()), Model: "Some SSD 512GB"}}}
	d.Network = &inventory.Network{Interfaces: []inventory.Interface{{Addresses: []string{fmt.Sprintf("10.%d.%d.%d/16", seed>>16&255, seed>>8&255, seed&255)},
		MAC: fmt.Sprintf("02:00:00:%02x:%02x:%02x", seed>>16&255, seed>>8&255, seed&255), Name: "eth0", MTU: 1500}}, DNS: []string{"10.0.0.1"}, Gateways: []string{"10.0.0.1"}}
	d.Users = &inventory.Users{Accounts: []inventory.Account{{Name: "alice", UID: "1000"}}}
	d.Muster = []inventory.Installed{{Arch: "amd64", Kind: string(muster.Base), Manifest: fmt.Sprintf("%064x", 7), Name: "firefox", Status: string(muster.OK), Version: "132.0", Installed: 1790000000}}
	return d, r
}

// windows is a computer for one purpose, of an office, or of an engineer: some 30,
// 70 or 150 programs, a part of them such as few others have.
func windows(seed uint64, changes int) *inventory.Document {
	d, r := machine(seed, "pc")
	d.System.OS, d.System.ID, d.System.Name, d.System.Version = "windows", "windows", "Windows 11 Pro", "10.0.22631"
	size := pick(r, 15, 65)
	factor, own := []float64{.5, 1, 1.6}[size], []int{2, 12, 60}[size]
	var rows []inventory.Package
	for _, e := range windowsList() {
		if r.Float64()*100 < float64(e.share)*factor {
			rows = append(rows, program(r, e.name, behind(r, e.version, 20), e.vendor, e.size))
		}
	}
	for range r.IntN(2*own + 1) {
		// Of the 4,000 that some have the first are the most frequent.
		i := int(4000 * r.Float64() * r.Float64() * r.Float64())
		rows = append(rows, program(r, fmt.Sprintf("Program %04d", i), fmt.Sprintf("%d.%d.%d", 1+i%20, i%7, r.IntN(4)), fmt.Sprintf("Vendor %d Corporation", i%600), int64(i)<<14))
	}
	d.Packages = map[string][]inventory.Package{"windows": upgraded(inventory.SortPackages(rows), changes)}
	return d
}

// program is a row of the list of programs; its key is that of an installer, another
// one for each version.
func program(r *rand.Rand, name, version, vendor string, size int64) inventory.Package {
	h := fnv.New64a()
	h.Write([]byte(name + version))
	n := h.Sum64()
	return inventory.Package{Architecture: "amd64", ID: fmt.Sprintf("{%08X-%04X-4000-8000-%012X}", n>>32, n>>16&0xffff, n&0xffffffffffff),
		Name: name, Version: version, Vendor: vendor, Size: size, Installed: day(r)}
}

// debian is a server, a machine to build on, or a desktop: some 200, 870 or 2,000 packages.
func debian(seed uint64, changes int) *inventory.Document {
	d, r := machine(seed, "ws")
	d.System.OS, d.System.ID, d.System.Name, d.System.Version, d.System.Kernel = "linux", "debian", "Debian GNU/Linux 12 (bookworm)", "12", "6.1.0-28-amd64"
	parts := []string{"s", "st", "std"}[pick(r, 40, 30)]
	at := day(r)
	var rows []inventory.Package
	for i, e := range debianList() {
		if !strings.Contains(parts, e.part) || r.IntN(40) == 0 {
			continue
		}
		if r.IntN(50) == 0 {
			at = day(r) // what was installed together has one time
		}
		rows = append(rows, inventory.Package{Architecture: e.arch, Name: e.name, Version: behind(r, e.version, 4),
			Vendor: fmt.Sprintf("Team %d <team%d@lists.example.org>", i%40, i%40), Size: e.size, Installed: at})
	}
	d.Packages = map[string][]inventory.Package{"dpkg": upgraded(inventory.SortPackages(rows), changes)}
	return d
}

// pick is 0, 1 or 2: the first two with so many percent.
func pick(r *rand.Rand, first, second int) int {
	switch n := r.IntN(100); {
	case n < first:
		return 0
	case n < first+second:
		return 1
	}
	return 2
}

func day(r *rand.Rand) int64 { return 1_700_000_000 + int64(r.IntN(700))*86_400 }

// behind is the version of who has the newest, but for some percent.
func behind(r *rand.Rand, version string, percent int) string {
	if r.IntN(100) < percent {
		return moved(version, -1-r.IntN(2))
	}
	return version
}

// The n-th change upgrades one row: next(n) of all.
func next(n, rows int) int { return n * 37 % rows }

// upgraded are rows after so many changes.
func upgraded(rows []inventory.Package, changes int) []inventory.Package {
	for c := range changes {
		p := &rows[next(c, len(rows))]
		p.Version, p.Installed = moved(p.Version, 1), p.Installed+86_400
	}
	return rows
}

// changed is the row that the n-th change upgraded, in the document after it.
func changed(d *inventory.Document, n int) inventory.Package {
	for _, rows := range d.Packages {
		if len(rows) > 0 {
			return rows[next(n, len(rows))]
		}
	}
	return inventory.Package{}
}
