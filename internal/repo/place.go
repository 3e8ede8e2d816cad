package repo

import (
	"maps"
	"path"
	"slices"
	"strings"

	"muster"
	"muster/control"
	"muster/index"
	"muster/version"
)

// A placing puts drafts into the index and the bins of a publication.
type placing struct {
	*Publisher
	c      *contents
	lists  map[string]*placed // by the prefix of the bin, "" the index
	fresh  []*draft           // those whose files are to be stored
	report *Report

	rollouts map[string]bool // that are listed: whether they go on; nil: nobody asked yet
}

// A placed is an index or a bin that drafts are put into.
type placed struct {
	before  *index.Index
	entries []*index.Entry
	seen    *names
	changed bool
}

func newPlacing(p *Publisher, c *contents) *placing {
	return &placing{Publisher: p, c: c, lists: map[string]*placed{}, report: &Report{}}
}

// list is the index, or the bin of that prefix, with what was put into it.
func (pl *placing) list(bin string) (*placed, error) {
	if l := pl.lists[bin]; l != nil {
		return l, nil
	}
	x := pl.c.index
	if bin != "" {
		var err error
		if x, err = pl.c.bins.bin(bin); err != nil {
			return nil, err
		}
	}
	l := &placed{before: x, entries: slices.Clone(x.Entries()), seen: newNames(x.Entries())}
	pl.lists[bin] = l
	return l, nil
}

// put adds a draft, or says why it may not stand beside the others.
func (pl *placing) put(d *draft) error {
	l, err := pl.list(d.bin())
	if err != nil {
		return err
	}
	e := d.entry
	if old := l.seen.byFile[e.Filename]; old != nil && old.SHA256 == e.SHA256 {
		pl.report.Unchanged = append(pl.report.Unchanged, old)
		pl.report.Files = append(pl.report.Files, old)
		return nil
	}
	if err := pl.checkSort(e); err != nil {
		return err
	}
	if err := pl.checkNewest(l.before, e); err != nil {
		return err
	}
	if d.document != nil {
		if err := pl.checkRoom(d.document); err != nil {
			return err
		}
	}
	if err := l.seen.add(e); err != nil {
		return err
	}
	if d.document != nil {
		pl.rolls(d.document)
	}
	l.entries, l.changed = append(l.entries, e), true
	pl.fresh = append(pl.fresh, d)
	pl.report.Added = append(pl.report.Added, e)
	pl.report.Files = append(pl.report.Files, e)
	return nil
}

// checkSort refuses a name that has packages of the other sort, in the index or
// in a bin: one name is one package to a host.
func (pl *placing) checkSort(e *index.Entry) error {
	var others []*index.Entry
	bin := index.BinOf(e.Name)
	if index.Binned(e.Kind) {
		bin = ""
	}
	if l := pl.lists[bin]; l != nil {
		others = l.seen.byName[e.Name]
	} else if bin == "" {
		others = pl.c.index.Find(e.Name)
	} else if x, err := pl.c.bins.bin(bin); err != nil {
		return err
	} else {
		others = x.Find(e.Name)
	}
	if len(others) > 0 {
		return muster.Errorf(muster.Conflict, "%s is published, of kind %s", others[0], others[0].Kind)
	}
	return nil
}

// checkNewest refuses what is older than what was published before.
func (p *Publisher) checkNewest(x *index.Index, e *index.Entry) error {
	if p.Force {
		return nil
	}
	for _, other := range x.Find(e.Name) {
		if samePlatform(e, other) && version.Compare(e.Version, other.Version) < 0 {
			return muster.WithHint(muster.Errorf(muster.Conflict, "%s is older than %s, which is published", e, other),
				"publish it with --force if that is meant")
		}
	}
	return nil
}

func samePlatform(a, b *index.Entry) bool {
	return slices.Equal(a.OS, b.OS) && slices.Equal(a.Architecture, b.Architecture)
}

// finish sets the bins of c and returns the index.
func (pl *placing) finish() (*index.Index, error) {
	x := pl.c.index
	for _, bin := range slices.Sorted(maps.Keys(pl.lists)) {
		l := pl.lists[bin]
		var err error
		switch {
		case !l.changed:
		case bin == "":
			x, err = index.New(l.entries)
		default:
			err = pl.c.bins.set(bin, l.entries)
		}
		if err != nil {
			return nil, err
		}
	}
	return x, nil
}

// names knows the packages by what may not be taken twice.
type names struct {
	byFile   map[string]*index.Entry
	byFolded map[string]*index.Entry // file names without regard to capitals
	byName   map[string][]*index.Entry
}

func newNames(entries []*index.Entry) *names {
	n := &names{map[string]*index.Entry{}, map[string]*index.Entry{}, map[string][]*index.Entry{}}
	for _, e := range entries {
		n.put(e)
	}
	return n
}

func (n *names) put(e *index.Entry) {
	n.byFile[e.Filename] = e
	n.byFolded[strings.ToLower(e.Filename)] = e
	n.byName[e.Name] = append(n.byName[e.Name], e)
}

// add refuses what collides with a package that is there.
func (n *names) add(e *index.Entry) error {
	if n.byFile[e.Filename] != nil {
		return muster.WithHint(muster.Errorf(muster.Conflict, "%s is published already, with other bytes", path.Base(e.Filename)),
			"published files never change: give it a new version")
	}
	if other := n.byFolded[strings.ToLower(e.Filename)]; other != nil {
		return muster.Errorf(muster.Conflict, "%s differs from %s in capitals only", path.Base(e.Filename), path.Base(other.Filename))
	}
	for _, other := range n.byName[e.Name] {
		if other.Version == e.Version && overlap(other.OS, e.OS) && overlap(other.Architecture, e.Architecture) {
			return muster.Errorf(muster.Conflict, "%s is the same version for the same platform", path.Base(other.Filename))
		}
	}
	n.put(e)
	return nil
}

// overlap reports whether two lists of platforms have one in common.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool {
		return s == control.All || slices.Contains(b, s) || slices.Contains(b, control.All)
	})
}
