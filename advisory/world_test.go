package advisory

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"muster/advisory/systems"
	"muster/sitereport"
)

// An imported document: what was yielded, skipped and not known.
type imported struct {
	all     []*Advisory
	skipped []string // "entry: why"
	unknown []string // "scheme name", each once
}

// importing runs an importer on a file of testdata.
func importing(t *testing.T, f Importer, file string) imported {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := importText(f, file, string(data))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func importText(f Importer, name, text string) (got imported, err error) {
	o, yield := got.take(name)
	err = f(strings.NewReader(text), o, yield)
	return got, err
}

// take returns the surroundings of an import that note everything in m.
func (m *imported) take(name string) (Options, func(*Advisory) error) {
	o := Options{
		Name: name,
		Skip: func(entry string, why error) error {
			m.skipped = append(m.skipped, entry+": "+why.Error())
			return nil
		},
		Unknown: func(scheme, name string) {
			if s := scheme + " " + name; !slices.Contains(m.unknown, s) {
				m.unknown = append(m.unknown, s)
			}
		},
	}
	return o, func(a *Advisory) error { m.all = append(m.all, a); return nil }
}

// text shows advisories for golden files and comparisons.
func (m *imported) text() string {
	var b bytes.Buffer
	for _, a := range m.all {
		showAdvisory(&b, a)
	}
	for _, s := range m.skipped {
		fmt.Fprintf(&b, "skipped %s\n", s)
	}
	for _, s := range m.unknown {
		fmt.Fprintf(&b, "unknown %s\n", s)
	}
	return b.String()
}

func showAdvisory(b *bytes.Buffer, a *Advisory) {
	fmt.Fprintf(b, "%s %s %s", a.ID, a.Source, a.Severity)
	if a.Withdrawn != 0 {
		b.WriteString(" withdrawn")
	}
	if a.Exploited {
		b.WriteString(" exploited")
	}
	fmt.Fprintf(b, " %d %d %s\n", a.Published, a.Modified, a.CVSS)
	if len(a.Aliases) > 0 {
		fmt.Fprintf(b, "  also %s\n", strings.Join(a.Aliases, " "))
	}
	if a.Summary != "" {
		fmt.Fprintf(b, "  %s\n", a.Summary)
	}
	for _, r := range a.References {
		fmt.Fprintf(b, "  %s\n", r)
	}
	for i := range a.Affected {
		fmt.Fprintf(b, "  %s\n", showRow(&a.Affected[i]))
	}
}

// showRow is a row in one line, fields that are empty left out.
func showRow(a *Affected) string {
	parts := []string{strings.TrimSpace(a.Ecosystem + " " + a.Release), a.Name}
	if a.Binary {
		parts = append(parts, "binary")
	}
	for _, word := range []string{a.Arch, a.Module, a.Status} {
		if word != "" {
			parts = append(parts, "("+word+")")
		}
	}
	if a.Severity != Unknown {
		parts = append(parts, a.Severity.String())
	}
	for _, r := range a.Ranges {
		parts = append(parts, fmt.Sprintf("[%s %s %s]", r.Introduced, r.Fixed, r.Last))
		if r.After != "" {
			parts = append(parts, "after "+r.After)
		}
		if r.Branch != "" {
			parts = append(parts, "of "+r.Branch)
		}
	}
	if a.Glob {
		parts = append(parts, "glob")
	}
	if a.FixElsewhere {
		parts = append(parts, "elsewhere")
	}
	if len(a.Versions) > 0 {
		parts = append(parts, fmt.Sprintf("one of %d: %s", len(a.Versions), a.Versions[0]))
	}
	return strings.Join(parts, " ")
}

// golden holds text against a file of testdata; MUSTER_UPDATE=1 writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("MUSTER_UPDATE") == "1" {
		if err := os.WriteFile("testdata/"+file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what was read; it has\n%s\nread was\n%s", file, want, got)
	}
}

// platform is that of an ecosystem and release of the tables.
func platform(t testing.TB, ecosystem, release string) Platform {
	t.Helper()
	p := systems.Builtin().Ecosystem(ecosystem, release)
	if !p.Known {
		t.Fatalf("no ecosystem %q", ecosystem)
	}
	return p
}

// indexOf builds an index.
func indexOf(all ...*Advisory) *Index {
	b := NewBuilder()
	for _, a := range all {
		b.Add(a)
	}
	return b.Index()
}

// matches are the findings of one package.
func matches(x *Index, p Platform, pkg sitereport.Package) (found []Finding) {
	x.Match(p, pkg, func(f Finding) { found = append(found, f) })
	return found
}
