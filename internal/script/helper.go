package script

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"go.starlark.net/starlark"
)

// A Helper is a function that scripts can call.
type Helper struct {
	Name string
	// Params are written as in Python: "path, text, mode=0o644". What has a
	// default may be left out; so may None be given for it.
	Params    string
	Summary   string // one line
	Text      string // more, or ""
	Example   string // a line or more of a script
	Platforms []string
	WAPT      string // what it is called there when the name differs, or how it differs

	system bool // needs a whole system, not an area
	topic  string
	fn     nativeFunc // nil: the system's own, in natives
}

type nativeFunc = func(*invocation) (starlark.Value, error)

// Signature is the call as documentation shows it.
func (h *Helper) Signature() string { return h.Name + "(" + h.Params + ")" }

// Topic is the heading under which documentation lists the helper.
func (h *Helper) Topic() string { return h.topic }

// topics are the groups of helpers in the order of the documentation.
var topics = []struct {
	name    string
	helpers []Helper
}{
	{"Files", fileHelpers},
	{"Folders, links and paths", treeHelpers},
	{"Archives", archiveHelpers},
	{"Ini files", iniHelpers},
	{"Programs", programHelpers},
	{"Running programs", taskHelpers},
	{"Services", serviceHelpers},
	{"Software of the system", packageHelpers},
	{"System and account", systemHelpers},
	{"Installers of Windows", installerHelpers},
	{"Versions in files", append(peHelpers, msiHelpers...)},
	{"Registry of Windows", registryHelpers},
	{"Shortcuts and tasks of Windows", shortcutHelpers},
	{"Audits", auditHelpers},
	{"Sources", downloadHelpers},
	{"Control flow and versions", flowHelpers},
}

// Helpers returns every helper, by topic, in the order of the documentation.
func Helpers() []Helper {
	var all []Helper
	for _, t := range topics {
		for _, h := range t.helpers {
			h.topic = t.name
			all = append(all, h)
		}
	}
	return all
}

// addHelpers puts helpers and namespaces in scope.
func (s *session) addHelpers(scope starlark.StringDict) {
	for _, h := range Helpers() {
		scope[h.Name] = s.builtin(h.Name, h)
	}
	s.addNamespaces(scope)
}

func (s *session) builtin(name string, h Helper) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if len(h.Platforms) > 0 && !slices.Contains(h.Platforms, runtime.GOOS) {
			return nil, fmt.Errorf("%s is for %s; this is %s", name, strings.Join(h.Platforms, " and "), runtime.GOOS)
		}
		if h.system && s.req.Area {
			return nil, fmt.Errorf("%s needs a whole system, but %q is an area without privileges", name, s.req.Root)
		}
		fn := h.fn
		if fn == nil {
			fn = natives[h.Name]
		}
		v, err := fn(&invocation{session: s, thread: t, name: name, params: h.Params, args: args, kwargs: kwargs})
		if err == nil && v == nil {
			v = starlark.None
		}
		return v, err
	})
}

// An invocation is one call of a helper.
type invocation struct {
	*session
	thread *starlark.Thread
	name   string
	params string
	args   starlark.Tuple
	kwargs []starlark.Tuple
}

// unpack stores the arguments in vars, one for each parameter of the helper's
// Params, whose names and optional parts hold for the code as for the reader.
func (c *invocation) unpack(vars ...any) error {
	names := paramNames(c.params)
	if len(names) != len(vars) {
		return fmt.Errorf("%s has %d parameters, its code wants %d", c.name, len(names), len(vars))
	}
	pairs := make([]any, 0, 2*len(vars))
	for i, name := range names {
		pairs = append(pairs, name, vars[i])
	}
	return starlark.UnpackArgs(c.name, c.args, c.kwargs, pairs...)
}

// paramNames splits Params into the names that starlark.UnpackArgs wants, "??"
// after what has a default. Commas inside brackets and quotes belong to a default.
func paramNames(params string) []string {
	var names []string
	depth, start, quoted := 0, 0, false
	for i := 0; i <= len(params); i++ {
		switch {
		case i == len(params) || params[i] == ',' && depth == 0 && !quoted:
			if name := strings.TrimSpace(params[start:i]); name != "" {
				base, _, optional := strings.Cut(name, "=")
				if optional {
					base += "??"
				}
				names = append(names, base)
			}
			start = i + 1
		case params[i] == '"':
			quoted = !quoted
		case params[i] == '[':
			depth++
		case params[i] == ']':
			depth--
		}
	}
	return names
}
