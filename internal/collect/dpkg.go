package collect

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"muster/inventory"
)

const (
	dpkgStatus = "var/lib/dpkg/status"
	dpkgParts  = "var/lib/dpkg/status.d" // images without dpkg have one file a package there
	dpkgInfo   = "var/lib/dpkg/info"

	dpkgFields = " Architecture Installed-Size Maintainer Origin Package Source Status Version "
)

// readDpkg reads the database of dpkg, deb822 stanzas. dpkg keeps no date of
// installation; it writes info/NAME.list at each, so that file's time is it.
// Packages that are not "installed" (removed with their configuration kept,
// half done) are left out.
func readDpkg(fsys fs.FS) ([]inventory.Package, error) {
	data, err := read(fsys, dpkgStatus, maxDatabase)
	parts := names(fsys, dpkgParts)
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && len(parts) > 0) {
		return nil, err
	}
	rows, err := parseDpkg(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", dpkgStatus, err)
	}
	for _, name := range parts {
		if strings.HasSuffix(name, ".md5sums") {
			continue
		}
		part, err := dpkgPart(fsys, dpkgParts+"/"+name)
		if err != nil {
			return nil, err
		}
		rows = append(rows, part...)
	}
	return rows, dpkgDates(fsys, rows)
}

func dpkgPart(fsys fs.FS, name string) ([]inventory.Package, error) {
	data, err := read(fsys, name, maxSmall)
	if err != nil {
		return nil, err
	}
	rows, err := parseDpkg(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", name, err)
	}
	return rows, nil
}

func parseDpkg(data []byte) (rows []inventory.Package, err error) {
	err = stanzas(data, dpkgFields, func(f map[string]string) {
		// status.d has no Status: what has a file there is installed.
		if s, ok := f["Status"]; ok && !strings.HasSuffix(s, " installed") {
			return
		}
		source, version := dpkgSource(f["Source"])
		rows = append(rows, inventory.Package{
			Architecture: f["Architecture"], Name: f["Package"], Version: f["Version"], Source: source, SourceVersion: version,
			Origin: f["Origin"], Vendor: f["Maintainer"], Size: atoi(f["Installed-Size"]) << 10,
		})
	})
	return rows, err
}

// dpkgSource splits the field Source: a name, with the version in parentheses where
// that is not the package's.
func dpkgSource(field string) (name, version string) {
	name, rest, _ := strings.Cut(field, " ")
	return name, strings.Trim(strings.TrimSpace(rest), "()")
}

// dpkgDates reads the directory once: one call a file, not a search a package.
func dpkgDates(fsys fs.FS, rows []inventory.Package) error {
	entries, err := list(fsys, dpkgInfo)
	if err != nil {
		return err
	}
	dates := make(map[string]int64, len(entries)/4)
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".list")
		if !ok {
			continue
		}
		if info, err := e.Info(); err == nil {
			dates[name] = info.ModTime().Unix()
		}
	}
	for i, p := range rows {
		rows[i].Installed = dates[p.Name]
		// The list of a package that may be there for several architectures names its own.
		if t, ok := dates[p.Name+":"+p.Architecture]; ok {
			rows[i].Installed = t
		}
	}
	return nil
}
