package inventory

import (
	"bytes"
	"testing"
)

// FuzzVolatile holds that what changes by itself has one encoding.
func FuzzVolatile(f *testing.F) {
	v := &Volatile{Audited: []Moment{{"age", 1}}, Boot: 1, Format: Format, Free: []Free{{1, "/"}}, Load: []int64{1, 2, 3},
		Sessions: []Session{{User: "alice", TTY: "tty1", Since: 2}}, Time: 3}
	data, err := v.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(bytes.Replace(data, []byte("alice"), []byte("al\u202eice"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ParseVolatile(data)
		if err != nil {
			return
		}
		if again, err := v.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q became %q, %v", data, again, err)
		}
	})
}
