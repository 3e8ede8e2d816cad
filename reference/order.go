package reference

import (
	"muster/sitereport"
	"muster/version"
)

// orders are those of the package managers. Of snap, flatpak, brew and macOS nobody
// says how versions are ordered; muster's order does.
var orders = map[string]version.Order{
	"dpkg": version.Dpkg, "rpm": version.RPM, "apk": version.APK, "pacman": version.Arch,
	"pkgsrc": version.Pkgsrc, "freebsd": version.FreeBSD, "windows": version.Windows,
	"snap": version.Compare, "flatpak": version.Compare, "brew": version.Compare, "macos": version.Compare,
	"muster": version.Compare,
}

// orderOf is the order of a package manager, nil where it is not known.
func orderOf(manager string) version.Order { return orders[manager] }

// order is that in which the versions of p stand on the host.
func (h *Host) order(p *sitereport.Package) version.Order {
	if h.Platform.Known && h.Platform.Order != nil && h.Platform.Manager == p.Manager {
		return h.Platform.Order
	}
	if o := orderOf(p.Manager); o != nil {
		return o
	}
	return version.Compare
}
