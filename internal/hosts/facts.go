package hosts

import (
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
)

// facts are the columns of hosts_fact that come from the inventory.
type facts struct {
	fqdn, os, osid, osname, osversion, arch, kernel, domain string
	machine, uuid, serial, vendor, product, cpu             string
	cores, memory, disk                                     int64
	hostname                                                string // goes to hosts_host
}

var factColumns = []string{"fqdn", "os", "osid", "osname", "osversion", "arch", "kernel", "domain",
	"machine", "uuid", "serial", "vendor", "product", "cpu", "cores", "memory", "disk"}

func (f *facts) values() []any {
	return []any{f.fqdn, f.os, f.osid, f.osname, f.osversion, f.arch, f.kernel, f.domain,
		f.machine, f.uuid, f.serial, f.vendor, f.product, f.cpu, f.cores, f.memory, f.disk}
}

// factsOfEnrolment is what is known before there is an inventory.
func factsOfEnrolment(a api.Facts) facts {
	return facts{fqdn: lower(a.FQDN, 190), os: lower(a.OS, 20), osname: a.OSName, arch: lower(a.Arch, 20),
		machine: lower(a.MachineID, 190), serial: a.Serial, uuid: lower(a.Hardware, 60)}
}

// factsOf reads what is searched for from a document.
func factsOf(d *inventory.Document) facts {
	var f facts
	if s := d.System; s != nil {
		f.hostname = cut(s.Hostname, 190)
		f.os, f.osid, f.osname, f.osversion = lower(s.OS, 20), lower(s.ID, 60), cut(s.Name, 190), cut(s.Version, 60)
		f.arch, f.kernel, f.domain, f.machine = lower(s.Arch, 20), cut(s.Kernel, 190), lower(s.Domain, 190), lower(s.MachineID, 190)
		f.fqdn = fqdn(s.Hostname, s.Domain)
	}
	if w := d.Hardware; w != nil {
		f.uuid, f.serial, f.vendor, f.product = lower(w.UUID, 60), cut(w.Serial, 190), cut(w.Vendor, 190), cut(w.Product, 190)
		f.memory = w.Memory
		for _, c := range w.CPUs {
			if f.cpu == "" {
				f.cpu = cut(c.Model, 190)
			}
			f.cores += int64(c.Cores)
		}
	}
	if d.Disks != nil {
		for _, v := range d.Disks.Devices {
			if !v.Removable && f.disk+v.Size > 0 {
				f.disk += v.Size
			}
		}
	}
	return f
}

// fqdn joins host name and domain, unless the name has one already.
func fqdn(hostname, domain string) string {
	if strings.Contains(hostname, ".") || domain == "" {
		return lower(hostname, 190)
	}
	return lower(hostname+"."+domain, 190)
}

func (f *facts) insert(tx *db.Tx, host int64) error {
	cols := append([]string{"host", "status", "problem", "reboot", "free"}, factColumns...)
	return tx.Insert("hosts_fact", cols, [][]any{append([]any{host, "", "", 0, -1}, f.values()...)})
}

// update writes the facts of a document.
func (f *facts) update(tx *db.Tx, host int64) error {
	_, err := tx.Exec("UPDATE hosts_fact SET "+strings.Join(factColumns, " = ?, ")+" = ? WHERE host = ?", append(f.values(), host)...)
	return err
}

// values are the rows of hosts_value that come from a document, sorted.
func valuesOf(d *inventory.Document) [][2]string {
	var all [][2]string
	add := func(field, value string) {
		if value = lower(value, 190); value != "" {
			all = append(all, [2]string{field, value})
		}
	}
	if d.Network != nil {
		for _, i := range d.Network.Interfaces {
			add("mac", i.MAC)
			for _, a := range i.Addresses {
				ip, _, _ := strings.Cut(a, "/")
				add("ip", ip)
			}
		}
	}
	if d.Users != nil {
		for _, a := range d.Users.Accounts {
			add("user", a.Name)
		}
	}
	return bounded(all)
}

// maxValues bounds the values of one host that are searched for.
const maxValues = 1000

// bounded sorts values and drops those that are there twice or too many.
func bounded(all [][2]string) [][2]string {
	slices.SortFunc(all, func(a, b [2]string) int {
		return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1])
	})
	all = slices.Compact(all)
	return all[:min(len(all), maxValues)]
}

// replaceValues makes the values of the named fields those.
func replaceValues(tx *db.Tx, host int64, fields []any, values [][2]string) error {
	args := append([]any{host}, fields...)
	if _, err := tx.Exec("DELETE FROM hosts_value WHERE host = ? AND field IN "+db.In(len(fields)), args...); err != nil {
		return err
	}
	rows := make([][]any, len(values))
	for i, v := range values {
		rows[i] = []any{host, v[0], v[1]}
	}
	return tx.Insert("hosts_value", []string{"host", "field", "value"}, rows)
}

// A rooted package is one of muster, there or to be there, in a root.
type rooted struct {
	api.InstalledPackage
	root, audit string
}

// packagesOf lists the packages of muster of a document, sorted by name and root.
func packagesOf(d *inventory.Document) []rooted {
	type key struct{ name, root string }
	all := map[key]*rooted{}
	at := func(name, root string) *rooted {
		k := key{name, root}
		if all[k] == nil {
			all[k] = &rooted{root: root}
			all[k].Name = name
		}
		return all[k]
	}
	for _, p := range d.Muster {
		r := at(p.Name, p.Root)
		r.Version, r.Status = p.Version, muster.Status(p.Status)
	}
	for _, s := range d.Status { // says more than that it is installed
		r := at(s.Name, s.Root)
		r.Status, r.Available, r.By, r.Error = muster.Status(s.Status), s.Available, s.By, s.Error
	}
	for _, a := range d.Audits {
		if r := all[key{a.Package, a.Root}]; r != nil {
			r.audit = a.Status
		}
	}
	out := make([]rooted, 0, len(all))
	for _, r := range all {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b rooted) int { return strings.Compare(a.Name+"\x00"+a.root, b.Name+"\x00"+b.root) })
	return out
}

// musterRows are the rows of hosts_muster of a document.
func musterRows(host int64, d *inventory.Document) [][]any {
	var rows [][]any
	type key struct{ name, root string }
	seen := map[key]bool{}
	for _, p := range packagesOf(d) {
		k := key{cut(p.Name, 128), cut(p.root, 190)}
		if seen[k] {
			continue // two areas whose paths begin alike
		}
		seen[k] = true
		rows = append(rows, []any{host, k.name, k.root, cut(p.Version, 190), cut(string(p.Status), 20), cut(p.audit, 20)})
	}
	return rows
}

func replaceMuster(tx *db.Tx, host int64, rows [][]any) error {
	if _, err := tx.Exec("DELETE FROM hosts_muster WHERE host = ?", host); err != nil {
		return err
	}
	return tx.Insert("hosts_muster", []string{"host", "name", "root", "version", "status", "audit"}, rows)
}
