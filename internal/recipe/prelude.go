package recipe

import (
	"bytes"
	_ "embed"
	"errors"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/syntax"

	"muster/internal/script"
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

// inRecipe makes an error that happened in a helper behind the recipe name the
// innermost line of the recipe itself.
func inRecipe(err error, source []byte) error {
	var failed *script.Error
	if !errors.As(err, &failed) {
		return err
	}
	last := bytes.Count(source, []byte("\n")) + 1
	frames := strings.Split(failed.Backtrace, "\n")
	for i := len(frames) - 1; i >= 0; i-- {
		place, _, _ := strings.Cut(strings.TrimSpace(frames[i]), ": in ")
		if n := lineOf(place); n > 0 && n <= last {
			failed.Position = place
			break
		}
	}
	return err
}

// lineOf is the line in a position "file:line:column", 0 where there is none.
func lineOf(position string) int {
	parts := strings.Split(position, ":")
	if len(parts) < 3 {
		return 0
	}
	n, _ := strconv.Atoi(parts[len(parts)-2])
	return n
}
