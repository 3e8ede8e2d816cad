package db

import (
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"muster"
)

// plain returns args with the meaning that they have on every engine: text is
// text and truth is 0 or 1. It refuses what one of the engines would refuse or
// keep in its own way.
func plain(args []any) ([]any, error) {
	copied := false
	for i, a := range args {
		v, err := value(a)
		if err != nil {
			return nil, err
		}
		if _, same := a.(string); same || v == nil { // nil is "as it is"
			continue
		}
		if !copied {
			args, copied = slices.Clone(args), true
		}
		args[i] = v
	}
	return args, nil
}

// value returns the value for a, or nil where a may stay.
func value(a any) (any, error) {
	switch a := a.(type) {
	case nil, int, int64, []byte:
		return nil, nil
	case string:
		return nil, text(a)
	case bool:
		if a {
			return int64(1), nil
		}
		return int64(0), nil
	case time.Time:
		return nil, muster.Errorf(muster.Invalid, "a time is kept as a number: Unix seconds")
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.String { // muster.Status and the like
		return v.String(), text(v.String())
	}
	return nil, nil
}

func text(s string) error {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return nil
	}
	return muster.Errorf(muster.Invalid, "text %.64q is not UTF-8 without NUL", s)
}
