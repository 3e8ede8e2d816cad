package recipe

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"muster/control"
	"muster/deb822"
)

// The fields of a recipe's control that a package's control does not have.
const (
	fieldParams = "build-params"
	fieldConfig = "config-files"
)

// maxParam bounds the value of a parameter in bytes, maxExtras the entries of
// either field.
const (
	maxParam  = 4096
	maxExtras = 256
)

// parseExtras reads the fields that only a recipe has.
func (r *Recipe) parseExtras() error {
	f, _ := r.stanza.Field(fieldParams)
	defaults, err := parseParams(f.Value)
	if err != nil {
		return &control.FieldError{Line: f.Line, Field: fieldParams, Err: err}
	}
	r.defaults, r.Params = defaults, map[string]string{}
	for name, value := range defaults {
		r.Params[name] = value
	}
	f, _ = r.stanza.Field(fieldConfig)
	if r.ConfigFiles, err = parsePatterns(f.Value); err != nil {
		return &control.FieldError{Line: f.Line, Field: fieldConfig, Err: err}
	}
	return nil
}

// entries splits a list at commas and line ends.
func entries(s string) ([]string, error) {
	var list []string
	for _, e := range strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == '\n' }) {
		if e = strings.TrimSpace(e); e == "" {
			continue
		}
		if list = append(list, e); len(list) > maxExtras {
			return nil, fmt.Errorf("more than %d entries", maxExtras)
		}
	}
	return list, nil
}

func parseParams(s string) (map[string]string, error) {
	list, err := entries(s)
	if err != nil {
		return nil, err
	}
	params := make(map[string]string, len(list))
	for _, e := range list {
		name, value, ok := strings.Cut(e, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !validParam(name) {
			return nil, fmt.Errorf("%q is not name=default, with a name of [a-z0-9_]", e)
		}
		if _, twice := params[name]; twice {
			return nil, fmt.Errorf("%q stands twice", name)
		}
		if err := checkValue(value); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		params[name] = value
	}
	return params, nil
}

func validParam(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '_')) {
			return false
		}
	}
	return name != ""
}

// checkValue holds the value of a parameter to one line of text: it may become
// part of a field.
func checkValue(s string) error {
	if len(s) > maxParam || !utf8.ValidString(s) {
		return fmt.Errorf("a value is UTF-8 of at most %d bytes", maxParam)
	}
	for _, c := range s {
		if c < ' ' || c == 0x7f {
			return fmt.Errorf("control character %q in the value", c)
		}
	}
	return nil
}

func parsePatterns(s string) ([]string, error) {
	list, err := entries(s)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if err := checkPattern(p); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func checkPattern(p string) error {
	if _, err := path.Match(p, ""); err != nil {
		return fmt.Errorf("pattern %q: %w", p, err)
	}
	if clean := strings.TrimSuffix(p, "/"); path.IsAbs(p) || path.Clean(clean) != clean || strings.HasPrefix(clean, "..") {
		return fmt.Errorf("pattern %q is not a path relative to the root", p)
	}
	return nil
}

// matches reports whether pattern means the file of that path below the root.
func matches(pattern, file string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/"); ok {
		return strings.HasPrefix(file, dir+"/")
	}
	ok, err := path.Match(pattern, file)
	return ok && err == nil
}

// resolve reads r.Control from the stanza with the parameters in force.
func (r *Recipe) resolve() error {
	s := make(deb822.Stanza, 0, len(r.stanza))
	for _, f := range r.stanza {
		value, err := expand(f.Value, r.Params)
		if err != nil {
			return &control.FieldError{Line: f.Line, Field: f.Name, Err: err}
		}
		f.Value = value
		s = append(s, f)
	}
	c, err := control.Parse(s, fieldParams, fieldConfig)
	if err != nil {
		return err
	}
	r.Control = c
	return r.checkSelector()
}

// expand replaces ${name} by the parameter of that name. What was put in is not
// looked at again.
func expand(s string, params map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := params[name]
		if !closed || !known {
			return "", fmt.Errorf("${%.40s: no such parameter in %s", name, fieldParams)
		}
		b.WriteString(value)
		s = after
	}
}
