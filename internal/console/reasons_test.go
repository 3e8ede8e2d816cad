package console

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"muster"
)

// errorForms are the forms of errors and hints that the console makes: what stands for
// the format in calls of Errorf and WithHint.
func errorForms(t *testing.T) map[string]bool {
	forms := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Errorf" || s.Sel.Name == "WithHint") {
				if l, ok := call.Args[1].(*ast.BasicLit); ok {
					if form, err := strconv.Unquote(l.Value); err == nil {
						forms[form] = true
					}
				}
			}
			return true
		})
	}
	return forms
}

// untold are forms that nobody sees on a page, or that are another error's text.
var untold = []string{"%s", "lang/%s.json: %w", "lang/errors.%s.json: %w", "a console needs a client, and a base like %q"}

// TestReasons: each error of the console is translated, with what it takes, and what is
// translated is said somewhere.
func TestReasons(t *testing.T) {
	sources := ""
	for _, dir := range []string{".", "../server", "../access", "../../api", "../hosts", "../mailer", "../sites", "../advisories", "../references"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s: %v", dir, err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			sources += string(data)
		}
	}
	for _, lang := range languages()[1:] {
		w, err := readWords(lang)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		readJSON(t, "lang/errors."+lang+".json", &texts)
		for form := range errorForms(t) {
			if _, ok := texts[form]; !ok && !strings.Contains("\x00"+strings.Join(untold, "\x00")+"\x00", "\x00"+form+"\x00") {
				t.Errorf("lang/errors.%s.json lacks %q", lang, form)
			}
		}
		for form, to := range texts {
			if a, b := verb.FindAllString(form, -1), verb.FindAllString(to, -1); strings.Join(a, "") != strings.Join(b, "") {
				t.Errorf("%q takes %v, and its translation %v", form, a, b)
			}
			if quoted := strconv.Quote(form); !strings.Contains(sources, quoted[1:len(quoted)-1]) {
				t.Errorf("lang/errors.%s.json has %q, which nothing says", lang, form)
			}
		}
		for kind, text := range kindWords {
			if w.texts[text] == "" {
				t.Errorf("lang/%s.json lacks %q, of errors that are %s", lang, text, kind)
			}
		}
	}
}

// TestReason tells errors in French: those that are known by their form, with an error
// within, and others by their kind.
func TestReason(t *testing.T) {
	fr, err := readWords("fr")
	if err != nil {
		t.Fatal(err)
	}
	inner := muster.Errorf(muster.Denied, "the name or the password is wrong")
	for _, c := range []struct {
		err  error
		want reason
	}{
		{muster.Errorf(muster.Invalid, "type %d, the number of hosts, to confirm", 120), reason{Text: "tapez 120, le nombre de machines, pour confirmer"}},
		{muster.Errorf(muster.Busy, "of %d hosts %d are changed, then: %w", 3, 1, inner), reason{Text: "sur 3 machines, 1 sont modifiées, puis\u00a0: le nom ou le mot de passe est faux"}},
		{muster.Errorf(muster.Busy, "of %d hosts %d are changed, then: %w", 3, 1, muster.Errorf(muster.Busy, "x")), reason{Text: "sur 3 machines, 1 sont modifiées, puis\u00a0: x"}},
		{muster.Errorf(muster.NotFound, "nobody is called %.100q", `a "b`), reason{Text: `personne ne s'appelle "a \"b"`}},
		{muster.WithHint(muster.Errorf(muster.Denied, "the moon is full"), "wait a minute"), reason{Text: "Refusé\u00a0:", Foreign: "the moon is full", Hint: "attendez une minute"}},
		{muster.WithHint(inner, "muster login"), reason{Text: "le nom ou le mot de passe est faux", ForeignHint: "muster login"}},
		{muster.Errorf(muster.Stale, "%s", fr.say("Not found")), reason{Text: "Introuvable"}},
	} {
		if got := fr.reason(problemOf(c.err)); got != c.want {
			t.Errorf("%v is %+v, want %+v", c.err, got, c.want)
		}
	}
	en := words{language: "en"}
	if got := en.reason(problemOf(inner)); got != (reason{Text: inner.Error()}) {
		t.Errorf("in English: %+v", got)
	}
}

func readJSON(t *testing.T, name string, to any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
