package systems

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"muster"
	"muster/version"
)

var (
	//go:embed ecosystems.csv
	ecosystemsCSV string
	//go:embed systems.csv
	systemsCSV string
	//go:embed names.csv
	namesCSV string
)

// maxRows bounds a table of a configuration.
const maxRows = 10_000

// A Table says what systems and names stand for which platform. It is not
// changed once made, and may be used by several goroutines.
type Table struct {
	ecosystems map[string]ecosystem
	everywhere map[string]string // manager -> ecosystem
	systems    []system
	names      map[string][]name // by scheme
}

// An ecosystem is a row of ecosystems.csv.
type ecosystem struct {
	manager string
	order   version.Order
	names   Names
}

// A system is a row of systems.csv.
type system struct {
	id        string
	version   pattern
	name      pattern
	anyName   bool
	ecosystem string
	release   string
}

// A name is a row of names.csv.
type name struct {
	pattern   pattern
	ecosystem string
	release   string
}

// orders are the names of orders in ecosystems.csv.
var orders = map[string]version.Order{
	"dpkg": version.Dpkg, "rpm": version.RPM, "apk": version.APK, "pkgsrc": version.Pkgsrc,
	"freebsd": version.FreeBSD, "windows": version.Windows, "arch": version.Arch,
}

// Builtin is the table that comes with the program.
var Builtin = sync.OnceValue(func() *Table {
	t := &Table{ecosystems: map[string]ecosystem{}, everywhere: map[string]string{}, names: map[string][]name{}}
	err := errors.Join(
		readRows(strings.NewReader(ecosystemsCSV), "ecosystem,manager,order,names,everywhere", t.addEcosystem),
		readRows(strings.NewReader(systemsCSV), systemsHeader, t.addSystem),
		readRows(strings.NewReader(namesCSV), "scheme,name,ecosystem,release", t.addName))
	if err != nil {
		panic(err) // a table of ours: a test reads it
	}
	return t
})

const systemsHeader = "id,version,name,ecosystem,release"

// Extend is t with the rows of a systems.csv before its own: what the people of
// a server know of their systems. Only ecosystems of t can be named.
func (t *Table) Extend(r io.Reader) (*Table, error) {
	own := &Table{ecosystems: t.ecosystems, everywhere: t.everywhere, names: t.names}
	if err := readRows(r, systemsHeader, own.addSystem); err != nil {
		return nil, err
	}
	own.systems = slices.Concat(own.systems, t.systems)
	return own, nil
}

// readRows reads a table with a header; an error names the line.
func readRows(r io.Reader, header string, add func(row []string) error) error {
	c := csv.NewReader(r)
	c.Comment = '#'
	c.FieldsPerRecord = strings.Count(header, ",") + 1
	first, err := c.Read()
	if err != nil || strings.Join(first, ",") != header {
		return muster.Errorf(muster.Invalid, "a table of systems begins with the line %q", header)
	}
	for n := 0; ; n++ {
		row, err := c.Read()
		if err == io.EOF {
			return nil
		}
		switch {
		case err != nil:
			return muster.Errorf(muster.Invalid, "table of systems: %w", err)
		case n == maxRows:
			return muster.Errorf(muster.Invalid, "table of systems has more than %d rows", maxRows)
		}
		if err := add(row); err != nil {
			line, _ := c.FieldPos(0)
			return fmt.Errorf("table of systems, line %d: %w", line, err)
		}
	}
}

func (t *Table) addEcosystem(row []string) error {
	order, ok := orders[row[2]]
	if !ok {
		return muster.Errorf(muster.Invalid, "no order of versions is called %q", row[2])
	}
	names := Names(row[3])
	if names != Source && names != Binary && names != Either {
		return muster.Errorf(muster.Invalid, "names are of source, binary or either, not %q", row[3])
	}
	t.ecosystems[row[0]] = ecosystem{row[1], order, names}
	if row[4] != "" {
		t.everywhere[row[1]] = row[0]
	}
	return nil
}

func (t *Table) addSystem(row []string) error {
	v, err := parsePattern(row[1])
	if err != nil {
		return err
	}
	n, err := parsePattern(row[2])
	if err != nil {
		return err
	}
	if _, ok := t.ecosystems[row[3]]; !ok {
		return muster.Errorf(muster.Invalid, "no ecosystem is called %q", row[3])
	}
	t.systems = append(t.systems, system{strings.ToLower(row[0]), v, n, row[2] == "", row[3], row[4]})
	return nil
}

func (t *Table) addName(row []string) error {
	p, err := parsePattern(row[1])
	if err != nil {
		return err
	}
	if _, ok := t.ecosystems[row[2]]; !ok {
		return muster.Errorf(muster.Invalid, "no ecosystem is called %q", row[2])
	}
	t.names[row[0]] = append(t.names[row[0]], name{p, row[2], row[3]})
	return nil
}
