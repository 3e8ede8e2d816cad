package port_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/internal/recipe"
	"muster/internal/wapt"
	"muster/internal/wapt/port"
	"muster/internal/wapt/wapttest"
)

var update = flag.Bool("update", false, "write the golden files")

// load is what makes a folder a recipe.
func load(dir string) error {
	_, err := recipe.Load(dir)
	return err
}

func open(t testing.TB, p *wapttest.Package) *wapt.Package {
	t.Helper()
	data := p.Zip(t)
	pkg, err := wapt.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", file, got, want)
	}
}

// TestWrite makes a recipe, and a package of that.
func TestWrite(t *testing.T) {
	p := wapttest.Base()
	p.Files["WAPT/persistent/state.db"] = "state"
	p.Files["WAPT/wapt.psproj"] = "project"
	p.Files["update_package.py"] = "def update_package():\n    pass\n"
	dir := filepath.Join(t.TempDir(), "smp-tool")
	o := port.Options{From: "smp-tool.wapt", SHA256: strings.Repeat("0", 64), Signer: &wapt.Signer{Name: "Alice", Fingerprint: "ab", Date: "2026-11-01"}, Verified: true, Check: load}
	r, err := port.Write(open(t, p), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Files != 3 || r.Size != int64(len(p.Files["tool.msi"])+len(p.Files["data/settings.ini"])+len("state")) {
		t.Errorf("%d files, %d bytes", r.Files, r.Size)
	}
	var files []string
	err = filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, name)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "actions.star control files/WAPT/control files/WAPT/icon.png files/setup.py.orig files/update_package.py payload/WAPT/persistent/state.db payload/data/settings.ini payload/tool.msi"
	if got := strings.Join(files, " "); got != want {
		t.Errorf("files %s\nwant %s", got, want)
	}
	text, err := os.ReadFile(filepath.Join(dir, "control"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "base.control", string(text))
	build(t, dir)
}

// build makes a package of the recipe.
func build(t *testing.T, dir string) {
	t.Helper()
	r, err := recipe.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := recipe.Build(context.Background(), r, recipe.Options{Work: t.TempDir(), Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if !slices.Equal(d.Manifest.Actions, []string{"install"}) || d.Manifest.Find("payload/tool.msi") == nil || d.Manifest.Find("files/setup.py.orig") != nil {
		t.Errorf("actions %v, files %v", d.Manifest.Actions, d.Manifest.Files)
	}
}

func TestWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	refuse := func(string) error { return muster.Errorf(muster.Invalid, "no recipe") }
	if _, err := port.Write(open(t, wapttest.Base()), dir, port.Options{Check: refuse}); muster.KindOf(err) != muster.Invalid {
		t.Errorf("error %v", err)
	}
	if list, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(list) > 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := port.Write(open(t, wapttest.Base()), dir, port.Options{Check: load}); muster.KindOf(err) != muster.Conflict {
		t.Errorf("a folder with files: %v", err)
	}
}

// TestControl: single fields, and what is said about them.
func TestControl(t *testing.T) {
	for _, c := range []struct{ field, value, want, note string }{
		{"section", "selfservice", "kind: self-service", ""},
		{"section", "restricted", "kind: base", "hidden in self-service"},
		{"section", "Other", "kind: base", "unknown"},
		{"section", "wsus", "kind: wsus", ""},
		{"architecture", "x86,x64", "architecture: 386, amd64", ""},
		{"architecture", "all", "architecture: all", ""},
		{"architecture", "arm64", "architecture: arm64", ""},
		{"architecture", "mips", "architecture: all", "mips"},
		{"target_os", "darwin,linux", "os: darwin, linux", ""},
		{"target_os", "unix", "os: linux, darwin", ""},
		{"target_os", "debian(>=10),ubuntu", "os: linux", `"debian" is every linux`},
		{"target_os", "all", "os: all", ""},
		{"target_os", "", "os: windows", "windows is assumed"},
		{"package", "SMP_Tool", "package: smp-tool", `"SMP_Tool" is called "smp-tool"`},
		{"depends", "a,B(=1.2), c (>= 2.0-3)", "depends: a, b (= 1.2), c (>= 2.0-3)", `"B"`},
		{"depends", "a(>),b", "depends: b", `"a(>)" cannot be read`},
		{"conflicts", "old(<3)", "conflicts: old (< 3)", "by force"},
		{"audit_schedule", "60", "audit-schedule: 60m", ""},
		{"audit_schedule", "2h", "audit-schedule: 2h", ""},
		{"audit_schedule", "20160", "audit-schedule: 336h", ""},
		{"audit_schedule", "often", "", "left out"},
		{"valid_from", "2026-12-01T08:00:00", "valid-from: 2026-12-01T08:00:00Z", "UTC"},
		{"valid_until", "2026-12-01T08:00:00+02:00", "valid-until: 2026-12-01T06:00:00Z", ""},
		{"forced_install_on", "2026-12-01", "forced-install-on: 2026-12-01T00:00:00Z", "UTC"},
		{"forced_install_on", "soon", "", "no time"},
		{"max_os_version", "10.0.19045", "max-os-version: 10.0.19045", ""},
		{"max_os_version", "Seven", "", "no version"},
		{"locale", "all", "", ""},
		{"maturity", "PRE PROD", "maturity: PRE-PROD", ""},
		{"licence", "opensource_free,cpe:/a:gnu:gpl_v3", "licence: opensource_free,cpe:/a:gnu:gpl_v3", ""},
		{"description", "one\n two ${x}\n .\nlast", "description: one\n two $ {x}\n .\n last", ""},
		{"description_de", "ein Werkzeug", "description-de: ein Werkzeug", ""},
		{"keywords", "a, a,b (c)", "keywords: a, b c, Utilities", ""},
		{"version", "1.0_2-3", "version: 1.0.2-3", "is written"},
	} {
		t.Run(c.field+"="+c.value, func(t *testing.T) {
			p := wapttest.Base()
			p.Set(c.field, c.value)
			got, notes, err := port.Control(open(t, p).Control, true)
			if err != nil {
				t.Fatal(err)
			}
			text := got.Stanza().String()
			if c.want != "" && !strings.Contains(text, "\n"+c.want+"\n") && !strings.HasPrefix(text, c.want+"\n") {
				t.Errorf("control\n%s\nwithout %q", text, c.want)
			}
			if all := strings.Join(notes, "\n"); c.note != "" && !strings.Contains(all, c.note) {
				t.Errorf("notes %q without %q", all, c.note)
			}
		})
	}
}

func TestControlRefused(t *testing.T) {
	for field, value := range map[string]string{"package": "___", "version": "latest"} {
		p := wapttest.Base()
		p.Set(field, value)
		if _, _, err := port.Control(open(t, p).Control, true); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s %q: %v", field, value, err)
		}
	}
}

// FuzzWrite: whatever a control says, the recipe can be loaded, or the error is
// one about the package.
func FuzzWrite(f *testing.F) {
	f.Add(wapttest.Base().ControlText(), "def install():\n    pass\n")
	f.Add("package : a\nversion : 1\ndescription : x\n .\n  \n y\nkeywords : (a,)b(,c\n", "")
	f.Add("package : a\nversion : 1\nsources : a\u2028b${x}\neditor : \x7f\n", "x")
	f.Fuzz(func(t *testing.T, text, code string) {
		p := &wapttest.Package{Files: map[string]string{"WAPT/control": text, "setup.py": code}}
		data := p.Zip(t)
		pkg, err := wapt.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		if _, _, err := port.Control(pkg.Control, true); err != nil {
			return
		}
		if _, err := port.Write(pkg, filepath.Join(t.TempDir(), "r"), port.Options{From: "f", Signer: pkg.Claimed(), Check: load}); err != nil {
			t.Fatal(err)
		}
	})
}
