package repo

import (
	"maps"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/index"
)

// bins are the small indexes of packages of hosts and units, reached from a head
// through tables. They are read as they are asked for, and once.
type bins struct {
	top     []index.Bin
	get     func(*index.Bin) ([]byte, error) // brings a file of hosts/by-hash/
	tables  map[string]*index.Table          // that were read, by prefix
	read    map[string]*index.Index          // bins that were read or set, by prefix
	changed map[string]bool                  // prefixes of bins that were set
	used    map[string]bool                  // hashes of the files that were read
}

func newBins(top []index.Bin, get func(*index.Bin) ([]byte, error)) *bins {
	return &bins{top, get, map[string]*index.Table{}, map[string]*index.Index{}, map[string]bool{}, map[string]bool{}}
}

func binName(b *index.Bin) string { return "hosts/by-hash/" + b.SHA256 }

// open brings a table or bin and decompresses it.
func (s *bins) open(b *index.Bin, max int64) ([]byte, error) {
	data, err := s.get(b)
	if err != nil {
		return nil, err
	}
	if !isBin(b, data) {
		return nil, muster.Errorf(muster.Denied, "%s is not the file that the head names", binName(b))
	}
	s.used[b.SHA256] = true
	return decompress(data, max)
}

func isBin(b *index.Bin, data []byte) bool {
	return int64(len(data)) == b.Size && index.Sum(data) == b.SHA256
}

// below lists what the table b lists.
func (s *bins) below(b *index.Bin) ([]index.Bin, error) {
	if t := s.tables[b.Prefix]; t != nil {
		return t.Bins, nil
	}
	data, err := s.open(b, index.MaxTable)
	if err != nil {
		return nil, err
	}
	t, err := index.ParseTable(b.Prefix, data)
	if err != nil {
		return nil, err
	}
	s.tables[b.Prefix] = t
	return t.Bins, nil
}

// find returns the bin of that prefix, nil where there is none.
func (s *bins) find(prefix string) (*index.Bin, error) {
	list := s.top
	for {
		b := index.FindBin(list, prefix)
		if b == nil || b.IsBin() {
			return b, nil
		}
		var err error
		if list, err = s.below(b); err != nil {
			return nil, err
		}
	}
}

// bin reads the bin of that prefix, which is empty where there is none.
func (s *bins) bin(prefix string) (*index.Index, error) {
	if x := s.read[prefix]; x != nil {
		return x, nil
	}
	b, err := s.find(prefix)
	if err != nil {
		return nil, err
	}
	x, err := index.New(nil)
	if b != nil {
		x, err = s.openBin(b)
	}
	if err == nil {
		s.read[prefix] = x
	}
	return x, err
}

func (s *bins) openBin(b *index.Bin) (*index.Index, error) {
	data, err := s.open(b, index.MaxBin)
	if err != nil {
		return nil, err
	}
	return index.ParseBin(b.Prefix, string(data))
}

// of lists the packages of that name.
func (s *bins) of(name string) ([]*index.Entry, error) {
	x, err := s.bin(index.BinOf(name))
	if err != nil {
		return nil, err
	}
	return x.Find(name), nil
}

// prefixes lists those of every bin, as the head has them.
func (s *bins) prefixes() (all []string, err error) {
	err = s.eachBelow(s.top, func(b *index.Bin) {
		if b.IsBin() {
			all = append(all, b.Prefix)
		}
	})
	return all, err
}

// each calls f with every table and bin, as the head has them.
func (s *bins) eachBelow(list []index.Bin, f func(*index.Bin)) error {
	for i := range list {
		b := &list[i]
		if f(b); b.IsBin() {
			continue
		}
		below, err := s.below(b)
		if err != nil {
			return err
		}
		if err := s.eachBelow(below, f); err != nil {
			return err
		}
	}
	return nil
}

// all lists every package of every bin.
func (s *bins) all() (entries []*index.Entry, err error) {
	prefixes, err := s.prefixes()
	for _, prefix := range prefixes {
		x, err := s.bin(prefix)
		if err != nil {
			return nil, err
		}
		entries = append(entries, x.Entries()...)
	}
	return entries, err
}

// set replaces what the bin of that prefix lists.
func (s *bins) set(prefix string, entries []*index.Entry) error {
	x, err := index.NewBin(prefix, entries)
	if err != nil {
		return err
	}
	s.read[prefix], s.changed[prefix] = x, true
	return nil
}

// A binning is what changed bins come to: files of hosts/by-hash/, by name.
type binning struct {
	top      []index.Bin
	files    map[string][]byte
	replaced []string // the files that were in their place
	zstd     *zstd.Encoder
}

// print makes the files of the bins that were set, and of the tables above them.
func (s *bins) print() (*binning, error) {
	if len(s.changed) == 0 {
		return &binning{top: s.top}, nil
	}
	enc, err := newCompressor()
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	n := &binning{files: map[string][]byte{}, zstd: enc}
	n.top, err = s.printBelow(n, "", s.top)
	n.replaced = slices.DeleteFunc(n.replaced, func(name string) bool { return n.files[name] != nil })
	return n, err
}

// printBelow returns what list, which stands below prefix, becomes.
func (s *bins) printBelow(n *binning, prefix string, list []index.Bin) ([]index.Bin, error) {
	next := slices.Clone(list)
	for _, child := range s.changedBelow(prefix) {
		i, found := slices.BinarySearchFunc(next, child, func(b index.Bin, prefix string) int { return strings.Compare(b.Prefix, prefix) })
		var old *index.Bin
		if found {
			old = &list[slices.IndexFunc(list, func(b index.Bin) bool { return b.Prefix == child })]
			n.replaced = append(n.replaced, binName(old))
			next = slices.Delete(next, i, i+1)
		}
		text, err := s.text(n, child, old)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue // nothing is left in it
		}
		next = slices.Insert(next, i, n.add(child, text))
	}
	return next, nil
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

// text is the bin or the table of that prefix, nil where nothing is in it.
func (s *bins) text(n *binning, prefix string, old *index.Bin) ([]byte, error) {
	if len(prefix) == index.BinDigits {
		if s.read[prefix].Len() == 0 {
			return nil, nil
		}
		return s.read[prefix].Print(), nil
	}
	var list []index.Bin
	if old != nil {
		var err error
		if list, err = s.below(old); err != nil {
			return nil, err
		}
	}
	next, err := s.printBelow(n, prefix, list)
	if err != nil || len(next) == 0 {
		return nil, err
	}
	return (&index.Table{Type: index.TableType, Prefix: prefix, Bins: next}).Encode()
}

func (n *binning) add(prefix string, text []byte) index.Bin {
	data := n.zstd.EncodeAll(text, nil)
	b := index.Bin{Prefix: prefix, Size: int64(len(data)), SHA256: index.Sum(data)}
	n.files[binName(&b)] = data
	return b
}
