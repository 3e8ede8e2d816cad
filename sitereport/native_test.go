package sitereport

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster/internal/testneed"
)

const nodeText = `Muster-Report: 1
Host: node17.example.org
Site: EXAMPLE
Tag: worker
Id: debian
Version: 12
System: Debian GNU/Linux 12 (bookworm)
Arch: x86_64
Kernel: 6.1.0-28-amd64
Time: 1764000000
Nonce: 9f2c0a6be1d84c559f2c0a6be1d84c55

dpkg	bash	5.2.15-2+b8	amd64		5.2.15-2	
dpkg	libc6	2.36-9+deb12u9	amd64	glibc		
rpm	é	1:1-1	noarch	s	1:2-1	Some Vendor
`

// TestText holds the text of the format: what stands here was sent by others.
func TestText(t *testing.T) {
	if got := string(mustMarshal(t, node())); got != nodeText {
		t.Errorf("wrote\n%s", got)
	}
	r, err := Parse([]byte(nodeText))
	if err != nil || !reflect.DeepEqual(r, node()) {
		t.Errorf("read %+v, %v", r, err)
	}
	_, lines, _ := strings.Cut(nodeText, "\n\n")
	if want := sha256.Sum256([]byte(lines)); r.SetHash() != want {
		t.Error("the hash of the set is not that of its lines")
	}
}

// TestDocument holds the example of the documentation, for other implementations.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../docs/formats/report.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "```\n")
	text, _, _ := strings.Cut(rest, "```\n")
	r, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", r.SetHash()); !strings.Contains(string(data), sum) {
		t.Errorf("the documentation does not have the set hash %s", sum)
	}
	if proof := fmt.Sprintf("%x", mac(siteKey.Hash(), []byte(text))); !strings.Contains(string(data), proof) {
		t.Errorf("the documentation does not have the proof %s", proof)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawReport(t)
		data := mustMarshal(t, r)
		again, err := Parse(data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v became %+v", r, again)
		}
	})
}

// TestSort holds that the order of packages is that of sort(1), for reporters made
// of shell.
func TestSort(t *testing.T) {
	sort := testneed.Program(t, "sort")
	rapid.Check(t, func(t *rapid.T) {
		_, lines, _ := bytes.Cut(mustMarshal(t, drawReport(t)), []byte("\n\n"))
		cmd := exec.Command(sort, "-u")
		cmd.Env, cmd.Stdin = []string{"LC_ALL=C"}, bytes.NewReader(lines)
		out, err := cmd.Output()
		if err != nil || !bytes.Equal(out, lines) {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}

// TestRefusals changes one thing of a good report.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		says     string
	}{
		"other format":       {"Report: 1", "Report: 2", "line 1:"},
		"no host":            {"Host: node17.example.org\n", "", "no host"},
		"blank in host":      {"node17.", "node 17.", "name of a host"},
		"order of fields":    {"Site: EXAMPLE\nTag: worker\n", "Tag: worker\nSite: EXAMPLE\n", "line 4:"},
		"field twice":        {"Tag: worker\n", "Tag: worker\nTag: worker\n", "line 5:"},
		"unknown field":      {"Tag: worker\n", "Colour: red\n", `line 4: "Colour"`},
		"empty field":        {"Tag: worker", "Tag: ", "line 4:"},
		"no blank":           {"Tag: worker", "Tag:worker", "line 4:"},
		"blank at the end":   {"Tag: worker", "Tag: worker ", "Tag"},
		"carriage return":    {"Tag: worker\n", "Tag: worker\r\n", "Tag"},
		"leading zero":       {"Time: 17", "Time: 017", "time"},
		"negative time":      {"Time: 17", "Time: -17", "time"},
		"time of no number":  {"Time: 1764000000", "Time: now", "time"},
		"capitals in nonce":  {"9f2c", "9F2C", "nonce"},
		"short nonce":        {"9f2c", "", "nonce"},
		"direction of text":  {"bookworm", "book\u202eworm", "System"},
		"long site":          {"EXAMPLE", strings.Repeat("x", 101), "100 bytes"},
		"six fields":         {"amd64\tglibc\t\t", "amd64\tglibc\t", "line 14:"},
		"eight fields":       {"amd64\tglibc\t\t", "amd64\tglibc\t\t\t", "line 14:"},
		"unknown manager":    {"dpkg\tlibc6", "dpkh\tlibc6", "line 14:"},
		"no name":            {"rpm\té", "rpm\t", "line 15:"},
		"itself as source":   {"glibc", "libc6", "line 14:"},
		"its own version":    {"\t5.2.15-2\t", "\t5.2.15-2+b8\t", "line 13:"},
		"not sorted":         {"dpkg\tbash", "dpkg\tzsh", "line 14:"},
		"twice":              {"dpkg\tlibc6", "dpkg\tlibc6\t2.36-9+deb12u9\tamd64\tglibc\t\t\ndpkg\tlibc6", "line 15:"},
		"blank line":         {"dpkg\tlibc6", "\ndpkg\tlibc6", "line 14:"},
		"escape in package":  {"Some Vendor", "Some\x1b[2J Vendor", "line 15:"},
		"not UTF-8":          {"Some Vendor", "Some \xff Vendor", "line 15:"},
		"long text":          {"Some Vendor", strings.Repeat("v", 1025), "line 15:"},
		"endless line":       {"Some Vendor", strings.Repeat("v", 9000), "line 15:"},
		"cut in a line":      {"Vendor\n", "Ve", "line 15:"},
		"byte order mark":    {"Muster", "\ufeffMuster", "line 1:"},
		"no end of header":   {"\n\n", "\n", "line 12:"},
		"vertical separator": {"Debian GNU", "Debian\u2028GNU", "System"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(nodeText, c.old, c.new, 1)
			if changed == nodeText {
				t.Fatal("nothing was changed")
			}
			_, err := Parse([]byte(changed))
			refused(t, err, c.says)
		})
	}
	before, _, _ := strings.Cut(nodeText, "dpkg")
	_, err := Parse([]byte(before))
	refused(t, err, "0 packages")
}

// TestBounds holds the largest report, and refuses one that is larger before it is
// taken apart.
func TestBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	r := node()
	r.Packages = make([]Package, MaxPackages)
	for i := range r.Packages {
		r.Packages[i] = Package{Manager: "dpkg", Name: fmt.Sprintf("p%06d", i), Version: "1"}
	}
	data := mustMarshal(t, r)
	again, err := Parse(data)
	if err != nil || again.SetHash() != r.SetHash() {
		t.Fatal(err)
	}
	_, err = Parse(append(data, "dpkg\tz\t\t\t\t\t\n"...))
	refused(t, err, "200001 packages")
	for i := range r.Packages {
		r.Packages[i].Origin = strings.Repeat("o", 200)
	}
	_, err = r.Marshal()
	refused(t, err, "bytes")
	_, err = Parse(make([]byte, MaxReport+1))
	refused(t, err, "bytes")
}

// TestMarshalChecks holds that nothing is written that Parse would refuse.
func TestMarshalChecks(t *testing.T) {
	for name, change := range map[string]func(*Report){
		"order":       func(r *Report) { r.Packages[0], r.Packages[1] = r.Packages[1], r.Packages[0] },
		"twice":       func(r *Report) { r.Packages[1] = r.Packages[0] },
		"line":        func(r *Report) { r.Tag = "a\nb" },
		"tab":         func(r *Report) { r.Packages[0].Version = "1\t2" },
		"no packages": func(r *Report) { r.Packages = nil },
		"time":        func(r *Report) { r.Time = -1 },
	} {
		r := node()
		change(r)
		if _, err := r.Marshal(); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	r := node()
	r.Packages = nil
	for i := range 2000 {
		r.Packages = append(r.Packages, Package{Manager: "dpkg", Name: fmt.Sprintf("lib-package-%04d", i), Version: "1:2.3-4+deb12u1",
			Arch: "amd64", Source: fmt.Sprintf("package-%04d", i)})
	}
	data := mustMarshal(b, r)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
