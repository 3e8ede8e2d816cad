package script

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Values cross the pipe as JSON in which a float always has a point or an
// exponent, so that 1 and 1.0 stay apart.

// maxDepth bounds the nesting of values, which a script can make circular.
const maxDepth = 64

// fromStarlark turns v into the values of a HostFunc.
func fromStarlark(v starlark.Value, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("value is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.Int:
		if i, ok := v.Int64(); ok {
			return i, nil
		}
		return nil, fmt.Errorf("integer %s is too large", shorten(v.String(), 40))
	case starlark.Float:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
		return nil, fmt.Errorf("%s is not a number that can be passed on", v)
	case starlark.String:
		return string(v), nil
	case *Version:
		return v.text, nil
	case *starlarkstruct.Struct:
		d := starlark.StringDict{}
		v.ToStringDict(d)
		return mapFromStarlark(d, depth)
	case starlark.IterableMapping:
		return dictFromStarlark(v, depth)
	case starlark.Iterable:
		return listFromStarlark(v, depth)
	}
	return nil, fmt.Errorf("a %s cannot be passed on", v.Type())
}

func listFromStarlark(v starlark.Iterable, depth int) (any, error) {
	list := []any{}
	for e := range starlark.Elements(v) {
		x, err := fromStarlark(e, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, nil
}

func dictFromStarlark(v starlark.IterableMapping, depth int) (any, error) {
	d := starlark.StringDict{}
	for k, e := range starlark.Entries(v) {
		name, ok := starlark.AsString(k)
		if !ok {
			return nil, fmt.Errorf("key %s is no string", shorten(k.String(), 40))
		}
		d[name] = e
	}
	return mapFromStarlark(d, depth)
}

func mapFromStarlark(d starlark.StringDict, depth int) (any, error) {
	m := make(map[string]any, len(d))
	for k, e := range d {
		x, err := fromStarlark(e, depth+1)
		if err != nil {
			return nil, err
		}
		m[k] = x
	}
	return m, nil
}

// toStarlark is the reverse. Keys of maps are sorted: the same value gives the
// same dict.
func toStarlark(v any) (starlark.Value, error) {
	switch v := v.(type) {
	case nil:
		return starlark.None, nil
	case bool:
		return starlark.Bool(v), nil
	case int64:
		return starlark.MakeInt64(v), nil
	case float64:
		return starlark.Float(v), nil
	case string:
		return starlark.String(v), nil
	case []any:
		list := make([]starlark.Value, 0, len(v))
		for _, e := range v {
			x, err := toStarlark(e)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return starlark.NewList(list), nil
	case map[string]any:
		d := starlark.NewDict(len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			x, err := toStarlark(v[k])
			if err != nil {
				return nil, err
			}
			if err := d.SetKey(starlark.String(k), x); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
	return nil, fmt.Errorf("a %T is no value for a script", v)
}

// encode prints v as JSON. Beside the values of a HostFunc it takes what those
// return for convenience.
func encode(v any) (json.RawMessage, error) { return appendValue(nil, v, 0) }

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("value is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		return appendFloat(b, v)
	case string:
		return appendText(b, v)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return appendList(b, list, depth)
	case []any:
		return appendList(b, v, depth)
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, s := range v {
			m[k] = s
		}
		return appendMap(b, m, depth)
	case map[string]any:
		return appendMap(b, v, depth)
	}
	return nil, fmt.Errorf("a %T is no value for a script", v)
}

func appendFloat(b []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is not a number that can be passed on", f)
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return append(b, s...), nil
}

func appendText(b []byte, s string) ([]byte, error) {
	text, err := json.Marshal(s)
	return append(b, text...), err
}

func appendList(b []byte, list []any, depth int) ([]byte, error) {
	var err error
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, e, depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendMap(b []byte, m map[string]any, depth int) ([]byte, error) {
	var err error
	b = append(b, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendText(b, k); err != nil {
			return nil, err
		}
		if b, err = appendValue(append(b, ':'), m[k], depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// decode reads what encode printed.
func decode(text json.RawMessage) (any, error) {
	if len(text) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("bytes after the value")
	}
	return numbers(v, 0)
}

// numbers replaces every json.Number by an int64 or a float64.
func numbers(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("value is nested more than %d deep", maxDepth)
	}
	var err error
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			return strconv.ParseFloat(string(v), 64)
		}
		return strconv.ParseInt(string(v), 10, 64)
	case []any:
		for i := range v {
			if v[i], err = numbers(v[i], depth+1); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = numbers(v[k], depth+1); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// shorten cuts s for a message.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
