package advisory

import "muster/sitereport"

// An Index finds the advisories that affect a package among very many. It holds
// a row of 16 bytes for each Affected, and each text once; it is not changed
// once built, and may be used by several goroutines.
type Index struct {
	advisories []*Advisory // without Affected
	spans      map[indexKey]span
	patterns   map[patternKey][]indexKey // of names that are patterns
	rows       []indexRow
	ranges     [][]Range
	versions   [][]string
	marks      []mark
}

// An indexKey is what rows are looked up by.
type indexKey struct {
	ecosystem, release, name string
	binary                   bool
}

// A span is where the rows of a key stand.
type span struct {
	from, to int32
	repeats  bool // an advisory has several of them
}

// A patternKey is what patterns of names are looked up by.
type patternKey struct {
	ecosystem, release string
	binary             bool
	first              byte // of the pattern; 0 where that is a wildcard
}

// An indexRow is an Affected; numbers are places in the lists of the Index.
type indexRow struct{ advisory, ranges, versions, mark int32 }

// A mark is what few rows differ in.
type mark struct {
	status, module, arch string
	severity             Severity
	fixElsewhere, glob   bool
}

// Len is the number of advisories and of rows about packages.
func (x *Index) Len() (advisories, rows int) { return len(x.advisories), len(x.rows) }

// A Finding is an advisory that affects a package.
type Finding struct {
	Advisory *Advisory // without Affected
	Affected *Affected // the row that affects it
	Package  sitereport.Package
	Platform Platform // of the package on its host
	Fixed    string   // first version without it; "" none known
	Note     string   // for people: entries ignore a part of the advisory
}

// Severity is that of the package on its platform, or else of the advisory.
func (f *Finding) Severity() Severity {
	if f.Affected.Severity != Unknown {
		return f.Affected.Severity
	}
	return f.Advisory.Severity
}

// judgesAs says whether rows of the same ranges with these marks judge alike.
func (m *mark) judgesAs(o mark) bool { return m.module == o.module && m.glob == o.glob }

// affected is a row as it was added. Its lists are those of the Index.
func (x *Index) affected(key indexKey, row indexRow) *Affected {
	m := &x.marks[row.mark]
	return &Affected{
		Ecosystem: key.ecosystem, Release: key.release, Name: key.name, Binary: key.binary,
		Arch: m.arch, Module: m.module, Ranges: x.ranges[row.ranges], Versions: x.versions[row.versions],
		FixElsewhere: m.fixElsewhere, Glob: m.glob, Status: m.status, Severity: m.severity,
	}
}
