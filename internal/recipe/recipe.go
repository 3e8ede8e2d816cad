// Package recipe makes packages from recipes: folders that Git keeps.
//
//	recipes/age/
//	  control        deb822: what the package is
//	  actions.star   Starlark: how it is built, and what happens on hosts (optional)
//	  root/ payload/ files taken as they are (optional)
//	  files/         what build() may read (optional)
//	  policy         deb822: what a config, self-service or wsus package says
//
// Start with [Load], which reads and checks a recipe without running anything,
// and [Build], which makes a package of it. [New] writes a recipe folder that
// builds at once, from nothing or from an installer.
//
// Besides the fields of package control, a recipe's control may have two more,
// which stay on the builder:
//
//	build-params: version=1.3.2, flavour=full   parameters and their defaults
//	config-files: etc/tool/*.conf               files that people edit
//
// ${version} in any field stands for the parameter of that name; build() finds
// it as params["version"]. A pattern of config-files is relative to the root
// and in the form of [path.Match]; with a slash at its end it means every file
// below a directory.
//
// # Promise
//
// The same recipe with the same parameters, sources and tools gives the same
// manifest, byte for byte, wherever it is built: times are set, modes follow
// umask 022, the environment is fixed, the order is that of names. What a
// compiler puts into its output is the recipe's affair; the helpers configure
// and make, and the Go settings of the environment, avoid the known traps.
//
// build() is code that its author runs on their own machine. It sees a clean
// environment, not a prison.
package recipe

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"muster"
	"muster/control"
	"muster/deb822"
	"muster/internal/script"
	"muster/settings"
)

// MaxControl bounds the size in bytes of a recipe's control.
const MaxControl = 1 << 20

// A Recipe is a recipe folder that was read and checked.
type Recipe struct {
	Dir     string // absolute
	Control *control.Control
	Hooks   []string // that actions.star defines, in the order of script.HookNames
	Source  []byte   // actions.star; nil when there is none

	// ConfigFiles are the patterns of the field config-files.
	ConfigFiles []string
	// Params are the values of build-params in force.
	Params map[string]string
	// Policy is what a package of kind config, self-service or wsus says.
	Policy settings.Document

	stanza   deb822.Stanza     // as written, with ${...} in place
	defaults map[string]string // of build-params
}

// Load reads the recipe in dir. Errors are of kind Invalid and name the file,
// the line and the field, or NotFound where there is no control.
func Load(dir string) (*Recipe, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(abs, "control")
	text, err := readBounded(name, MaxControl)
	if errors.Is(err, fs.ErrNotExist) {
		err = muster.Errorf(muster.NotFound, "%q is no recipe: it has no control", dir)
		return nil, muster.WithHint(err, "make one with: muster new NAME")
	}
	if err != nil {
		return nil, err
	}
	r, err := parse(string(text))
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%s: %w", name, err)
	}
	r.Dir = abs
	if err := r.loadPolicy(); err != nil {
		return nil, err
	}
	return r, r.loadActions()
}

// parse reads a recipe's control.
func parse(text string) (*Recipe, error) {
	all, err := deb822.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, fmt.Errorf("%d stanzas; a control has one", len(all))
	}
	r := &Recipe{stanza: all[0]}
	if err := r.parseExtras(); err != nil {
		return nil, err
	}
	return r, r.resolve()
}

// With returns r with other values of its build parameters. Unknown parameters
// are refused.
func (r *Recipe) With(params map[string]string) (*Recipe, error) {
	other := *r
	other.Params = maps.Clone(r.Params)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if _, ok := r.defaults[name]; !ok {
			err := muster.Errorf(muster.Invalid, "%s has no build parameter %q", r.Control.Name, name)
			return nil, muster.WithHint(err, "declare it in the control: build-params: %s=DEFAULT", name)
		}
		if err := checkValue(params[name]); err != nil {
			return nil, muster.Errorf(muster.Invalid, "parameter %q: %w", name, err)
		}
		other.Params[name] = params[name]
	}
	if err := other.resolve(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "%s: %w", filepath.Join(r.Dir, "control"), err)
	}
	return &other, nil
}

// changed are the parameters that differ from their defaults: what provenance
// records.
func (r *Recipe) changed() map[string]string {
	var diff map[string]string
	for name, value := range r.Params {
		if value == r.defaults[name] {
			continue
		}
		if diff == nil {
			diff = map[string]string{}
		}
		diff[name] = value
	}
	return diff
}

func (r *Recipe) loadActions() error {
	name := filepath.Join(r.Dir, "actions.star")
	source, err := readBounded(name, script.MaxSource)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.Hooks, err = script.Hooks(name, source, hostNames...)
	r.Source = source
	return err
}

// Has reports whether actions.star defines the hook.
func (r *Recipe) Has(hook string) bool { return slices.Contains(r.Hooks, hook) }

// readBounded reads a regular file of at most limit bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, muster.Errorf(muster.Invalid, "%s: more than %d bytes", name, limit)
	}
	return data, nil
}
