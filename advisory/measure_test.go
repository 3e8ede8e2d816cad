package advisory

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"muster"
)

// allocated is what f allocates, in bytes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// list writes n elements, each of a number.
func list(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// ovalOf is a document whose one test is of so many packages, on so many architectures.
func ovalOf(names, archs, cpes int) string {
	return `<oval_definitions><definitions><definition id="d" class="patch"><metadata><reference ref_id="CVE-2026-1"/><advisory><affected_cpe_list>` +
		strings.Repeat(`<cpe>cpe:/o:redhat:enterprise_linux:9</cpe>`, cpes) + `</affected_cpe_list></advisory></metadata><criteria><criterion test_ref="t"/></criteria></definition></definitions>` +
		`<tests><rpminfo_test id="t" check="at least one"><object object_ref="o"/><state state_ref="s"/></rpminfo_test></tests>` +
		`<objects><rpminfo_object id="o"><name var_ref="v"/></rpminfo_object></objects>` +
		`<states><rpminfo_state id="s"><evr operation="less than">0:1-1</evr><arch operation="pattern match">` + strings.TrimSuffix(list(archs, "a%d|"), "|") + `</arch></rpminfo_state></states>` +
		`<variables><constant_variable id="v">` + list(names, "<value>p%d</value>") + `</constant_variable></variables></oval_definitions>`
}

// TestMemory holds what small documents may take, of those that say much by few words.
func TestMemory(t *testing.T) {
	rocky := platform(t, "rocky", "9")
	fixes := `"1":["` + strings.Repeat(`","`, 9999) + `"],`
	for name, c := range map[string]struct {
		read Importer
		text string
		most uint64 // MB
	}{
		"oval, a thousand names on all architectures": {OVAL, ovalOf(1000, 200, 1), 16},
		"oval, names on many of them":                 {OVAL, ovalOf(2500, 32, 1), 200},
		"oval, a system named 40 times":               {OVAL, ovalOf(500, 20, 40), 32},
		"oval, states without end":                    {OVAL, strings.Replace(ovalOf(5000, 1, 1), `<state state_ref="s"/>`, strings.Repeat(`<state state_ref="s"/>`, 500), 1), 300},
		"oval, definitions that extend two":           {OVAL, `<oval_definitions><definitions>` + chain(45) + `</definitions></oval_definitions>`, 300},
		"oval, definitions that extend very many":     {OVAL, `<oval_definitions><definitions>` + strings.ReplaceAll(chain(20_000), "OR", "AND") + `</definitions></oval_definitions>`, 200},
		"vuxml":      {VuXML, `<vuxml><vuln vid="a"><topic>x</topic><affects><package>` + list(2000, "<name>p%d</name>") + list(2000, "<range><lt>%d</lt></range>") + `</package></affects></vuln></vuxml>`, 16},
		"secdb":      {Secdb, `{"distroversion":"v3.20","packages":[{"pkg":{"name":"a","secfixes":{` + strings.TrimSuffix(strings.Repeat(fixes, 200), ",") + `}}}]}`, 200},
		"updateinfo": {Updateinfo, `<updates><update type="security"><id>A-1</id><references>` + strings.Repeat(`<reference type="self" href="x"/>`, 20_000) + `</references><pkglist><collection><package name="a" version="1" release="1" arch="x86_64"/></collection></pkglist></update></updates>`, 32},
		"debian":     {Debian, `{` + list(20_000, `"a%d":{"CVE-1":{"releases":{"sid":{"status":"resolved","fixed_version":"0"}}}},`) + `"b":{}}`, 60},
	} {
		took := allocated(func() {
			err := c.read(strings.NewReader(c.text), Options{Name: name, Platform: rocky, Skip: func(string, error) error { return nil }}, func(*Advisory) error { return nil })
			if err != nil && muster.KindOf(err) != muster.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		})
		if took >>= 20; took > c.most {
			t.Errorf("%s: %d bytes took %d MB", name, len(c.text), took)
		}
	}
}

// chain are definitions of which each extends the one before it, twice.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `<definition id="%d" class="patch"><criteria operator="OR"><extend_definition definition_ref="%d"/><extend_definition definition_ref="%d"/></criteria></definition>`, n-i, n-i-1, n-i-1)
	}
	return b.String()
}

// TestArchives holds what archives may become, before they are read.
func TestArchives(t *testing.T) {
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	w.WriteHeader(&tar.Header{Name: "x", Mode: 0o644, Size: 64 << 20, Typeflag: tar.TypeReg}) // into memory
	mega := make([]byte, 1<<20)
	for range 64 {
		w.Write(mega) // as above
	}
	w.Close()
	z.Close()
	read := &countingReader{r: bytes.NewReader(packed.Bytes())}
	if err := CSAF(read, Options{Name: "tar"}, nil); err == nil || !strings.Contains(err.Error(), "grows to more than 400 times") {
		t.Error(err)
	}
	data := manyFiles(t, 700_000)
	took := allocated(func() {
		if err := OSVZip(bytes.NewReader(data), int64(len(data)), Options{Name: "zip"}, nil); err == nil || !strings.Contains(err.Error(), "its directory has more") {
			t.Error(err)
		}
	})
	if took > 250<<20 {
		t.Errorf("a directory of %d bytes took %d", len(data), took)
	}
}

// manyFiles is an archive whose directory names one file so often.
func manyFiles(t *testing.T, n int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if _, err := w.CreateRaw(&zip.FileHeader{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	one := b.Bytes()
	at, end := bytes.Index(one, []byte("PK\x01\x02")), bytes.Index(one, []byte("PK\x05\x06"))
	tail := bytes.Clone(one[end:])
	for i, size := 0, n*(end-at); i < 4; i++ {
		tail[12+i] = byte(size >> (8 * i))
	}
	for i := range 2 {
		tail[8+i], tail[10+i] = byte(n>>(8*i)), byte(n>>(8*i))
	}
	return slices.Concat(one[:at], bytes.Repeat(one[at:end], n), tail)
}

// TestManyVersions: versions are not held against ranges where there are very many of both.
func TestManyVersions(t *testing.T) {
	text := func(n int) string {
		return `{"id":"X-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[` +
			strings.TrimSuffix(list(n, `{"introduced":"1%[1]d.1"},{"fixed":"1%[1]d.2"},`), ",") + `]}],"versions":[` + strings.TrimSuffix(list(10*n, `"1%d.1"`+","), ",") + `]}]}`
	}
	for _, c := range [][2]int{{10, 90}, {1000, 10_000}} {
		got, err := importText(OSV, "osv", text(c[0]))
		if err != nil || len(got.all) != 1 {
			t.Fatal(err, got.text())
		}
		if n := len(got.all[0].Affected[0].Versions); n != c[1] {
			t.Errorf("%d ranges: %d versions are kept of %d", c[0], n, 10*c[0])
		}
	}
}

// TestEnded: an import ends with its context, while it reads and behind that.
func TestEnded(t *testing.T) {
	for name, read := range map[string]Importer{"osv": OSV, "debian": Debian, "dsa": DSA, "csaf": CSAF, "oval": OVAL, "vuxml": VuXML, "pkgsrc": Pkgvuln, "updateinfo": Updateinfo, "secdb": Secdb, "arch": Arch} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("enough")
		n := 0
		endless := readerFunc(func(p []byte) (int, error) {
			if n++; n == 20 {
				cancel(cause)
			}
			if n > 21 {
				t.Fatalf("%s: reads on", name)
			}
			return copy(p, strings.Repeat("\n", 1000)), nil
		})
		if err := read(endless, Options{Name: name, Context: ctx}, nil); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	m := &measure{ctx: ctx}
	cancel()
	if err := m.makes(1000); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
