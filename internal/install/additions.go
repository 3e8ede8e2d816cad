package install

import (
	"fmt"
	"io/fs"
	"os"
	"path"

	"muster"
	"muster/pkgfile"
)

// additions plans what the package brings.
func (d *diff) additions(s *side) error {
	d.content[s] = map[string]*placement{}
	for i := range s.manifest.Files {
		f := &s.manifest.Files[i]
		rel, ok := f.Installed()
		if !ok {
			continue
		}
		var err error
		if f.Type == pkgfile.Directory {
			err = d.addDir(f, rel)
		} else {
			err = d.addFile(s, f, rel)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (d *diff) addDir(f *pkgfile.File, rel string) error {
	at, err := d.resolve.dir(rel)
	if err != nil {
		return err
	}
	info, err := d.found(at)
	if err != nil {
		return err
	}
	want, err := d.own.attr(f)
	if err != nil {
		return err
	}
	switch {
	case info == nil || d.deleted[at] && !info.IsDir():
		d.mkdir(at, want)
	case !info.IsDir():
		return muster.Errorf(muster.Conflict, "%q is in the way: it must be a directory", d.root.abs(at))
	case len(d.before.dirs[at]) > 0 && attrOf(info) != *want && !d.root.Config.Area:
		// Only the mode of a directory that packages made is theirs to change.
		was := attrOf(info)
		d.puts = append(d.puts, &Op{Op: "attr", Path: at, Attr: want, Was: &was})
	}
	return nil
}

// mkdir plans a directory, once, however many packages have it. It is staged
// with all that the change puts into it, and takes its place by one rename;
// a directory in a new directory comes with that.
func (d *diff) mkdir(at string, a *Attr) {
	if d.made[at] != nil {
		return
	}
	if dir := path.Dir(at); d.absent(dir) {
		// A symlink leads to a place that is not there.
		d.mkdir(dir, &Attr{Mode: unixMode(d.root.dirMode())})
	}
	op := &Op{Op: "mkdir", Path: at, Attr: a}
	op.New, op.Inside = d.staged(at)
	d.made[at] = op
	d.puts = append(d.puts, op)
}

// found is what lies at the path, nothing where its directory is yet to be
// made: what is found there now lies behind a symlink that the change removes.
func (d *diff) found(at string) (fs.FileInfo, error) {
	if d.made[path.Dir(at)] != nil {
		return nil, nil
	}
	return lstat(d.root.abs(at))
}

// absent reports whether a directory is neither there nor any package's.
func (d *diff) absent(dir string) bool {
	if _, planned := d.after.dirs[dir]; planned || dir == "." || d.made[dir] != nil {
		return false
	}
	info, err := lstat(d.root.abs(dir))
	return err == nil && info == nil
}

// staged chooses where in the stage something new for the path lies: in its
// directory, where that is new itself.
func (d *diff) staged(at string) (name string, inside bool) {
	if dir := d.made[path.Dir(at)]; dir != nil {
		return dir.New + "/" + path.Base(at), true
	}
	return d.name("n"), false
}

func (d *diff) addFile(s *side, f *pkgfile.File, rel string) error {
	at, err := d.resolve.path(rel)
	if err != nil {
		return err
	}
	info, err := d.found(at)
	if err != nil {
		return err
	}
	if info != nil && info.IsDir() && !d.deleted[at] {
		return muster.Errorf(muster.Conflict, "%q is a directory, and in the way of a %s", d.root.abs(at), f.Type)
	}
	old, had := d.before.files[at]
	if info != nil && had && f.Type == old.file.Type && d.same(s, old.file, f, at, info) {
		return d.keep(f, at, info)
	}
	if f.Config != "" {
		place, err := d.placeConfig(s, f, at, old.file, info)
		if err != nil || place == "" {
			return err
		}
		if place != at {
			if info, err = lstat(d.root.abs(place)); err != nil {
				return err
			}
			at, had = place, true
		}
	}
	if info != nil && !had {
		if d.identical(f, at, info) {
			return d.keep(f, at, info)
		}
		d.note("%s replaces %q, which no package had; undo brings it back", s.name, d.root.abs(at))
	}
	d.place(s, f, at, info)
	return nil
}

// same reports whether nothing needs to be written: the version before had the
// same content, and what lies there looks like it. Contents are read only to
// mend a package; for the rest there is check.
func (d *diff) same(s *side, old, f *pkgfile.File, at string, info fs.FileInfo) bool {
	switch f.Type {
	case pkgfile.Regular:
		return old.SHA256 == f.SHA256 && info.Mode().IsRegular() && info.Size() == f.Size &&
			sameXattrs(old, f) && (!d.mend[s.name] || d.intact(f, at))
	case pkgfile.Symlink:
		if d.mend[s.name] {
			return d.identical(f, at, info)
		}
		return old.Link == f.Link && info.Mode()&fs.ModeSymlink != 0
	}
	return old.Link == f.Link && info.Mode().IsRegular() && d.content[s][f.Link] == nil
}

// intact reports whether a file has the content it should have.
func (d *diff) intact(f *pkgfile.File, at string) bool {
	sum, err := hashFile(d.root.abs(at))
	return err == nil && sum == f.SHA256
}

func sameXattrs(a, b *pkgfile.File) bool {
	if len(a.Xattrs) != len(b.Xattrs) {
		return false
	}
	for name, value := range a.Xattrs {
		if b.Xattrs[name] != value {
			return false
		}
	}
	return true
}

// identical reports whether a file that no package had is what f would place.
func (d *diff) identical(f *pkgfile.File, at string, info fs.FileInfo) bool {
	switch f.Type {
	case pkgfile.Regular:
		if !info.Mode().IsRegular() || info.Size() != f.Size || len(f.Xattrs) > 0 {
			return false
		}
		return d.intact(f, at)
	case pkgfile.Symlink:
		target, err := os.Readlink(d.root.abs(at))
		return err == nil && target == d.root.linkTarget(f, at)
	}
	return false
}

// keep leaves the content and plans a change of mode or owner where they differ.
func (d *diff) keep(f *pkgfile.File, at string, info fs.FileInfo) error {
	if f.Type != pkgfile.Regular {
		return nil
	}
	want, err := d.own.attr(f)
	if err != nil {
		return err
	}
	if was := attrOf(info); was != d.comparable(*want, was) {
		d.puts = append(d.puts, &Op{Op: "attr", Path: at, Attr: want, Was: &was})
	}
	return nil
}

// comparable leaves the owner out where owners are not kept.
func (d *diff) comparable(want, was Attr) Attr {
	if d.root.Config.Area || !canChown {
		want.UID, want.GID = was.UID, was.GID
	}
	return want
}

// place plans that the file is staged and put.
func (d *diff) place(s *side, f *pkgfile.File, at string, info fs.FileInfo) {
	op := &Op{Op: "put", Path: at, SHA256: f.SHA256}
	op.New, op.Inside = d.staged(at)
	if info != nil && !d.deleted[at] {
		op.Old = d.name("o")
	}
	p := &placement{file: f, side: s, at: at, op: op}
	if f.Type == pkgfile.Regular {
		d.content[s][f.Path] = p
		d.newBytes += roundUp(f.Size)
	} else {
		d.links = append(d.links, p)
	}
	d.puts = append(d.puts, op)
}
