package install

import (
	"fmt"
	"slices"
	"strings"

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
	made     map[string]*Op                  // directories that it makes
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

func newDiff(r *Root, t *transition) (*diff, error) {
	d := &diff{root: r, resolve: newResolver(r), own: newOwners(r), content: map[*side]map[string]*placement{},
		aside: map[string][]string{}, deleted: map[string]bool{}, made: map[string]*Op{}, purge: t.purge, mend: t.mend}
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
