package script

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"pgregory.net/rapid"
)

// anyValue draws the values of a HostFunc.
func anyValue(depth int) *rapid.Generator[any] {
	plain := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.String().AsAny(),
		rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }).AsAny(),
	}
	if depth > 0 {
		below := anyValue(depth - 1)
		plain = append(plain, rapid.SliceOfN(below, 0, 4).AsAny(), rapid.MapOfN(rapid.String(), below, 0, 4).AsAny())
	}
	return rapid.OneOf(plain...)
}

// TestValuesSurvive: a value crosses the pipe and the interpreter unchanged,
// and integers stay apart from floats.
func TestValuesSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(3).Draw(t, "value")
		text, err := encode(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		inside, err := toStarlark(again)
		if err != nil {
			t.Fatal(err)
		}
		back, err := fromStarlark(inside, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, normal(v)) {
			t.Fatalf("%#v became %#v by %s", v, back, text)
		}
	})
}

// normal replaces empty lists and maps of other types, and text that is not UTF-8.
func normal(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ToValidUTF8(v, "\ufffd")
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, normal(e))
		}
		return list
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[strings.ToValidUTF8(k, "\ufffd")] = normal(e)
		}
		return m
	}
	return v
}

func TestValuesRefused(t *testing.T) {
	loop := starlark.NewList(nil)
	_ = loop.Append(loop)
	for _, v := range []starlark.Value{
		loop, starlark.MakeUint64(1 << 63), starlark.Float(math.Inf(1)), starlark.Universe["len"], starlark.Bytes("x"),
	} {
		if got, err := fromStarlark(v, 0); err == nil {
			t.Errorf("%s became %v", v, got)
		}
	}
	for _, text := range []string{strings.Repeat("[", 100) + strings.Repeat("]", 100), "99999999999999999999", "1e999", "1 2", "{", "\x00"} {
		if got, err := decode([]byte(text)); err == nil {
			t.Errorf("%s became %v", text, got)
		}
	}
}

// TestOutput compares the kept output with the whole.
func TestOutput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		max := rapid.IntRange(0, 64).Draw(t, "max")
		o := newOutput(max, nil)
		var whole []byte
		for _, p := range rapid.SliceOf(rapid.SliceOfN(rapid.ByteRange('a', 'z'), 0, 50)).Draw(t, "writes") {
			_, _ = o.Write(p)
			whole = append(whole, p...)
		}
		half := max / 2
		want := string(whole)
		if gap := len(whole) - 2*half; gap > 0 {
			want = fmt.Sprintf("%s\n[%d bytes of output left out]\n%s", whole[:half], gap, whole[len(whole)-half:])
		}
		got, truncated := o.bytes()
		if string(got) != want || truncated != (len(whole) > 2*half) {
			t.Fatalf("kept %q of %q", got, whole)
		}
	})
}

func TestOutputGoesOn(t *testing.T) {
	var log bytes.Buffer
	o := newOutput(2, &log)
	fmt.Fprint(o, "all of it")
	if log.String() != "all of it" {
		t.Errorf("log %q", log.String())
	}
}
