package recipe

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/internal/script"
	"muster/internal/testneed"
	"muster/pkgfile"
)

// recipesDir is where the project's own recipes lie.
const recipesDir = "../../recipes"

// quick are recipes that build within seconds from what is mostly on the
// machine already. The others run where MUSTER_TEST_FULL=1.
var quick = []string{"age", "age-examples", "time-settings", "tree", "welcome", "workstation"}

// needs are programs of the builder that a recipe runs.
var needs = map[string][]string{
	"age": {"go"}, "age-msi": {"go", "wixl"}, "ca-bundle": {"apt-get"}, "hello": {"apt-get", "gcc", "make"},
	"logrotate": {"apt-get"}, "node-exporter": {"go"}, "openjdk-17-jre": {"apt-get"}, "prettier": {"npm"},
	"shfmt": {"go"}, "shfmt-setup": {"go", "makensis"}, "tree": {"apt-get"},
}

// TestRecipes builds the project's own recipes for real.
func TestRecipes(t *testing.T) {
	for _, name := range recipeNames(t) {
		t.Run(name, func(t *testing.T) {
			if os.Getenv("MUSTER_TEST_FULL") != "1" && !slices.Contains(quick, name) {
				t.Skip("slow; MUSTER_TEST_FULL=1 runs it")
			}
			buildRecipe(t, name)
		})
	}
}

// recipeNames are the folders of the project's own recipes.
func recipeNames(t *testing.T) []string {
	t.Helper()
	controls, err := filepath.Glob(filepath.Join(recipesDir, "*/control"))
	if err != nil || len(controls) < 12 {
		t.Fatalf("only %d recipes, %v", len(controls), err)
	}
	var names []string
	for _, c := range controls {
		names = append(names, filepath.Base(filepath.Dir(c)))
	}
	return names
}

func buildRecipe(t *testing.T, name string) {
	if runtime.GOOS != "linux" {
		t.Skip("the recipes are built on Linux")
	}
	for _, program := range needs[name] {
		testneed.Program(t, program)
	}
	r, err := Load(filepath.Join(recipesDir, name))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o := Options{Work: t.TempDir(), Log: &log, Params: offered(t, name)}
	draft, report, err := Build(t.Context(), r, o)
	if muster.KindOf(err) == muster.Unavailable {
		testneed.Missing(t, "network: "+err.Error())
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	defer draft.Close()
	for _, w := range report.Warnings {
		t.Errorf("warning: %s", w)
	}
	if left, err := os.ReadDir(o.Work); err != nil || len(left) != 1 {
		t.Errorf("left in the work folder: %v, %v", left, err)
	}
	buildAgain(t, r, o, draft)
	t.Logf("%s: %d files, %d bytes, %d packed, %s", report.Control.FileName(), report.Files, report.Size, report.Packed, report.Duration)
	auditRecipe(t, r, draft)
}

// TestAgeElsewhere builds the older version, and for systems that are not here.
func TestAgeElsewhere(t *testing.T) {
	if os.Getenv("MUSTER_TEST_FULL") != "1" {
		t.Skip("slow; MUSTER_TEST_FULL=1 runs it")
	}
	testneed.Program(t, "go")
	r, err := Load(filepath.Join(recipesDir, "age"))
	if err != nil {
		t.Fatal(err)
	}
	for target, program := range map[string]string{"windows/amd64": "age.exe", "darwin/arm64": "age"} {
		os, arch, _ := strings.Cut(target, "/")
		o := Options{Target: muster.Platform{OS: os, Arch: arch}, Params: map[string]string{"version": "1.3.1"}, Work: t.TempDir()}
		draft, _, err := Build(t.Context(), r, o)
		if muster.KindOf(err) == muster.Unavailable {
			testneed.Missing(t, "network: "+err.Error())
		}
		if err != nil {
			t.Fatal(err)
		}
		m := draft.Manifest
		has(t, m, "root/usr/bin/"+program)
		if want := "age_1.3.1-1_" + os + "_" + arch + ".mpk"; m.Control.FileName() != want || m.Provenance.Params["version"] != "1.3.1" {
			t.Errorf("%s, %+v", m.Control.FileName(), m.Provenance)
		}
		draft.Close()
	}
	if _, _, err := Build(t.Context(), r, Options{Target: muster.Platform{OS: "linux", Arch: "s390x"}}); muster.KindOf(err) != muster.Invalid {
		t.Errorf("got %v", err)
	}
}

// buildAgain builds without the network, in another folder, and expects the same
// bytes. wixl puts the time and a random number into what it makes.
func buildAgain(t *testing.T, r *Recipe, o Options, first *pkgfile.Draft) {
	t.Helper()
	if filepath.Base(r.Dir) == "age-msi" {
		return
	}
	o.Work, o.Offline = t.TempDir(), true
	second, _, err := Build(t.Context(), r, o)
	if err != nil {
		t.Errorf("offline: %v", err)
		return
	}
	defer second.Close()
	if !bytes.Equal(first.Encoded, second.Encoded) {
		t.Errorf("another manifest:\n%.2000s\n%.2000s", first.Encoded, second.Encoded)
	}
}

// TestReference holds that every recipe and every function of build() stands in
// the reference.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range recipeNames(t) {
		if !strings.Contains(string(text), "\n| `"+name+"` |") {
			t.Errorf("recipe %q is not listed", name)
		}
	}
	for _, name := range hostNames {
		if !strings.Contains(string(text), "\n| `"+name+"(") {
			t.Errorf("function %q is not listed", name)
		}
	}
}

// offered are the parameters for what Debian has now, where it keeps only the
// newest version.
func offered(t *testing.T, name string) map[string]string {
	t.Helper()
	pkg := map[string]string{"openjdk-17-jre": "openjdk-17-jre-headless", "ca-bundle": "ca-certificates"}[name]
	if pkg == "" {
		return nil
	}
	out, err := exec.Command("apt-cache", "show", "--no-all-versions", pkg).Output()
	_, rest, ok := strings.Cut(string(out), "\nVersion: ")
	if err != nil || !ok {
		testneed.Missing(t, "package "+pkg+" in apt's lists")
	}
	version, _, _ := strings.Cut(rest, "\n")
	version = version[:strings.IndexAny(version+"+", "+~-")]
	return map[string]string{"version": version}
}

// auditRecipe unpacks a package into a folder and runs its own audit there: the
// proof that what was built works.
func auditRecipe(t *testing.T, r *Recipe, draft *pkgfile.Draft) {
	t.Helper()
	c := &draft.Manifest.Control
	if !r.Has("audit") || !c.RunsOn(muster.ThisPlatform()) {
		return
	}
	root := t.TempDir()
	install(t, draft, root)
	source, err := hostSource(r.Source)
	if err != nil {
		t.Fatal(err)
	}
	result, err := script.Run(t.Context(), script.Request{Source: source, Hook: "audit", Control: c, Root: root, Area: true})
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	if result.Value != "OK" {
		t.Errorf("audit says %v\n%s", result.Value, result.Output)
	}
	if _, err := RunTest(t.Context(), c, source, root, nil); err != nil {
		t.Errorf("test: %v", err)
	}
}

// install places the files of a package with the tools that every Linux has.
func install(t *testing.T, draft *pkgfile.Draft, root string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "p.mpk")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := draft.Write(f, []byte("unsigned")); err != nil {
		t.Fatal(err)
	}
	f.Close()
	cmd := exec.Command("tar", "--extract", "--strip-components=1", "--directory", root, "--file", file, "--use-compress-program", testneed.Program(t, "zstd"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
}
