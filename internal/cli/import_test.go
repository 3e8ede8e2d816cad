package cli

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/recipe"
	"muster/internal/wapt/wapttest"
)

// importing runs muster import at the time at which the test's certificates are
// valid, in dir.
func importing(t *testing.T, dir string, args ...string) (code int, out, talk string) {
	t.Helper()
	t.Chdir(dir)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var o, e strings.Builder
	a := &app{in: strings.NewReader(""), out: &o, err: &e, now: func() time.Time { return wapttest.Now }}
	cmd := a.command()
	cmd.SetArgs(append([]string{"import"}, args...))
	code = a.exit(cmd.ExecuteContext(t.Context()))
	return code, o.String(), e.String()
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// store writes a signed package, a changed one, and the certificate into a folder.
func store(t *testing.T) (dir string, signed *wapttest.Package) {
	t.Helper()
	dir = t.TempDir()
	alice := wapttest.NewSigner(t, "Alice", true, nil)
	p := wapttest.Base()
	p.Sign(t, alice)
	write(t, filepath.Join(dir, "alice.crt"), []byte(alice.PEM()))
	write(t, filepath.Join(dir, "other.crt"), []byte(wapttest.NewSigner(t, "Other", true, nil).PEM()))
	write(t, filepath.Join(dir, "smp-tool.wapt"), p.Zip(t))
	changed := maps.Clone(p.Files)
	changed["tool.msi"] = "evil"
	write(t, filepath.Join(dir, "changed.wapt"), wapttest.Zip(t, changed))
	return dir, p
}

func TestImport(t *testing.T) {
	dir, _ := store(t)
	code, out, talk := importing(t, dir, "smp-tool.wapt", "--trust", "alice.crt")
	if code != 0 || !strings.Contains(out, "install(): converted") || !strings.Contains(out, `signed by "Alice"`) || strings.Contains(talk, "warning") {
		t.Errorf("code %d\n%s\n%s", code, out, talk)
	}
	r, err := recipe.Load(filepath.Join(dir, "smp-tool"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Control.Version != "1.4.2-7" || !r.Has("install") {
		t.Errorf("control %v, hooks %v", r.Control, r.Hooks)
	}
	if code, _, talk := importing(t, dir, "smp-tool.wapt", "--trust", "alice.crt"); code != exitFailed || !strings.Contains(talk, "--out") {
		t.Errorf("the recipe is there already: code %d, %s", code, talk)
	}
}

func TestImportUnverified(t *testing.T) {
	dir, _ := store(t)
	code, out, talk := importing(t, dir, "smp-tool.wapt", "--quiet", "--json", "--out", "r")
	if code != 0 || !strings.Contains(talk, `warning: nothing is verified: it says that "Alice"`) {
		t.Errorf("code %d, %s", code, talk)
	}
	var fact importFact
	if err := json.Unmarshal([]byte(out), &fact); err != nil {
		t.Fatal(err)
	}
	if fact.Verified || fact.Recipe != "r" || len(fact.Hooks) != 1 || len(fact.SHA256) != 64 || fact.Files != 2 || !strings.HasPrefix(fact.Signer, `"Alice"`) {
		t.Errorf("%+v", fact)
	}
}

func TestImportRefused(t *testing.T) {
	dir, _ := store(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"smp-tool.wapt", "--trust", "other.crt"}, exitDenied, `"Alice" is not trusted`},
		{[]string{"changed.wapt", "--trust", "alice.crt"}, exitDenied, `"tool.msi" is not what was signed`},
		{[]string{"changed.wapt"}, exitFailed, `"tool.msi" is not what was signed`},
		{[]string{"none.wapt"}, exitFailed, "there is no"},
		{[]string{"alice.crt"}, exitFailed, "no package of WAPT"},
		{[]string{"smp-tool.wapt", "smp-tool"}, exitUsage, "is a package"},
		{[]string{"smp-tool.wapt", "--trust", "smp-tool.wapt"}, exitFailed, "smp-tool.wapt"},
		{[]string{"https://localhost:1/x.wapt"}, exitFailed, "localhost"},
		{nil, exitUsage, "arg"},
	} {
		code, out, talk := importing(t, dir, c.args...)
		if code != c.code || !strings.Contains(talk, c.want) || out != "" {
			t.Errorf("%v: code %d, want %d\n%s%s", c.args, code, c.code, out, talk)
		}
	}
	if list, err := filepath.Glob(filepath.Join(dir, "*/")); err != nil || len(list) != 4 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// TestImportFolder: the folder of an author, changed since it was signed.
func TestImportFolder(t *testing.T) {
	dir, p := store(t)
	for name, content := range p.Files {
		write(t, filepath.Join(dir, "tool-wapt", filepath.FromSlash(name)), []byte(content))
	}
	if code, _, talk := importing(t, dir, "tool-wapt", "--trust", "alice.crt", "--out", "a"); code != 0 {
		t.Errorf("as it was signed: code %d, %s", code, talk)
	}
	write(t, filepath.Join(dir, "tool-wapt/setup.py"), []byte("def install():\n    try:\n        pass\n    except:\n        pass\n"))
	if code, _, _ := importing(t, dir, "tool-wapt", "--trust", "alice.crt", "--out", "b"); code != exitDenied {
		t.Errorf("changed: code %d", code)
	}
	code, out, talk := importing(t, dir, "tool-wapt", "--out", "b")
	if code != 0 || !strings.Contains(talk, "differs from what was signed") || !strings.Contains(out, "install(): to be converted by hand: line 2: try") {
		t.Errorf("code %d\n%s%s", code, out, talk)
	}
	source, err := os.ReadFile(filepath.Join(dir, "b/actions.star"))
	if err != nil || !strings.Contains(string(source), `fail("convert by hand, see files/setup.py.orig: line 2: try`) {
		t.Errorf("%s, %v", source, err)
	}
}

const waptIndexText = `package : smp-tool
version : 1.4.2-7
architecture : x64
section : base
maturity : PREPROD
locale : fr,en
filename : smp-tool.wapt
size : 1

package : smp-both
version : 1
filename : smp-both_x64.wapt

package : smp-both
version : 1
filename : smp-both_x86.wapt

package : smp-lie
version : 9
filename : lie.wapt
`

// TestImportRepository imports from a folder and from a web server.
func TestImportRepository(t *testing.T) {
	dir, p := store(t)
	repo := filepath.Join(dir, "repo")
	write(t, filepath.Join(repo, "Packages"), wapttest.Zip(t, map[string]string{"Packages": waptIndexText}))
	write(t, filepath.Join(repo, "smp-tool.wapt"), p.Zip(t))
	write(t, filepath.Join(repo, "lie.wapt"), p.Zip(t))
	server := httptest.NewServer(http.FileServer(http.Dir(repo)))
	defer server.Close()
	for _, from := range []string{"repo", server.URL} {
		if code, out, talk := importing(t, dir, from); code != 0 || !strings.Contains(out, "smp-both_x86.wapt") {
			t.Errorf("%s: code %d\n%s%s", from, code, out, talk)
		}
		to := filepath.Join(t.TempDir(), "r")
		if code, out, talk := importing(t, dir, from, "smp-tool=1.4.2", "--trust", "alice.crt", "--out", to); code != 0 {
			t.Errorf("%s: code %d\n%s%s", from, code, out, talk)
		}
		for name, c := range map[string]struct {
			code int
			want string
		}{
			"smp-none": {exitFailed, "no package"},
			"smp-both": {exitFailed, "2 packages are smp-both 1"},
			"smp-lie":  {exitDenied, `has package "smp-tool", and the index says "smp-lie"`},
		} {
			if code, _, talk := importing(t, dir, from, name); code != c.code || !strings.Contains(talk, c.want) {
				t.Errorf("%s %s: code %d, %s", from, name, code, talk)
			}
		}
	}
	if code, _, talk := importing(t, dir, server.URL+"/smp-tool.wapt", "--trust", "alice.crt", "--out", "direct"); code != 0 {
		t.Errorf("a package by its URL: code %d, %s", code, talk)
	}
}
