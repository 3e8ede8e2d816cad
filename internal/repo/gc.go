package repo

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/index"
	"muster/internal/durable"
)

// Grace is how long files stay that are listed no more, for readers of the
// index before.
const Grace = 48 * time.Hour

// keepIndexes is how many compressed indexes stay at least.
const keepIndexes = 3

// GC takes all but the newest keep versions of each package and platform out
// of the index, and rollouts that are spent (keep is 0: nothing), and removes files that have been listed by no index
// for grace. It returns the files removed.
func (p *Publisher) GC(keep int, grace time.Duration) (*Report, []string, error) {
	r := &Report{}
	c, err := p.load()
	if err != nil {
		return nil, nil, err
	}
	superseded, err := p.old(c, keep)
	if err != nil {
		return nil, nil, err
	}
	if len(superseded) > 0 {
		r, err = p.change(func(c *contents) (*publication, *Report, error) {
			superseded, err := p.old(c, keep)
			if err != nil {
				return nil, nil, err
			}
			return p.without(c, superseded)
		})
		if err != nil {
			return nil, nil, err
		}
	}
	removed, err := p.sweep(grace)
	return r, removed, err
}

// old is the files beyond the newest keep of each package and platform, and those of
// rollouts that are spent.
func (p *Publisher) old(c *contents, keep int) (map[string]bool, error) {
	if keep <= 0 {
		return nil, nil
	}
	binned, err := c.bins.all()
	if err != nil {
		return nil, err
	}
	groups := map[string][]*index.Entry{}
	for _, e := range c.index.With(binned).Entries() {
		groups[target(e)] = append(groups[target(e)], e)
	}
	all := map[string]bool{}
	for _, group := range groups {
		slices.SortFunc(group, byVersion)
		for _, e := range group[min(keep, len(group)):] {
			all[e.Filename] = true
		}
	}
	maps.Copy(all, p.spent(c, all))
	return all, nil
}

// sweep removes files that nobody needs.
func (p *Publisher) sweep(grace time.Duration) ([]string, error) {
	unlock, err := p.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := p.load()
	if err != nil {
		return nil, err
	}
	files, err := p.files()
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	needed, err := c.needed(files)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, f := range files {
		if needed[f.name] || p.now().Sub(f.changed) < grace {
			continue
		}
		if err := p.Disk.Remove(p.path(f.name)); err != nil {
			return removed, muster.WithKind(muster.Unavailable, err)
		}
		removed = append(removed, f.name)
		p.removeEmpty(path.Dir(f.name))
	}
	return removed, nil
}

// removeEmpty removes a folder of packages that became empty, and those above.
func (p *Publisher) removeEmpty(dir string) {
	for ofPackages(dir) && os.Remove(p.path(dir)) == nil {
		dir = path.Dir(dir)
	}
}

// ofPackages reports whether name lies where packages and bins do.
func ofPackages(name string) bool {
	return strings.HasPrefix(name, "pool/") || strings.HasPrefix(name, "hosts/")
}

// A stored is a file of the repository's folder.
type stored struct {
	name    string // below the folder, with slashes
	changed time.Time
}

// files lists every file of the folder, newest first.
func (p *Publisher) files() ([]stored, error) {
	var all []stored
	err := filepath.WalkDir(p.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(p.Dir, name)
		all = append(all, stored{filepath.ToSlash(rel), info.ModTime()})
		return err
	})
	slices.SortFunc(all, func(a, b stored) int { return b.changed.Compare(a.changed) })
	return all, err
}

// needed is the files that a publication consists of, the last few indexes,
// and whatever muster does not know: that is for people to remove.
func (c *contents) needed(files []stored) (map[string]bool, error) {
	need := map[string]bool{hashName(c.head.Index): true}
	binned, err := c.bins.all()
	if err != nil {
		return nil, err
	}
	for _, e := range c.index.With(binned).Entries() {
		need[e.Filename], need[index.IconName(e.Icon)] = true, true
	}
	err = c.bins.eachBelow(c.bins.top, func(b *index.Bin) { need[binName(b)] = true })
	indexes := 0
	for _, f := range files {
		switch dir, base := path.Split(f.name); {
		case durable.IsTemp(base), ofPackages(dir), isIcon(f.name):
		case dir == "by-hash/":
			if indexes++; indexes <= keepIndexes {
				need[f.name] = true
			}
		case dir == "changes/":
			_, to, ok := parseChangesName(base)
			need[f.name] = !ok || to == c.head.Index.Serial
		default:
			need[f.name] = true
		}
	}
	return need, err
}
