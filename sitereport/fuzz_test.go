package sitereport

import (
	"bytes"
	"reflect"
	"runtime"
	"testing"
)

// FuzzParse holds that a report has one text.
func FuzzParse(f *testing.F) {
	f.Add([]byte(nodeText))
	f.Add([]byte("Muster-Report: 1\nHost: a\n\nrpm\tb\t\t\t\t\t\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			return
		}
		if again := mustMarshal(t, r); !bytes.Equal(again, data) {
			t.Fatalf("%q became %q", data, again)
		}
	})
}

// FuzzProof holds that what has a proof is a proof and a report, and that only the
// key that made it is believed.
func FuzzProof(f *testing.F) {
	f.Add(siteKey.Prove([]byte(nodeText)))
	f.Add([]byte("Key: a\nProof: "))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, report, err := CutProof(data)
		if err != nil || p == nil {
			return
		}
		if len(data)-len(report) != len("Key: \nProof: \n")+len(p.Key)+64 {
			t.Fatalf("%d bytes before %d", len(data)-len(report), len(report))
		}
		if p.By(siteKey, report) && !bytes.Equal(siteKey.Prove(report), data) {
			t.Fatalf("%q is believed", data)
		}
	})
}

// FuzzUnpack holds that unpacking is bounded, and the way back of packing.
func FuzzUnpack(f *testing.F) {
	packed, err := Pack([]byte(nodeText))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add([]byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, err := Unpack(data)
		if err != nil {
			return
		}
		if len(plain) > maxUnpacked && len(plain) > len(data) {
			t.Fatalf("%d bytes", len(plain))
		}
		packed, err := Pack(plain)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Unpack(packed); err != nil || !bytes.Equal(again, plain) {
			t.Fatalf("%q became %q, %v", plain, again, err)
		}
	})
}

// native fails unless a report of any form can be written as ours, and read again.
func native(t *testing.T, r *Report) {
	t.Helper()
	again, err := Parse(mustMarshal(t, r))
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Fatalf("%+v became %+v, %v", r, again, err)
	}
}

// FuzzPakiti5 holds that what is taken is a report of ours.
func FuzzPakiti5(f *testing.F) {
	for _, name := range []string{"pakiti5-rpm.txt", "pakiti5-dpkg.txt", "pakiti5-pkg.txt"} {
		f.Add(readTestdata(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ParsePakiti5(data); err == nil {
			native(t, r)
		}
	})
}

// FuzzPakiti4 gives one text to all variables but those that choose.
func FuzzPakiti4(f *testing.F) {
	f.Add("rpm", "a.b", "Linux", "'a%2b' '(none):1' '2' 'x'\n")
	f.Add("dpkg", "a.b", "Linux", "'a' '1' '' 'x'\n'")
	f.Add("pkg", "a b", "NetBSD 10", "'a' '1' '' 'x'\n")
	f.Fuzz(func(t *testing.T, kind, host, text, packages string) {
		r, err := ParsePakiti4(func(name string) string {
			switch name {
			case "type":
				return kind
			case "host":
				return host
			case "pkgs":
				return packages
			}
			return text
		})
		if err == nil {
			native(t, r)
		}
	})
}

// FuzzGLPI is FuzzPakiti5 for messages of agents, and holds memory against their size.
func FuzzGLPI(f *testing.F) {
	f.Add(readTestdata(f, "glpi-agent.json"))
	f.Add([]byte(`{"action":"contact","deviceid":7}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		g, err := ParseGLPI(data)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20+100*uint64(len(data)) {
			t.Errorf("%d bytes took %d", len(data), took)
		}
		if err == nil && g.Report != nil {
			native(t, g.Report)
		}
	})
}

// FuzzAnswer holds that what a reporter shows may stand on a terminal, and that a
// collector would have written it, but for the order.
func FuzzAnswer(f *testing.F) {
	f.Add(Answer(found))
	f.Add([]byte(AnswerKept))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, kept, err := ParseAnswer(data)
		if err != nil || kept {
			return
		}
		again, _, err := ParseAnswer(Answer(got))
		if err != nil || len(again) > len(got) {
			t.Fatalf("%+v became %+v, %v", got, again, err)
		}
		for _, line := range again {
			if !contains(got, line) {
				t.Fatalf("%+v is not in %+v", line, got)
			}
		}
	})
}

func contains(all []Found, f Found) bool {
	for _, g := range all {
		if g == f {
			return true
		}
	}
	return false
}
