package wapt_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"muster"
	"muster/internal/wapt"
	"muster/internal/wapt/wapttest"
)

const index = `package : smp-tool
version : 1.2-3
architecture : x64
filename : smp-tool_1.2-3_x64.wapt
size : 120

package : smp-tool
version : 1.10-1
filename : ./smp-tool_1.10-1.wapt


package : smp-other
version : 2
filename : smp-other_2.wapt
size : many
`

func TestIndex(t *testing.T) {
	for name, data := range map[string][]byte{"text": []byte(index), "zip": wapttest.Zip(t, map[string]string{"Packages": index, "ssl/a.crt": "x"})} {
		all, err := wapt.ParseIndex(data)
		if err != nil {
			t.Fatal(name, err)
		}
		if len(all) != 3 || all[0].Size != 120 || all[1].Size != -1 || all[1].FileName != "smp-tool_1.10-1.wapt" {
			t.Errorf("%s: %+v", name, all)
		}
		for wanted, want := range map[string]string{
			"smp-tool": "1.10-1 1.2-3", "smp-tool=1.2": "1.2-3", "smp-tool=1.2-3": "1.2-3", "smp-tool=1.2-4": "",
			"smp-other_2.wapt": "2", "none": "",
		} {
			var got []string
			for _, e := range wapt.Select(all, wanted) {
				got = append(got, e.Get("version"))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s selects %v, want %q", wanted, got, want)
			}
		}
	}
}

func TestIndexRefused(t *testing.T) {
	for _, text := range []string{
		"package : a\nversion : 1\nfilename : ../a.wapt\n",
		"package : a\nversion : 1\nfilename : /a.wapt\n",
		"package : a\nversion : 1\nfilename : a.exe\n",
		"package : a\nversion : 1\n",
		"version : 1\nfilename : a.wapt\n",
		"PK\x03\x04",
		string(wapttest.Zip(t, map[string]string{"Other": ""})),
		string(wapttest.Zip(t, map[string]string{"Packages": strings.Repeat("\n", wapt.MaxIndex+1)})),
	} {
		if _, err := wapt.ParseIndex([]byte(text)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%.60q: error %v", text, err)
		}
	}
}

func TestMatches(t *testing.T) {
	all, err := wapt.ParseIndex([]byte("package : smp-tool\nversion : 1.4.2-8\nfilename : a.wapt\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := mustOpen(t, wapttest.Base().Zip(t))
	if err := all[0].Matches(p); muster.KindOf(err) != muster.Denied {
		t.Errorf("another version than the index says: %v", err)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(index))
	f.Add(wapttest.Zip(f, map[string]string{"Packages": index}))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := wapt.ParseIndex(data)
		if err != nil {
			return
		}
		for _, e := range all {
			if found := wapt.Select(all, e.FileName); len(found) != 1 {
				t.Fatalf("%q selects %d packages", e.FileName, len(found))
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add(wapttest.Base().Zip(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := wapt.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatalf("error of kind %s: %v", muster.KindOf(err), err)
			}
			return
		}
		for i := range p.Files {
			file := &p.Files[i]
			r, err := file.Open()
			if err != nil {
				continue
			}
			n, err := io.Copy(io.Discard, r)
			r.Close()
			if n > file.Size || err == nil && n != file.Size {
				t.Fatalf("%q has %d bytes, and should have %d", file.Path, n, file.Size)
			}
		}
		if _, err := p.Verify(nil, wapttest.Now); err == nil {
			t.Fatal("verified without any trust")
		}
	})
}
