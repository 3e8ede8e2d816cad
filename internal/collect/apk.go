package collect

import (
	"errors"
	"fmt"
	"io/fs"

	"muster/inventory"
)

// Alpine moved its database in 2025 (apk-tools 3).
var apkDatabases = []string{"usr/lib/apk/db/installed", "lib/apk/db/installed"}

const apkFields = " A I P V m o "

// readApk reads the database of apk: paragraphs of one-letter fields (apk
// keeps no date of installation, and the key of the repository, not of the
// package).
func readApk(fsys fs.FS) ([]inventory.Package, error) {
	for _, name := range apkDatabases {
		data, err := read(fsys, name, maxDatabase)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows, err := parseApk(data)
		if err != nil {
			return nil, fmt.Errorf("cannot read %q: %w", name, err)
		}
		return rows, nil
	}
	return nil, fs.ErrNotExist
}

func parseApk(data []byte) (rows []inventory.Package, err error) {
	err = stanzas(data, apkFields, func(f map[string]string) {
		rows = append(rows, inventory.Package{
			Architecture: f["A"], Name: f["P"], Version: f["V"], Source: f["o"], Vendor: f["m"], Size: atoi(f["I"]),
		})
	})
	return rows, err
}
