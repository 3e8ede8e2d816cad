package collect

import (
	"bytes"
	"encoding/xml"
	"io/fs"
	"strings"

	"muster/inventory"
)

const flatpakRoot = "var/lib/flatpak"

// readFlatpak reads the system's installation of flatpak:
// app|runtime/ID/ARCH/BRANCH/active, where active is a link to the commit.
func readFlatpak(fsys fs.FS) ([]inventory.Package, error) {
	var rows []inventory.Package
	for _, kind := range []string{"app", "runtime"} {
		for _, id := range names(fsys, flatpakRoot+"/"+kind) {
			for _, arch := range names(fsys, flatpakRoot+"/"+kind+"/"+id) {
				for _, branch := range names(fsys, flatpakRoot+"/"+kind+"/"+id+"/"+arch) {
					dir := flatpakRoot + "/" + kind + "/" + id + "/" + arch + "/" + branch
					if p, ok := flatpakPackage(fsys, dir, id); ok {
						p.Architecture, p.ID = arch, branch
						rows = append(rows, p)
					}
				}
			}
		}
	}
	return rows, nil
}

// flatpakPackage reads a deployment. Its file "deploy" is a GVariant that
// begins with the name of the remote, ended by NUL.
func flatpakPackage(fsys fs.FS, dir, id string) (inventory.Package, bool) {
	deploy, err := read(fsys, dir+"/active/deploy", maxSmall)
	if err != nil {
		return inventory.Package{}, false // "current" is a link to another branch
	}
	origin, _, _ := bytes.Cut(deploy, []byte{0})
	p := inventory.Package{Name: id, Signer: string(origin), Installed: modified(fsys, dir+"/active/deploy")}
	for _, name := range []string{"metainfo/" + id + ".metainfo.xml", "metainfo/" + id + ".appdata.xml", "appdata/" + id + ".appdata.xml"} {
		data, err := read(fsys, dir+"/active/files/share/"+name, maxSmall)
		if err == nil {
			p.Version, p.Vendor = parseMetainfo(data)
			break
		}
	}
	// Runtimes say no version; the commit tells two apart.
	if p.Version == "" {
		p.Version = shortCommit(link(fsys, dir+"/active"))
	}
	return p, true
}

func shortCommit(s string) string { return s[:min(12, len(s))] }

// parseMetainfo returns the version of the newest release, which stands first,
// and the developer (AppStream 1.0, 2.1).
func parseMetainfo(data []byte) (version, developer string) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	dec.Strict = false
	in := ""
	for {
		token, err := dec.Token()
		if err != nil {
			return version, developer
		}
		switch t := token.(type) {
		case xml.StartElement:
			in = t.Name.Local
			if in == "release" && version == "" {
				version = attribute(t, "version")
			}
		case xml.CharData:
			if in == "developer_name" && developer == "" {
				developer = strings.TrimSpace(string(t))
			}
		case xml.EndElement:
			in = ""
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
