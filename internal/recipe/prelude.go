package recipe

import (
	_ "embed"
	"slices"
	"strings"

	"go.starlark.net/syntax"
)

//go:embed prelude.star
var preludeText string

// dialect is that of package script.
var dialect = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}

// prelude holds the text of each helper of build() that is written in Starlark.
var prelude = splitPrelude(preludeText)

// preludeNames are the names of those helpers, sorted.
var preludeNames = namesOf(prelude)

func splitPrelude(text string) map[string]string {
	f, err := dialect.Parse("prelude.star", text, 0)
	if err != nil {
		panic(err) // a file of this program
	}
	lines := strings.SplitAfter(text, "\n")
	all := map[string]string{}
	for _, stmt := range f.Stmts {
		if def, ok := stmt.(*syntax.DefStmt); ok {
			start, end := def.Span()
			all[def.Name.Name] = strings.Join(lines[start.Line-1:end.Line], "")
		}
	}
	return all
}

func namesOf(texts map[string]string) []string {
	var names []string
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// withPrelude puts behind source the helpers that it uses and does not define.
// Behind it, so that the recipe's lines keep their numbers.
func withPrelude(source []byte) ([]byte, error) {
	f, err := dialect.Parse("actions.star", source, 0)
	if err != nil {
		return nil, err
	}
	used, defined := map[string]bool{}, map[string]bool{}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Ident:
			used[n.Name] = true
		case *syntax.DefStmt:
			defined[n.Name.Name] = true
		}
		return true
	})
	out := slices.Clone(source)
	for _, name := range preludeNames {
		if used[name] && !defined[name] {
			out = append(out, "\n\n"+prelude[name]...)
		}
	}
	return out, nil
}
