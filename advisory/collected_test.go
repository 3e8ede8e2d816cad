package advisory

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"muster/advisory/systems"
	"muster/internal/collect"
	"muster/internal/testneed"
	"muster/sitereport"
)

// captures are package databases as package managers leave them.
const captures = "../internal/collect/testdata/"

// TestCollected follows packages from the databases of package managers to the
// findings about them: for each form, one document that names a package as its
// publisher would, with a version above the one that is installed, and the same
// with that version itself, which is mended.
func TestCollected(t *testing.T) {
	for name, c := range map[string]struct {
		tree              func(t *testing.T, root string)
		id, version       string // of os-release
		read              Importer
		form              string // of the document; %s is the fixed version
		installed, higher string
		want              string // packages that are affected
	}{
		"dpkg, debian": {txtarTree("dpkg.txtar"), "debian", "12", Debian,
			`{"glibc": {"CVE-2026-1": {"description": "d", "releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "1"}, "fixed_version": "%s", "urgency": "low"}}}}}`,
			"2.36-9+deb12u14", "2.36-9+deb12u15", "libc6"},
		"dpkg, source of another version": {txtarTree("dpkg.txtar"), "debian", "12", Debian,
			`{"bash": {"CVE-2026-1": {"description": "d", "releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "1"}, "fixed_version": "%s", "urgency": "low"}}}}}`,
			"5.2.15-2", "5.2.15-2+b1", "bash"},
		"rpm, updateinfo": {rpmTree, "rocky", "9.5", Updateinfo,
			`<updates><update type="security"><id>RLSA-2026:1</id><release>Rocky Linux 9</release><pkglist><collection><package name="muster-hello" arch="noarch" %s/></collection></pkglist></update></updates>`,
			`epoch="2" version="1.2" release="3"`, `epoch="2" version="1.2" release="4"`, "muster-hello"},
		"rpm, no epoch": {rpmTree, "rocky", "9.5", Updateinfo,
			`<updates><update type="security"><id>RLSA-2026:1</id><release>Rocky Linux 9</release><pkglist><collection><package name="muster-many" arch="noarch" %s/></collection></pkglist></update></updates>`,
			`epoch="0" version="4.0" release="3"`, `epoch="0" version="4.0" release="10"`, "muster-many"},
		"rpm, csaf": {rpmTree, "rhel", "9.5", CSAF,
			`{"document": {"csaf_version": "2.0", "tracking": {"id": "RHSA-1"}}, "product_tree": {
"branches": [{"product": {"product_id": "p", "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:9::baseos"}}}, {"product": {"product_id": "c", "name": "c", "product_identification_helper": {"purl": "pkg:rpm/redhat/muster-hello@%s?arch=noarch&epoch=2"}}}],
"relationships": [{"full_product_name": {"product_id": "p:c"}, "product_reference": "c", "relates_to_product_reference": "p"}]},
"vulnerabilities": [{"cve": "CVE-2026-1", "product_status": {"fixed": ["p:c"]}}]}`,
			"1.2-3", "1.2-3.1", "muster-hello"},
		"apk": {txtarTree("apk.txtar"), "alpine", "3.20.3", Secdb,
			`{"distroversion": "v3.20", "packages": [{"pkg": {"name": "musl", "secfixes": {"%s": ["CVE-2026-1"]}}}]}`,
			"1.2.5-r0", "1.2.5-r1", "musl musl-utils"},
		"pacman": {txtarTree("pacman.txtar"), "arch", "", Arch,
			`[{"name": "AVG-1", "packages": ["muster-hello"], "status": "Fixed", "fixed": "%s"}]`,
			"1:1.2-3", "1:1.2-4", "muster-hello"},
		"pacman, lower epoch": {txtarTree("pacman.txtar"), "arch", "", Arch,
			`[{"name": "AVG-1", "packages": ["muster-hello"], "status": "Fixed", "fixed": "%s"}]`,
			"9.9-1", "2:0.1-1", "muster-hello"},
		"freebsd": {freebsdTree, "freebsd", "14.2", VuXML,
			`<vuln vid="a"><affects><package><name>age</name><range><lt>%s</lt></range></package></affects></vuln>`,
			"1.2.1_3,1", "1.2.1_4,1", "age"},
		"freebsd, lower epoch": {freebsdTree, "freebsd", "14.2", VuXML,
			`<vuln vid="a"><affects><package><name>ag*</name><range><lt>%s</lt></range></package></affects></vuln>`,
			"9.0", "0.1,2", "age"},
		"pkgsrc": {txtarTree("pkgsrc.txtar"), "netbsd", "10.0", Pkgvuln,
			"#FORMAT 1.1.0\npy{311,312}-setuptools-scm<%s\tremote-code-execution\thttps://example.org/\n",
			"8.1.0nb2", "8.1.0nb3", "py312-setuptools-scm"},
		"pkgsrc, glob": {txtarTree("pkgsrc.txtar"), "netbsd", "10.0", Pkgvuln,
			"#FORMAT 1.1.0\ndigest-202[0-9]%s*\tremote-code-execution\thttps://example.org/\n",
			"03", "02", "digest"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			c.tree(t, root)
			packages := collected(t, root)
			p := systems.Builtin().Of(c.id, c.version, "")
			if !p.Known {
				t.Fatalf("%s %s is not known", c.id, c.version)
			}
			if got := affected(t, c.read, fmt.Sprintf(c.form, c.higher), p, packages); got != c.want {
				t.Errorf("below %s: %q, want %q; collected is %+v", c.higher, got, c.want, packages)
			}
			if got := affected(t, c.read, fmt.Sprintf(c.form, c.installed), p, packages); got != "" {
				t.Errorf("below %s: %q", c.installed, got)
			}
		})
	}
}

// affected are the names of the packages that a document affects.
func affected(t *testing.T, read Importer, text string, p Platform, packages []sitereport.Package) string {
	t.Helper()
	got, err := importText(read, "document", text)
	if err != nil || got.skipped != nil || got.unknown != nil {
		t.Fatalf("%v\n%s", err, got.text())
	}
	var names []string
	x := indexOf(got.all...)
	for _, pkg := range packages {
		if len(matches(x, p, pkg)) > 0 {
			names = append(names, pkg.Name)
		}
	}
	return strings.Join(slices.Compact(names), " ")
}

// collected are the packages of a tree, as reports have them.
func collected(t *testing.T, root string) (list []sitereport.Package) {
	t.Helper()
	r, err := collect.Collect(context.Background(), collect.Options{Root: root, Sections: []string{"packages"}})
	if err != nil || len(r.Failures) > 0 {
		t.Fatal(err, r.Failures)
	}
	for manager, rows := range r.Document.Packages {
		for _, p := range rows {
			list = append(list, sitereport.Package{
				Manager: manager, Name: p.Name, Version: p.Version, Arch: p.Architecture, Source: p.Source, SourceVersion: p.SourceVersion,
			})
		}
	}
	return sitereport.SortPackages(list)
}

// txtarTree writes a capture into a tree.
func txtarTree(capture string) func(t *testing.T, root string) {
	return func(t *testing.T, root string) {
		t.Helper()
		archive, err := txtar.ParseFile(captures + capture)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			writeTree(t, root, f.Name, f.Data)
		}
	}
}

func writeTree(t *testing.T, root, name string, data []byte) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func rpmTree(t *testing.T, root string) {
	t.Helper()
	f, err := os.Open(captures + "rpmdb.sqlite.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	writeTree(t, root, "var/lib/rpm/rpmdb.sqlite", data)
}

// freebsdTree makes a database with the columns of FreeBSD's pkg that are read.
func freebsdTree(t *testing.T, root string) {
	t.Helper()
	sqlite := testneed.Program(t, "sqlite3")
	writeTree(t, root, "var/db/pkg/local.sqlite", nil)
	out, err := exec.Command(sqlite, filepath.Join(root, "var/db/pkg/local.sqlite"), `
CREATE TABLE packages (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, arch TEXT NOT NULL,
maintainer TEXT NOT NULL, flatsize INTEGER NOT NULL, time INTEGER NOT NULL);
INSERT INTO packages VALUES (1, 'security/age', 'age', '1.2.1_3,1', 'FreeBSD:14:amd64', 'ports@example.org', 1, 1700000001);
INSERT INTO packages VALUES (2, 'shells/bash', 'bash', '5.2.37', 'FreeBSD:14:amd64', 'ports@example.org', 1, 1700000001);`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
