package muster_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// decoders are the calls by which bytes from outside become something else.
var decoders = regexp.MustCompile(`^(json\.(Unmarshal|NewDecoder)|canon\.Unmarshal|asn1\.Unmarshal(WithParams)?|pem\.Decode|x509\.Parse\w+|` +
	`(tar|zip|zstd|gzip|xz|lzma|bzip2)\.(NewReader|OpenReader)|bufio\.NewScanner|deb822\.(Parse|Stanzas)|mscfb\.New)$`)

// readers are what must stand in docs/fuzzing.md: functions that are named for
// parsing, or that call a decoder. They are "package.Function", tests aside.
func readers(t *testing.T) map[string]bool {
	found := map[string]bool{}
	eachFunction(t, false, func(pkg string, f *ast.FuncDecl) {
		name := pkg + "." + f.Name.Name
		found[name] = found[name] || strings.HasPrefix(strings.ToLower(f.Name.Name), "parse")
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && decoders.MatchString(selector(call.Fun)) {
				found[name] = true
			}
			return true
		})
	})
	return found
}

// selector spells a.b.c out.
func selector(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return selector(e.X) + "." + e.Sel.Name
	}
	return ""
}

// eachFunction visits the functions of every package, of its tests or of the
// rest. pkg is as in ARCHITECTURE.md.
func eachFunction(t *testing.T, tests bool, visit func(pkg string, f *ast.FuncDecl)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && name == "bench" { // programs that measure
			return filepath.SkipDir
		}
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") != tests {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				visit(path.Dir(filepath.ToSlash(name)), f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFuzzing holds docs/fuzzing.md against the source: every reader is in the
// table, every target is, and nothing else.
func TestFuzzing(t *testing.T) {
	data, err := os.ReadFile("docs/fuzzing.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*) \\| (?:([^|]*) \\| )?[^|\\n]+ \\|$") // without targets in the second table
	quoted := regexp.MustCompile("`([^`]+)`")
	listed, known := map[string]bool{}, readers(t)
	for _, m := range row.FindAllStringSubmatch(string(data), -1) {
		for _, q := range quoted.FindAllStringSubmatch(m[2]+" "+m[3], -1) {
			name := q[1]
			if !strings.Contains(name, ".") { // of the package of the row
				name = m[1] + "." + name
			}
			listed[name] = true
		}
	}
	functions := map[string]bool{}
	eachFunction(t, true, func(pkg string, f *ast.FuncDecl) {
		if name := pkg + "." + f.Name.Name; strings.HasPrefix(f.Name.Name, "Fuzz") {
			functions[name], known[name] = true, true
		}
	})
	eachFunction(t, false, func(pkg string, f *ast.FuncDecl) { functions[pkg+"."+f.Name.Name] = true })
	for name, must := range known {
		if must && !listed[name] {
			t.Errorf("docs/fuzzing.md does not name %s", name)
		}
	}
	if len(listed) < 100 {
		t.Errorf("docs/fuzzing.md names only %d functions", len(listed))
	}
	for name := range listed {
		if !functions[name] {
			t.Errorf("docs/fuzzing.md names %s, which does not exist", name)
		}
	}
}
