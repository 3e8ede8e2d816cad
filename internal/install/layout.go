package install

import (
	"path"

	"muster"
	"muster/pkgfile"
)

// A layout says which package has which path, by the place where it lies.
type layout struct {
	files map[string]owned    // everything but directories
	dirs  map[string][]string // packages of each directory
	named map[string]string   // a package that has a directory there, not following a symlink of that name
}

type owned struct {
	side *side
	file *pkgfile.File
}

// newLayout places all files of the packages. Two packages with the same file
// cannot be installed together, and neither can one that has a file where
// another has a directory.
func newLayout(sides []*side, x *resolver) (*layout, error) {
	l := &layout{files: map[string]owned{}, dirs: map[string][]string{}, named: map[string]string{}}
	for _, s := range sides {
		for i := range s.manifest.Files {
			if err := l.add(s, &s.manifest.Files[i], x); err != nil {
				return nil, err
			}
		}
	}
	return l, l.check()
}

// check reports the conflict of the first path, so that it is always the same.
func (l *layout) check() (conflict error) {
	first := ""
	for at, o := range l.files {
		if conflict != nil && at > first {
			continue
		}
		if err := l.checkAt(at, o); err != nil {
			first, conflict = at, err
		}
	}
	return conflict
}

func (l *layout) checkAt(at string, o owned) error {
	if name, ok := l.named[at]; ok {
		return muster.Errorf(muster.Conflict, "%s has the %s where %s has a directory", o.side.name, o.file, name)
	}
	return l.checkAbove(at, o)
}

func (l *layout) add(s *side, f *pkgfile.File, x *resolver) error {
	rel, ok := f.Installed()
	if !ok {
		return nil
	}
	if f.Type == pkgfile.Directory {
		at, err := x.dir(rel)
		if err == nil {
			l.dirs[at] = append(l.dirs[at], s.name)
			at, err = x.path(rel)
			l.named[at] = s.name
		}
		return err
	}
	at, err := x.path(rel)
	if err != nil {
		return err
	}
	if other, ok := l.files[at]; ok {
		return muster.WithHint(
			muster.Errorf(muster.Conflict, "%s and %s both have the file %q", other.side.name, s.name, rel),
			"only one of them can be installed; ask their maintainers to say so with conflicts:")
	}
	l.files[at] = owned{s, f}
	return nil
}

// checkAbove refuses a file below what another package has as a symlink or
// file: it would be placed through it.
func (l *layout) checkAbove(at string, o owned) error {
	for dir := path.Dir(at); dir != "."; dir = path.Dir(dir) {
		if above, ok := l.files[dir]; ok {
			return muster.Errorf(muster.Conflict, "%s has the file %q below the %s of %s",
				o.side.name, o.file.Path, above.file, above.side.name)
		}
	}
	return nil
}
