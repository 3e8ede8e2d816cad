package collect

import (
	"fmt"
	"io/fs"
	"strings"

	"muster/inventory"
)

const pacmanLocal = "var/lib/pacman/local"

// readPacman reads the local database of pacman, one folder a package with a
// file desc: "%FIELD%", its values a line each, an empty line.
func readPacman(fsys fs.FS) ([]inventory.Package, error) {
	entries, err := list(fsys, pacmanLocal)
	if err != nil {
		return nil, err
	}
	var rows []inventory.Package
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		name := pacmanLocal + "/" + e.Name() + "/desc"
		data, err := read(fsys, name, maxSmall)
		if err != nil {
			return nil, fmt.Errorf("cannot read package of pacman: %w", err)
		}
		rows = append(rows, parsePacman(data))
	}
	return rows, nil
}

func parsePacman(data []byte) inventory.Package {
	first := map[string]string{} // the first value of each field
	field := ""
	for l := range strings.Lines(string(data)) {
		l = strings.TrimRight(l, "\r\n")
		if len(l) > 2 && l[0] == '%' && l[len(l)-1] == '%' {
			field = l[1 : len(l)-1]
			continue
		}
		if field != "" && first[field] == "" {
			first[field] = l
		}
	}
	return inventory.Package{
		Architecture: first["ARCH"], Name: first["NAME"], Version: first["VERSION"], Source: first["BASE"], Vendor: first["PACKAGER"],
		Size: atoi(first["SIZE"]), Installed: atoi(first["INSTALLDATE"]),
	}
}
