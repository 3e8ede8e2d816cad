package advisory

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// value reads any value: the shape of package json with its numbers as text.
func (j *jsonReader) value(t *testing.T) (v any, err error) {
	c, err := j.next()
	if err != nil {
		return nil, err
	}
	switch c {
	case '{':
		m := map[string]any{}
		err = j.object(func(key string) error {
			m[key], err = j.value(t)
			return err
		})
		return m, err
	case '[':
		list := []any{}
		err = j.array(func() error {
			v, err := j.value(t)
			list = append(list, v)
			return err
		})
		return list, err
	case 'n':
		return nil, j.skip()
	}
	s, err := j.text()
	if c == 't' || c == 'f' {
		return s == "true", err
	}
	if c != '"' {
		return json.Number(s), err
	}
	return s, err
}

// FuzzJSON asks a second reader: encoding/json.
func FuzzJSON(f *testing.F) {
	files, err := filepath.Glob("testdata/csaf/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "testdata/arch.json", "testdata/secdb.json") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{
		`"\ud83d\ude00\ud83d\n\u0000\/"`, `{"a":[1,-0.5e+3,true,false,null,{}]}`, `[1,]`, `{"a":1,}`, `01`, `1.`, `-`, `"\x"`, "\"\xff\"", `[] []`,
		`{"a":1,"a":2}`, ` `, `"\u00+1"`, strings.Repeat("[", 65) + strings.Repeat("]", 65), "\"\x01\"", `tru`, `nullx`, `[1 2]`, `{1:2}`, `"\ud83d\u+bcd"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, in := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data))} {
			j := newJSONReader("fuzz", in)
			got, err := j.value(t)
			if err == nil {
				err = j.end()
			}
			d := json.NewDecoder(bytes.NewReader(data))
			d.UseNumber()
			var want any
			wrong := d.Decode(&want)
			if wrong == nil && !json.Valid(data) {
				wrong = io.ErrUnexpectedEOF
			}
			switch {
			case err != nil && strings.Contains(err.Error(), "nested too deep"):
			case (err == nil) != (wrong == nil):
				t.Fatalf("%q: %v; encoding/json says %v", data, err, wrong)
			case err == nil && !reflect.DeepEqual(got, want):
				t.Fatalf("%q is %#v; encoding/json says %#v", data, got, want)
			}
			k := newJSONReader("fuzz", bytes.NewReader(data))
			if skipped := k.skip(); err == nil && (skipped != nil || k.end() != nil) {
				t.Fatalf("%q is not passed over: %v", data, skipped)
			}
		}
	})
}

// TestJSONBounds: no text makes the reader hold more than its bound.
func TestJSONBounds(t *testing.T) {
	for _, head := range []string{`"`, `{"`, `[1`, `"\u0041`} {
		endless := io.MultiReader(strings.NewReader(head), repeated(head[len(head)-1]))
		j := newJSONReader("endless", endless)
		if err := j.skip(); err == nil || j.at > 2*maxJSONToken {
			t.Errorf("%s...: %v after %d bytes", head, err, j.at)
		}
		if cap(j.held) > 4*maxJSONToken {
			t.Errorf("%s...: %d bytes are held", head, cap(j.held))
		}
	}
}

// repeated is a reader of one byte without end; a quote is read as a letter.
type repeated byte

func (r repeated) Read(p []byte) (int, error) {
	if r == '"' {
		r = 'a'
	}
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}
