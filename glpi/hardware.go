package glpi

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"muster/inventory"
)

// mib is in bytes what GLPI calls MB.
const mib = 1 << 20

func (c *Content) hardware(h *inventory.Hardware, s *inventory.System) {
	c.Hardware.UUID = h.UUID
	c.Hardware.Memory = h.Memory / mib
	c.Hardware.ChassisType = chassis(h.Chassis)
	if n := h.Memory / mib; n > 0 {
		c.Memories = []Memory{{Capacity: n, Description: "all memory that the system can use", NumSlots: 1}}
	}
	b := BIOS{Board: h.Board, SystemManufacturer: h.Vendor, SystemModel: h.Product, SystemSerial: h.Serial}
	if h.BIOS != nil {
		b.Date, b.Manufacturer, b.Version = firmwareDate(h.BIOS.Date), h.BIOS.Vendor, h.BIOS.Version
	}
	c.BIOS = b.orNil()
	arch := ""
	if s != nil {
		arch = processor(s.Arch)
	}
	for i := range h.CPUs {
		c.CPUs = append(c.CPUs, sockets(&h.CPUs[i], arch)...)
	}
	for _, p := range h.PCI {
		c.Controllers = append(c.Controllers, controller(p))
	}
}

// firmwareDate reads the forms in which vendors write the day; nothing for others.
func firmwareDate(text string) string {
	for _, layout := range []string{"01/02/2006", time.DateOnly, "01/02/06", "20060102"} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 1970 {
			return t.Format(time.DateOnly)
		}
	}
	return ""
}

// maxSockets bounds the rows that one row of ours becomes.
const maxSockets = 64

// sockets is a row a socket, as GLPI counts processors.
func sockets(p *inventory.CPU, arch string) []CPU {
	n := min(max(p.Sockets, 1), maxSockets)
	one := CPU{Arch: arch, Core: p.Cores / n, Manufacturer: maker(p.Vendor), Name: p.Model, Speed: clock(p.Model)}
	if p.Cores > 0 {
		one.Thread = (p.Threads + p.Cores - 1) / p.Cores // where cores differ, those with most
	}
	all := make([]CPU, n)
	for i := range all {
		all[i] = one
	}
	return all
}

// maker is who CPUID's vendor means.
func maker(vendor string) string {
	switch vendor {
	case "GenuineIntel":
		return "Intel"
	case "AuthenticAMD":
		return "AMD"
	}
	return vendor
}

var frequency = regexp.MustCompile(`@ ?([0-9]{1,2})(?:\.([0-9]{1,3}))? ?GHz`)

// clock is the frequency in MHz that Intel writes into the name of a model.
func clock(model string) int {
	m := frequency.FindStringSubmatch(model)
	if m == nil {
		return 0
	}
	mhz, err := strconv.Atoi(m[1] + (m[2] + "000")[:3])
	if err != nil {
		return 0
	}
	return mhz
}

// processor is an architecture as the schema lists them; nothing for others.
func processor(arch string) string {
	switch arch {
	case "386", "amd64", "arm64", "ppc64", "ppc64le":
		return machines[arch]
	case "arm", "mips", "mips64", "sparc64":
		return arch
	}
	return ""
}

func controller(p inventory.PCI) Controller {
	return Controller{Driver: p.Driver, PCIClass: p.Class[:min(len(p.Class), 4)], PCISlot: strings.TrimPrefix(p.Slot, "0000:"), ProductID: p.Device, VendorID: p.Vendor}
}

// chassis is the name of a number of SMBIOS (3.6, 7.4.1, table 17).
func chassis(n int) string {
	if n <= 0 || n >= len(chassisNames) {
		return ""
	}
	return chassisNames[n]
}

var chassisNames = [...]string{1: "Other", "Unknown", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable", "Laptop", "Notebook",
	"Hand Held", "Docking Station", "All in One", "Sub Notebook", "Space-Saving", "Lunch Box", "Main Server Chassis", "Expansion Chassis", "Sub Chassis",
	"Bus Expansion Chassis", "Peripheral Chassis", "RAID Chassis", "Rack Mount Chassis", "Sealed-case PC", "Multi-system", "CompactPCI", "AdvancedTCA",
	"Blade", "Blade Enclosure", "Tablet", "Convertible", "Detachable", "IoT Gateway", "Embedded PC", "Mini PC", "Stick PC"}

func (c *Content) disks(d *inventory.Disks, v *inventory.Volatile) {
	free := make(map[string]int64, len(v.Free))
	for _, f := range v.Free {
		free[f.Target] = f.Free
	}
	for _, m := range d.Mounts {
		x := Drive{FileSystem: m.Type, Free: free[m.Target] / mib, Total: m.Size / mib, Device: m.Source}
		if letter := strings.TrimSuffix(m.Target, `\`); len(letter) == 2 && letter[1] == ':' {
			x.Letter = letter
		} else {
			x.MountPoint = m.Target
		}
		c.Drives = append(c.Drives, x)
	}
	for _, x := range d.Devices {
		s := Storage{DiskSize: x.Size / mib, Manufacturer: x.Vendor, Model: x.Model, Name: x.Name, Serial: x.Serial, Type: "disk"}
		if x.Removable {
			s.Type = "removable"
		}
		c.Storages = append(c.Storages, s)
	}
}
