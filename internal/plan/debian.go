package plan

import (
	"fmt"
	"slices"
	"strings"

	"muster"
	"muster/control"
	"muster/version"
)

// Limits of an index that [ReadDebian] reads.
const (
	maxDebianText  = 1 << 30 // bytes
	maxDebianField = 1 << 20 // bytes of one field
	maxDebianAlts  = 1024    // alternatives of one dependency
)

// ReadDebian reads a Packages file of Debian (deb822; Debian Policy 5 and 7),
// as "apt-cache dumpavail" prints it. Of each stanza it takes what planning needs:
// Depends and Pre-Depends as Depends, Conflicts and Breaks as Conflicts, Provides,
// and whether it is essential. Index is the stanza's number.
//
// Packages of an architecture other than arch and all are left out. The
// qualifiers :any and :native and that of arch itself are dropped; a relation
// to another architecture is one that nothing satisfies. Names and versions
// are taken as they stand. Restrictions in [] and <> do not occur in
// binary packages and are refused. The packages share memory with text.
func ReadDebian(text, arch string) ([]Package, error) {
	if len(text) > maxDebianText {
		return nil, muster.Errorf(muster.Invalid, "cannot read Debian's index: %d bytes, more than %d", len(text), maxDebianText)
	}
	d := &debian{
		arch:         arch,
		dependencies: make(map[string]control.Dependency, len(text)/600),
		relations:    make(map[string]control.Relation, len(text)/2000),
		packages:     make([]Package, 0, len(text)/700),
	}
	rest := text
	for err := error(nil); rest != "" || d.filled; {
		at := len(text) - len(rest)
		var f field
		if f, rest, err = nextField(rest); err == nil {
			err = d.take(f)
		}
		if err != nil {
			line := 1 + strings.Count(text[:at], "\n")
			return nil, muster.WithKind(muster.Invalid, fmt.Errorf("cannot read Debian's index: line %d: %w", line, err))
		}
	}
	return d.packages, nil
}

// A field is one field of a stanza; without a name it is the end of the stanza.
type field struct{ name, value string }

// nextField cuts the first field, with its continuation lines, off text.
func nextField(text string) (f field, rest string, err error) {
	line, rest := cutLine(text)
	if line == "" || line[0] <= ' ' && strings.TrimSpace(line) == "" {
		return f, rest, nil
	}
	i := strings.IndexByte(line, ':')
	if i <= 0 || line[0] <= ' ' {
		return f, rest, fmt.Errorf("no field name in %.40q", line)
	}
	end := len(line)
	for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
		_, rest = cutLine(rest)
		end = len(text) - len(rest)
	}
	if end > maxDebianField {
		return f, rest, fmt.Errorf("field %.40q of %d bytes, more than %d", line[:i], end, maxDebianField)
	}
	return field{line[:i], text[i+1 : end]}, rest, nil
}

func cutLine(text string) (line, rest string) {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return text[:i], text[i+1:]
	}
	return text, ""
}

// debian collects the packages. Relations repeat a lot, so each text is parsed
// once; equal dependencies then are one slice, which the encoder knows by
// its address.
type debian struct {
	arch         string
	packages     []Package
	dependencies map[string]control.Dependency
	relations    map[string]control.Relation

	now          Package // the stanza being read
	architecture string
	filled       bool
	stanzas      int
}

// take adds a field to the stanza.
func (d *debian) take(f field) (err error) {
	if f.name == "" {
		return d.finish()
	}
	d.filled = true
	p := &d.now
	switch f.name {
	case "Package":
		p.Name = strings.TrimSpace(f.value)
	case "Version":
		p.Version = strings.TrimSpace(f.value)
	case "Architecture":
		d.architecture = strings.TrimSpace(f.value)
	case "Essential":
		p.Essential = strings.TrimSpace(f.value) == "yes"
	case "Depends", "Pre-Depends":
		p.Depends, err = eachPart(p.Depends, f.value, d.dependency)
	case "Conflicts", "Breaks":
		p.Conflicts, err = eachPart(p.Conflicts, f.value, d.relation)
	case "Provides":
		p.Provides, err = eachPart(p.Provides, f.value, d.relation)
	}
	if err != nil {
		return fmt.Errorf("field %q of package %q: %w", f.name, p.Name, err)
	}
	return nil
}

// finish ends the stanza.
func (d *debian) finish() error {
	if !d.filled {
		return nil
	}
	p := d.now
	if !isDebianWord(p.Name) || !isDebianWord(p.Version) {
		return fmt.Errorf("stanza without a name or a version: %.40q, %.40q", p.Name, p.Version)
	}
	p.Kind, p.Index, p.Repo = muster.Base, d.stanzas, "debian"
	if d.architecture == d.arch || d.architecture == "all" {
		d.packages = append(d.packages, p)
	}
	d.now, d.architecture, d.filled = Package{}, "", false
	d.stanzas++
	return nil
}

// eachPart appends what parse makes of the parts of s between commas, of which
// empty ones are passed over, as dpkg does.
func eachPart[T any](list []T, s string, parse func(string) (T, error)) ([]T, error) {
	list = slices.Grow(list, strings.Count(s, ",")+1)
	for s != "" {
		part := s
		if i := strings.IndexByte(s, ','); i >= 0 {
			part, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		v, err := parse(part)
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (d *debian) dependency(s string) (control.Dependency, error) {
	if dep, ok := d.dependencies[s]; ok {
		return dep, nil
	}
	dep := make(control.Dependency, 0, 1)
	for rest, more := s, true; more; {
		var alternative string
		alternative, rest, more = strings.Cut(rest, "|")
		r, err := d.relation(strings.TrimSpace(alternative))
		if err != nil {
			return nil, err
		}
		if dep = append(dep, r); len(dep) > maxDebianAlts {
			return nil, fmt.Errorf("more than %d alternatives", maxDebianAlts)
		}
	}
	d.dependencies[s] = dep
	return dep, nil
}

// relation reads "name", "name:qualifier" or either with " (op version)".
func (d *debian) relation(s string) (control.Relation, error) {
	if r, ok := d.relations[s]; ok {
		return r, nil
	}
	name, bound := s, ""
	if i := strings.IndexByte(s, '('); i >= 0 {
		name, bound = strings.TrimSpace(s[:i]), s[i:]
	}
	r := control.Relation{Name: d.unqualified(name)}
	if !isDebianWord(r.Name) {
		return control.Relation{}, fmt.Errorf("no package name in %.80q", s)
	}
	if bound != "" {
		c, err := debianBound(bound)
		if err != nil {
			return control.Relation{}, err
		}
		r.Constraint = c
	}
	d.relations[s] = r
	return r, nil
}

// isDebianWord reports whether s can stand as a name or version in a relation.
func isDebianWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte("()[]<>|,=", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// unqualified drops an architecture qualifier that makes no difference among
// packages of one architecture.
func (d *debian) unqualified(name string) string {
	base, qualifier, found := strings.Cut(name, ":")
	if found && (qualifier == "any" || qualifier == "native" || qualifier == d.arch) {
		return base
	}
	return name
}

// debianBound reads "(op version)". The old operators < and > of dpkg mean <=
// and >= and do not occur any more; they are refused.
func debianBound(s string) (version.Constraint, error) {
	inner, ok := strings.CutSuffix(s[1:], ")")
	inner = strings.TrimSpace(inner)
	n := 0
	for n < len(inner) && strings.IndexByte("<>=", inner[n]) >= 0 {
		n++
	}
	v := strings.TrimSpace(inner[n:])
	if !ok || !isDebianWord(v) {
		return version.Constraint{}, fmt.Errorf("no version in %.80q", s)
	}
	ops := map[string]version.Op{
		"<<": version.Less, "<=": version.LessEqual, "=": version.Equal,
		">=": version.GreaterEqual, ">>": version.Greater,
	}
	op, ok := ops[inner[:n]]
	if !ok {
		return version.Constraint{}, fmt.Errorf("unknown operator in %.80q", s)
	}
	return version.Bound(op, v), nil
}
