package advisories

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"

	"muster"
	"muster/advisory"
	"muster/internal/db"
)

// anyName is where affected packages are found whose names are patterns.
const anyName = "*"

// rows are those of advisories_affected for a document. One that was withdrawn concerns
// nothing.
func (d *document) rows(num, born int64) (rows [][]any, err error) {
	if d.Withdrawn != 0 {
		return nil, nil
	}
	for slot := range d.Affected {
		f := d.Affected[slot]
		if f.Severity == advisory.Unknown {
			f.Severity = d.Severity
		}
		ecosystem, release, name := f.Ecosystem, f.Release, f.Name
		if f.Ecosystem, f.Release = "", ""; f.Glob && advisory.IsGlob(name) {
			name = anyName
		} else {
			f.Name = ""
		}
		body, err := short(reflect.ValueOf(f))
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot keep advisory %q: %w", d.ID, err)
		}
		rows = append(rows, []any{ecosystem, release, name, num, born, slot, body})
	}
	return rows, nil
}

// A candidate is an affected package that carries a name that is looked for.
type candidate struct {
	num int64 // of the advisory
	advisory.Affected
}

// current is what counts of versions v of sources s.
const current = "v.born <= s.generation AND (v.died = 0 OR v.died > s.generation)"

// A version is one of advisories_version.
type version struct{ advisory, born int64 }

// hidden are the versions that do not count, or not any more: there are some only around
// an import. To leave them out of what is read is much cheaper than to ask of each
// whether it counts.
func hidden(tx *db.Tx) (map[version]bool, error) {
	out := map[version]bool{}
	var sources [][2]int64
	err := tx.Each("SELECT num, generation FROM advisories_source", nil, func(scan db.Scan) error {
		var s [2]int64
		err := scan(&s[0], &s[1])
		sources = append(sources, s)
		return err
	})
	for _, s := range sources {
		for _, where := range []string{"born > ?", "died > 0 AND died <= ?"} {
			if err != nil {
				return nil, err
			}
			err = tx.Each("SELECT advisory, born FROM advisories_version WHERE source = ? AND "+where, []any{s[0], s[1]}, func(scan db.Scan) error {
				var v version
				err := scan(&v.advisory, &v.born)
				out[v] = true
				return err
			})
		}
	}
	return out, err
}

// candidates calls f with the affected packages of an ecosystem that have one of some
// names, of a release or of every one.
func candidates(tx *db.Tx, ecosystem, release string, names []string, f func(*candidate)) error {
	dead, err := hidden(tx)
	if err != nil {
		return err
	}
	branches := []string{""}
	if release != "" {
		branches = append(branches, release)
	}
	for _, branch := range branches {
		for part := range slices.Chunk(names, someIDs) {
			args := append([]any{ecosystem, branch}, anys(part)...)
			err := tx.Each("SELECT name, advisory, born, body FROM advisories_affected WHERE ecosystem = ? AND branch = ? AND name IN "+db.In(len(part)), args, func(scan db.Scan) error {
				var name string
				var v version
				var body []byte
				if err := scan(&name, &v.advisory, &v.born, &body); err != nil || dead[v] {
					return err
				}
				c := candidate{num: v.advisory, Affected: advisory.Affected{Ecosystem: ecosystem, Release: branch}}
				if err := c.fill(name, body); err != nil {
					return err
				}
				f(&c)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *candidate) fill(name string, body []byte) error {
	ecosystem, branch := c.Ecosystem, c.Release
	if err := json.Unmarshal(body, &c.Affected); err != nil {
		return muster.Errorf(muster.Internal, "the database holds an affected package that is damaged: %w", err)
	}
	c.Ecosystem, c.Release, c.Status = ecosystem, branch, cut(c.Status, 40)
	if c.Name == "" {
		c.Name = name
	}
	return nil
}

// short is the JSON of a struct, or of a list of them, without fields that say nothing:
// there are some hundred thousand of these.
func short(v reflect.Value) ([]byte, error) {
	switch {
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		return shortList(v)
	case v.Kind() != reflect.Struct:
		return json.Marshal(v.Interface())
	}
	out := []byte{'{'}
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		body, err := short(v.Field(i))
		if err != nil {
			return nil, err
		}
		out = append(strconv.AppendQuote(out, v.Type().Field(i).Name), ':')
		out = append(out, body...)
	}
	return append(out, '}'), nil
}

func shortList(v reflect.Value) ([]byte, error) {
	out := []byte{'['}
	for i := range v.Len() {
		if i > 0 {
			out = append(out, ',')
		}
		body, err := short(v.Index(i))
		if err != nil {
			return nil, err
		}
		out = append(out, body...)
	}
	return append(out, ']'), nil
}
