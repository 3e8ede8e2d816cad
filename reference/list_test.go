package reference

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"muster"
)

const baseline = `# what the officer asks for
name: baseline-2026-11
note: "agreed on the 9th"
for:
  systems: [rocky:9, "debian:12"]
  tags: [wn]
  sites: ["CERN-*", IN2P3]
until: 2027-01-31
packages:
- {name: openssl, want: ">= 3.0.7-27.el9", manager: rpm}
- name: xz-utils
  want: absent >= 5.6.0, <= 5.6.1
- name: "source:linux"
  want: '>= 6.1.158'
  manager: dpkg
  until: 2026-12-24T18:00:00Z
  note: |
    the one with the fix
    of the driver
- name: 7zip
  want: = 1.10
  optional: true
- name: "null"
`

func TestYAML(t *testing.T) {
	l, err := ParseYAML("baseline.yaml", []byte(baseline))
	if err != nil {
		t.Fatal(err)
	}
	const want = `name: baseline-2026-11
note: "agreed on the 9th"
for:
  tags: [wn]
  systems: ["debian:12", "rocky:9"]
  sites: ["CERN-*", "IN2P3"]
until: 2027-01-31
packages:
  - name: "7zip"
    want: "= 1.10"
    optional: true
  - name: "null"
  - name: openssl
    want: ">= 3.0.7-27.el9"
    manager: rpm
  - name: "source:linux"
    want: ">= 6.1.158"
    manager: dpkg
    until: 2026-12-24T18:00:00Z
    note: "the one with the fix\nof the driver"
  - name: xz-utils
    want: "absent >= 5.6.0, <= 5.6.1"
`
	if got := string(l.Print()); got != want {
		t.Errorf("printed:\n%s\nwant:\n%s", got, want)
	}
}

// The lists that the documents show can be read.
func TestDocuments(t *testing.T) {
	n := 0
	for _, name := range []string{"../docs/formats/reference.md", "../docs/reference-versions.md"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(data), "```yaml\n")[1:] {
			text, _, _ := strings.Cut(part, "```")
			l, err := ParseYAML(name, []byte(text))
			if err != nil || len(l.Wanted) == 0 {
				t.Errorf("%s: %v", name, err)
				continue
			}
			same(t, l)
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d lists", n)
	}
}

func TestYAMLRefuses(t *testing.T) {
	const head = "name: x\npackages:\n"
	for text, says := range map[string]string{
		"":                                    "there is nothing in it",
		"- a":                                 "line 1: names and their values",
		"name: x\npackage: []":                `line 2: there is no "package" here`,
		"name: x\nname: y":                    `line 2: "name" stands twice`,
		"name: x\n---\nname: y":               "line 2: more than one document",
		head + "- {name: a, want: '1.2'}":     `line 3: want: wish "1.2" has no operator`,
		head + "- name: a\n  want: >= 1.2":    "line", // a block of text, to YAML
		head + "- {name: a, manager: yum}":    `line 3: a: there is no package manager "yum"`,
		head + "- {name: a}\n- {name: a}":     `package "a" stands twice`,
		head + "- {name: a, until: tomorrow}": `line 3: until: "tomorrow" is no day or time`,
		head + "- {name: a, want: newest}":    "newest of what",
		head + "- {name: a, want: '>2, <1', manager: dpkg}": `no version is both "> 2" and "< 1"`,
		head + "- {name: a, want: absent, optional: true}":  "cannot be optional",
		head + "- {name: a, optional: yes}":                 "true or false is expected",
		head + "- &x {name: a}\n- *x":                       "line 4",
		head + "- {want: any}":                              "no name",
		head + "- {name: 'source:'}":                        "no name",
		"name: a/b\npackages: []":                           "is no name of a list",
		"name: x\ncomplete: 1":                              "true or false",
		"name: x\nfor: {tags: wn}":                          "line 2: tags: a list of at most",
		head + "- name: a\n  wnat: '1'":                     `"list.yaml": line 4: there is no "wnat" here`,
		head + "- a":                                        `"list.yaml": line 3: names and their values`,
		"name: x\nfor: {tag: [a]}":                          `"list.yaml": line 2: there is no "tag" here`,
		"a: [" + strings.Repeat("[", 20_000):                "",
		strings.Repeat("-\n", maxMarks):                     "more than",
	} {
		_, err := ParseYAML("list.yaml", []byte(text))
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), `"list.yaml": `) {
			t.Errorf("%.60q: %v, want %q", text, err, says)
		}
		if err != nil && strings.Count(err.Error(), "line ") > 1 && !strings.Contains(err.Error(), "line break") {
			t.Errorf("%.60q: says the place twice: %v", text, err)
		}
	}
}

func TestCSV(t *testing.T) {
	const text = "\ufeffName;Want;Manager;Until;Note;optional;arch\r\n" +
		"openssl;>= 3.0.7-27.el9;rpm;2027-01-31;\"a; b\";;x86_64\r\n" +
		"telnetd;absent;;;;false;\r\n"
	l, err := ParseCSV("list.csv", []byte(text), List{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `packages:
  - name: openssl
    want: ">= 3.0.7-27.el9"
    manager: rpm
    arch: x86_64
    until: 2027-01-31
    note: "a; b"
  - name: telnetd
    want: absent
`
	if got := string(l.Print()); got != want {
		t.Errorf("printed:\n%s", got)
	}
	if l, err := ParseCSV("list.csv", []byte("name,want\na,newest\n"), List{Name: "x", NewestOf: "y"}); err != nil || l.Name != "x" || len(l.Wanted) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	for text, says := range map[string]string{
		"":                       "there is nothing in it",
		"package,want\na,= 1":    `line 1: there is no column "package"`,
		"want\n= 1":              `line 1: there is no column "name"`,
		"name,name\na,b":         "stands twice",
		"name,want\na,= 1\nb,1":  `line 3: column want: wish "1" has no operator`,
		"name,want\na,= 1,x":     "line 2: wrong number of fields",
		"name,want\n\"a,= 1":     `extraneous or missing "`,
		"name,optional\na,maybe": "line 2: column optional",
		"name\n\na\n b\n\n\x01":  "line 6: package",
	} {
		if _, err := ParseCSV("list.csv", []byte(text), List{}); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// FuzzYAML: what was read prints in one form, which reads as the same list.
func FuzzYAML(f *testing.F) {
	f.Add([]byte(baseline))
	f.Add([]byte("name: x\nnewest-of: debian-12\ncomplete: true\noptional: true\npackages:\n- {name: a, want: newest >= 2}\n"))
	f.Add([]byte("packages: [{name: \"\\u00e9 \\\"x\\\" \\U0001f600\", note: \"a\\n\\nb\"}]"))
	f.Add([]byte("packages: [{name: 1.10, want: =1.10}, {name: ~}, {name: yes}]"))
	f.Add([]byte("for: {tags: [b, a, a]}\nuntil: 2026-12-24T00:00:00+02:00\npackages: []"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseYAML("x", data)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatalf("%v is not of kind invalid", err)
			}
			return
		}
		same(t, l)
	})
}

// FuzzCanonical: what is read line by line is what YAML makes of it.
func FuzzCanonical(f *testing.F) {
	l, err := ParseYAML("x", []byte(baseline))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(l.Print()))
	f.Add("a: b\npackages:\n  - name: a\n    note: \"\\x7f\\u2028é\"\n")
	f.Add("name: x # y\npackages:\n  - name: a\n    until: 2026-12-24\n    optional: true\n  - name: \" b\"\n    want: newest\n")
	f.Add("note: \"\npackages:\n  - name: a\n")
	f.Add("note: |\n x\npackages:\n  - name: a\n    arch: \"a: b\"\n")
	f.Add("for: {tags: [a,\npackages:\n  - name: a\n")
	f.Add("---\npackages:\n  - name: a\n    manager: dpkg\n")
	f.Fuzz(func(t *testing.T, text string) {
		fast, ok := readCanonical([]byte(text))
		if !ok {
			return
		}
		slow, err := readDocument([]byte(text))
		if err != nil {
			t.Fatalf("%q is read, but YAML says %v", text, err)
		}
		if normal(fast) != normal(slow) {
			t.Fatalf("%q reads as %+v, and in YAML as %+v", text, fast, slow)
		}
	})
}

// Long lists are read line by line.
func TestCanonical(t *testing.T) {
	l, err := ParseYAML("x", []byte(baseline))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := readCanonical(l.Print()); !ok {
		t.Error("what was printed is not read line by line")
	}
	if _, ok := readCanonical([]byte(baseline)); ok {
		t.Error("what a person wrote is read line by line")
	}
}

// FuzzCSV: the same, by way of YAML; and a plain reader of CSV sees the names.
func FuzzCSV(f *testing.F) {
	f.Add([]byte("name,want\nopenssl,>= 1\n"))
	f.Add([]byte("name;want;until\na;absent;2026-12-24\n\"b\nc\";= 1;\n"))
	f.Add([]byte("note\tname\noptional\ta\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseCSV("x", data, List{NewestOf: "y"})
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatalf("%v is not of kind invalid", err)
			}
			return
		}
		same(t, l)
		plain := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
		plain.Comma = comma(data)
		if rows, err := plain.ReadAll(); err != nil || len(rows) != len(l.Wanted)+1 {
			t.Fatalf("%d rows of %d lines: %v", len(l.Wanted), len(rows), err)
		}
	})
}

// same holds that a list prints as what reads as the same.
func same(t *testing.T, l *List) {
	t.Helper()
	text := l.Print()
	again, err := ParseYAML("x", text)
	if err != nil {
		t.Fatalf("printed text does not read: %v\n%s", err, text)
	}
	if out := again.Print(); !bytes.Equal(out, text) {
		t.Fatalf("printed %s, then %s", text, out)
	}
	if len(l.Wanted) == 0 {
		l.Wanted, again.Wanted = nil, nil
	}
	if !reflect.DeepEqual(normal(l), normal(again)) {
		t.Fatalf("%+v prints as %+v", l, again)
	}
}

// normal has no empty lists that are not nil.
func normal(l *List) string {
	return strings.ReplaceAll(fmt.Sprintf("%#v", *l), "[]string{}", "[]string(nil)")
}

func TestScope(t *testing.T) {
	host := func(site, tag, id, release string) *Host {
		h := &Host{Site: site, Tag: tag}
		h.System.ID, h.System.Version = id, release
		return h
	}
	for _, c := range []struct {
		scope Scope
		host  *Host
		want  bool
	}{
		{Scope{}, host("", "", "", ""), true},
		{Scope{Systems: []string{"rocky:9"}}, host("", "", "rocky", "9.4"), true},
		{Scope{Systems: []string{"rocky:9"}}, host("", "", "rocky", "9"), true},
		{Scope{Systems: []string{"rocky:9"}}, host("", "", "rocky", "90"), false},
		{Scope{Systems: []string{"rocky:9.4"}}, host("", "", "rocky", "9.5"), false},
		{Scope{Systems: []string{"debian"}}, host("", "", "debian", ""), true},
		{Scope{Systems: []string{"debian:12"}}, host("", "", "debian", ""), false},
		{Scope{Systems: []string{"*"}}, host("", "", "", ""), false}, // a system that nobody knows
		{Scope{Systems: []string{"a", "debian:1*"}}, host("", "", "debian", "12"), true},
		{Scope{Tags: []string{"wn"}, Sites: []string{"CERN-*"}}, host("CERN-PROD", "wn", "", ""), true},
		{Scope{Tags: []string{"wn"}, Sites: []string{"CERN-*"}}, host("CERN-PROD", "ui", "", ""), false},
		{Scope{Tags: []string{"wn"}, Sites: []string{"CERN-*"}}, host("DESY", "wn", "", ""), false},
		{Scope{Sites: []string{"*-*-x"}}, host("a-b-c-x", "", "", ""), true},
		{Scope{Sites: []string{"a*a"}}, host("a", "", "", ""), false},
	} {
		if got := c.scope.Covers(c.host); got != c.want {
			t.Errorf("%+v covers %+v: %v", c.scope, c.host, got)
		}
	}
}
