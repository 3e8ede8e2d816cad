package advisory

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"muster"
)

// forms are the importers of files of testdata, and the golden files of what
// they read.
var forms = []struct {
	file string
	read Importer
}{
	{"vuln.xml", VuXML}, {"vuln-2026.xml", VuXML}, {"pkg-vulnerabilities", Pkgvuln}, {"updateinfo.xml", Updateinfo},
	{"secdb.json", Secdb}, {"arch.json", Arch},
	{"csaf/cve-2026-60001.json", CSAF}, {"csaf/cve-2026-60002.json", CSAF}, {"csaf/suse-su-2026_0101-1.json", CSAF}, {"csaf/ex-2026-1.json", CSAF},
	{"oval/redhat.xml", OVAL}, {"oval/suse.xml", OVAL}, {"oval/ubuntu.xml", OVAL}, {"oval/debian.xml", OVAL}, {"oval/oracle.xml", OVAL},
}

func TestForms(t *testing.T) {
	for _, f := range forms {
		t.Run(f.file, func(t *testing.T) {
			got := importing(t, f.read, f.file)
			golden(t, "golden/"+strings.ReplaceAll(f.file, "/", "-")+".txt", got.text())
		})
	}
}

// TestFormsCut cuts every document short: what is read of it is an error, or
// where what is cut off is white space, the same.
func TestFormsCut(t *testing.T) {
	for _, f := range forms {
		data, err := os.ReadFile("testdata/" + f.file)
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(string(data), "-----BEGIN PGP SIGNATURE") // which is not looked at
		text = strings.TrimRight(text, "\n")
		for n := len(text) - 1; n > 0; n -= 1 + len(text)/40 {
			if f.file == "vuln-2026.xml" && strings.TrimSpace(text[:n]) == "" {
				continue
			}
			_, err := importText(f.read, f.file, text[:n])
			if err == nil || muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), f.file) {
				t.Errorf("%s, cut at byte %d: %v", f.file, n, err)
			}
		}
	}
}

// TestFormsPacked reads documents that are compressed.
func TestFormsPacked(t *testing.T) {
	for _, f := range forms {
		data, err := os.ReadFile("testdata/" + f.file)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(data)
		z.Close()
		got, err := importText(f.read, f.file, packed.String())
		if want := importing(t, f.read, f.file); err != nil || got.text() != want.text() {
			t.Errorf("%s, packed: %v\n%s", f.file, err, got.text())
		}
		o, yield := got.take(f.file)
		o.MaxBytes = int64(len(data)) - 1
		if err := f.read(&packed, o, yield); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s of one byte more than allowed: %v", f.file, err)
		}
	}
}
