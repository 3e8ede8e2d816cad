package advisory

import (
	"bytes"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"muster"
)

// Bounds of a list.
const (
	maxIgnoreBytes = 4 << 20
	maxIgnores     = 20_000
)

// ignoreFields are the names of the fields in both forms.
var ignoreFields = []string{"id", "package", "platform", "site", "reason", "until"}

// ParseIgnores reads a list: YAML, a sequence of mappings, or CSV, whose first
// line names the columns. An error names the line.
//
//	# openssl is linked statically here, and patched by hand.
//	- id: CVE-2026-1234
//	  package: nginx
//	  site: LYON
//	  reason: not reachable from outside
//	  until: 2027-01-31
func ParseIgnores(data []byte) (Ignores, error) {
	if len(data) > maxIgnoreBytes {
		return nil, muster.Errorf(muster.Invalid, "list of %d bytes is longer than %d", len(data), maxIgnoreBytes)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // spreadsheets write it
	if isIgnoresCSV(data) {
		return parseIgnoresCSV(data)
	}
	return parseIgnoresYAML(data)
}

// isIgnoresCSV says whether the first line that is no comment names columns.
func isIgnoresCSV(data []byte) bool {
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line[:min(len(line), 256)]))
		if text == "" || text[0] == '#' {
			continue
		}
		columns := strings.Split(text, ",")
		return len(columns) > 1 && !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(ignoreFields, c) })
	}
	return false
}

func parseIgnoresCSV(data []byte) (Ignores, error) {
	c := csv.NewReader(bytes.NewReader(data))
	c.Comment = '#'
	columns, err := c.Read()
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "list: %w", err)
	}
	var all Ignores
	for {
		row, err := c.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "list: %w", err)
		}
		line, _ := c.FieldPos(0)
		e := Ignore{Line: line}
		for i, value := range row {
			if err := e.set(columns[i], value); err != nil {
				return nil, muster.Errorf(muster.Invalid, "line %d: %w", line, err)
			}
		}
		if all, err = all.with(e); err != nil {
			return nil, err
		}
	}
}

func parseIgnoresYAML(data []byte) (Ignores, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, muster.Errorf(muster.Invalid, "list: %w", err)
	}
	if doc.Kind == 0 {
		return nil, nil
	}
	list := doc.Content[0]
	if list.Kind != yaml.SequenceNode {
		return nil, muster.Errorf(muster.Invalid, "line %d: a list of entries has to stand here: - id: ...", list.Line)
	}
	var all Ignores
	for _, node := range list.Content {
		e, err := ignoreOf(node)
		if err != nil {
			return nil, err
		}
		if all, err = all.with(e); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ignoreOf reads one mapping. Anchors and aliases are not followed.
func ignoreOf(node *yaml.Node) (Ignore, error) {
	e := Ignore{Line: node.Line}
	if node.Kind != yaml.MappingNode {
		return e, muster.Errorf(muster.Invalid, "line %d: an entry has fields: id, package, platform, site, reason, until", node.Line)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if value.Kind != yaml.ScalarNode || seen[key.Value] {
			return e, muster.Errorf(muster.Invalid, "line %d: %q has to be one text, once", key.Line, key.Value)
		}
		seen[key.Value] = true
		if err := e.set(key.Value, value.Value); err != nil {
			return e, muster.Errorf(muster.Invalid, "line %d: %w", value.Line, err)
		}
	}
	return e, nil
}

func (e *Ignore) set(field, value string) error {
	value = strings.TrimSpace(value)
	switch field {
	case "id":
		e.ID = value
	case "package":
		e.Package = value
	case "platform":
		e.Platform = strings.ToLower(value)
	case "site":
		e.Site = value
	case "reason":
		e.Reason = value
	case "until":
		return e.setUntil(value)
	default:
		return muster.Errorf(muster.Invalid, "there is no field %q; known are %s", field, strings.Join(ignoreFields, ", "))
	}
	return nil
}

func (e *Ignore) setUntil(value string) (err error) {
	if value == "" {
		return nil
	}
	if e.Until, err = time.Parse(time.DateOnly, value); err != nil {
		return muster.Errorf(muster.Invalid, "until: %q is no day such as 2027-01-31", value)
	}
	return nil
}

// with appends an entry that says enough.
func (all Ignores) with(e Ignore) (Ignores, error) {
	switch {
	case e.ID == "" && e.Package == "":
		return nil, muster.Errorf(muster.Invalid, "line %d: an entry names an id or a package", e.Line)
	case e.Reason == "":
		return nil, muster.Errorf(muster.Invalid, "line %d: an entry gives a reason", e.Line)
	case len(all) == maxIgnores:
		return nil, muster.Errorf(muster.Invalid, "line %d: a list has at most %d entries", e.Line, maxIgnores)
	}
	return append(all, e), nil
}
