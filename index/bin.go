package index

import (
	"fmt"
	"slices"
	"strings"

	"muster"
	"muster/internal/canon"
)

// Packages of hosts and units do not stand in the index: with thousands of hosts
// every host would follow what only one of them needs. They stand in bins, small
// indexes, by the sha256 of their names:
//
//	head                up to 16 tables, by the first digit
//	table "3"           up to 16 tables, by the second
//	table "3f"          up to 16 bins, by the third
//	bin "3fa"           the packages whose names have a hash that begins so
//
// Each is named by its hash in the one before, and lies compressed (one zstd
// frame) in hosts/by-hash/<sha256>. Without packages there is no bin, and no table.
// A host that knows its name and its units follows a few paths from the head.

// TableType is the type of the tables that this package reads and writes.
const TableType = "muster-bins/1"

// Limits of tables and bins.
const (
	BinDigits = 3       // of the prefix of a bin
	MaxTable  = 4 << 10 // bytes, decompressed
	MaxBin    = 4 << 20
	// MaxBinFile bounds a compressed table or bin: zstd makes nothing much longer.
	MaxBinFile = MaxBin + MaxBin/128 + 1024
)

// A Bin names a file of hosts/by-hash/: a bin where its prefix has BinDigits
// digits, else a table. Fields are in the order of their JSON names.
type Bin struct {
	Prefix string `json:"prefix"`
	SHA256 string `json:"sha256"` // of the file
	Size   int64  `json:"size"`   // of the file
}

// A Table lists tables or bins whose prefixes are one digit longer than its own,
// sorted. Fields are in the order of their JSON names.
type Table struct {
	Bins   []Bin  `json:"bins"`
	Prefix string `json:"prefix"`
	Type   string `json:"type"`
}

// Binned reports whether packages of that kind stand in bins.
func Binned(kind muster.Kind) bool { return kind == muster.Host || kind == muster.Unit }

// BinOf is the prefix of the bin in which packages of that name stand.
func BinOf(name string) string { return Sum([]byte(name))[:BinDigits] }

// IsBin reports whether b is a bin and no table.
func (b *Bin) IsBin() bool { return len(b.Prefix) == BinDigits }

// ParseTable reads the table of that prefix in its only encoding and checks it.
func ParseTable(prefix string, data []byte) (*Table, error) {
	if len(data) > MaxTable {
		return nil, muster.Errorf(muster.Invalid, "table of bins of %d bytes is larger than %d", len(data), MaxTable)
	}
	var t Table
	if err := canon.Unmarshal(data, &t); err != nil {
		return nil, muster.Errorf(muster.Invalid, "table of bins: %w", err)
	}
	if err := t.Check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "table of bins: %w", err)
	}
	if t.Prefix != prefix {
		return nil, muster.Errorf(muster.Invalid, "table of bins is that of %q, not of %q", t.Prefix, prefix)
	}
	return &t, nil
}

// Encode writes t in its only encoding.
func (t *Table) Encode() ([]byte, error) { return canon.Marshal(t) }

// Check reports the first rule that t breaks, or nil.
func (t *Table) Check() error {
	if t.Type != TableType {
		return fmt.Errorf("type is %.40q, not %q", t.Type, TableType)
	}
	if t.Prefix == "" || len(t.Prefix) >= BinDigits || !isHex(t.Prefix) || len(t.Bins) == 0 {
		return fmt.Errorf("prefix %.40q is none of a table, or nothing is in it", t.Prefix)
	}
	return checkBins(t.Prefix, t.Bins)
}

// checkBins holds that bins are sorted and stand right below prefix: 16 at most.
func checkBins(prefix string, bins []Bin) error {
	last := ""
	for i := range bins {
		b := &bins[i]
		if len(b.Prefix) != len(prefix)+1 || !strings.HasPrefix(b.Prefix, prefix) || !isHex(b.Prefix) || b.Prefix <= last {
			return fmt.Errorf("bin %.40q does not belong below %q, is not sorted, or stands twice", b.Prefix, prefix)
		}
		if b.Size <= 0 || b.Size > MaxBinFile || !isSHA256(b.SHA256) {
			return fmt.Errorf("bin %q: size %d is out of range, or no sha256", b.Prefix, b.Size)
		}
		last = b.Prefix
	}
	return nil
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// FindBin returns the one of bins that is, or leads to, the bin of that prefix
// ([BinOf]), or nil: then there is none.
func FindBin(bins []Bin, prefix string) *Bin {
	for i := range bins {
		if strings.HasPrefix(prefix, bins[i].Prefix) {
			return &bins[i]
		}
	}
	return nil
}

// ParseBin reads the bin of that prefix: an index in its only form, of packages
// that belong there.
func ParseBin(prefix, text string) (*Index, error) {
	if len(prefix) != BinDigits || !isHex(prefix) {
		return nil, muster.Errorf(muster.Invalid, "prefix %.40q is not that of a bin", prefix)
	}
	if len(text) > MaxBin {
		return nil, muster.Errorf(muster.Invalid, "bin of %d bytes is larger than %d", len(text), MaxBin)
	}
	r := reader{rest: text, bin: prefix}
	if err := r.readAll(text); err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("bin %.40q: %w", prefix, err))
	}
	return r.index(text), nil
}

// NewBin makes the bin of that prefix of entries in any order, as [New] makes an
// index.
func NewBin(prefix string, entries []*Entry) (*Index, error) {
	x, err := makeIndex(prefix, entries)
	if err == nil && len(x.text) > MaxBin {
		err = muster.Errorf(muster.Invalid, "bin %q would be of more than %d bytes", prefix, MaxBin)
	}
	return x, err
}

// checkPlace reports that e does not belong into the bin of that prefix, "" the
// index.
func (e *Entry) checkPlace(bin string) error {
	switch {
	case bin == "" && Binned(e.Kind):
		return fmt.Errorf("%s: packages of kind %s stand in bins, not in the index", e, e.Kind)
	case bin != "" && !Binned(e.Kind):
		return fmt.Errorf("%s: packages of kind %s stand in the index, not in bins", e, e.Kind)
	case bin != "" && BinOf(e.Name) != bin:
		return fmt.Errorf("%s stands in bin %q, not in %q", e, BinOf(e.Name), bin)
	}
	return nil
}

// With returns an index that lists entries, which come from bins, before the
// packages of x.
func (x *Index) With(entries []*Entry) *Index {
	if len(entries) == 0 {
		return x
	}
	all := slices.Clone(entries)
	slices.SortFunc(all, byFilename) // hosts/ is before pool/
	both := &Index{text: x.text, starts: x.starts}
	for _, e := range all {
		both.front = append(both.front, e.Text())
	}
	both.all = func() []*Entry { return slices.Concat(all, x.Entries()) }
	return both
}
