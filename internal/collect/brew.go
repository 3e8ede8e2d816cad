package collect

import (
	"encoding/json"
	"io/fs"
	"strings"

	"muster/inventory"
)

var brewPrefixes = []string{"opt/homebrew", "usr/local", "home/linuxbrew/.linuxbrew"}

// brewReceipt is what Homebrew writes beside what it poured or built.
type brewReceipt struct {
	Arch   string `json:"arch"`
	Time   int64  `json:"time"`
	Source struct {
		Tap string `json:"tap"`
	} `json:"source"`
}

// readBrew reads the Cellar (formulae) and the Caskroom (applications) of
// Homebrew: NAME/VERSION, versions side by side.
func readBrew(fsys fs.FS) ([]inventory.Package, error) {
	var rows []inventory.Package
	for _, prefix := range brewPrefixes {
		for _, room := range []string{"Cellar", "Caskroom"} {
			all, err := brewRoom(fsys, prefix+"/"+room, room)
			if err != nil {
				return nil, err
			}
			rows = append(rows, all...)
		}
	}
	return rows, nil
}

func brewRoom(fsys fs.FS, dir, room string) ([]inventory.Package, error) {
	entries, err := list(fsys, dir)
	if err != nil {
		return nil, err
	}
	var rows []inventory.Package
	for _, e := range entries {
		versions, err := list(fsys, dir+"/"+e.Name())
		if err != nil || !e.IsDir() {
			continue // a file that lies about
		}
		for _, v := range versions {
			if strings.HasPrefix(v.Name(), ".") || !v.IsDir() {
				continue
			}
			rows = append(rows, brewPackage(fsys, dir+"/"+e.Name()+"/"+v.Name(), e.Name(), v.Name(), room))
		}
	}
	return rows, nil
}

func brewPackage(fsys fs.FS, dir, name, version, room string) inventory.Package {
	p := inventory.Package{Name: name, Version: version}
	if room == "Caskroom" {
		p.ID = "cask"
		p.Installed = modified(fsys, dir)
		return p
	}
	data, err := read(fsys, dir+"/INSTALL_RECEIPT.json", maxSmall)
	var r brewReceipt
	if err == nil && json.Unmarshal(data, &r) == nil {
		p.Architecture, p.Installed, p.Vendor = r.Arch, r.Time, r.Source.Tap
	}
	return p
}
