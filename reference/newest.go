package reference

import (
	"strings"

	"muster"
)

// A Newest collects the newest version of each package, for each architecture, from
// indexes of repositories: of one, or of several that hosts use together. Its zero
// value is empty. After an error it is not used any more.
//
// What a repository lists need not be wanted, so that the list that comes out is
// [List.Optional]: hosts with an older version are behind.
type Newest struct {
	// Sources: the rows are of source packages, where the index names them: all
	// that is built from one has its version.
	Sources bool

	rows map[key]string
}

// add takes one package of an index.
func (n *Newest) add(manager, name, arch, version string) error {
	if err := checkWord("name", name); err != nil {
		return err
	}
	if strings.HasPrefix(name, sourcePrefix) {
		return muster.Errorf(muster.Invalid, "%q is no name of a package", name)
	}
	if arch != "" {
		if err := checkWord("architecture", arch); err != nil {
			return err
		}
	}
	if err := checkVersion(version); err != nil {
		return err
	}
	if n.Sources {
		name, arch = sourcePrefix+name, ""
	}
	k := key{manager, name, arch}
	was, ok := n.rows[k]
	switch {
	case ok && orders[manager](version, was) <= 0:
		return nil
	case !ok && len(n.rows) == MaxWanted:
		return muster.Errorf(muster.Invalid, "more than %d packages", MaxWanted)
	case n.rows == nil:
		n.rows = make(map[key]string)
	}
	if !ok {
		k = key{manager, strings.Clone(name), strings.Clone(arch)}
	}
	n.rows[k] = strings.Clone(version)
	return nil
}

// Len is the number of packages so far.
func (n *Newest) Len() int { return len(n.rows) }

// List makes a list that wants at least the versions that were collected.
func (n *Newest) List(name string) *List {
	l := &List{Name: name, Optional: true, Wanted: make([]Wanted, 0, len(n.rows))}
	for k, v := range n.rows {
		l.Wanted = append(l.Wanted, Wanted{Name: k.name, Manager: k.manager, Arch: k.arch, Want: atLeast(v)})
	}
	l.sort()
	return l
}
