package script

import (
	"strings"
	"sync"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"muster"
	"muster/control"
	"muster/version"
)

// inScope reports whether a script can use name, besides host functions.
func inScope(name string) bool { return scopeOnce().Has(name) }

var scopeOnce = sync.OnceValue(func() starlark.StringDict {
	return newSession(&wireRequest{Control: &control.Control{}}, nil).scope()
})

// controlValue is the package's control as scripts see it: its fields, those
// that WAPT's packagers know under their names there, lists joined by ", ".
func controlValue(c *control.Control) starlark.Value {
	maturity := c.Maturity
	if maturity == "" {
		maturity = "PROD"
	}
	software := version.Software(c.Version)
	fields := map[string]string{
		"name": c.Name, "package": c.Name, "version": c.Version, "software_version": software,
		"kind": string(c.Kind), "section": string(c.Kind),
		"architecture": strings.Join(c.Architecture, ", "), "os": strings.Join(c.OS, ", "),
		"target_os": strings.Join(c.OS, ", "), "maturity": maturity,
		"locale": strings.Join(c.Locale, ", "), "title": c.Title, "description": c.Description,
		"maintainer": c.Maintainer, "licence": c.Licence, "homepage": c.Homepage,
		"impacted_process": strings.Join(c.ImpactedProcesses, ", "),
		"keywords":         strings.Join(c.Keywords, ", "),
	}
	d := starlark.StringDict{}
	for k, v := range fields {
		d[k] = starlark.String(v)
	}
	d["get_software_version"] = starlark.NewBuiltin("get_software_version",
		func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			err := starlark.UnpackArgs(b.Name(), args, kwargs)
			return starlark.String(software), err
		})
	return record("control", d)
}

func platformValue(p muster.Platform) starlark.Value {
	return record("platform", map[string]starlark.Value{
		"os": starlark.String(p.OS), "arch": starlark.String(p.Arch), "version": starlark.String(p.Version),
	})
}

// record is an immutable value with attributes.
func record(name string, fields map[string]starlark.Value) starlark.Value {
	return starlarkstruct.FromStringDict(starlark.String(name), fields)
}
