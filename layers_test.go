package muster_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A row is a line of the table of packages in ARCHITECTURE.md.
type row struct {
	layer   int
	imports []string
}

// table reads ARCHITECTURE.md.
func table(t *testing.T) map[string]row {
	t.Helper()
	data, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile("(?m)^\\| (\\d+) \\| `([^`]+)` \\| ([^|]*)\\|")
	name := regexp.MustCompile("`([^`]+)`")
	rows := map[string]row{}
	for _, m := range line.FindAllStringSubmatch(string(data), -1) {
		layer, _ := strconv.Atoi(m[1])
		r := row{layer: layer}
		for _, i := range name.FindAllStringSubmatch(m[3], -1) {
			r.imports = append(r.imports, i[1])
		}
		rows[m[2]] = r
	}
	if len(rows) < 15 {
		t.Fatalf("ARCHITECTURE.md has a table of only %d packages", len(rows))
	}
	return rows
}

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Imports    []string
}

func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Imports"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p goPackage
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// short is the name of a package in the table; "" for one of another module.
func short(path string) string {
	if path == "muster" {
		return path
	}
	name, ok := strings.CutPrefix(path, "muster/")
	if !ok {
		return ""
	}
	return name
}

// TestLayers holds the table of ARCHITECTURE.md against the imports.
func TestLayers(t *testing.T) {
	rows := table(t)
	seen := map[string]bool{}
	for _, p := range goList(t, "./...") {
		name := short(p.ImportPath)
		r, ok := rows[name]
		if !ok {
			t.Errorf("package %s is not in ARCHITECTURE.md", name)
			continue
		}
		seen[name] = true
		for _, i := range p.Imports {
			if i := short(i); i != "" && !slices.Contains(r.imports, i) {
				t.Errorf("%s imports %s, which ARCHITECTURE.md does not allow", name, i)
			}
		}
	}
	for name, r := range rows {
		if !seen[name] {
			t.Errorf("ARCHITECTURE.md lists %s, which does not exist", name)
		}
		for _, i := range r.imports {
			if rows[i].layer >= r.layer {
				t.Errorf("ARCHITECTURE.md lets %s (layer %d) import %s (layer %d): not down", name, r.layer, i, rows[i].layer)
			}
		}
	}
}

// TestPure holds that formats and planning know no network, database, logger
// or clock.
func TestPure(t *testing.T) {
	banned := []string{"net", "net/http", "database/sql", "log", "log/slog"}
	for _, p := range goList(t, "./version", "./deb822", "./control", "./inventory", "./sitereport", "./search", "./advisory", "./advisory/systems", "./reference", "./action", "./settings", "./rollout", "./sign", "./pkgfile", "./index", "./internal/plan") {
		for _, i := range p.Imports {
			if slices.Contains(banned, i) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(f, "_test.go") && strings.Contains(string(data), "time.Now(") {
				t.Errorf("%s looks at the clock", f)
			}
		}
	}
}

// TestLinks holds what programs may not link.
func TestLinks(t *testing.T) {
	for program, banned := range map[string][]string{
		"./cmd/muster": {"database/sql", "testing", "github.com/minio/minio-go/v7"},
		// A light program of its own, for hosts that have little.
		"./cmd/muster-report": {"database/sql", "testing", "html/template", "text/template", "github.com/spf13/cobra", "go.starlark.net/starlark"},
	} {
		for _, p := range goList(t, "-deps", program) {
			if slices.Contains(banned, p.ImportPath) {
				t.Errorf("%s links %s", program, p.ImportPath)
			}
		}
	}
}
