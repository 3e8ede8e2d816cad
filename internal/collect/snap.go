package collect

import (
	"bytes"
	"io/fs"
	"strings"

	"muster/inventory"
)

// snapRoots are where snaps are mounted: Debian and Ubuntu, Fedora and others.
var snapRoots = []string{"snap", "var/lib/snapd/snap"}

// readSnap reads the mounted snaps: NAME/current is a link to the revision in
// use. The database of snapd, which has the publisher, is closed to all but root.
func readSnap(fsys fs.FS) ([]inventory.Package, error) {
	var rows []inventory.Package
	for _, root := range snapRoots {
		entries, err := list(fsys, root)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			meta := root + "/" + e.Name() + "/current/meta/snap.yaml"
			data, err := read(fsys, meta, maxSmall)
			if err != nil {
				continue // bin, README, or one that is not mounted
			}
			p := parseSnap(data)
			p.ID = link(fsys, root+"/"+e.Name()+"/current")
			p.Size = fileSize(fsys, "var/lib/snapd/snaps/"+e.Name()+"_"+p.ID+".snap")
			p.Installed = modified(fsys, "var/lib/snapd/snaps/"+e.Name()+"_"+p.ID+".snap")
			rows = append(rows, p)
		}
		if len(rows) > 0 {
			break // one may be a link to the other
		}
	}
	return rows, nil
}

// parseSnap reads the plain members of snap.yaml at the left edge; the rest of
// YAML is not needed for them.
func parseSnap(data []byte) inventory.Package {
	var p inventory.Package
	under := ""
	for l := range bytes.Lines(data) {
		text := strings.TrimRight(string(l), "\r\n")
		if item, ok := strings.CutPrefix(strings.TrimSpace(text), "- "); ok && under == "architectures" && p.Architecture == "" {
			p.Architecture = unquote(item)
		}
		if text == "" || strings.ContainsAny(text[:1], " \t-#") {
			continue
		}
		name, value, _ := strings.Cut(text, ":")
		under = name
		value = unquote(strings.TrimSpace(value))
		switch name {
		case "name":
			p.Name = value
		case "version":
			p.Version = value
		case "architectures":
			p.Architecture = strings.Trim(strings.Split(value, ",")[0], "[] ")
		}
	}
	return p
}

func fileSize(fsys fs.FS, name string) int64 {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return 0
	}
	return info.Size()
}
