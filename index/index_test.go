package index

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"muster"
	"muster/control"
)

// entry makes an entry of that name and version.
func entry(name, version string) *Entry {
	c := &control.Control{Name: name, Version: version, Kind: muster.Base,
		OS: []string{"linux"}, Architecture: []string{"amd64"}, Description: "Test package"}
	return &Entry{Control: c, Filename: Pool(c), Size: 1000, InstalledSize: 5000, NeedsCode: true,
		SHA256: Sum([]byte("file " + name + version)), ManifestSHA256: Sum([]byte("manifest " + name + version)),
		Signers: []string{Sum([]byte("alice"))}}
}

func newIndex(t testing.TB, entries ...*Entry) *Index {
	t.Helper()
	x, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestPrintParse(t *testing.T) {
	full := entry("libfoo", "2.0~rc1-3")
	full.Description = "A library\n\nof two paragraphs"
	full.Descriptions = map[string]string{"fr": "Une bibliothèque"}
	full.Depends = must(t)(control.ParseDependency("bar (>= 1, < 2) | baz"))
	full.Signers = []string{Sum([]byte("a")), Sum([]byte("b"))}
	if full.Signers[0] > full.Signers[1] {
		full.Signers[0], full.Signers[1] = full.Signers[1], full.Signers[0]
	}
	group := entry("site-tools", "5")
	group.Kind, group.NeedsCode, group.InstalledSize = muster.Group, false, 0
	x := newIndex(t, group, entry("age", "1.3.2-1"), entry("age", "1.3.1-1"), full)
	text := string(x.Print())
	y, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if again := string(y.Print()); again != text {
		t.Errorf("printed again:\n%s\nwant\n%s", again, text)
	}
	if !control.Equal(y.Find("libfoo")[0].Control, full.Control) {
		t.Errorf("control changed: %v", y.Find("libfoo")[0].Control)
	}
	empty, err := Parse("")
	if err != nil || empty.Len() != 0 || len(empty.Print()) != 0 {
		t.Errorf("empty index: %v, %v", empty, err)
	}
}

func must(t *testing.T) func(control.Dependency, error) []control.Dependency {
	return func(d control.Dependency, err error) []control.Dependency {
		if err != nil {
			t.Fatal(err)
		}
		return []control.Dependency{d}
	}
}

func TestFind(t *testing.T) {
	// '+' and '-' sort before '/': names that begin alike must not mix.
	x := newIndex(t, entry("a", "1"), entry("a", "2"), entry("a+b", "1"), entry("a-b", "1"), entry("ab", "1"), entry("b", "1"))
	for name, want := range map[string]int{"a": 2, "a+b": 1, "a-b": 1, "ab": 1, "b": 1, "c": 0, "": 0, "0": 0} {
		got := x.Find(name)
		if len(got) != want {
			t.Errorf("Find(%q) has %d packages, want %d", name, len(got), want)
		}
		for _, e := range got {
			if e.Name != name {
				t.Errorf("Find(%q) has %s", name, e)
			}
		}
	}
	if e := x.File("pool/a/a+b/a+b_1_linux_amd64.mpk"); e == nil || e.Name != "a+b" {
		t.Errorf("File: %v", e)
	}
	if e := x.File("pool/a/a/none"); e != nil {
		t.Errorf("File of nothing: %v", e)
	}
}

func TestParseRefuses(t *testing.T) {
	age, zip := entry("age", "1.0"), entry("zip", "3")
	text := age.Text() + zip.Text()
	change := func(old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("no %q in\n%s", old, text)
		}
		return strings.Replace(text, old, new, 1)
	}
	for _, test := range []struct{ name, text, want string }{
		{"not sorted", zip.Text() + age.Text(), "not sorted"},
		{"twice", age.Text() + age.Text(), "stands twice"},
		{"unknown field", change("size: 1000\n", "size: 1000\ncolour: red\n"), "unknown field"},
		{"no size", change("size: 1000\n", ""), "size 0"},
		{"negative size", change("size: 1000\n", "size: -1\n"), "size -1"},
		{"size with a plus", change("size: 1000\n", "size: +1000\n"), "canonical"},
		{"size with a zero", change("size: 1000\n", "size: 01000\n"), "canonical"},
		{"huge size", change("size: 1000\n", "size: 99999999999999999\n"), "out of range"},
		{"hash with capitals", change(age.SHA256, strings.ToUpper(age.SHA256)), "sha256"},
		{"no manifest hash", change("manifest-sha256: "+age.ManifestSHA256+"\n", ""), "sha256"},
		{"base without code", change("needs-code: yes\n", ""), "needs code"},
		{"needs-code no", change("needs-code: yes\n", "needs-code: no\n"), "not yes"},
		{"no signers", change("signers: "+age.Signers[0]+"\n", ""), "0 signers"},
		{"short signer", change("signers: "+age.Signers[0], "signers: abc"), "not a sha256"},
		{"signer twice", change(age.Signers[0], age.Signers[0]+", "+age.Signers[0]), "stands twice"},
		{"17 signers", change(age.Signers[0], strings.Repeat(age.Signers[0]+", ", 16)+age.Signers[0]), "more than 16"},
		{"other file", change("pool/a/age/", "pool/a/../"), "the file of age 1.0 is"},
		{"absolute file", change("filename: pool", "filename: /pool"), "the file of age 1.0 is"},
		{"other case", change("package:", "Package:"), "canonical"},
		{"other order", change("version: 1.0\nkind: base\n", "kind: base\nversion: 1.0\n"), "canonical"},
		{"default left out", change("kind: base\n", ""), "canonical"},
		{"comment", "# comment\n" + text, "canonical"},
		{"carriage returns", strings.ReplaceAll(text, "\n", "\r\n"), "canonical"},
		{"no empty line at the end", strings.TrimSuffix(text, "\n"), "canonical"},
		{"two empty lines", text + "\n", "belongs to no package"},
		{"only an empty line", "\n", "belongs to no package"},
		{"space at a line's end", change("1.0\n", "1.0 \n"), "canonical"},
		{"no deb822", "hello\n", "not a field"},
		{"bad version", change("version: 1.0", "version: a b"), "version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.text)
			if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New([]*Entry{entry("a", "1"), entry("a", "1")}); muster.KindOf(err) != muster.Conflict {
		t.Errorf("same file name twice: %v", err)
	}
	bad := entry("a", "1")
	bad.Filename = "pool/a/a/other.mpk"
	if _, err := New([]*Entry{bad}); muster.KindOf(err) != muster.Invalid {
		t.Errorf("wrong file name: %v", err)
	}
}

// world makes n entries like those of a large distribution: some 790 bytes
// each, with dependencies.
func world(n int) []*Entry {
	r := rand.New(rand.NewPCG(1, 2))
	entries := make([]*Entry, n)
	for i := range entries {
		e := entry(fmt.Sprintf("%c-package-%d", 'a'+i%26, i), fmt.Sprintf("%d.%d.%d-%d", r.IntN(20), r.IntN(50), r.IntN(9), 1+r.IntN(5)))
		e.Size, e.InstalledSize = r.Int64N(1e8)+1, r.Int64N(1e9)
		for range r.IntN(7) {
			d, _ := control.ParseDependency(fmt.Sprintf("%c-package-%d (>= %d.%d)", 'a'+r.IntN(26), r.IntN(n), r.IntN(9), r.IntN(9)))
			e.Depends = append(e.Depends, d)
		}
		e.Title = fmt.Sprintf("Package %d", i)
		e.Description = "Does something useful for those who need it\nand says so in a longer text of " + strings.Repeat("several words ", r.IntN(9)) + "end"
		e.Maintainer, e.Homepage, e.Licence = "Packaging Team <team@example.org>", "https://example.org/"+e.Name, "GPL-2.0-or-later"
		entries[i] = e
	}
	return entries
}

func BenchmarkParseIndex60k(b *testing.B) {
	text := string(newIndex(b, world(60_000)...).Print())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOutlines60k(b *testing.B) {
	x := newIndex(b, world(60_000)...)
	b.ReportAllocs()
	for b.Loop() {
		for range x.Outlines() {
		}
	}
}
