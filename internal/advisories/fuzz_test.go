package advisories

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"muster/advisory"
)

// FuzzTally holds that what is kept of a group is read as it was written, and that no
// other bytes bring the reader down.
func FuzzTally(f *testing.F) {
	f.Add((&tally{}).encode())
	f.Add((&tally{list: []marked{{1, 5}, {2, 13}, {900, 31}}}).encode())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := decodeTally(b)
		if err != nil {
			return
		}
		again, err := decodeTally((&tally{list: list}).encode())
		if err != nil || !slices.Equal(list, again) {
			t.Errorf("%v is read again as %v; %v", list, again, err)
		}
	})
}

// FuzzDocument holds that an advisory comes out of the database as it went in, as a
// whole and package by package: whatever its publisher wrote, it goes in or is refused.
func FuzzDocument(f *testing.F) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	check(f, err)
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	check(f, err)
	a := &Advisories{pack: pack, unpack: unpack}
	f.Add([]byte(`{"ID":"CVE-1","Aliases":["DSA-1"],"Severity":4,"Affected":[{"Ecosystem":"debian","Release":"12","Name":"curl","Ranges":[{"Introduced":"1","Fixed":"2"}],"Status":"no-dsa"}]}`))
	f.Add([]byte(`{"ID":"x","Affected":[{"Ecosystem":"pkgsrc","Name":"mutt-1.[0-4]*","Glob":true,"Versions":["1\u0000"]},{"Ecosystem":"freebsd","Name":"*"}]}`))
	f.Add([]byte(`{"ID":"x","Withdrawn":5,"Affected":[{"Ecosystem":"a","Name":"b"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in advisory.Advisory
		if json.Unmarshal(b, &in) != nil {
			return
		}
		d, err := a.newDocument(&in)
		if err != nil {
			return
		}
		out, err := a.read(pack.EncodeAll(d.body, nil))
		check(t, err)
		sameJSON(t, in, *out)
		rows, err := d.rows(1, 1)
		check(t, err)
		if in.Withdrawn != 0 {
			if len(rows) > 0 {
				t.Errorf("%d rows of one that was withdrawn", len(rows))
			}
			return
		}
		for i, r := range rows {
			c := candidate{Affected: advisory.Affected{Ecosystem: r[0].(string), Release: r[1].(string)}}
			check(t, c.fill(r[2].(string), r[6].([]byte)))
			want := in.Affected[i]
			want.Status = cut(want.Status, 40)
			if want.Severity == advisory.Unknown {
				want.Severity = in.Severity
			}
			sameJSON(t, want, c.Affected)
		}
	})
}

// sameJSON compares without telling an empty list from none.
func sameJSON[T any](t *testing.T, want, got T) {
	t.Helper()
	text := func(v T) string {
		b, err := json.Marshal(v)
		check(t, err)
		var any any
		check(t, json.Unmarshal(b, &any))
		b, err = json.Marshal(bare(any))
		check(t, err)
		return string(b)
	}
	if text(want) != text(got) {
		t.Errorf("%s came back as %s", text(want), text(got))
	}
}

func bare(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = bare(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = bare(v[k])
		}
	}
	return v
}
