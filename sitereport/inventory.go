package sitereport

import (
	"maps"
	"slices"

	"muster/inventory"
)

// Of makes the report of a host whose inventory is known. Time, nonce, site and tag
// are for the caller to fill in; so is the name, where the inventory does not have it.
func Of(d *inventory.Document) *Report {
	r := new(Report)
	if s := d.System; s != nil {
		r.Host = s.Hostname
		if s.Domain != "" && s.Hostname != "" {
			r.Host += "." + s.Domain
		}
		r.Host = hostName(r.Host)
		r.System = System{ID: s.ID, Version: s.Version, Name: s.Name, Arch: machine(s.OS, s.Arch), Kernel: s.Kernel}
	}
	for _, manager := range slices.Sorted(maps.Keys(d.Packages)) {
		rows := d.Packages[manager]
		r.Packages = slices.Grow(r.Packages, len(rows))
		for i := range rows {
			p := &rows[i]
			r.Packages = append(r.Packages, Package{
				Manager: manager, Name: p.Name, Version: p.Version, Arch: p.Architecture,
				Source: p.Source, SourceVersion: p.SourceVersion, Origin: origin(manager, p),
			})
		}
	}
	r.Packages = tidy(r.Packages)
	return r
}

// origin is what came closest to saying where a package came from.
func origin(manager string, p *inventory.Package) string {
	switch manager {
	case "brew", "rpm", "windows":
		return p.Vendor
	case "flatpak":
		return p.Signer
	}
	return p.Origin
}

// machines are architectures as uname -m writes them on Linux.
var machines = map[string]string{
	"386": "i686", "amd64": "x86_64", "arm": "armv7l", "arm64": "aarch64", "loong64": "loongarch64",
}

// machine is the architecture as the system writes it: FreeBSD and macOS have names
// of their own.
func machine(os, arch string) string {
	switch {
	case os == "freebsd", os == "darwin" && arch != "amd64":
		return arch
	case machines[arch] != "":
		return machines[arch]
	}
	return arch
}
