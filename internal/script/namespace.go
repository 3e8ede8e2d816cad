package script

import (
	"fmt"
	"os"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Recipes for WAPT use os, glob and shutil without importing them. Here they
// hold helpers under the names of Python's modules, and a few functions that
// need another form.

var osPath = map[string]string{
	"join": "makepath", "isfile": "isfile", "isdir": "isdir", "exists": "exists", "islink": "islink",
	"basename": "basename", "dirname": "dirname", "abspath": "abspath", "splitext": "splitext",
	"getsize": "filesize", "expandvars": "expandvars",
}

var osMembers = map[string]string{
	"listdir": "listdir", "makedirs": "mkdirs", "remove": "remove_file", "unlink": "remove_file",
	"rename": "rename", "replace": "rename", "symlink": "symlink", "link": "link", "chmod": "chmod",
	"getenv": "getenv", "stat": "file_info", "readlink": "readlink",
}

var shutilMembers = map[string]string{
	"copy": "filecopyto", "copy2": "filecopyto", "copyfile": "filecopyto", "copytree": "copytree2",
	"rmtree": "remove_tree", "move": "rename", "which": "which",
}

func (s *session) addNamespaces(scope starlark.StringDict) {
	members := func(names map[string]string) starlark.StringDict {
		d := starlark.StringDict{}
		for name, helper := range names {
			d[name] = scope[helper]
		}
		return d
	}
	path := members(osPath)
	path["join"] = starlark.NewBuiltin("os.path.join", joinPath)
	system := members(osMembers)
	system["path"] = &starlarkstruct.Module{Name: "os.path", Members: path}
	system["environ"] = stringDict(environ())
	system["sep"] = starlark.String(os.PathSeparator)
	system["name"] = starlark.String(pythonName())
	scope["os"] = &starlarkstruct.Module{Name: "os", Members: system}
	scope["shutil"] = &starlarkstruct.Module{Name: "shutil", Members: members(shutilMembers)}
	scope["glob"] = globModule{scope["glob"].(*starlark.Builtin)}
}

// A globModule is the helper glob, and the module in which Python has it.
type globModule struct{ *starlark.Builtin }

func (g globModule) Attr(name string) (starlark.Value, error) {
	if name == "glob" || name == "iglob" {
		return g.Builtin, nil
	}
	return nil, nil
}

func (g globModule) AttrNames() []string { return []string{"glob", "iglob"} }

// joinPath is Python's: a part that is a full path begins anew.
func joinPath(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	parts, err := textList(args)
	if err != nil || len(parts) == 0 || len(kwargs) > 0 {
		return nil, fmt.Errorf("%s: wants strings", b.Name())
	}
	path := parts[0]
	for _, part := range parts[1:] {
		switch {
		case isRooted(part) || path == "":
			path = part
		case os.IsPathSeparator(path[len(path)-1]):
			path += part
		default:
			path += string(os.PathSeparator) + part
		}
	}
	return starlark.String(path), nil
}

// isRooted reports whether part leaves what stands before it.
func isRooted(part string) bool {
	return part != "" && os.IsPathSeparator(part[0]) || len(part) > 1 && part[1] == ':' && os.PathSeparator == '\\'
}

func environ() map[string]string {
	env := map[string]string{}
	for _, v := range os.Environ() {
		if name, value, ok := strings.Cut(v, "="); ok && name != "" {
			env[name] = value
		}
	}
	return env
}

// pythonName is os.name of Python.
func pythonName() string {
	if os.PathSeparator == '\\' {
		return "nt"
	}
	return "posix"
}
