package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"
	"time"
)

// said collects the texts that pages say: arguments of t and n in templates, and every
// text of the Go files, of which only some are said.
func said(t *testing.T) (certain, possible map[string]bool) {
	certain, possible = map[string]bool{}, map[string]bool{}
	for _, dir := range []string{"templates", "parts"} {
		files, err := fs.ReadDir(sources, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			data, err := fs.ReadFile(sources, dir+"/"+f.Name())
			if err != nil {
				t.Fatal(err)
			}
			trees := map[string]*parse.Tree{}
			tree := parse.New(f.Name())
			tree.Mode = parse.SkipFuncCheck
			if _, err := tree.Parse(string(data), "", "", trees); err != nil {
				t.Fatal(err)
			}
			trees[f.Name()] = tree
			for _, one := range trees {
				texts(one.Root, certain)
			}
		}
	}
	goTexts(t, certain, possible)
	return certain, possible
}

// texts walks a template: {{t "..."}} and {{n N "..." "..."}}, wherever they stand.
func texts(n parse.Node, out map[string]bool) {
	call := regexp.MustCompile(`(?:^|[\s({])(t|n (?:\([^)]*\)|\S+)) ("(?:[^"\\]|\\.)*")(?: ("(?:[^"\\]|\\.)*"))?`)
	for _, m := range call.FindAllStringSubmatch(n.String(), -1) {
		for i, quoted := range m[2:] {
			if quoted == "" || i == 1 && m[1] == "t" {
				continue
			}
			if text, err := strconv.Unquote(quoted); err == nil {
				out[text] = true
			}
		}
	}
}

// goTexts are those of the package's own files: certain where they stand in a call of t,
// say or count, or name a title.
func goTexts(t *testing.T, certain, possible map[string]bool) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					possible[text] = true
				}
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "t" || s.Sel.Name == "say" || s.Sel.Name == "count") {
					for _, a := range n.Args {
						literal(a, certain)
						if s.Sel.Name != "count" {
							break
						}
					}
				}
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && k.Name == "title" {
					literal(n.Value, certain)
				}
			}
			return true
		})
	}
	for _, b := range badges {
		certain[b.Word] = true
	}
	for _, b := range rolloutBadges {
		certain[b.Word] = true
	}
}

func literal(e ast.Expr, out map[string]bool) {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		if text, err := strconv.Unquote(l.Value); err == nil {
			out[text] = true
		}
	}
}

// Every text is translated, no translation is left over, and each takes what the
// English takes.
func TestLanguages(t *testing.T) {
	certain, possible := said(t)
	if len(certain) < 100 {
		t.Fatalf("only %d texts were found", len(certain))
	}
	verbs := regexp.MustCompile(`%[a-z]`)
	for _, lang := range languages()[1:] {
		w, err := readWords(lang)
		if err != nil {
			t.Fatal(err)
		}
		for text := range certain {
			if _, ok := w.texts[text]; !ok {
				t.Errorf("lang/%s.json lacks %q", lang, text)
			}
		}
		for text, to := range w.texts {
			if !certain[text] && !possible[text] {
				t.Errorf("lang/%s.json has %q, which no page says", lang, text)
			}
			if a, b := verbs.FindAllString(text, -1), verbs.FindAllString(to, -1); strings.Join(a, "") != strings.Join(b, "") {
				t.Errorf("lang/%s.json: %q has %v, %q has %v", lang, text, a, to, b)
			}
		}
	}
}

func TestWords(t *testing.T) {
	fr, err := readWords("fr")
	if err != nil {
		t.Fatal(err)
	}
	en := words{language: "en"}
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct{ got, want string }{
		{en.number(1234567), "1,234,567"},
		{fr.number(-12345), "-12\u202f345"},
		{en.number(-123), "-123"},
		{en.count(0, "%s host", "%s hosts"), "0 hosts"},
		{fr.count(0, "%s host", "%s hosts"), "0 machine"},
		{fr.count(2, "%s host", "%s hosts"), "2 machines"},
		{en.bytes(999), "999 B"},
		{en.bytes(1500), "1.5 kB"},
		{fr.bytes(3_240_000), "3,2 Mo"},
		{en.bytes(12_345_678_901), "12 GB"},
		{en.ago(now.Add(-90*time.Minute), now), "1 h ago"},
		{fr.ago(now.Add(3*24*time.Hour), now), "dans 3 jours"},
		{en.ago(time.Unix(0, 0), now), "never"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
