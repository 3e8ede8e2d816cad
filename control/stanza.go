package control

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster"
	"muster/deb822"
)

// FieldError is a field that is missing, unknown or has a wrong value.
type FieldError struct {
	Line  int // of the text that the stanza was read from; 0 when unknown
	Field string
	Err   error
}

func (e *FieldError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: field %q: %v", e.Line, e.Field, e.Err)
	}
	return fmt.Sprintf("field %q: %v", e.Field, e.Err)
}

func (e *FieldError) Unwrap() error { return e.Err }

// maxList bounds the entries of one list field.
const maxList = 4096

// Parse reads a control from a stanza and checks it. Fields that a control does
// not have are refused, unless their name is one of also.
// Absent fields take these values: kind base, os all, architecture all.
func Parse(s deb822.Stanza, also ...string) (*Control, error) {
	c := &Control{Kind: muster.Base, OS: []string{All}, Architecture: []string{All}}
	for _, f := range s {
		name := strings.ToLower(f.Name)
		if slices.Contains(also, name) {
			continue
		}
		if err := c.set(name, f); err != nil {
			return nil, &FieldError{f.Line, f.Name, err}
		}
	}
	if err := c.Check(); err != nil {
		if fe, ok := err.(*FieldError); ok && fe.Line == 0 {
			f, _ := s.Field(fe.Field)
			if fe.Line = f.Line; fe.Line == 0 && len(s) > 0 {
				fe.Line = s[0].Line // a missing field: name the stanza's first line
			}
		}
		return nil, err
	}
	return c, nil
}

// set reads the field of that lower-case name into c.
func (c *Control) set(name string, f deb822.Field) (err error) {
	if text := c.text(name); text != nil {
		*text = f.Text()
		return nil
	}
	if list := c.list(name); list != nil {
		*list, err = words(f.Value)
		return err
	}
	switch name {
	case "kind":
		c.Kind = muster.Kind(f.Value)
	case "depends":
		c.Depends, err = parseAll(f.Value, ParseDependency)
	case "conflicts":
		c.Conflicts, err = parseAll(f.Value, ParseRelation)
	case "provides":
		c.Provides, err = parseAll(f.Value, ParseRelation)
	default:
		lang, ok := strings.CutPrefix(name, "description-")
		if !ok {
			return fmt.Errorf("unknown field")
		}
		if c.Descriptions == nil {
			c.Descriptions = map[string]string{}
		}
		c.Descriptions[lang] = f.Text()
	}
	return err
}

// text returns where the text field of that name is kept, or nil.
func (c *Control) text(name string) *string {
	switch name {
	case "package":
		return &c.Name
	case "version":
		return &c.Version
	case "title":
		return &c.Title
	case "description":
		return &c.Description
	case "maintainer":
		return &c.Maintainer
	case "licence":
		return &c.Licence
	case "homepage":
		return &c.Homepage
	case "maturity":
		return &c.Maturity
	case "applies-to":
		return &c.AppliesTo
	case "min-os-version":
		return &c.MinOSVersion
	case "max-os-version":
		return &c.MaxOSVersion
	case "cpe":
		return &c.CPE
	case "purl":
		return &c.PURL
	case "valid-from":
		return &c.ValidFrom
	case "valid-until":
		return &c.ValidUntil
	case "forced-install-on":
		return &c.ForcedInstallOn
	case "audit-schedule":
		return &c.AuditSchedule
	case "file-names":
		return &c.FileNames
	case "rollout":
		return &c.Rollout
	}
	return nil
}

// list returns where the list field of that name is kept, or nil.
func (c *Control) list(name string) *[]string {
	switch name {
	case "os":
		return &c.OS
	case "architecture":
		return &c.Architecture
	case "locale":
		return &c.Locale
	case "keywords":
		return &c.Keywords
	case "impacted-processes":
		return &c.ImpactedProcesses
	case "required-params":
		return &c.RequiredParams
	case "setuid":
		return &c.Setuid
	}
	return nil
}

// stanzaOrder is the order in which fields are printed.
var stanzaOrder = []string{
	"package", "version", "kind", "os", "architecture", "min-os-version", "max-os-version",
	"maturity", "locale", "applies-to", "depends", "conflicts", "provides", "title", "description",
	"maintainer", "licence", "homepage", "keywords", "cpe", "purl", "impacted-processes",
	"valid-from", "valid-until", "rollout", "forced-install-on", "audit-schedule", "required-params", "file-names", "setuid",
}

// Stanza prints c as fields in a fixed order, which [Parse] reads back.
func (c *Control) Stanza() deb822.Stanza {
	s := make(deb822.Stanza, 0, 16)
	for _, name := range stanzaOrder {
		if text := c.text(name); text != nil {
			s.Add(name, *text)
		} else if list := c.list(name); list != nil {
			s.Add(name, strings.Join(*list, ", "))
		} else {
			switch name {
			case "kind":
				s.Add(name, string(c.Kind))
			case "depends":
				s.Add(name, join(c.Depends))
			case "conflicts":
				s.Add(name, join(c.Conflicts))
			case "provides":
				s.Add(name, join(c.Provides))
			}
		}
		if name == "description" {
			for _, lang := range slices.Sorted(maps.Keys(c.Descriptions)) {
				s.Add("description-"+lang, c.Descriptions[lang])
			}
		}
	}
	return s
}

func words(s string) ([]string, error) {
	return parseAll(s, func(w string) (string, error) { return w, nil })
}

// parseAll reads a list separated by commas; a comma at the end is allowed.
func parseAll[T any](s string, parse func(string) (T, error)) ([]T, error) {
	s = strings.TrimSuffix(strings.TrimSpace(s), ",")
	if s == "" {
		return nil, nil
	}
	var all []T
	for _, part := range splitList(s) {
		if part == "" {
			return nil, fmt.Errorf("empty entry in the list")
		}
		v, err := parse(part)
		if err != nil {
			return nil, err
		}
		if all = append(all, v); len(all) > maxList {
			return nil, fmt.Errorf("more than %d entries", maxList)
		}
	}
	return all, nil
}

func join[T fmt.Stringer](list []T) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = v.String()
	}
	return strings.Join(parts, ", ")
}
