package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/api"
	"muster/reference"
)

const baseline = `note: agreed on
for: {systems: ["debian:12"]}
packages:
  - {name: example, want: ">= 1.4.3-1", note: CVE-2026-1}
  - {name: telnetd, want: absent}
  - {name: curl}
`

// TestCompareFile: without a server.
func TestCompareFile(t *testing.T) {
	list, model := listFile(t, "baseline.yaml", baseline), listFile(t, "model.csv", "name;want\nexample;= 1.4.2-1\n")
	for _, c := range []struct {
		args, want string // verdict and name of rows
		code       int
	}{
		{list, "missing curl, behind example", 0},
		{list + " --exit-code", "missing curl, behind example", 0},
		{list + " --all", "missing curl, behind example, equal telnetd", 0},
		{list + " --verdict behind", "behind example", 0},
		{list + " --verdict unfit --limit 1", "missing curl", 0},
		{list + " --verdict equal", "equal telnetd", 0},
		{model + " --exit-code", "", exitNothing},
		{model + " --all", "equal example", 0},
	} {
		out, talk, code := said(t, nativeReport, append([]string{"reference", "compare", "--report", "-", "--json"}, strings.Fields(c.args)...)...)
		var r api.ReferenceReport
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != c.code {
			t.Errorf("%s: %d, %v: %s%s", c.args, code, err, out, talk)
			continue
		}
		var got []string
		for _, x := range r.Rows {
			got = append(got, x.Verdict+" "+x.Name)
		}
		if strings.Join(got, ", ") != c.want || r.Host.Name != "node17.example.org" {
			t.Errorf("%s: %q of %q", c.args, got, r.Host.Name)
		}
	}
	out, talk, _ := said(t, nativeReport, "reference", "compare", "--report", "-", list)
	if !strings.Contains(out, "behind   example  1.4.2-1  >= 1.4.3-1        CVE-2026-1") || !strings.Contains(talk, "1 of 3 rows are as wanted") {
		t.Errorf("%s%s", out, talk)
	}
	for args, want := range map[string]string{
		listFile(t, "other.yaml", strings.Replace(baseline, "12", "13", 1)):                  "does not speak of node17.example.org",
		listFile(t, "newest.yaml", "newest-of: x\npackages:\n  - {name: a, want: newest}\n"): "--newest-of FILE",
		list + " --verdict good":               `no verdict "good"`,
		list + " --host x":                     "--host and --at ask the server",
		list + ".yaml":                         "hint: a name without .yaml is a list of the server",
		listFile(t, "bad.yaml", "packages: 1"): "bad.yaml",
	} {
		out, talk, code := said(t, nativeReport, append([]string{"reference", "compare", "--report", "-"}, strings.Fields(args)...)...)
		if code == 0 || out != "" || !strings.Contains(talk, want) {
			t.Errorf("%s: %d, %s%s", args, code, out, talk)
		}
	}
}

// TestReferenceModel: what is made of a host, or of indexes, is a list that compares.
func TestReferenceModel(t *testing.T) {
	report := listFile(t, "node.txt", nativeReport)
	packages := listFile(t, "Packages", "Package: example\nVersion: 1.4.3-1\nArchitecture: amd64\n\nPackage: other\nVersion: 1\nArchitecture: all\n")
	for name, c := range map[string]struct {
		args, want string
	}{
		"model": {"--model --report " + report, "equal example"},
		"exact": {"--model --exact --note x --site EXAMPLE --report " + report, "equal example"},
		"index": {packages, "behind example"},
	} {
		out, talk, code := said(t, "", append([]string{"reference", "import", name, "--print"}, strings.Fields(c.args)...)...)
		if code != 0 {
			t.Fatalf("%s: %s", name, talk)
		}
		list := filepath.Join(t.TempDir(), "list.yaml")
		if err := os.WriteFile(list, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		got, talk, code := said(t, nativeReport, "reference", "compare", list, "--report", "-", "--all", "--csv")
		if code != 0 || !strings.Contains(strings.ReplaceAll(got, ",", " "), c.want) {
			t.Errorf("%s: %d, %s%s", name, code, got, talk)
		}
	}
	_, talk, code := said(t, "", "reference", "import", "x", listFile(t, "baseline.yaml", baseline), "--note", "no")
	if code != exitUsage || !strings.Contains(talk, "YAML says all of a list itself") {
		t.Errorf("%d: %s", code, talk)
	}
}

// TestFitting: a list that is too long as YAML goes as CSV and says the same; what is too
// long as that is refused before it is sent.
func TestFitting(t *testing.T) {
	long := func(n int) *reference.List {
		l := &reference.List{Note: "x", Optional: true, For: reference.Scope{Systems: []string{"debian:12"}}}
		want, err := reference.ParseYAML("x", []byte("packages:\n  - {name: a, want: \">= 1.2, < 1:2\"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			l.Wanted = append(l.Wanted, reference.Wanted{Name: fmt.Sprintf("a-library-of-%06d", i), Manager: "dpkg", Arch: "amd64", Want: want.Wanted[0].Want})
		}
		return l
	}
	for n, form := range map[int]string{10: "yaml", 50_000: "csv"} {
		l := long(n)
		in, err := fitting(l)
		if err != nil || in.Form != form {
			t.Fatalf("%d rows: %q, %v", n, in.Form, err)
		}
		again, err := listOf("x", "x", in)
		if err != nil {
			t.Fatal(err)
		}
		l.Name = "x"
		if err := l.Check(); err != nil || string(again.Print()) != string(l.Print()) {
			t.Errorf("%d rows are another list, %v", n, err)
		}
	}
	if _, err := fitting(long(200_000)); err == nil {
		t.Error("no list is too long")
	}
}

func TestGuessList(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "repodata"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "repodata", "repomd.xml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ours, file := t.TempDir(), listFile(t, "Packages", "package: hello\nversion: 1\n")
	if err := os.WriteFile(filepath.Join(ours, "Packages.p7m"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		ours: "muster", file: "muster", listFile(t, "Packages", "Package: hello\nVersion: 1\n"): "debian",
		dir: "rpm", "a.yaml": "yaml", "A.YML": "yaml", "b.csv": "csv", "Packages": "debian", "Packages.xz": "debian", "deb.example.org_dists_x_main_binary-amd64_Packages": "debian",
		"abc-primary.xml.gz": "primary", "pkg_summary.gz": "pkgsrc", "packagesite.yaml": "freebsd", "packagesite.pkg": "freebsd", "APKINDEX.tar.gz": "alpine", "core.db": "pacman",
		"core.db.tar.zst": "pacman", "notes.txt": "", "": "",
	} {
		if got := guessList(name); got != want {
			t.Errorf("%q is %q, not %q", name, got, want)
		}
	}
	for arg, want := range map[string]bool{"baseline": false, "baseline-2026.11": false, "./baseline": true, "x.yaml": true, "x.CSV": true} {
		if isListFile(arg) != want {
			t.Errorf("%q is a file: %t", arg, !want)
		}
	}
}
