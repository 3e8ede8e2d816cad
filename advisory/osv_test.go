package advisory

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestOSVFolder reads documents in the form of each publisher.
func TestOSVFolder(t *testing.T) {
	var got imported
	o, yield := got.take("osv")
	if err := OSVFolder(os.DirFS("testdata/osv"), o, yield); err != nil {
		t.Fatal(err)
	}
	golden(t, "golden/osv.txt", got.text())
}

// TestOSVZip: an archive of the same files says the same.
func TestOSVZip(t *testing.T) {
	names, err := filepath.Glob("testdata/osv/*")
	if err != nil {
		t.Fatal(err)
	}
	archive := zipped(t, names, func(name string) []byte {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	})
	var got, want imported
	o, yield := got.take("osv")
	if err := OSVZip(bytes.NewReader(archive), int64(len(archive)), o, yield); err != nil {
		t.Fatal(err)
	}
	o, yield = want.take("osv")
	if err := OSVFolder(os.DirFS("testdata/osv"), o, yield); err != nil {
		t.Fatal(err)
	}
	if got.text() != want.text() {
		t.Errorf("the archive has\n%s\nthe folder has\n%s", got.text(), want.text())
	}
}

func zipped(t *testing.T, names []string, data func(name string) []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestOSVZipBounds: an archive that grows too much ends the import; a file of
// it that is damaged does not.
func TestOSVZipBounds(t *testing.T) {
	names := make([]string, 12)
	for i := range names {
		names[i] = fmt.Sprintf("%d.json", i)
	}
	bomb := zipped(t, names, func(string) []byte { return bytes.Repeat([]byte(" "), 4<<20) })
	var got imported
	o, yield := got.take("bomb")
	err := OSVZip(bytes.NewReader(bomb), int64(len(bomb)), o, yield)
	if err == nil || !strings.Contains(err.Error(), "grows to more than 400 times") {
		t.Errorf("%d bytes that grow to 48 MiB: %v", len(bomb), err)
	}

	doc, err := os.ReadFile("testdata/osv/DSA-9001-1.json")
	if err != nil {
		t.Fatal(err)
	}
	whole := zipped(t, []string{"a.json", "b.json"}, func(name string) []byte {
		return bytes.ReplaceAll(doc, []byte("DSA-9001-1"), []byte("DSA-"+name))
	})
	damaged := bytes.Clone(whole)
	damaged[60] ^= 0xff // in the first file
	got = imported{}
	o, yield = got.take("damaged")
	if err := OSVZip(bytes.NewReader(damaged), int64(len(damaged)), o, yield); err != nil {
		t.Fatal(err)
	}
	if len(got.all) != 1 || got.all[0].ID != "DSA-b.json" || len(got.skipped) == 0 {
		t.Errorf("of a damaged archive came\n%s", got.text())
	}
	if err := OSVZip(bytes.NewReader(whole[:100]), 100, o, yield); err == nil {
		t.Error("half an archive was read")
	}
}

// TestOSVStops: what yield and Skip return ends an import, of each kind.
func TestOSVStops(t *testing.T) {
	stop := fmt.Errorf("enough")
	doc := `{"id":"A-1","affected":[{"package":{"ecosystem":"Debian:12","name":"a"},"versions":["1"]}]}`
	bad := `{"id":""}`
	folder := fstest.MapFS{"a.json": {Data: []byte(doc)}, "b.json": {Data: []byte(bad)}, "c.json": {Data: []byte(strings.Replace(doc, "A-1", "A-2", 1))}}
	runs := map[string]func(Options, func(*Advisory) error) error{
		"stream": func(o Options, yield func(*Advisory) error) error {
			return OSV(strings.NewReader(doc+bad+doc), o, yield)
		},
		"folder": func(o Options, yield func(*Advisory) error) error { return OSVFolder(folder, o, yield) },
	}
	for name, run := range runs {
		count := 0
		yield := func(*Advisory) error { count++; return stop }
		if err := run(Options{Name: name}, yield); err != stop || count != 1 {
			t.Errorf("%s: after yield returned an error: %v, %d yielded", name, err, count)
		}
		count = 0
		yield = func(*Advisory) error { count++; return nil }
		err := run(Options{Name: name}, yield)
		if err == nil || count != 1 || !strings.Contains(err.Error(), "id") {
			t.Errorf("%s: without Skip: %v, %d yielded", name, err, count)
		}
	}
}

func TestOSVErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                 "unexpected EOF",
		`[{"id":"A-1"}`:     "EOF",
		`[{"id":"A-1"},]`:   "invalid character",
		`{"id":"A-1"} torn`: "invalid character",
	} {
		_, err := importText(OSV, "x", text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	long := Options{Name: "long", MaxBytes: 100, Skip: func(string, error) error { return nil }}
	err := OSV(strings.NewReader(strings.Repeat(" ", 200)), long, func(*Advisory) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "more than 100 bytes") {
		t.Errorf("over the bound: %v", err)
	}
}

// TestOSVBounds: what would take much more memory than its bytes is refused.
func TestOSVBounds(t *testing.T) {
	many := `{"id":"A-1","affected":[` + strings.Repeat("{},", maxOSVObjects) + `{}]}`
	got, err := importText(OSV, "many", many)
	if err != nil || len(got.all) > 0 || len(got.skipped) != 1 || !strings.Contains(got.skipped[0], "objects") {
		t.Errorf("%v, %q", err, got.skipped)
	}
	long := `[{"id":"A-1","summary":"` + strings.Repeat("x", maxOSV) + `"}]`
	if _, err := importText(OSV, "long", long); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a document without end: %v", err)
	}
}

// TestCompressed reads what publishers compress.
func TestCompressed(t *testing.T) {
	for name, f := range map[string]Importer{"debian.json": Debian, "dsa.txt": DSA, "osv/DSA-9001-1.json": OSV} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		packed, err := importText(f, name, b.String())
		if err != nil {
			t.Fatal(err)
		}
		if want := importing(t, f, name); packed.text() != want.text() || len(want.all) == 0 {
			t.Errorf("%s compressed says\n%s\nnot\n%s", name, packed.text(), want.text())
		}
	}
}

// TestOSVEvents holds intervals against the algorithm of the schema.
func TestOSVEvents(t *testing.T) {
	p := platform(t, "debian", "12")
	for text, want := range map[string]string{
		"+0":                     "[ ,)",
		"+0 =1":                  "[ ,1)",
		"=1 +0":                  "[ ,1)",
		"+1 =2 +3 =4":            "[1,2) [3,4)",
		"+3 =4 +1 =2":            "[1,2) [3,4)",
		"+1 +2 =3":               "[1,3)",
		"+1 =2 =3":               "[1,2)",
		"+1 -2":                  "[1,2]",
		"+1 -1":                  "[1,1]",
		"=1":                     "[ ,1)",
		"-1":                     "[ ,1]",
		"+0 <3":                  "[ ,3)",
		"+0 <3 <4":               "[ ,4)",
		"+0 <3 <*":               "[ ,)",
		"+0 <2 =1 +3 =4":         "[ ,1)",
		"+0 <2 =3":               "[ ,2)",
		"+0 <2 -3":               "[ ,2)",
		"+1 =1":                  "[1,1)",
		"+1.10 =1.9 +1.2":        "[1.2,1.9) [1.10,)",
		"+0 =1:0.1-1 =0.9~rc1-1": "[ ,0.9~rc1-1)",
		"":                       "",
	} {
		var doc osvRange
		doc.Type = "ECOSYSTEM"
		for _, w := range strings.Fields(text) {
			doc.Events = append(doc.Events, osvEventOf(w))
		}
		ranges, err := doc.ranges(p.Order)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range ranges {
			if r.Last != "" {
				got = append(got, fmt.Sprintf("[%s,%s]", strings.Replace(r.Introduced, "", "", 1), r.Last))
				continue
			}
			got = append(got, fmt.Sprintf("[%s,%s)", r.Introduced, r.Fixed))
		}
		if s := strings.ReplaceAll(strings.Join(got, " "), "[,", "[ ,"); s != want {
			t.Errorf("%q makes %q, want %q", text, s, want)
		}
	}
}

func osvEventOf(word string) (e osvEvent) {
	switch v := word[1:]; word[0] {
	case '+':
		e.Introduced = v
	case '=':
		e.Fixed = v
	case '-':
		e.LastAffected = v
	case '<':
		e.Limit = v
	}
	return e
}

// osvAffectedBy is the pseudo-code of the schema, as it stands there.
func osvAffectedBy(order func(a, b string) int, v string, events []osvEvent) bool {
	beforeLimits := true
	for _, e := range events {
		if e.Limit != "" {
			beforeLimits = false
		}
	}
	for _, e := range events {
		if e.Limit != "" && (e.Limit == "*" || order(v, e.Limit) < 0) {
			beforeLimits = true
		}
	}
	sorted := slices.Clone(events)
	version := func(e osvEvent) string { return e.Introduced + e.Fixed + e.LastAffected + e.Limit }
	slices.SortStableFunc(sorted, func(a, b osvEvent) int {
		if a.Introduced == "0" || b.Introduced == "0" {
			return map[bool]int{true: 1}[b.Introduced == "0" && a.Introduced != "0"] - map[bool]int{true: 1}[a.Introduced == "0" && b.Introduced != "0"]
		}
		if c := order(version(a), version(b)); c != 0 {
			return c
		}
		kind := func(e osvEvent) int { // introduced, last, fixed
			switch {
			case e.Introduced != "":
				return 0
			case e.LastAffected != "":
				return 1
			}
			return 2
		}
		return kind(a) - kind(b)
	})
	vulnerable := false
	for _, e := range sorted {
		switch {
		case e.Introduced != "" && (e.Introduced == "0" || order(v, e.Introduced) >= 0):
			vulnerable = true
		case e.Fixed != "" && order(v, e.Fixed) >= 0:
			vulnerable = false
		case e.LastAffected != "" && order(v, e.LastAffected) > 0:
			vulnerable = false
		}
	}
	return vulnerable && beforeLimits
}

// FuzzOSVRange: intervals say what the algorithm of the schema says.
func FuzzOSVRange(f *testing.F) {
	f.Add("+0 =1.5 +2.0 -2.5 +3", "2.1")
	f.Add("+1 +2 =3 =4 <5", "3.5")
	f.Add("+0 <1.5 +2.0 --.5 +.0 -3", "2.1") // a limit holds for every range
	f.Fuzz(func(t *testing.T, text, v string) {
		doc := osvRange{Type: "ECOSYSTEM"}
		begins := false
		for _, w := range strings.Fields(text) {
			if len(w) < 2 || !strings.ContainsRune("+=-<", rune(w[0])) {
				return
			}
			e := osvEventOf(w)
			begins = begins || e.Introduced != ""
			doc.Events = append(doc.Events, e)
		}
		order := platform(t, "debian", "12").Order
		ranges, err := doc.ranges(order)
		if err != nil || !begins || v == "" {
			return
		}
		a := Affected{Ranges: ranges}
		got := len(ranges) > 0 && a.has(order, v)
		if want := osvAffectedBy(order, v, doc.Events); got != want {
			t.Fatalf("%q has %q: %v, by the schema %v (%v)", text, v, got, want, ranges)
		}
	})
}

// FuzzOSV: what is yielded is bounded and complete.
func FuzzOSV(f *testing.F) {
	names, _ := filepath.Glob("testdata/osv/*.json")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := importText(OSV, "x", string(data))
		if err != nil {
			return
		}
		checkImported(t, &got)
	})
}

// checkImported holds what every importer promises.
func checkImported(t *testing.T, got *imported) {
	t.Helper()
	seen := map[string]bool{}
	for _, a := range got.all {
		if a.ID == "" || len(a.ID) > maxText || seen[a.ID] || a.Source == "" || len(a.Affected) == 0 || len(a.Summary) > MaxSummary {
			t.Fatalf("%+v", a)
		}
		seen[a.ID] = true
		if !slices.IsSorted(a.Aliases) || slices.Contains(a.Aliases, a.ID) {
			t.Fatalf("aliases of %q: %q", a.ID, a.Aliases)
		}
		for i := range a.Affected {
			checkRow(t, &a.Affected[i])
		}
	}
	// An index takes it, whatever it is.
	x := indexOf(got.all...)
	if advisories, rows := x.Len(); advisories > len(got.all) || rows > 0 && advisories == 0 {
		t.Fatalf("%d advisories and %d rows of %d", advisories, rows, len(got.all))
	}
}

func checkRow(t *testing.T, a *Affected) {
	t.Helper()
	if a.Ecosystem == "" || a.Name == "" || len(a.Name) > maxText || strings.ContainsAny(a.Name, "\x00\n") {
		t.Fatalf("%+v", a)
	}
	for _, r := range a.Ranges {
		if max(len(r.Introduced), len(r.Fixed), len(r.Last)) > maxText || r.Fixed != "" && r.Last != "" {
			t.Fatalf("%+v", r)
		}
	}
}

// TestOSVOvertaken: a row without a fix goes only where the package has a fix in the same
// release: a list of versions alone is none.
func TestOSVOvertaken(t *testing.T) {
	const endless = `{"package":{"ecosystem":"Ubuntu:22.04:LTS","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}`
	for other, want := range map[string]int{
		`{"package":{"ecosystem":"Ubuntu:22.04:LTS","name":"a"},"versions":["0.9"]}`:                                                                                     1,
		`{"package":{"ecosystem":"Ubuntu:Pro:22.04:LTS","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.0"}]}]}`:                      0,
		`{"package":{"ecosystem":"Ubuntu:Pro:22.04:LTS","name":"b"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.0"}]}]}`:                      1,
		`{"package":{"ecosystem":"Ubuntu:22.04:LTS","name":"a"},"versions":["0.9"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"last_affected":"1"}]}]}`: 0,
	} {
		got, err := importText(OSV, "x", `{"id":"X-1","modified":"2026-01-01T00:00:00Z","affected":[`+endless+`,`+other+`]}`)
		if err != nil {
			t.Fatal(err)
		}
		p := platform(t, "ubuntu", "22.04")
		if found := matches(indexOf(got.all...), p, packageOf(t, p, []string{"a", "2.0"})); len(found) != want {
			t.Errorf("beside %s: %d findings, want %d", other, len(found), want)
		}
	}
}
