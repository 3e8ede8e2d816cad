package advisory

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"muster/sitereport"
)

// provider is a folder like a provider's: documents of testdata, an index, and
// sums beside them.
func provider(t testing.TB) fstest.MapFS {
	t.Helper()
	folder := fstest.MapFS{"provider-metadata.json": {Data: []byte(`{"canonical_url": "https://example.org/"}`)}}
	var index, changes strings.Builder
	for _, name := range []string{"cve-2026-60001.json", "suse-su-2026_0101-1.json", "ex-2026-1.json", "cve-2026-60002.json"} {
		data, err := os.ReadFile("testdata/csaf/" + name)
		if err != nil {
			t.Fatal(err)
		}
		folder["white/2026/"+name] = &fstest.MapFile{Data: data}
		folder["white/2026/"+name+".sha256"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(data), name)}
		folder["white/2026/"+name+".sha512"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%X %s\n", sha512.Sum512(data), name)}
		fmt.Fprintf(&index, "2026/%s\n", name)
		fmt.Fprintf(&changes, "%q,\"2026-04-02T10:11:12Z\"\n", "2026/"+name)
	}
	folder["white/index.txt"] = &fstest.MapFile{Data: []byte(index.String())}
	folder["white/changes.csv"] = &fstest.MapFile{Data: []byte(changes.String())}
	return folder
}

func readProvider(t *testing.T, folder fs.FS) imported {
	t.Helper()
	var got imported
	o, yield := got.take("provider")
	if err := CSAFFolder(folder, o, yield); err != nil {
		t.Fatal(err)
	}
	return got
}

func (m *imported) ids() string {
	var ids []string
	for _, a := range m.all {
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, " ")
}

const providerIDs = "CVE-2026-60001 SUSE-SU-2026:0101-1 EX-2026-1"

func TestCSAFFolder(t *testing.T) {
	folder := provider(t)
	if got := readProvider(t, folder); got.ids() != providerIDs || got.skipped != nil {
		t.Errorf("by index.txt: %s", got.text())
	}
	delete(folder, "white/index.txt")
	if got := readProvider(t, folder); got.ids() != providerIDs || got.skipped != nil {
		t.Errorf("by changes.csv: %s", got.text())
	}
	delete(folder, "white/changes.csv")
	if got := readProvider(t, folder); got.ids() != "CVE-2026-60001 EX-2026-1 SUSE-SU-2026:0101-1" || got.skipped != nil {
		t.Errorf("without a list: %s", got.text())
	}
}

// TestCSAFFolderDamaged changes a provider's folder; each time one document is
// left out, for a reason that names it, and the others are read.
func TestCSAFFolderDamaged(t *testing.T) {
	const document = "white/2026/ex-2026-1.json"
	for name, damage := range map[string]func(folder fstest.MapFS){
		"byte":     func(f fstest.MapFS) { f[document].Data = append(f[document].Data, ' ') },
		"sha256":   func(f fstest.MapFS) { f[document+".sha256"].Data[3] ^= 1 },
		"sha512":   func(f fstest.MapFS) { f[document+".sha512"].Data[100] ^= 1 },
		"empty":    func(f fstest.MapFS) { f[document+".sha512"].Data = nil },
		"cut":      func(f fstest.MapFS) { f[document].Data = f[document].Data[:100] },
		"missing":  func(f fstest.MapFS) { delete(f, document) },
		"twice":    func(f fstest.MapFS) { copyDocument(f, "suse-su-2026_0101-1.json", "ex-2026-1.json") },
		"version1": func(f fstest.MapFS) { replaceAll(f, document, `"2.0"`, `"1.2"`) },
	} {
		folder := provider(t)
		damage(folder)
		got := readProvider(t, folder)
		if got.ids() != "CVE-2026-60001 SUSE-SU-2026:0101-1" || len(got.skipped) != 1 || !strings.Contains(got.skipped[0], path.Base(document)) {
			t.Errorf("%s: %s", name, got.text())
		}
	}
}

func copyDocument(folder fstest.MapFS, from, to string) {
	for _, suffix := range []string{"", ".sha256", ".sha512"} {
		folder["white/2026/"+to+suffix] = folder["white/2026/"+from+suffix]
	}
}

// replaceAll changes a document together with its sums.
func replaceAll(folder fstest.MapFS, name, from, to string) {
	data := bytes.ReplaceAll(folder[name].Data, []byte(from), []byte(to))
	folder[name].Data = data
	folder[name+".sha256"].Data = fmt.Appendf(nil, "%x", sha256.Sum256(data))
	folder[name+".sha512"].Data = fmt.Appendf(nil, "%x", sha512.Sum512(data))
}

// TestCSAFFolderPaths lists files that are not in the folder.
func TestCSAFFolderPaths(t *testing.T) {
	folder := provider(t)
	folder["white/index.txt"].Data = []byte("../../etc/passwd.json\n/etc/hosts.json\n2026/../../x.json\n\nREADME\n2026/ex-2026-1.json\n")
	got := readProvider(t, folder)
	if got.ids() != "EX-2026-1" || len(got.skipped) != 3 {
		t.Error(got.text())
	}
}

func TestCSAFTar(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	folder := provider(t)
	err := fs.WalkDir(folder, "white", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(folder[name].Data)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = w.Write(folder[name].Data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	z.Close()
	got, err := importText(CSAF, "csaf.tar.gz", packed.String())
	if err != nil || got.ids() != "CVE-2026-60001 EX-2026-1 SUSE-SU-2026:0101-1" || got.skipped != nil {
		t.Errorf("%v\n%s", err, got.text())
	}
	if _, err := importText(CSAF, "csaf.tar.gz", packed.String()[:packed.Len()/2]); err == nil {
		t.Error("an archive that is cut short is read")
	}
}

// TestBranches judges versions of several minor releases of one advisory.
func TestBranches(t *testing.T) {
	x := indexOf(importing(t, CSAF, "csaf/cve-2026-60001.json").all...)
	p := platform(t, "redhat", "9")
	for version, want := range map[string]string{
		"1:2.12-6.el9":       "1:2.12-7.el9_5", // of no branch: as the release
		"1:2.12-6.el9_5":     "1:2.12-7.el9_5",
		"1:2.12-7.el9_5":     "",
		"1:2.12-8.el9":       "",
		"1:2.12-5.el9_4.1":   "1:2.12-5.el9_4.2",
		"1:2.12-5.el9_4.2":   "", // mended in its branch, though older than the release's
		"1:2.12-6.el9_4":     "",
		"1:2.12-5.el9_2.2":   "1:2.12-7.el9_5", // a branch without a fix
		"1:2.12-6.el9_6.100": "1:2.12-7.el9_5",
	} {
		found := matches(x, p, packageOf(t, p, []string{"hello", version}))
		got := ""
		if len(found) > 0 {
			got = found[0].Fixed
		}
		if got != want || len(found) > 1 {
			t.Errorf("%s is mended by %q, want %q", version, got, want)
		}
	}
}

func TestBranch(t *testing.T) {
	for version, want := range map[string]string{
		"5.14.0-284.30.1.el9_2": "el9_2", "1:2.12-5.el9_4.2": "el9_4", "18.1-2.module+el8.10.0+22773+9a359385": "el8_10",
		"1.0-1.el9": "", "1.0-1.el9.1": "", "1.0-1.el7_9": "el7_9", "1.0": "", ".el": "", "1.el9_": "", "1.0-1.fc39": "",
	} {
		if got := Branch(version); got != want {
			t.Errorf("%s is of %q, want %q", version, got, want)
		}
	}
}

// TestBranchesAlone: a stream of a minor release has a fix, and the release none.
func TestBranchesAlone(t *testing.T) {
	got, err := importText(CSAF, "csaf.json", `{"document": {"csaf_version": "2.0", "tracking": {"id": "CVE-2026-1"}}, "product_tree": {"branches": [
{"product": {"product_id": "main", "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:9"}}},
{"product": {"product_id": "eus", "product_identification_helper": {"cpe": "cpe:/o:redhat:rhel_eus:9.4::baseos"}}},
{"product": {"product_id": "hello", "product_identification_helper": {"purl": "pkg:rpm/redhat/hello"}}},
{"product": {"product_id": "hello-0:1-2.el9_4.x86_64", "product_identification_helper": {"purl": "pkg:rpm/redhat/hello@1-2.el9_4?arch=x86_64"}}}],
"relationships": [{"full_product_name": {"product_id": "a"}, "product_reference": "hello", "relates_to_product_reference": "main"},
{"full_product_name": {"product_id": "b"}, "product_reference": "hello-0:1-2.el9_4.x86_64", "relates_to_product_reference": "eus"}]},
"vulnerabilities": [{"cve": "CVE-2026-1", "product_status": {"fixed": ["b"], "known_affected": ["a"]}, "remediations": [{"category": "no_fix_planned", "product_ids": ["a"]}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	x, p := indexOf(got.all...), platform(t, "redhat", "9")
	for version, want := range map[string]int{"1-1.el9_4": 1, "1-2.el9_4": 0, "1-1.el9_3": 1, "1-5.el9_5": 1, "1-5.el9": 1} {
		if found := matches(x, p, packageOf(t, p, []string{"hello", version, "arch=x86_64"})); len(found) != want {
			t.Errorf("%s has %d findings, want %d\n%s", version, len(found), want, got.text())
		}
	}
}

// TestCSAFOpenBesideStreams: a release that is affected, while a module of it is fixed, is
// so outside of modules.
func TestCSAFOpenBesideStreams(t *testing.T) {
	const text = `{"document": {"csaf_version": "2.0", "tracking": {"id": "CVE-2026-1"}}, "product_tree": {
"branches": [
 {"product": {"product_id": "rhel8", "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:8"}}},
 {"product": {"product_id": "app", "product_identification_helper": {"cpe": "cpe:/a:redhat:enterprise_linux:8::appstream"}}},
 {"product": {"product_id": "perl", "name": "perl"}},
 {"product": {"product_id": "fixed", "product_identification_helper": {"purl": "pkg:rpm/redhat/perl@5.30.1-452.module+el8.6.0+1+a?arch=x86_64&rpmmod=perl:5.30:1:2"}}}],
"relationships": [
 {"category": "default_component_of", "full_product_name": {"product_id": "rhel8:perl"}, "product_reference": "perl", "relates_to_product_reference": "rhel8"},
 {"category": "default_component_of", "full_product_name": {"product_id": "app:fixed"}, "product_reference": "fixed", "relates_to_product_reference": "app"}]},
"vulnerabilities": [{"cve": "CVE-2026-1", "product_status": {"fixed": ["app:fixed"], "known_affected": ["rhel8:perl"]}}]}`
	got, err := importText(CSAF, "x.json", text)
	if err != nil || len(got.all) != 1 {
		t.Fatalf("%v\n%s", err, got.text())
	}
	x, p := indexOf(got.all...), platform(t, "redhat", "8")
	for v, want := range map[string]bool{"5.26.3-420.el8": true, "5.30.1-451.module+el8.4.0+1+a": true, "5.30.1-452.module+el8.6.0+1+a": false, "5.30.1-453.module+el8.6.0+2+b": false} {
		pkg := sitereport.Package{Manager: "rpm", Name: "perl", Version: v, Arch: "x86_64", Source: "perl"}
		if found := matches(x, p, pkg); len(found) > 0 != want {
			t.Errorf("%s: affected %v, want %v\n%s", v, len(found) > 0, want, got.text())
		}
	}
}
