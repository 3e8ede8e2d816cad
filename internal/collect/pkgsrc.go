package collect

import (
	"io/fs"
	"strings"

	"muster/inventory"
)

// pkgsrcDatabases are where pkg_install keeps its records: NetBSD, SmartOS and
// others since 2018, bootstrapped trees.
var pkgsrcDatabases = []string{"usr/pkg/pkgdb", "opt/pkg/.pkgdb", "opt/local/pkg/.pkgdb", "usr/pkg/.pkgdb", "var/db/pkg"}

// readPkgsrc reads the records of pkg_install, one folder NAME-VERSION a
// package. A folder without +CONTENTS is not one.
func readPkgsrc(fsys fs.FS) ([]inventory.Package, error) {
	var rows []inventory.Package
	for _, db := range pkgsrcDatabases {
		entries, err := list(fsys, db)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if p, ok := pkgsrcPackage(fsys, db+"/"+e.Name(), e.Name()); ok {
				rows = append(rows, p)
			}
		}
	}
	return rows, nil
}

// pkgsrcPackage splits at the last hyphen: versions have none (pkgsrc guide, 20.1).
func pkgsrcPackage(fsys fs.FS, dir, name string) (inventory.Package, bool) {
	i := strings.LastIndexByte(name, '-')
	contents, err := fs.Stat(fsys, dir+"/+CONTENTS")
	if i <= 0 || err != nil {
		return inventory.Package{}, false
	}
	p := inventory.Package{
		Name: name[:i], Version: name[i+1:],
		Size: number(fsys, dir+"/+SIZE_PKG"), Installed: contents.ModTime().Unix(),
	}
	info, err := read(fsys, dir+"/+BUILD_INFO", maxSmall)
	if err != nil {
		return p, true
	}
	for name, value := range assignments(info) {
		switch name {
		case "MACHINE_ARCH":
			p.Architecture = value
		case "PKGPATH":
			p.Source = value
		}
	}
	return p, true
}
