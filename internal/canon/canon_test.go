package canon

import "testing"

type doc struct {
	A []int             `json:"a,omitempty"`
	B string            `json:"b"`
	C map[string]string `json:"c,omitempty"`
}

func TestUnmarshal(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"b":"x"}`:                    true,
		`{"a":[1,2],"b":"<é&>"}`:       true,
		`{"b":"","c":{"k":"v"}}`:       true,
		`{"b":"x"} `:                   false,
		`{"b": "x"}`:                   false,
		`{"b":"x"}{}`:                  false,
		`{"b":"x","a":[1]}`:            false,
		`{"b":"x","b":"x"}`:            false,
		`{"B":"x"}`:                    false,
		`{"b":"\u0078"}`:               false,
		`{"a":[1.0],"b":""}`:           false,
		`{"a":[1e0],"b":""}`:           false,
		`{"a":[],"b":""}`:              false,
		`{"b":"x","d":1}`:              false,
		`{"b":null}`:                   false,
		"{\"b\":\"\xff\"}":             false,
		`{"b":"","c":{"b":"","a":""}}`: false,
		``:                             false,
		`null`:                         false,
	} {
		var d doc
		if err := Unmarshal([]byte(text), &d); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSorted(t *testing.T) {
	if err := Sorted([]byte(`{"a":1,"b":{"c":1,"d":2}}`)); err != nil {
		t.Error(err)
	}
	if err := Sorted([]byte(`{"a":1,"b":{"d":1,"c":2}}`)); err == nil {
		t.Error("an unsorted object passes")
	}
}

// FuzzUnmarshal holds that there is one encoding.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"a":[1,2],"b":"x","c":{"k":"v"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d doc
		if Unmarshal(data, &d) != nil {
			return
		}
		if again, err := Marshal(&d); err != nil || string(again) != string(data) {
			t.Fatalf("%q became %q, %v", data, again, err)
		}
	})
}
