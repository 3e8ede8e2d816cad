package repo

import (
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
}

func newBins(top []index.Bin, get func(*index.Bin) ([]byte, error)) *bins {
	return &bins{top, get, map[string]*index.Table{}, map[string]*index.Index{}, map[string]bool{}}
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

// eachBelow calls f with every table and bin, as the head has them.
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
