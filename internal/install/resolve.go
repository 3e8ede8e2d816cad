package install

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"muster"
)

// A resolver finds where paths of packages lie in the root when directories
// there are symlinks, as lib -> usr/lib is on most Linux systems. It never
// leads out of the root: in a prepared tree an absolute target counts from the
// tree's top, as it does for those who chroot into it; in an area, whose paths
// are used from outside, it must lie in the area.
type resolver struct {
	root *Root
	dirs map[string]string // package path of a directory -> where it lies
	gone map[string]bool   // symlinks that the change removes: they lead nowhere any more
}

// maxLinks bounds the symlinks followed for one directory, as Linux does.
const maxLinks = 40

func newResolver(r *Root) *resolver {
	return &resolver{root: r, dirs: map[string]string{"": "", ".": ""}}
}

// path returns where the file of that path lies: its directory resolved, its
// last component as it stands.
func (x *resolver) path(rel string) (string, error) {
	dir, base := path.Split(rel)
	real, err := x.dir(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return "", err
	}
	return path.Join(real, base), nil
}

// dir returns where the directory of that path lies.
func (x *resolver) dir(rel string) (string, error) {
	if real, ok := x.dirs[rel]; ok {
		return real, nil
	}
	links := 0
	real, err := x.walk(rel, &links)
	if err == nil {
		x.dirs[rel] = real
	}
	return real, err
}

func (x *resolver) walk(rel string, links *int) (string, error) {
	real := ""
	parts := strings.Split(rel, "/")
	for i, name := range parts {
		next := path.Join(real, name)
		target, err := os.Readlink(x.root.abs(next))
		if err != nil || x.gone[next] { // not a symlink, or not there
			real = next
			continue
		}
		if *links++; *links > maxLinks {
			return "", muster.Errorf(muster.Conflict, "%q leads through more than %d symlinks", rel, maxLinks)
		}
		to, err := x.follow(real, filepath.ToSlash(target))
		if err != nil {
			return "", muster.Errorf(muster.Conflict, "symlink %q: %w", next, err)
		}
		return x.walk(path.Join(append([]string{to}, parts[i+1:]...)...), links)
	}
	return real, nil
}

// follow returns the path, relative to the root, that a symlink in dir means.
func (x *resolver) follow(dir, target string) (string, error) {
	if !path.IsAbs(target) && filepath.VolumeName(target) == "" {
		// Joined below a "/", what climbs too high stays at the top, as in a chroot.
		return strings.TrimPrefix(path.Join("/", dir, target), "/"), nil
	}
	if !x.root.Config.Area {
		return strings.TrimPrefix(path.Clean(target), "/"), nil
	}
	rel, err := filepath.Rel(x.root.Dir, filepath.FromSlash(target))
	if err != nil || rel == ".." || strings.HasPrefix(filepath.ToSlash(rel), "../") {
		return "", errors.New("it leads out of the area, to " + target)
	}
	return filepath.ToSlash(rel), nil
}

// abs names a resolved path on disk.
func (r *Root) abs(rel string) string { return filepath.Join(r.Dir, filepath.FromSlash(rel)) }

// rel is the other way round, for files of the state.
func (r *Root) rel(abs string) string {
	rel, err := filepath.Rel(r.Dir, abs)
	if err != nil {
		return filepath.ToSlash(abs)
	}
	return filepath.ToSlash(rel)
}

// lstat is os.Lstat with nil for what is not there.
func lstat(name string) (fs.FileInfo, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return nil, nil
	}
	return info, err
}
