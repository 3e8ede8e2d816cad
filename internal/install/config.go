package install

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"slices"

	"muster/pkgfile"
)

// Names of files that stand beside a configuration file that somebody edited.
const (
	asideNew  = ".muster-new"  // what the new version of the package has
	asideSave = ".muster-save" // what was edited, when the package left
)

// placeConfig says where a configuration file of a package is put: at its
// place, beside it, or nowhere. What a person edited or deleted stays so. old
// is the file of the version before, if there was one; info is what lies at
// the place now.
//
//	now            before -> new        result
//	absent         none                 put
//	absent         any                  nowhere: deleted on purpose
//	as new         any                  nowhere
//	as before      differs              put
//	edited         same                 nowhere
//	edited         differs, or none     beside
func (d *diff) placeConfig(s *side, f *pkgfile.File, at string, old *pkgfile.File, info fs.FileInfo) (string, error) {
	had := old != nil && old.Type == pkgfile.Regular
	if info == nil {
		if !had {
			return at, nil
		}
		d.note("%q was deleted; it stays so", d.root.abs(at))
		return "", nil
	}
	now := ""
	if info.Mode().IsRegular() {
		var err error
		if now, err = hashFile(d.root.abs(at)); err != nil {
			return "", err
		}
	}
	switch {
	case now == f.SHA256:
		return "", nil
	case had && now == old.SHA256:
		return at, nil
	case had && old.SHA256 == f.SHA256:
		return "", nil
	}
	d.note("%q was edited and stays as it is; the new one lies beside it as %s", d.root.abs(at), asideNew)
	d.aside[s.name] = append(d.aside[s.name], at+asideNew)
	return at + asideNew, nil
}

// saveConfig keeps an edited configuration file that is about to be deleted,
// under another name.
func (d *diff) saveConfig(name string, f *pkgfile.File, at string, info fs.FileInfo) error {
	if d.purge[name] || !info.Mode().IsRegular() {
		return nil
	}
	now, err := hashFile(d.root.abs(at))
	if err != nil || now == f.SHA256 {
		return err
	}
	there, err := lstat(d.root.abs(at + asideSave))
	if err != nil {
		return err
	}
	op := &Op{Op: "put", Path: at + asideSave, New: d.name("n")}
	if there != nil {
		op.Old = d.name("o")
	}
	d.puts = append(d.puts, op)
	d.links = append(d.links, &placement{file: f, at: op.Path, copy: d.root.abs(at), op: op})
	d.newBytes += roundUp(info.Size())
	d.note("%q was edited; it is kept as %s", d.root.abs(at), asideSave)
	return nil
}

// oldAsides plans the deletion of files that earlier changes put beside edited
// configuration, unless this change puts them anew.
func (d *diff) oldAsides(t *transition) error {
	for _, name := range sortedKeys(t.old) {
		for _, at := range t.old[name].aside {
			if slices.Contains(d.aside[name], at) {
				continue
			}
			info, err := lstat(d.root.abs(at))
			if err != nil {
				return err
			}
			if info != nil && info.Mode().IsRegular() {
				d.late = append(d.late, &Op{Op: "delete", Path: at, Old: d.name("o")})
			}
		}
	}
	return nil
}

// hashFile returns the sha256 of a file in hexadecimal.
func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
