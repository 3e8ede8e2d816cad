package advisory

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"muster"
)

// fuzzForm holds an importer to its promise on any bytes: an error of kind
// invalid, or advisories that are named once, plain, bounded and of known
// systems; and the same again when read again.
func fuzzForm(f *testing.F, read Importer, seeds ...string) {
	for _, pattern := range seeds {
		files, err := filepath.Glob("testdata/" + pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds %q: %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got imported
		var err error
		free := uint64(64 << 20)
		if strings.Contains(text, "oval_definitions") {
			free = 400 << 20
		}
		took := allocated(func() { got, err = importText(read, "fuzz.deb12", text) })
		if took > free+5000*uint64(len(text)) {
			t.Errorf("%d bytes took %d", len(text), took)
		}
		if err != nil {
			if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "fuzz.deb12") {
				t.Fatalf("%v, kind %q", err, muster.KindOf(err))
			}
			return
		}
		ids := map[string]bool{}
		for _, a := range got.all {
			if ids[a.ID] {
				t.Errorf("%q is there twice", a.ID)
			}
			ids[a.ID] = true
			soundAdvisory(t, a)
		}
		again, err := importText(read, "fuzz.deb12", text)
		if err != nil || again.text() != got.text() {
			t.Errorf("read again: %v\n%s\ninstead of\n%s", err, again.text(), got.text())
		}
		indexOf(got.all...) // takes them
	})
}

// soundAdvisory checks what every reader of an advisory relies on.
func soundAdvisory(t *testing.T, a *Advisory) {
	t.Helper()
	if err := a.check(); err != nil || a.Source == "" || len(a.Summary) > MaxSummary || len(a.Affected) == 0 ||
		len(a.References) > maxReferences || len(a.Aliases) > maxList {
		t.Errorf("%+v: %v", a, err)
	}
	for i := range a.Affected {
		r := &a.Affected[i]
		if p := platform(t, r.Ecosystem, r.Release); p.Order == nil {
			t.Errorf("%q has no order", r.Ecosystem)
		}
		for k := range i { // rows that differ in nothing are one
			if s := &a.Affected[k]; s.compareKey(r) == 0 && s.Arch == r.Arch {
				t.Errorf("%s\nand\n%s", showRow(s), showRow(r))
			}
		}
	}
}

func FuzzCSAF(f *testing.F) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, text := range []string{`{"document": {"csaf_version": "2.0"}}`, `{}`} {
		w.WriteHeader(&tar.Header{Name: "a.json", Size: int64(len(text)), Mode: 0o644, Format: tar.FormatUSTAR}) // into memory
		io.WriteString(w, text)
	}
	w.Close()
	f.Add(archive.String())
	fuzzForm(f, CSAF, "csaf/*.json")
}
func FuzzOVAL(f *testing.F) {
	f.Add(`<oval_definitions><definitions><definition id="a" class="patch"><criteria><extend_definition definition_ref="a"/></criteria></definition></definitions></oval_definitions>`)
	fuzzForm(f, OVAL, "oval/*.xml")
}
func FuzzVuXML(f *testing.F)           { fuzzForm(f, VuXML, "vuln*.xml") }
func FuzzPkgvuln(f *testing.F)         { fuzzForm(f, Pkgvuln, "pkg-vulnerabilities") }
func FuzzUpdateinfo(f *testing.F)      { fuzzForm(f, Updateinfo, "updateinfo.xml") }
func FuzzSecdb(f *testing.F)           { fuzzForm(f, Secdb, "secdb.json") }
func FuzzArch(f *testing.F)            { fuzzForm(f, Arch, "arch.json") }
func FuzzSecuritySupport(f *testing.F) { fuzzForm(f, SecuritySupport, "security-support-ended.deb12") }

// FuzzReleases checks that ends of support come in order of time, and the same
// is read again.
func FuzzReleases(f *testing.F) {
	data, err := os.ReadFile("testdata/debian.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add("# c\necosystem,release,system,name,released,ends\ndebian,12,,Bookworm,2023-06-10,eol=2026-07-11 eol-lts=2028-06-30\nredhat,8,centos,CentOS,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		err := Releases(strings.NewReader(text), Options{Name: "fuzz", Skip: func(string, error) error { return nil }}, func(l *Life) error {
			n++
			last := int64(0)
			for _, e := range l.Ends {
				if e.At < last {
					t.Errorf("%+v", l)
				}
				last = e.At
			}
			if platform(t, l.Ecosystem, l.Release).Order == nil {
				t.Errorf("%q is of no known system", l.Name)
			}
			if state := l.Support(last).State; len(l.Ends) > 0 && state != Ended && state != NotReleased {
				t.Errorf("%q is supported at its end", l.Name)
			}
			return nil
		})
		if err != nil && (muster.KindOf(err) != muster.Invalid || n > maxLives) {
			t.Error(err)
		}
	})
}

// FuzzGlob asks a second reader: an expression made of the pattern.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"perl5*-DBI", "perl5.42-DBI"}, {"1.3.2[0-4]*", "1.3.24i"}, {"[!a-c]?", "dx"}, {`\*`, "*"}, {"[]-]", "-"}, {"a[", "a["}, {"**", ""}, {"[z-a]", "b"}, {"[a-]", "-"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 50 || len(s) > 100 {
			return
		}
		expression, ok := asExpression(pattern)
		if !ok {
			return
		}
		if want := expression.MatchString(latin(s)); Glob(pattern, s) != want {
			t.Errorf("Glob(%q, %q) is %v; %s says %v", pattern, s, !want, expression, want)
		}
	})
}

// asExpression writes a pattern as a regular expression over bytes; ok is false
// for brackets in which the two differ.
func asExpression(pattern string) (*regexp.Regexp, bool) {
	var b strings.Builder
	b.WriteString(`^(?s)`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			b.WriteString(`.*`)
		case c == '?':
			b.WriteString(`.`)
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(latin(pattern[i : i+1])))
		case c == '[':
			set := regexp.MustCompile(`^\[[!^]?[a-zA-Z0-9.]-?[a-zA-Z0-9.]*\]`).FindString(pattern[i:])
			if set == "" && strings.Contains(pattern[i:], "]") {
				return nil, false
			}
			if set == "" {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(strings.Replace(set, "[!", "[^", 1))
			i += len(set) - 1
		default:
			b.WriteString(regexp.QuoteMeta(latin(pattern[i : i+1])))
		}
	}
	b.WriteString(`$`)
	e, err := regexp.Compile(b.String())
	return e, err == nil // a range that is empty is an error there
}

// latin makes a character of each byte.
func latin(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

// FuzzPkgsrcPattern holds the patterns that braces stand for against a plain
// expansion, and what is accepted has a name.
func FuzzPkgsrcPattern(f *testing.F) {
	for _, s := range []string{"suse{,32}_base<6.4nb2", "a{b,c{d,e}}-[0-9]*", "x>=1<2", "php-4.0.4", "{a", "netscape7-*", "a-b-[0-9]*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		rows, err := pkgsrcRows(pattern)
		if err != nil {
			return
		}
		if len(rows) > maxAlternates {
			t.Errorf("%q makes %d rows", pattern, len(rows))
		}
		for _, r := range rows {
			if r.Name == "" || strings.ContainsAny(r.Name, "{}<>") {
				t.Errorf("%q has a row %+v", pattern, r)
			}
		}
		all, _ := alternates(pattern)
		if want := expanded(pattern); len(all) != len(want) {
			t.Errorf("%q stands for %q; plainly %q", pattern, all, want)
		}
	})
}

// expanded expands the first braces and what is in them.
func expanded(pattern string) []string {
	open := strings.IndexByte(pattern, '{')
	if open < 0 {
		return []string{pattern}
	}
	depth, closing := 1, open+1
	for ; pattern[closing] != '}' || depth > 1; closing++ {
		switch pattern[closing] {
		case '{':
			depth++
		case '}':
			depth--
		}
	}
	var out []string
	for _, part := range cutTop(pattern[open+1 : closing]) {
		out = append(out, expanded(pattern[:open]+part+pattern[closing+1:])...)
	}
	return out
}

// cutTop cuts at the commas outside of braces.
func cutTop(s string) (parts []string) {
	depth, from := 0, 0
	for i := range len(s) {
		switch {
		case s[i] == '{':
			depth++
		case s[i] == '}':
			depth--
		case s[i] == ',' && depth == 0:
			parts, from = append(parts, s[from:i]), i+1
		}
	}
	return append(parts, s[from:])
}

// FuzzComponent checks that a package that is read is one that a host can have.
func FuzzComponent(f *testing.F) {
	f.Add("pkg:rpm/redhat/curl@7.76.1-14.el9_0.9?arch=s390x&epoch=1", "curl-1:7.76.1-14.el9_0.9.s390x")
	f.Add("pkg:rpm/redhat/go-toolset@rhel8?arch=src&rpmmod=go-toolset:rhel8", "")
	f.Add("pkg:deb/debian/hello@2.10-3%2Bdeb12u1?arch=source", "")
	f.Add("", "greeter-0:18.1-2.module+el8.10.0+1+a.x86_64::greeter:18")
	f.Add("", "curl-8.0.1-150400.5.36.1.aarch64")
	f.Add("pkg:rpm/a@%zz", "x.src")
	f.Fuzz(func(t *testing.T, purl, name string) {
		c, ok := componentOf(&product{purl: purl, name: name})
		if !ok {
			return
		}
		if c.name == "" || c.manager == "" || c.source && c.arch != "" {
			t.Errorf("%q %q is %+v", purl, name, c)
		}
		if purl == "" && !c.source && c.version != "" && c.module == "" {
			if full := c.name + "-" + c.version + "." + c.arch; full != name {
				t.Errorf("%q is %+v, which is %q", name, c, full)
			}
		}
	})
}

// FuzzCSAFFolder checks that an index leads to no file outside of the folder,
// and that no document is taken whose side file says otherwise.
func FuzzCSAFFolder(f *testing.F) {
	f.Add("2026/cve-2026-1.json\n../secret.json\n", true)
	f.Add("\"2026/cve-2026-1.json\",\"2026-04-01T00:00:00Z\"\n", false)
	document, err := os.ReadFile("testdata/csaf/cve-2026-60001.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, index string, plain bool) {
		name := "changes.csv"
		if plain {
			name = "index.txt"
		}
		folder := &watchedFolder{FS: fstest.MapFS{
			"white/" + name:                     {Data: []byte(index)},
			"white/2026/cve-2026-1.json":        {Data: document},
			"white/2026/cve-2026-1.json.sha256": {Data: []byte("00  cve-2026-1.json\n")},
			"secret.json":                       {Data: document},
		}}
		var got imported
		o, yield := got.take("folder")
		err := CSAFFolder(folder, o, yield)
		if err != nil && muster.KindOf(err) != muster.Invalid || len(got.all) > 0 {
			t.Errorf("%v, %s", err, got.text())
		}
		for _, opened := range folder.opened {
			if !fs.ValidPath(opened) || opened == "secret.json" {
				t.Errorf("%q was opened", opened)
			}
		}
	})
}

// A watchedFolder notes what is opened.
type watchedFolder struct {
	fs.FS
	opened []string
}

func (w *watchedFolder) Open(name string) (fs.File, error) {
	w.opened = append(w.opened, name)
	return w.FS.Open(name)
}
