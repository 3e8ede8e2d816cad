package advisories

import (
	"encoding/json"
	"reflect"
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
	num       int64 // of the advisory
	slot      int64
	exploited bool // by its own word
	advisory.Affected
}

// current is what counts of versions v of sources s.
const current = "v.born <= s.generation AND (v.died = 0 OR v.died > s.generation)"

// candidates reads the affected packages of an ecosystem with these names, of a release
// or of every one.
func candidates(tx *db.Tx, ecosystem, release string, names []string) (map[string][]candidate, error) {
	branches := []string{""}
	if release != "" {
		branches = append(branches, release)
	}
	all := map[string][]candidate{}
	for _, branch := range branches {
		if err := candidatesOf(tx, ecosystem, branch, names, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func candidatesOf(tx *db.Tx, ecosystem, branch string, names []string, all map[string][]candidate) error {
	for len(names) > 0 {
		part := names[:min(len(names), someIDs)]
		names = names[len(part):]
		args := append([]any{ecosystem, branch}, anys(part)...)
		err := tx.Each(`SELECT f.name, f.advisory, f.slot, f.body, v.exploited FROM advisories_affected f
			JOIN advisories_version v ON v.advisory = f.advisory AND v.born = f.born JOIN advisories_source s ON s.num = v.source
			WHERE f.ecosystem = ? AND f.branch = ? AND f.name IN `+db.In(len(part))+` AND `+current, args, func(scan db.Scan) error {
			var name string
			var body []byte
			c := candidate{Affected: advisory.Affected{Ecosystem: ecosystem, Release: branch}}
			if err := scan(&name, &c.num, &c.slot, &body, &c.exploited); err != nil {
				return err
			}
			if err := c.fill(name, body); err != nil {
				return err
			}
			all[name] = append(all[name], c)
			return nil
		})
		if err != nil {
			return err
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
