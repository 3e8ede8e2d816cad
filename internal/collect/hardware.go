package collect

import (
	"cmp"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"muster/inventory"
)

const dmi = "sys/class/dmi/id/"

// readHardware reads what Linux tells in /sys and /proc; other systems add
// theirs in liveHardware.
func readHardware(h *host, r *Report) error {
	if !h.live {
		return nil // a tree has no hardware
	}
	hw := &inventory.Hardware{
		BIOS:    &inventory.BIOS{Date: line(h.files, dmi+"bios_date"), Vendor: line(h.files, dmi+"bios_vendor"), Version: line(h.files, dmi+"bios_version")},
		Board:   strings.TrimSpace(line(h.files, dmi+"board_vendor") + " " + line(h.files, dmi+"board_name")),
		Chassis: int(positive(number(h.files, dmi+"chassis_type"))),
		CPUs:    cpus(h.files), Memory: meminfo(h.files, "MemTotal"), PCI: pciDevices(h.files),
		// Boards without DMI (ARM, POWER) have a device tree.
		Product: cmp.Or(line(h.files, dmi+"product_name"), line(h.files, "proc/device-tree/model")),
		Serial:  cmp.Or(line(h.files, dmi+"product_serial"), line(h.files, "proc/device-tree/serial-number")),
		UUID:    strings.ToLower(line(h.files, dmi+"product_uuid")),
		Vendor:  line(h.files, dmi+"sys_vendor"),
	}
	if *hw.BIOS == (inventory.BIOS{}) {
		hw.BIOS = nil
	}
	if err := liveHardware(hw); err != nil {
		return err
	}
	r.Document.Hardware = cleanHardware(hw)
	return nil
}

// cleanHardware drops what makers leave in firmware that they did not fill in.
func cleanHardware(hw *inventory.Hardware) *inventory.Hardware {
	for _, s := range []*string{&hw.Board, &hw.Product, &hw.Serial, &hw.UUID, &hw.Vendor} {
		*s = inventory.Text(*s)
		switch strings.ToLower(*s) {
		case "to be filled by o.e.m.", "default string", "system serial number", "system product name", "system manufacturer", "not specified", "none", "0":
			*s = ""
		}
	}
	if hw.BIOS != nil {
		*hw.BIOS = inventory.BIOS{Date: inventory.Text(hw.BIOS.Date), Vendor: inventory.Text(hw.BIOS.Vendor), Version: inventory.Text(hw.BIOS.Version)}
	}
	return hw
}

// cpuFields yields the lines "name : value" of /proc/cpuinfo.
func cpuFields(fsys fs.FS) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		data, err := read(fsys, "proc/cpuinfo", 16*maxSmall)
		if err != nil {
			return
		}
		for l := range strings.Lines(string(data)) {
			name, value, ok := strings.Cut(l, ":")
			if ok && !yield(strings.TrimSpace(name), strings.TrimSpace(value)) {
				return
			}
		}
	}
}

// cpus counts the processors of each model. A "processor" line begins each
// logical one; "physical id" and "core id" tell sockets and cores apart where
// the architecture has them.
func cpus(fsys fs.FS) (all []inventory.CPU) {
	var c cpuCount
	for name, value := range cpuFields(fsys) {
		switch name {
		case "processor":
			c.end()
			c.open = true
		case "model name", "cpu model", "cpu":
			c.model = cmp.Or(c.model, value)
		case "vendor_id", "CPU implementer":
			c.vendor = value
		case "physical id":
			c.socket = value
		case "core id":
			c.core = value
		}
	}
	c.end()
	return c.rows
}

type cpuCount struct {
	open                        bool
	model, vendor, socket, core string
	seen                        map[string]bool
	rows                        []inventory.CPU
}

// end takes the logical processor that was being read.
func (c *cpuCount) end() {
	if !c.open {
		return
	}
	row := c.row(inventory.Text(c.model), inventory.Text(c.vendor))
	row.Threads++
	if c.socket != "" && c.first("s"+c.socket) {
		row.Sockets++
	}
	if c.core != "" && c.first("c"+c.socket+"."+c.core) {
		row.Cores++
	}
	c.model, c.vendor, c.socket, c.core = "", "", "", ""
}

func (c *cpuCount) row(model, vendor string) *inventory.CPU {
	i := slices.IndexFunc(c.rows, func(r inventory.CPU) bool { return r.Model == model && r.Vendor == vendor })
	if i < 0 {
		c.rows = append(c.rows, inventory.CPU{Model: model, Vendor: vendor})
		i = len(c.rows) - 1
	}
	return &c.rows[i]
}

func (c *cpuCount) first(key string) bool {
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	was := c.seen[key]
	c.seen[key] = true
	return !was
}

// pciDevices lists the devices of the PCI bus. Names of the directory are slots.
func pciDevices(fsys fs.FS) (all []inventory.PCI) {
	const bus = "sys/bus/pci/devices/"
	hex := func(name string) string { return strings.TrimPrefix(line(fsys, name), "0x") }
	for _, slot := range names(fsys, strings.TrimSuffix(bus, "/")) {
		all = append(all, inventory.PCI{
			Class: hex(bus + slot + "/class"), Device: hex(bus + slot + "/device"), Vendor: hex(bus + slot + "/vendor"),
			Driver: inventory.Text(link(fsys, bus+slot+"/driver")), Slot: inventory.Text(slot),
		})
	}
	return all
}
