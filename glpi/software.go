package glpi

import (
	"maps"
	"slices"
	"time"

	"muster/inventory"
)

// origins are package managers as GLPI's agent calls them; others keep their name.
var origins = map[string]string{"dpkg": "deb", "windows": "registry"}

// software is every package of every package manager, by source and name, then
// those of muster. GLPI tells software apart by name, version, architecture and
// publisher, so that a second row of the same is left out.
func (c *Content) software(d *inventory.Document) {
	type key struct{ from, name, version, arch, folder string }
	seen := map[key]bool{}
	add := func(s Software) {
		k := key{s.From, s.Name, s.Version, s.Arch, s.Folder}
		if !seen[k] && s.Name != "" {
			seen[k] = true
			c.Softwares = append(c.Softwares, s)
		}
	}
	for _, source := range slices.Sorted(maps.Keys(d.Packages)) {
		rows := d.Packages[source]
		for i := range rows {
			add(packaged(source, &rows[i]))
		}
	}
	for i := range d.Muster {
		p := &d.Muster[i]
		add(Software{Arch: p.Arch, FileSize: p.Size, Folder: p.Root, From: "muster", Installed: moment(p.Installed, time.DateOnly), Name: p.Name, Version: p.Version})
	}
}

func packaged(source string, p *inventory.Package) Software {
	s := Software{Arch: p.Architecture, FileSize: p.Size, From: source, Installed: moment(p.Installed, time.DateOnly), Name: p.Name, Publisher: p.Vendor, Version: p.Version}
	if from, ok := origins[source]; ok {
		s.From = from
	}
	if source == "windows" {
		s.GUID = p.ID // the key below Uninstall, of MSI the product code
		s.Arch = machines[p.Architecture]
	}
	return s
}
