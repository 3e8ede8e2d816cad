package search

import (
	"slices"
	"strings"
	"unicode/utf8"

	"muster/inventory"
)

// A Membership is what is known of a host beside its inventory. Hosts know the
// last four lines of themselves only from what their server told them.
type Membership struct {
	ID, Name string // "" is the name in the inventory
	FQDN     string // "" is made of the inventory
	Agent    string // version

	State, Status, Problem string
	Reboot                 bool
	Seen, Enrolled         int64 // Unix seconds
	From                   string
	Units                  []string // as names of packages: "paris", "paris.lab"
	Groups, Directory      []string
}

// known is the Facts of an inventory.
type known struct {
	texts    map[string][]string
	numbers  map[string]int64
	packages []Software
	muster   []Software
}

func (k *known) Texts(field string) []string { return k.texts[field] }

func (k *known) Number(field string) (int64, bool) {
	n, ok := k.numbers[field]
	return n, ok
}

func (k *known) Software(field string) []Software {
	if field == "package" {
		return k.packages
	}
	return k.muster
}

// Lengths, in characters, beyond which a value does not count: a database keeps no
// more.
const (
	maxValue  = 190
	maxName   = 128 // of a package of muster
	maxWord   = 60  // of versions and ids of systems
	maxSymbol = 20  // of architectures, systems, statuses
)

// MaxValues bounds the addresses and accounts of a host that are searched for.
const MaxValues = 1000

// FactsOf returns what an inventory says. doc and vol may be nil.
func FactsOf(doc *inventory.Document, vol *inventory.Volatile, m Membership) Facts {
	k := &known{texts: map[string][]string{}, numbers: map[string]int64{}}
	if doc == nil {
		doc = inventory.New()
	}
	k.system(doc.System)
	k.hardware(doc.Hardware)
	k.disks(doc.Disks)
	k.several(doc)
	if vol != nil {
		k.volatile(vol)
	}
	k.texts["user"] = append(k.texts["user"], k.texts["session"]...)
	k.software(doc)
	k.membership(m)
	return k
}

// put makes a value that of a field.
func (k *known) put(field, value string, most int) {
	if value = cut(value, most); value != "" {
		k.texts[field] = []string{value}
	}
}

func (k *known) positive(field string, n int64) {
	if n > 0 {
		k.numbers[field] = n
	}
}

func (k *known) system(s *inventory.System) {
	if s == nil {
		return
	}
	k.put("name", s.Hostname, maxValue)
	fqdn := s.Hostname
	if s.Domain != "" && !strings.Contains(fqdn, ".") {
		fqdn += "." + s.Domain
	}
	k.put("fqdn", fqdn, maxValue)
	k.put("domain", s.Domain, maxValue)
	k.texts["os"] = []string{cut(s.OS, maxSymbol), cut(s.ID, maxWord)}
	k.put("osname", s.Name, maxValue)
	k.put("osversion", s.Version, maxWord)
	k.put("arch", s.Arch, maxSymbol)
	k.put("kernel", s.Kernel, maxValue)
	k.put("machine", s.MachineID, maxValue)
}

func (k *known) hardware(h *inventory.Hardware) {
	if h == nil {
		return
	}
	k.put("uuid", h.UUID, maxWord)
	k.put("serial", h.Serial, maxValue)
	k.put("vendor", h.Vendor, maxValue)
	k.put("product", h.Product, maxValue)
	k.positive("memory", h.Memory)
	var cores int64
	for _, c := range h.CPUs {
		if k.texts["cpu"] == nil {
			k.put("cpu", c.Model, maxValue)
		}
		cores += int64(c.Cores)
	}
	k.positive("cores", cores)
}

func (k *known) disks(d *inventory.Disks) {
	if d == nil {
		return
	}
	var size int64
	for _, v := range d.Devices {
		if !v.Removable && size+v.Size > 0 {
			size += v.Size
		}
	}
	k.positive("disk", size)
}

// several are the fields that may have several values.
func (k *known) several(d *inventory.Document) {
	var all [][2]string
	if d.Network != nil {
		for _, i := range d.Network.Interfaces {
			all = append(all, [2]string{"mac", i.MAC})
			for _, a := range i.Addresses {
				ip, _, _ := strings.Cut(a, "/")
				all = append(all, [2]string{"ip", ip})
			}
		}
	}
	if d.Users != nil {
		for _, a := range d.Users.Accounts {
			all = append(all, [2]string{"user", a.Name})
		}
	}
	k.add(all)
}

// add puts the first values in their order, for a host may say that it has many.
func (k *known) add(all [][2]string) {
	for i := range all {
		all[i][1] = cut(strings.ToLower(all[i][1]), maxValue)
	}
	all = slices.DeleteFunc(all, func(v [2]string) bool { return v[1] == "" })
	slices.SortFunc(all, func(a, b [2]string) int { return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1]) })
	all = slices.Compact(all)
	for _, v := range all[:min(len(all), MaxValues)] {
		k.texts[v[0]] = append(k.texts[v[0]], v[1])
	}
}

func (k *known) volatile(v *inventory.Volatile) {
	for i, f := range v.Free {
		if n, ok := k.numbers["free"]; i == 0 || ok && f.Free < n {
			k.numbers["free"] = f.Free
		}
	}
	var all [][2]string
	for _, s := range v.Sessions {
		all = append(all, [2]string{"session", s.User})
	}
	k.add(all)
}

func (k *known) software(d *inventory.Document) {
	for source, rows := range d.Packages {
		for i := range rows {
			k.packages = append(k.packages, Software{Source: source, Name: cut(strings.ToLower(rows[i].Name), maxValue), Version: cut(rows[i].Version, maxValue)})
		}
	}
	type key struct{ name, root string }
	at := map[key]*Software{}
	row := func(name, root string) *Software {
		r := at[key{name, root}]
		if r == nil {
			r = &Software{Name: cut(name, maxName)}
			at[key{name, root}] = r
		}
		return r
	}
	for _, p := range d.Muster {
		r := row(p.Name, p.Root)
		r.Version, r.Status = cut(p.Version, maxValue), p.Status
	}
	for _, s := range d.Status { // says more than that it is installed
		row(s.Name, s.Root).Status = s.Status
	}
	for _, a := range d.Audits {
		if r := at[key{a.Package, a.Root}]; r != nil {
			r.Audit = a.Status
		}
	}
	for _, r := range at {
		k.muster = append(k.muster, *r)
	}
}

func (k *known) membership(m Membership) {
	k.put("id", m.ID, maxValue)
	if m.Name != "" {
		k.put("name", m.Name, maxValue)
	}
	if m.FQDN != "" {
		k.put("fqdn", m.FQDN, maxValue)
	}
	k.put("agent", m.Agent, maxWord)
	k.put("state", m.State, maxSymbol)
	k.put("status", m.Status, maxSymbol)
	k.put("problem", m.Problem, 500)
	k.put("from", m.From, maxValue)
	if m.Reboot {
		k.numbers["reboot"] = 1
	}
	k.positive("seen", m.Seen)
	k.positive("enrolled", m.Enrolled)
	k.texts["unit"], k.texts["group"], k.texts["directory"] = m.Units, m.Groups, m.Directory
}

// cut shortens s to n characters, without blanks at its end.
func cut(s string, n int) string {
	if len(s) > n && utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n])
	}
	return strings.TrimRight(s, " ")
}
