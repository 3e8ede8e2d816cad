package install

import (
	"os"
	"path"

	"muster"
	"muster/pkgfile"
)

// removals plans the deletion of what the changed packages had and nobody has
// any more.
func (d *diff) removals(t *transition) error {
	for _, name := range sortedKeys(t.old) {
		files := t.old[name].manifest.Files
		for i := len(files) - 1; i >= 0; i-- { // what lies in a directory before the directory
			if err := d.removal(name, &files[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *diff) removal(name string, f *pkgfile.File) error {
	rel, ok := f.Installed()
	if !ok {
		return nil
	}
	if f.Type == pkgfile.Directory {
		return d.removeDir(rel)
	}
	at, err := d.resolve.path(rel)
	if err != nil {
		return err
	}
	if _, ok := d.after.files[at]; ok {
		return nil
	}
	info, err := lstat(d.root.abs(at))
	if err != nil || info == nil || info.IsDir() {
		return err
	}
	if f.Config != "" {
		if err := d.saveConfig(name, f, at, info); err != nil {
			return err
		}
	}
	op := &Op{Op: "delete", Path: at, Old: d.name("o")}
	d.deleted[at] = true
	if d.makesRoom(at) {
		d.early = append(d.early, op)
	} else {
		d.late = append(d.late, op)
	}
	return nil
}

// makesRoom reports whether something of another type comes to at, or above it.
func (d *diff) makesRoom(at string) bool {
	if _, ok := d.after.dirs[at]; ok {
		return true
	}
	for dir := path.Dir(at); dir != "."; dir = path.Dir(dir) {
		if _, ok := d.after.files[dir]; ok {
			return true
		}
	}
	return false
}

func (d *diff) removeDir(rel string) error {
	at, err := d.resolve.dir(rel)
	if err != nil {
		return err
	}
	if _, ok := d.after.dirs[at]; ok || at == "" || d.deleted[at] {
		return nil
	}
	info, err := lstat(d.root.abs(at))
	if err != nil || info == nil || !info.IsDir() {
		return err
	}
	was := attrOf(info)
	op := &Op{Op: "rmdir", Path: at, Was: &was}
	d.deleted[at] = true
	if _, ok := d.after.files[at]; !ok {
		d.rmdir = append(d.rmdir, op)
		return nil
	}
	d.early = append(d.early, op)
	return d.onlyDeleted(at)
}

// onlyDeleted fails when the directory holds what this change does not delete.
func (d *diff) onlyDeleted(at string) error {
	entries, err := os.ReadDir(d.root.abs(at))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !d.deleted[path.Join(at, e.Name())] {
			return muster.Errorf(muster.Conflict, "a file must take the place of the directory %q, but %q lies in it",
				d.root.abs(at), e.Name())
		}
	}
	return nil
}
