package index

import (
	"fmt"
	"strings"
	"testing"

	"muster"
)

// hostEntry is a package of a host, or of a unit.
func hostEntry(name, version string, kind muster.Kind) *Entry {
	e := entry(name, version)
	e.Kind, e.NeedsCode, e.InstalledSize = kind, false, 0
	e.Filename = Pool(e.Control)
	return e
}

// inBin lists names whose packages stand in that bin, by trying.
func inBin(bin string, n int) (names []string) {
	for i := 0; len(names) < n; i++ {
		if name := fmt.Sprintf("h%d", i); BinOf(name) == bin {
			names = append(names, name)
		}
	}
	return names
}

func TestBin(t *testing.T) {
	names := inBin("3fa", 2)
	entries := []*Entry{hostEntry(names[1], "1", muster.Unit), hostEntry(names[0], "2", muster.Host), hostEntry(names[0], "1", muster.Host)}
	x, err := NewBin("3fa", entries)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseBin("3fa", x.Text())
	if err != nil || again.Text() != x.Text() || again.Len() != 3 {
		t.Fatalf("read again: %v", err)
	}
	if found := again.Find(names[0]); len(found) != 2 || found[0].Version != "1" || !strings.HasPrefix(found[0].Filename, "hosts/3f/"+names[0]+"/") {
		t.Errorf("found %v", found)
	}
	if e := again.File(entries[0].Filename); e == nil || e.Name != names[1] {
		t.Errorf("by its file name: %v", e)
	}
	for name, bad := range map[string]struct {
		bin   string
		entry *Entry
		want  string
	}{
		"another bin":                {"3fb", entries[0], "stands in bin"},
		"a package in a bin":         {BinOf("age"), entry("age", "1"), "in the index, not in bins"},
		"of a host in the index":     {"", entries[1], "in bins, not in the index"},
		"of a unit in the index":     {"", entries[0], "in bins, not in the index"},
		"with a path of the pool":    {"3fa", moved(entries[0], poolDir(names[1])), "the file of"},
		"with the path of another":   {"3fa", moved(entries[0], binDir(names[0])), "the file of"},
		"in the index by its path":   {"", moved(entries[0], poolDir(names[1])), "the file of"},
		"a package with a bin's dir": {"", moved(entry("age", "1"), binDir("age")), "the file of"},
	} {
		_, err := makeIndex(bad.bin, []*Entry{bad.entry})
		_, perr := parseAt(bad.bin, bad.entry.Text())
		for _, err := range []error{err, perr} {
			if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), bad.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	changes := &Changes{From: 1, To: 2, ToSHA256: Sum(nil), Added: entries[:1]}
	if _, err := ParseChanges(string(changes.Print())); err == nil || !strings.Contains(err.Error(), "in bins") {
		t.Errorf("as a change of the index: %v", err)
	}
}

func parseAt(bin, text string) (*Index, error) {
	if bin == "" {
		return Parse(text)
	}
	return ParseBin(bin, text)
}

// moved is e with its file in another folder.
func moved(e *Entry, dir string) *Entry {
	copied := *e
	copied.Filename = dir + e.Control.FileName()
	return &copied
}

// What hosts see of bins stands before the index and is found like the rest.
func TestWith(t *testing.T) {
	x := newIndex(t, entry("age", "1"), entry("zip", "3"))
	if x.With(nil) != x {
		t.Error("nothing makes another index")
	}
	both := x.With([]*Entry{hostEntry("pc-2", "1", muster.Host), hostEntry("age", "7", muster.Unit)})
	var listed, outlined []string
	for i, e := range both.Entries() {
		read, err := both.Entry(i)
		if err != nil || read.Text() != e.Text() || both.File(e.Filename) == nil {
			t.Errorf("entry %d: %v, %v", i, read, err)
		}
		listed = append(listed, e.String())
	}
	for _, e := range both.Outlines() {
		outlined = append(outlined, e.String())
	}
	if got := strings.Join(listed, ", "); both.Len() != 4 || len(listed) != 4 || got != strings.Join(outlined, ", ") {
		t.Errorf("%d entries: %s and %s", both.Len(), got, outlined)
	}
	if found := both.Find("age"); len(found) != 2 || found[0].Kind != muster.Unit {
		t.Errorf("age is %v", found)
	}
	if len(both.Find("pc-2")) != 1 || len(both.Find("pc-3")) != 0 || !strings.HasSuffix(both.Text(), x.Text()) {
		t.Error("names are not found, or the text lacks the index")
	}
}

func newTable() *Table {
	return &Table{Type: TableType, Prefix: "3", Bins: []Bin{{"30", Sum([]byte("0")), 100}, {"3f", Sum([]byte("f")), 2000}}}
}

func TestTable(t *testing.T) {
	data := encode(t, newTable())
	table, err := ParseTable("3", data)
	if err != nil || string(encode(t, table)) != string(data) {
		t.Fatalf("read again: %v", err)
	}
	if _, err := ParseTable("4", data); muster.KindOf(err) != muster.Invalid {
		t.Errorf("as the table of another prefix: %v", err)
	}
	for name, edit := range map[string]func(*Table){
		"type":          func(t *Table) { t.Type = HeadType },
		"empty":         func(t *Table) { t.Bins = nil },
		"no prefix":     func(t *Table) { t.Prefix, t.Bins = "", []Bin{{"3", Sum(nil), 1}} },
		"prefix of bin": func(t *Table) { t.Prefix, t.Bins = "3fa", []Bin{{"3fa0", Sum(nil), 1}} },
		"capital":       func(t *Table) { t.Bins[1].Prefix = "3F" },
		"elsewhere":     func(t *Table) { t.Bins[1].Prefix = "4f" },
		"too short":     func(t *Table) { t.Bins[1].Prefix = "3" },
		"too long":      func(t *Table) { t.Bins[1].Prefix = "3f0" },
		"not a digit":   func(t *Table) { t.Bins[1].Prefix = "3/" },
		"not sorted":    func(t *Table) { t.Bins[0].Prefix = "3f" },
		"size":          func(t *Table) { t.Bins[0].Size = 0 },
		"larger":        func(t *Table) { t.Bins[0].Size = MaxBinFile + 1 },
		"sha256":        func(t *Table) { t.Bins[0].SHA256 = "3" },
	} {
		table := newTable()
		edit(table)
		if _, err := ParseTable(table.Prefix, encode(t, table)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The largest table is within its limit.
func TestLargestTable(t *testing.T) {
	table := &Table{Type: TableType, Prefix: "00"}
	for i := range 16 {
		table.Bins = append(table.Bins, Bin{fmt.Sprintf("00%x", i), Sum(nil), MaxBinFile})
	}
	if data := encode(t, table); len(data) > MaxTable {
		t.Errorf("%d bytes", len(data))
	} else if _, err := ParseTable("00", data); err != nil {
		t.Error(err)
	}
}

func TestFindBin(t *testing.T) {
	bins := newTable().Bins
	name := inBin("3fa", 1)[0]
	if b := FindBin(bins, BinOf(name)); b == nil || b.Prefix != "3f" || b.IsBin() {
		t.Errorf("bin %v", b)
	}
	if b := FindBin(bins[:1], BinOf(name)); b != nil {
		t.Errorf("bin %v", b)
	}
}

// FuzzTable holds that a table has one form, and that a name has one way in it.
func FuzzTable(f *testing.F) {
	f.Add(string(encode(f, newTable())), "3", "pc-1")
	f.Add(`{"bins":[],"prefix":"3","type":"muster-bins/1"}`, "3", "")
	f.Add(strings.ReplaceAll(string(encode(f, newTable())), "3f", "30"), "3", "pc-1")
	f.Fuzz(func(t *testing.T, data, prefix, name string) {
		table, err := ParseTable(prefix, []byte(data))
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Errorf("kind %s: %v", muster.KindOf(err), err)
			}
			return
		}
		if again := string(encode(t, table)); again != data {
			t.Errorf("encoded again: %s", again)
		}
		if len(table.Bins) > 16 {
			t.Errorf("%d bins", len(table.Bins))
		}
		if b := FindBin(table.Bins, BinOf(name)); b != nil && !strings.HasPrefix(BinOf(name), b.Prefix) {
			t.Errorf("%q leads to %q", name, b.Prefix)
		}
	})
}

// FuzzBin holds that a bin has one form and lists what belongs there; nothing of
// it reads as an index.
func FuzzBin(f *testing.F) {
	for _, kind := range []muster.Kind{muster.Host, muster.Unit, muster.Group} {
		e := hostEntry("pc-1", "1", kind)
		f.Add(BinOf("pc-1"), e.Text())
		f.Add("3fa", e.Text())
	}
	f.Add(BinOf("pc-1"), hostEntry("pc-1", "1", muster.Host).Text()+hostEntry("pc-1", "2", muster.Host).Text())
	f.Add("", "")
	f.Fuzz(func(t *testing.T, bin, text string) {
		x, err := ParseBin(bin, text)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Errorf("kind %s: %v", muster.KindOf(err), err)
			}
			return
		}
		for _, e := range x.Entries() {
			if !Binned(e.Kind) || BinOf(e.Name) != bin || x.File(e.Filename) == nil || len(x.Find(e.Name)) == 0 {
				t.Errorf("%s, kind %s, in bin %q", e, e.Kind, bin)
			}
		}
		if _, err := Parse(text); err == nil && x.Len() > 0 {
			t.Error("it reads as an index")
		}
		again, err := NewBin(bin, x.Entries())
		if err != nil || again.Text() != text {
			t.Errorf("made again: %v", err)
		}
	})
}
