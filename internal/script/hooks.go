package script

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"muster"
)

// dialect is what administrators who come from Python expect.
var dialect = &syntax.FileOptions{
	Set:             true,
	While:           true,
	TopLevelControl: true,
	GlobalReassign:  true,
	Recursion:       true,
}

// Hooks returns the hooks that source defines, in the order of [HookNames],
// without running it. Errors are of kind Invalid and name file, line and column: a
// mistake in syntax, a name that is nowhere defined, a hook with parameters.
// More names of host functions, besides those in [Helpers], may follow.
func Hooks(file string, source []byte, host ...string) ([]string, error) {
	f, _, err := compile(file, source, host)
	if err != nil {
		return nil, err
	}
	defs := topLevelDefs(f.Stmts, nil)
	var hooks []string
	for _, name := range HookNames {
		def := defs[name]
		if def == nil {
			continue
		}
		if len(def.Params) > 0 {
			return nil, muster.Errorf(muster.Invalid, "%s: %s() must take no arguments", def.Def, name)
		}
		hooks = append(hooks, name)
	}
	return hooks, nil
}

// compile parses source and resolves every name in it. The parser bounds its
// own depth.
func compile(file string, source []byte, host []string) (*syntax.File, *starlark.Program, error) {
	if len(source) > MaxSource {
		return nil, nil, tooLong(file, source)
	}
	if i := bytes.IndexByte(source, 0); i >= 0 { // the scanner would take it for the end
		return nil, nil, muster.Errorf(muster.Invalid, "%s:%d: a zero byte", file, bytes.Count(source[:i], []byte("\n"))+1)
	}
	known := func(name string) bool { return inScope(name) || slices.Contains(host, name) }
	f, prog, err := starlark.SourceProgramOptions(dialect, file, source, known)
	if err != nil {
		return nil, nil, muster.WithKind(muster.Invalid, explain(err))
	}
	for _, stmt := range f.Stmts {
		if load, ok := stmt.(*syntax.LoadStmt); ok {
			return nil, nil, muster.Errorf(muster.Invalid, "%s: no load here: a package's actions are one file", load.Load)
		}
	}
	return f, prog, nil
}

// explain joins all errors of the resolver, which reports several, and tells
// those who come from Python what to write instead.
func explain(err error) error {
	var list resolve.ErrorList
	if errors.As(err, &list) {
		all := make([]error, 0, len(list))
		for _, e := range list {
			all = append(all, e)
		}
		return errors.Join(all...)
	}
	var bad syntax.Error
	if errors.As(err, &bad) {
		word, _, _ := strings.Cut(strings.TrimPrefix(bad.Msg, "got "), ",")
		if advice := insteadOf[word]; advice != "" {
			return muster.WithHint(err, "%s", advice)
		}
	}
	return err
}

// insteadOf says what to write instead of Python that Starlark does not have.
var insteadOf = map[string]string{
	"try":            "there is no try; write: value, err = catch(fn, ...)",
	"raise":          "there is no raise; write: fail(message)",
	"import":         "remove the import: helpers, os, glob, shutil, json and math are in scope",
	"from":           "remove the import: helpers, os, glob, shutil, json and math are in scope",
	"with":           "there is no with; use read_file and write_file",
	"global":         "there is no global; pass the value, or keep it in a list or dict",
	"class":          "there is no class; write: struct(name = value)",
	"is":             "write == None or != None",
	"assert":         "there is no assert; write: if not x: fail(message)",
	"del":            "there is no del; write: d.pop(key)",
	"string literal": "if this is an f-string, write \"...{}\".format(x) or \"...%s\" % x",
}

// topLevelDefs collects functions defined outside any other function.
func topLevelDefs(stmts []syntax.Stmt, defs map[string]*syntax.DefStmt) map[string]*syntax.DefStmt {
	if defs == nil {
		defs = make(map[string]*syntax.DefStmt)
	}
	for _, stmt := range stmts {
		switch s := stmt.(type) {
		case *syntax.DefStmt:
			defs[s.Name.Name] = s
		case *syntax.IfStmt:
			topLevelDefs(s.True, defs)
			topLevelDefs(s.False, defs)
		}
	}
	return defs
}
