package recipe

import (
	"fmt"
	"maps"
	"slices"
)

// arguments reads the arguments of a host function, given by position or by
// name as in Starlark. The first mistake is kept and returned by done.
type arguments struct {
	fn     string
	args   []any
	kwargs map[string]any
	taken  []string // names asked for, in order
	err    error
}

// next returns the value of the parameter name, which stands behind those asked
// for before.
func (a *arguments) next(name string) (value any, given bool) {
	i := len(a.taken)
	a.taken = append(a.taken, name)
	value, named := a.kwargs[name]
	if i < len(a.args) {
		if named {
			a.fail("%s is given twice", name)
		}
		return a.args[i], a.args[i] != nil
	}
	return value, named && value != nil
}

// alias lets an argument be given under another name.
func (a *arguments) alias(other, name string) {
	if value, ok := a.kwargs[other]; ok && a.kwargs[name] == nil {
		a.kwargs = maps.Clone(a.kwargs)
		delete(a.kwargs, other)
		a.kwargs[name] = value
	}
}

func (a *arguments) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf("%s: %s", a.fn, fmt.Sprintf(format, args...))
	}
}

// text returns a string that must be given and must not be empty.
func (a *arguments) text(name string) string {
	s := a.textOr(name, "")
	if s == "" {
		a.fail("%s is missing", name)
	}
	return s
}

func (a *arguments) textOr(name, fallback string) string {
	v, given := a.next(name)
	if !given {
		return fallback
	}
	s, ok := v.(string)
	if !ok {
		a.fail("%s must be a string, not %v", name, v)
	}
	return s
}

func (a *arguments) intOr(name string, fallback int64) int64 {
	v, given := a.next(name)
	if !given {
		return fallback
	}
	n, ok := v.(int64)
	if !ok {
		a.fail("%s must be an integer, not %v", name, v)
	}
	return n
}

// done reports the first mistake, and arguments that nobody asked for.
func (a *arguments) done() error {
	if len(a.args) > len(a.taken) {
		a.fail("%d arguments, but it takes %d: %v", len(a.args), len(a.taken), a.taken)
	}
	for name := range a.kwargs {
		if !slices.Contains(a.taken, name) {
			a.fail("there is no argument %s; it takes %v", name, a.taken)
		}
	}
	return a.err
}
