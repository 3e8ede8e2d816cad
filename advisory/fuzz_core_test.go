package advisory

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"muster/advisory/systems"
	"muster/sitereport"
)

// FuzzMatch: whatever a package and a row are, an index says of them what Match
// says, and a fixed version is one that does not match any more.
func FuzzMatch(f *testing.F) {
	f.Add("debian", "nginx", "1.22.1-9", "", "", "nginx", false, false, "", "1.22.1-9+deb12u1", "", "")
	f.Add("redhat", "nodejs", "1:16.20.2-3.module+el8.9.0+1+a", "nodejs", "", "nodejs", true, false, "", "1:18.18.2-1.module+el8.9.0+2+b", "", "nodejs:18")
	f.Add("redhat", "kernel-core", "5.14.0-284.30.1.el9_2", "kernel", "", "kernel", false, false, "5.14", "5.14.0-284.40.1.el9_2", "", "")
	f.Add("pkgsrc", "py311-django", "4.2nb1", "", "", "py*-django", true, true, "", "", "4.2.1", "")
	f.Add("debian", "linux-image-6.1.0-27-amd64", "6.1.115-1", "linux-signed-amd64", "6.1.115+1", "linux", false, false, "", "6.1.119-1", "", "")
	f.Fuzz(func(t *testing.T, ecosystem, name, v, source, sourceVersion, row string, binary, glob bool, introduced, fixed, last, module string) {
		p := systems.Builtin().Ecosystem(ecosystem, "1")
		if !p.Known || name == "" || v == "" || row == "" {
			return
		}
		pkg := sitereport.Package{Manager: p.Manager, Name: name, Version: v, Source: source, SourceVersion: sourceVersion}
		a := Affected{Ecosystem: ecosystem, Release: "1", Name: row, Binary: binary, Glob: glob, Module: module}
		if introduced+fixed+last != "" {
			a.Ranges = []Range{{Introduced: introduced, Fixed: fixed, Last: last}}
		}
		got, hit := Match(p, pkg, &a)
		found := matches(indexOf(&Advisory{ID: "a", Affected: []Affected{a}}), p, pkg)
		if hit != (len(found) == 1) || hit && found[0].Fixed != got {
			t.Fatalf("Match says %q, %v; the index %+v", got, hit, found)
		}
		if !hit || got == "" || p.Manager == "rpm" { // rpm: the fix may be of another stream, by its name
			return
		}
		pkg.Version, pkg.SourceVersion = got, got
		if again, hit := Match(p, pkg, &a); hit {
			t.Fatalf("%q is fixed, and in %q", got, again)
		}
	})
}

// FuzzOSVZip: an archive is refused, or what it yields is as of other importers.
func FuzzOSVZip(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"a.json", "b.json"} {
		w, err := z.Create(name)
		if err != nil {
			f.Fatal(err)
		}
		doc := `{"id":"X-` + name + `","affected":[{"package":{"ecosystem":"Debian:12","name":"a"},"versions":["1"]}]}`
		if _, err := w.Write([]byte(strings.Repeat(" ", 100) + doc)); err != nil {
			f.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		var got imported
		o, yield := got.take("zip")
		if err := OSVZip(bytes.NewReader(data), int64(len(data)), o, yield); err != nil {
			return
		}
		checkImported(t, &got)
	})
}
