package recipe

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"muster"
	"muster/internal/script"
	"muster/pkgfile"
)

// builderHooks run where packages are made and have no place in a package.
// test() has: a package can be tested without its recipe.
var builderHooks = []string{"build", "update_package"}

// packagedHooks are the hooks that a package lists, sorted. A recipe that has
// none of them makes a package without code.
func packagedHooks(hooks []string) []string {
	var kept []string
	for _, h := range hooks {
		if !slices.Contains(builderHooks, h) {
			kept = append(kept, h)
		}
	}
	slices.Sort(kept)
	return kept
}

// actions is the entry of actions.star.
func (b *builder) actions() (pkgfile.Entry, error) {
	source, err := hostSource(b.recipe.Source)
	if err != nil {
		return pkgfile.Entry{}, err
	}
	// Without the names of the builder: nothing that stays may need them.
	if _, err := script.Hooks(filepath.Join(b.recipe.Dir, "actions.star"), source); err != nil {
		return pkgfile.Entry{}, muster.WithHint(err, "%s exist only in build() and what it alone calls", strings.Join(hostNames, ", "))
	}
	return pkgfile.Entry{
		File: pkgfile.File{Path: pkgfile.ActionsPath, Type: pkgfile.Regular, Mode: 0o644},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(source)), nil },
	}, nil
}

// hostSource blanks the functions that only the builder needs: build(),
// update_package() and what they alone use. Their helpers do not exist on
// hosts, and who signs a package reads only what will run. Lines keep their
// numbers, so that backtraces lead into the recipe.
func hostSource(source []byte) ([]byte, error) {
	f, err := dialect.Parse("actions.star", source, 0)
	if err != nil {
		return nil, err
	}
	g := newCallGraph(f)
	lines := bytes.SplitAfter(source, []byte("\n"))
	for name, def := range g.defs {
		if g.reached[name] {
			continue
		}
		start, end := def.Span()
		for i := int(start.Line) - 1; i < min(int(end.Line), len(lines)); i++ {
			lines[i] = []byte("\n")
		}
	}
	left := bytes.Join(lines, nil)
	_, err = dialect.Parse("actions.star", left, 0) // a parser may have its own idea of where a function ends
	return left, err
}

// A callGraph knows which top-level functions the hooks of hosts can reach.
type callGraph struct {
	defs    map[string]*syntax.DefStmt
	reached map[string]bool
}

func newCallGraph(f *syntax.File) *callGraph {
	g := &callGraph{defs: map[string]*syntax.DefStmt{}, reached: map[string]bool{}}
	var rest []syntax.Stmt
	for _, stmt := range f.Stmts {
		def, ok := stmt.(*syntax.DefStmt)
		if !ok || g.defs[def.Name.Name] != nil { // a second definition of a name: leave both alone
			rest = append(rest, stmt)
			continue
		}
		g.defs[def.Name.Name] = def
	}
	for _, stmt := range rest {
		g.follow(stmt)
	}
	for name := range g.defs {
		if slices.Contains(packagedHooks(script.HookNames), name) {
			g.reach(name)
		}
	}
	return g
}

func (g *callGraph) reach(name string) {
	def := g.defs[name]
	if def == nil || g.reached[name] {
		return
	}
	g.reached[name] = true
	g.follow(def)
}

// follow reaches every function whose name stands somewhere in n.
func (g *callGraph) follow(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		if id, ok := n.(*syntax.Ident); ok {
			g.reach(id.Name)
		}
		return true
	})
}
