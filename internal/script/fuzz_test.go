package script

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzValue: a value that came from the other process prints as JSON that reads
// as the same value, and becomes one of Starlark that does so too.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`null`, `[1,-9223372036854775808,1.5e300,"\ud83d\ude00",true]`, `{"a":{"b":[{}]}}`, `1 }`, `"\u0000"`,
		strings.Repeat("[", 70) + strings.Repeat("]", 70), `1e999`, `-0.0`, `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := decode(text)
		if err != nil {
			return
		}
		if len(text) > 0 && !json.Valid(text) {
			t.Fatalf("%q is no JSON, but reads as %v", text, v)
		}
		out, err := encode(v)
		if err != nil {
			t.Fatalf("%q reads as %v, which cannot be printed: %v", text, v, err)
		}
		again, err := decode(out)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Fatalf("%#v prints as %s, which reads as %#v, %v", v, out, again, err)
		}
		s, err := toStarlark(v)
		if err != nil {
			t.Fatalf("%v is none of Starlark: %v", v, err)
		}
		back, err := fromStarlark(s, 0)
		if err != nil || !reflect.DeepEqual(back, v) {
			t.Fatalf("%#v became %#v, %v", v, back, err)
		}
	})
}

// FuzzOSRelease: a value that is written with quotes, as os-release(5) says, is
// read as it was; other lines are read as a shell reads what needs no quotes.
func FuzzOSRelease(f *testing.F) {
	f.Add("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n# x\nURL='https://x'\n", `a "b" $c \ `+"`d`")
	f.Add("A=\"\nB='\nC=\"\"\"\n=\n", "'")
	f.Fuzz(func(t *testing.T, text, value string) {
		for name := range parseOSRelease(text) {
			if strings.ContainsAny(name, "=\n") || !strings.Contains(text, name+"=") {
				t.Errorf("%q has %q", text, name)
			}
		}
		if strings.ContainsAny(value, "\r\n") {
			return
		}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(value)
		if got := parseOSRelease("NAME=\"" + quoted + "\"\n")["NAME"]; got != value {
			t.Errorf("wrote %q as %q, read %q", value, quoted, got)
		}
	})
}

// FuzzSoftware: what dpkg and rpm print is read line by line; each field stands
// in its line.
func FuzzSoftware(f *testing.F) {
	f.Add("age\t1.1.1-1+b3\tAlice\nlibc6:amd64\t2.36\t\n")
	f.Add("\tx\n\n\r\na\tb\tc\td\te\tf\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		all := parseSoftware(text)
		if len(all) > strings.Count(text, "\n")+1 {
			t.Fatalf("%d programs in %q", len(all), text)
		}
		var b strings.Builder
		for _, s := range all {
			if s.Key == "" || strings.ContainsAny(s.Key+s.Version+s.Publisher+s.InstallLocation, "\t\n") {
				t.Fatalf("%q has %+v", text, s)
			}
			b.WriteString(strings.Join([]string{s.Key, s.Version, s.Publisher, s.InstallLocation}, "\t") + "\n")
		}
		if again := parseSoftware(b.String()); !reflect.DeepEqual(trimmed(again), trimmed(all)) {
			t.Fatalf("%+v, then %+v", all, again)
		}
	})
}

// trimmed is without carriage returns at the end of what stood last in a line.
func trimmed(all []software) []software {
	for i := range all {
		all[i].InstallLocation = strings.TrimRight(all[i].InstallLocation, "\r")
	}
	return all
}

// FuzzExpand: text without variables stays, known ones are replaced, and what
// was put in is not looked at again.
func FuzzExpand(f *testing.F) {
	f.Add("$HOME/%ProgramFiles(x86)%/${A}", "${A}")
	f.Add("$$A%A%%A", "$A")
	f.Add("100%", "")
	f.Fuzz(func(t *testing.T, text, value string) {
		if got := expand(text, func(string) (string, bool) { return "", false }); got != text {
			t.Fatalf("nothing is known, but %q became %q", text, got)
		}
		asked := 0
		got := expand(text, func(name string) (string, bool) {
			asked++
			if !strings.Contains(text, name) || name == "" {
				t.Fatalf("%q asks for %q", text, name)
			}
			return value, true
		})
		if asked == 0 && got != text || len(got) > len(text)+asked*len(value) {
			t.Fatalf("%q became %q", text, got)
		}
		if want := variable.ReplaceAllLiteralString(text, value); got != want {
			t.Fatalf("%q became %q, not %q", text, got, want)
		}
	})
}

// FuzzUnzip: no archive writes outside of its folder, not through a link that
// is there already either, and what is made is what was told.
func FuzzUnzip(f *testing.F) {
	pack := func(names ...string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, name := range names {
			out, err := w.Create(name)
			if err != nil {
				f.Fatal(err)
			}
			out.Write([]byte("content"))
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		return b.Bytes()
	}
	f.Add(pack("a/b", "a/c"))
	f.Add(pack("../outside", "/etc/x", `a\b`, "link/x", "c:/x"))
	f.Add(pack("link", "a/", "a/../b", "a/b", "a/b/c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		file, inner := filepath.Join(outer, "x.zip"), filepath.Join(outer, "inner")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(inner, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("..", filepath.Join(inner, "link")); err != nil {
			t.Fatal(err)
		}
		made, err := extractZip(file, inner, nil)
		left, _ := os.ReadDir(outer)
		if after, rerr := os.ReadFile(file); len(left) != 2 || rerr != nil || !bytes.Equal(after, data) {
			t.Fatalf("outside lies %v, and the archive has %d bytes, %v", left, len(after), rerr)
		}
		for _, name := range made {
			if _, serr := os.Lstat(name); err == nil && serr != nil || !strings.HasPrefix(name, inner) {
				t.Fatalf("%q: %v", name, serr)
			}
		}
	})
}
