package faults_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"muster/internal/script"
	"muster/internal/testneed"
	"muster/internal/testneed/built"
)

func TestMain(m *testing.M) {
	launch()
	script.Child()
	code := m.Run()
	if site.dir != "" {
		os.RemoveAll(site.dir)
	}
	os.Exit(code)
}

// long reports whether every call is to be taken in place of some.
func long() bool { return os.Getenv("MUSTER_TEST_LONG") == "1" }

// stride is how far apart calls are that a sweep takes.
func stride(everyday int) int {
	if long() {
		return 1
	}
	return everyday
}

// The site is what all tests share: the built program, an authority, a
// repository with two versions of a package, and roots to begin from.
var site struct {
	sync.Once
	dir string
	err error
}

// inSite names a file of the site.
func inSite(name ...string) string { return filepath.Join(append([]string{site.dir}, name...)...) }

// needSite makes the site at the first call. It lies in memory: the program
// syncs thousands of times.
func needSite(t testing.TB) {
	t.Helper()
	testneed.Root(t)
	site.Do(func() {
		if site.dir, site.err = os.MkdirTemp("/dev/shm", "muster-faults-"); site.err != nil {
			site.dir, site.err = os.MkdirTemp("", "muster-faults-")
		}
		if site.err == nil {
			site.err = makeSite()
		}
	})
	if site.err != nil {
		t.Fatal(site.err)
	}
}

// makeProgram builds the program, or takes the one that MUSTER_TEST_PROGRAM
// names.
func makeProgram() error {
	if name := os.Getenv("MUSTER_TEST_PROGRAM"); name != "" {
		return os.Symlink(name, inSite("muster"))
	}
	_, err := built.Program(site.dir, "muster")
	return err
}

func makeSite() error {
	if err := makeProgram(); err != nil {
		return err
	}
	for _, version := range []string{"1", "2"} {
		if err := writeRecipe(inSite("recipe"+version), version); err != nil {
			return err
		}
	}
	for _, line := range []string{
		"ca init --name Authority --out ca --no-password",
		"ca issue --ca ca --rights code --name Alice --out alice --no-password",
		"repo init repo --key alice.key",
		"build recipe1 --out out --key alice.key",
		"build recipe2 --out out --key alice.key",
		"repo publish repo out/tool_1_all_all.mpk out/tool_2_all_all.mpk --key alice.key",
	} {
		cmd := exec.Command(inSite("muster"), strings.Fields(line)...)
		cmd.Dir = site.dir
		cmd.Env = append(os.Environ(), "HOME="+site.dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("muster %s: %w\n%s", line, err, out)
		}
	}
	return nil
}

// actions make a hard link, and keep a file up to date that no manifest names.
const actions = `def build():
    link("root/usr/bin/tool", "root/usr/bin/again")

def install():
    write_file(makepath(root, "var/tool.state"), control.version)
    print("attempt", attempt)

def uninstall():
    remove_file(makepath(root, "var/tool.state"))
`

// writeRecipe writes a recipe with every kind of file, some of which change,
// come, go, or change their kind with version 2.
func writeRecipe(dir, version string) error {
	files := map[string]string{
		"control":                               "package: tool\nversion: " + version + "\ndescription: a tool\nconfig-files: etc/tool.conf\n",
		"actions.star":                          actions,
		"root/etc/tool.conf":                    "level = " + version + "\n",
		"root/usr/share/same":                   strings.Repeat("the same in both versions\n", 50),
		"root/usr/only" + version:               "only in version " + version,
		"root/usr/bin/tool":                     strings.Repeat("program "+version+"\n", 3000),
		"root/usr/share/empty":                  "",
		"root/srv/new" + version + "/deep/file": "in a folder that comes and goes " + version,
	}
	for i := range 9 {
		files[fmt.Sprintf("root/usr/lib/tool/part%d", i)] = strings.Repeat(fmt.Sprintf("part %d of version %s\n", i, version), 20*(i+1))
	}
	kind := "root/usr/kind"
	if version == "2" {
		kind += "/inside"
	}
	files[kind] = "a file becomes a folder"
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(filepath.Join(root, "var"), 0o755); err != nil {
		return err
	}
	return os.Symlink("../lib/tool/part"+version, filepath.Join(root, "usr/bin/alias"))
}
