package install

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"muster"
)

// An Op is one change of the root. It can be done and reverted any number of
// times, from any state that a crash may leave: what is staged and what was
// saved tell what has happened.
//
//	put     Path gets the staged file New; what was there is kept as Old
//	delete  what is at Path is kept as Old
//	mkdir   a directory is made, or the staged directory New is put there
//	        with all that is in it
//	rmdir   a directory is removed if it is empty
//	attr    mode and owner change
type Op struct {
	Op   string `json:"op"`
	Path string `json:"path"` // relative to the root, resolved
	// New and Old are files of the stage, relative to the base of their
	// device; Old is empty when nothing was at Path.
	New  string `json:"new,omitempty"`
	Old  string `json:"old,omitempty"`
	Base int    `json:"base,omitempty"`
	// Inside: New lies in the staged directory of an earlier mkdir and comes
	// to its place with that, unless something lies there already.
	Inside bool `json:"inside,omitempty"`
	// Attr is what mkdir and attr set, Was what rmdir and attr found.
	Attr *Attr `json:"attr,omitempty"`
	Was  *Attr `json:"was,omitempty"`
	// SHA256 is of the content that put places, for undo to tell whether
	// somebody changed it since. Empty for links and records.
	SHA256 string `json:"sha256,omitempty"`
}

// Attr is the mode, in the bits of chmod(2), and the owner of a file.
type Attr struct {
	Mode uint32 `json:"mode"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
}

// A Switch is the file-by-file part of a change: switch.json.
type Switch struct {
	// Bases are the stage folders, relative to the root, one for each file
	// system that the change touches, since rename works only within one.
	Bases []string `json:"bases"`
	Ops   []Op     `json:"ops"`
}

// A switcher carries out the ops of one change.
type switcher struct {
	root *Root
	sw   *Switch
	// whole are the staged directories that came to their places with all that
	// is in them; apart says that some did not.
	whole map[string]bool
	apart bool
}

func (s *switcher) target(op *Op) string { return s.root.abs(op.Path) }

func (s *switcher) stage(op *Op, name string) string {
	return filepath.Join(s.root.abs(s.sw.Bases[op.Base]), filepath.FromSlash(name))
}

func (s *switcher) do(op *Op) error {
	var err error
	switch op.Op {
	case "put":
		err = s.put(op)
	case "delete":
		err = s.delete(op)
	case "mkdir":
		err = s.putDir(op)
	case "rmdir":
		err = s.rmdir(op.Path)
	case "attr":
		err = s.attr(op.Path, op.Attr)
	default:
		err = muster.Errorf(muster.Internal, "unknown operation %q", op.Op)
	}
	if err != nil {
		return fmt.Errorf("cannot %s %q: %w", op.Op, s.target(op), err)
	}
	return nil
}

func (s *switcher) revert(op *Op) error {
	var err error
	switch op.Op {
	case "put":
		err = s.unput(op)
	case "delete":
		err = s.restore(op)
	case "mkdir":
		err = s.rmdir(op.Path)
	case "rmdir":
		err = s.mkdir(op.Path, op.Was)
	case "attr":
		err = s.attr(op.Path, op.Was)
	}
	if err != nil {
		return fmt.Errorf("cannot take back the %s of %q: %w", op.Op, s.target(op), err)
	}
	return nil
}

// put saves what is there and renames the staged file over it. The target is
// at no time missing where hard links work: the old file gets a second name
// before the rename takes its first.
func (s *switcher) put(op *Op) error {
	staged := s.stage(op, op.New)
	if info, err := lstat(staged); err != nil || info == nil {
		return err // switched already
	}
	if op.Old != "" {
		if err := s.save(op); err != nil {
			return err
		}
	}
	return s.move(staged, s.target(op))
}

// save keeps the file at the target.
func (s *switcher) save(op *Op) error {
	target, old := s.target(op), s.stage(op, op.Old)
	if info, err := lstat(old); err != nil || info != nil {
		return err // saved already
	}
	return s.linkOrMove(target, old) // what went away since the plan needs no saving
}

// unput brings back what was saved, or takes the new file away. The new file
// gets its staged name back first, so that a repetition can tell how far the
// one before it came.
func (s *switcher) unput(op *Op) error {
	staged, target := s.stage(op, op.New), s.target(op)
	info, err := lstat(staged)
	if err != nil {
		return err
	}
	if info == nil && op.Inside {
		return s.root.Disk.Remove(target) // there is no directory to put it back into, nor was anything there before
	}
	if info == nil {
		if err := s.linkOrMove(target, staged); err != nil {
			return err
		}
	}
	if op.Old != "" {
		old := s.stage(op, op.Old)
		if info, err := lstat(old); err != nil || info != nil {
			if err == nil {
				err = s.move(old, target)
			}
			return err
		}
	}
	return s.removeIfSame(target, staged)
}

// linkOrMove gives a file a second name, or another name where links do not
// work.
func (s *switcher) linkOrMove(from, to string) error {
	info, err := lstat(from)
	if err != nil || info == nil {
		return err
	}
	if canLinkInUse && (info.Mode().IsRegular() || canLinkSymlinks && info.Mode()&fs.ModeSymlink != 0) {
		if err := s.root.Disk.Link(from, to); err == nil {
			return nil
		}
	}
	return s.move(from, to)
}

// removeIfSame removes one of two names of a file.
func (s *switcher) removeIfSame(name, other string) error {
	a, err := lstat(name)
	if err != nil || a == nil {
		return err
	}
	b, err := lstat(other)
	if err != nil || b == nil || !os.SameFile(a, b) {
		return err
	}
	return s.root.Disk.Remove(name)
}

// delete moves what is at the target to the stage.
func (s *switcher) delete(op *Op) error {
	old := s.stage(op, op.Old)
	if info, err := lstat(old); err != nil || info != nil {
		return err // deleted already
	}
	return s.moveIfThere(s.target(op), old)
}

func (s *switcher) restore(op *Op) error {
	if op.Old == "" {
		return nil
	}
	return s.moveIfThere(s.stage(op, op.Old), s.target(op))
}

func (s *switcher) moveIfThere(from, to string) error {
	if info, err := lstat(from); err != nil || info == nil {
		return err
	}
	return s.move(from, to)
}

// putDir moves a staged directory to its place. Where something has come to lie
// there since the plan, or another file system begins, what it holds follows
// one by one.
func (s *switcher) putDir(op *Op) error {
	if op.New == "" {
		return s.mkdir(op.Path, op.Attr)
	}
	staged := s.stage(op, op.New)
	info, err := lstat(staged)
	if err != nil {
		return err
	}
	if info != nil {
		err := s.root.Disk.Rename(staged, s.target(op))
		if err != nil && (isNotEmpty(err) || isCrossDevice(err) || !canRenameInUse) {
			s.apart = true
			return s.mkdir(op.Path, op.Attr)
		}
		if err != nil {
			return err
		}
	}
	s.whole[op.New] = true
	if op.Inside || !s.root.Config.Area {
		return nil // its mode was set in the stage
	}
	return s.attr(op.Path, op.Attr)
}

func (s *switcher) mkdir(rel string, a *Attr) error {
	name := s.root.abs(rel)
	info, err := lstat(name)
	if err != nil {
		return err
	}
	if info == nil {
		if err := s.root.Disk.Mkdir(name, 0o700); err != nil {
			return err
		}
	}
	return s.attr(rel, a) // a crash may have come between
}

// rmdir leaves a directory that others put something into, and whatever has
// taken its place already.
func (s *switcher) rmdir(rel string) error {
	name := s.root.abs(rel)
	if info, err := lstat(name); err != nil || info == nil || !info.IsDir() {
		return err
	}
	if err := s.root.Disk.Remove(name); err != nil && !isNotEmpty(err) {
		return err
	}
	return nil
}

func (s *switcher) attr(rel string, a *Attr) error {
	if a == nil {
		return nil
	}
	return s.root.setAttr(s.root.abs(rel), *a)
}

// setAttr sets owner, then mode: a change of owner drops set-user-ID.
func (r *Root) setAttr(name string, a Attr) error {
	if !r.Config.Area && canChown {
		if err := r.Disk.Lchown(name, a.UID, a.GID); err != nil {
			return err
		}
	}
	return r.Disk.Chmod(name, goMode(a.Mode))
}

// move renames. Where the target lies behind a bind mount, which looks like
// the same file system but is another to rename, a copy is made beside it.
func (s *switcher) move(from, to string) error {
	err := s.root.Disk.Rename(from, to)
	if !isCrossDevice(err) {
		return err
	}
	beside := filepath.Join(filepath.Dir(to), ".muster-tmp-"+filepath.Base(to))
	if err := s.root.copyFile(from, beside); err != nil {
		os.Remove(beside)
		return err
	}
	if err := s.root.Disk.Rename(beside, to); err != nil {
		return err
	}
	return s.root.Disk.RemoveAll(from)
}

// copyFile copies a file or symlink with its attributes, durably.
func (r *Root) copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return r.Disk.Symlink(target, to)
	}
	if !info.Mode().IsRegular() {
		return muster.Errorf(muster.Conflict, "cannot copy %q: neither a file nor a symlink", from)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := r.Disk.NewFile(to, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := copyXattrs(from, to); err != nil {
		return err
	}
	if err := r.setAttr(to, attrOf(info)); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// run does all ops in order and makes the result durable.
func (s *switcher) run() error {
	s.whole = map[string]bool{}
	for i := range s.sw.Ops {
		op := &s.sw.Ops[i]
		if op.Inside && s.whole[outermost(op.New)] {
			continue
		}
		if err := s.do(op); err != nil {
			return err
		}
	}
	return s.sync()
}

// outermost is the name in the stage of the directory that New lies in.
func outermost(name string) string {
	parts := strings.SplitN(name, "/", 3)
	return path.Join(parts[:min(2, len(parts))]...)
}

// back reverts all ops, last first, and makes the result durable.
func (s *switcher) back() error {
	s.apart = true
	for i := len(s.sw.Ops) - 1; i >= 0; i-- {
		if err := s.revert(&s.sw.Ops[i]); err != nil {
			return err
		}
	}
	return s.sync()
}

// manyDirs is the number of directories from which one sync of the file system
// is cheaper than one for each of them.
const manyDirs = 64

// sync makes the renames durable, before the record says that they were made.
func (s *switcher) sync() error {
	dirs := map[string]bool{}
	for i := range s.sw.Ops {
		op := &s.sw.Ops[i]
		if op.Inside && !s.apart {
			continue // durable since it was staged
		}
		dirs[filepath.Dir(s.target(op))] = true
	}
	if len(dirs) > manyDirs && fastSyncTree {
		for _, base := range s.sw.Bases {
			if err := s.root.Disk.SyncTree(s.root.abs(base)); err != nil {
				return err
			}
		}
		return nil
	}
	for dir := range dirs {
		if err := s.root.Disk.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
