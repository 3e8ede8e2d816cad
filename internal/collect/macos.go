package collect

import (
	"cmp"
	"io/fs"
	"strings"

	"muster/inventory"
)

// macOSFolders are where applications lie. Those of users are theirs.
var macOSFolders = []string{"Applications", "Applications/Utilities", "System/Applications", "System/Applications/Utilities"}

// readMacOS reads the applications of macOS: NAME.app/Contents/Info.plist, and
// one folder below for suites. An application without a readable one is left out.
func readMacOS(fsys fs.FS) ([]inventory.Package, error) {
	var rows []inventory.Package
	for _, folder := range macOSFolders {
		entries, err := list(fsys, folder)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			dir := folder + "/" + e.Name()
			switch {
			case strings.HasSuffix(e.Name(), ".app"):
				rows = appendApplication(rows, fsys, dir)
			case e.IsDir() && e.Name() != "Utilities":
				for _, name := range names(fsys, dir) {
					if strings.HasSuffix(name, ".app") {
						rows = appendApplication(rows, fsys, dir+"/"+name)
					}
				}
			}
		}
	}
	return rows, nil
}

func appendApplication(rows []inventory.Package, fsys fs.FS, dir string) []inventory.Package {
	name := dir + "/Contents/Info.plist"
	data, err := read(fsys, name, maxSmall)
	if err != nil {
		return rows
	}
	texts, err := parsePlist(data)
	if err != nil {
		return rows
	}
	file := strings.TrimSuffix(dir[strings.LastIndexByte(dir, '/')+1:], ".app")
	return append(rows, inventory.Package{
		ID: texts["CFBundleIdentifier"],
		// The file is what people see; the bundle's name is often an abbreviation.
		Name:      cmp.Or(file, texts["CFBundleDisplayName"], texts["CFBundleName"]),
		Version:   cmp.Or(texts["CFBundleShortVersionString"], texts["CFBundleVersion"]),
		Installed: modified(fsys, name),
	})
}
