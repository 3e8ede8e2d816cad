package repo

import (
	"maps"
	"slices"
	"strings"

	"muster/index"
)

// A binning is what changed bins come to: files of hosts/by-hash/, by name.
type binning struct {
	top      []index.Bin
	files    map[string][]byte
	replaced []string // the files that were in their place
}

// print makes the files of the bins that were set, and of the tables above them.
func (s *bins) print() (*binning, error) {
	if len(s.changed) == 0 {
		return &binning{top: s.top}, nil
	}
	n := &binning{files: map[string][]byte{}}
	var err error
	n.top, err = s.printBelow(n, "", s.top)
	n.replaced = slices.DeleteFunc(n.replaced, func(name string) bool { return n.files[name] != nil })
	return n, err
}

// printBelow returns what list becomes, which stands below prefix.
func (s *bins) printBelow(n *binning, prefix string, list []index.Bin) ([]index.Bin, error) {
	next := map[string]index.Bin{}
	for _, b := range list {
		next[b.Prefix] = b
	}
	for _, child := range s.changedBelow(prefix) {
		if err := s.printChild(n, next, child); err != nil {
			return nil, err
		}
	}
	order := func(a, b index.Bin) int { return strings.Compare(a.Prefix, b.Prefix) }
	return slices.SortedFunc(maps.Values(next), order), nil
}

// changedBelow lists the prefixes one digit longer that lead to bins that were set.
func (s *bins) changedBelow(prefix string) []string {
	children := map[string]bool{}
	for bin := range s.changed {
		if strings.HasPrefix(bin, prefix) {
			children[bin[:len(prefix)+1]] = true
		}
	}
	return slices.Sorted(maps.Keys(children))
}

// printChild replaces the table or bin of that prefix among its siblings, or takes
// it out when nothing is left in it.
func (s *bins) printChild(n *binning, siblings map[string]index.Bin, prefix string) error {
	var below []index.Bin
	if old, ok := siblings[prefix]; ok {
		n.replaced = append(n.replaced, binName(&old))
		if !old.IsBin() {
			var err error
			if below, err = s.below(&old); err != nil {
				return err
			}
		}
	}
	delete(siblings, prefix)
	text, err := s.text(n, prefix, below)
	if err != nil || text == nil {
		return err
	}
	siblings[prefix], err = n.add(prefix, text)
	return err
}

// text is the bin of that prefix, or the table which lists what list becomes; nil
// where nothing is in it.
func (s *bins) text(n *binning, prefix string, list []index.Bin) ([]byte, error) {
	if len(prefix) == index.BinDigits {
		if s.read[prefix].Len() == 0 {
			return nil, nil
		}
		return s.read[prefix].Print(), nil
	}
	next, err := s.printBelow(n, prefix, list)
	if err != nil || len(next) == 0 {
		return nil, err
	}
	return (&index.Table{Type: index.TableType, Prefix: prefix, Bins: next}).Encode()
}

func (n *binning) add(prefix string, text []byte) (index.Bin, error) {
	data, err := compress(text)
	b := index.Bin{Prefix: prefix, Size: int64(len(data)), SHA256: index.Sum(data)}
	n.files[binName(&b)] = data
	return b, err
}
