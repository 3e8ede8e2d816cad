package install

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"muster"
	"muster/pkgfile"
)

// A diff works out the ops that take a root from what is installed to what
// should be.
type diff struct {
	root          *Root
	resolve       *resolver
	before, after *layout
	own           *owners

	early []*Op // deletions that make room for something of another type
	puts  []*Op // directories and files, in the order of their paths
	late  []*Op // deletions
	rmdir []*Op

	content  map[*side]map[string]*placement // regular files to extract, by package path
	links    []*placement                    // symlinks, hard links and copies
	notes    []string                        // what a person should know
	aside    map[string][]string             // package -> .muster-new files
	deleted  map[string]bool                 // places that this change deletes
	made     map[string]bool                 // directories that it makes
	purge    map[string]bool                 // packages whose edited configuration is not kept
	mend     map[string]bool                 // packages whose files are read, and written anew where they differ
	newBytes int64                           // that staging will write
	count    int                             // of staged names
}

// A placement is a file to be staged.
type placement struct {
	file *pkgfile.File
	side *side
	at   string // where it will lie
	copy string // file on disk of which it is a copy, instead of the package's
	op   *Op
}

// A transition is the packages of a root before and after a change.
type transition struct {
	before, after []*side          // all of them
	old, new      map[string]*side // the changed ones
	purge, mend   map[string]bool  // see diff
}

func newDiff(r *Root, t *transition) (*diff, error) {
	d := &diff{root: r, resolve: newResolver(r), own: newOwners(r), content: map[*side]map[string]*placement{},
		aside: map[string][]string{}, deleted: map[string]bool{}, made: map[string]bool{}, purge: t.purge, mend: t.mend}
	var err error
	if d.before, err = newLayout(t.before, d.resolve); err != nil {
		return nil, fmt.Errorf("the records of the root contradict each other: %w", err)
	}
	d.resolve = newResolver(r)
	d.resolve.gone = d.goneLinks(t)
	if d.after, err = newLayout(t.after, d.resolve); err != nil {
		return nil, err
	}
	if err := d.removals(t); err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(t.new) {
		if err := d.additions(t.new[name]); err != nil {
			return nil, err
		}
	}
	return d, d.oldAsides(t)
}

// goneLinks lists the symlinks of changed packages whose place no package
// links from afterwards: where one becomes a directory, files belong into that,
// not where the symlink led.
func (d *diff) goneLinks(t *transition) map[string]bool {
	gone := map[string]bool{}
	for at, o := range d.before.files {
		if o.file.Type == pkgfile.Symlink && t.old[o.side.name] == o.side {
			gone[at] = true
		}
	}
	for _, s := range t.new {
		for i := range s.manifest.Files {
			if f := &s.manifest.Files[i]; f.Type == pkgfile.Symlink {
				rel, _ := f.Installed()
				delete(gone, rel)
			}
		}
	}
	return gone
}

// ops returns all ops in the order in which they are done: first what makes
// room, then what is new, then what is no longer wanted. So a path that moves
// from one package or place to another is there all the time.
func (d *diff) ops() []*Op {
	slices.SortStableFunc(d.puts, func(a, b *Op) int { return strings.Compare(a.Path, b.Path) })
	slices.SortStableFunc(d.late, func(a, b *Op) int { return strings.Compare(b.Path, a.Path) })
	slices.SortStableFunc(d.rmdir, func(a, b *Op) int { return strings.Compare(b.Path, a.Path) })
	return slices.Concat(d.early, d.puts, d.late, d.rmdir)
}

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
	info, err := lstat(d.root.abs(at))
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

// mkdir plans a directory, once, however many packages have it, and those
// above it where a symlink leads to a place that is not there.
func (d *diff) mkdir(at string, a *Attr) {
	if d.made[at] {
		return
	}
	d.made[at] = true
	d.puts = append(d.puts, &Op{Op: "mkdir", Path: at, Attr: a})
	dir := path.Dir(at)
	if _, planned := d.after.dirs[dir]; planned || dir == "." {
		return
	}
	if info, err := lstat(d.root.abs(dir)); err == nil && info == nil {
		d.mkdir(dir, &Attr{Mode: unixMode(d.root.dirMode())})
	}
}

func (d *diff) addFile(s *side, f *pkgfile.File, rel string) error {
	at, err := d.resolve.path(rel)
	if err != nil {
		return err
	}
	info, err := lstat(d.root.abs(at))
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
	op := &Op{Op: "put", Path: at, New: d.name("n"), SHA256: f.SHA256}
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

// name makes a name in the stage: "n/12" for new files, "o/12" for old ones.
func (d *diff) name(dir string) string {
	d.count++
	return fmt.Sprintf("%s/%d", dir, d.count)
}

func (d *diff) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// roundUp is the space that a file of n bytes takes in blocks of 4 KiB.
func roundUp(n int64) int64 { return (n + 4095) &^ 4095 }

func sortedKeys(m map[string]*side) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
