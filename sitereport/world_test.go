package sitereport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster"
)

// node is a report as hosts send it.
func node() *Report {
	return &Report{
		Host: "node17.example.org", Site: "EXAMPLE", Tag: "worker", Time: 1764000000, Nonce: "9f2c0a6be1d84c559f2c0a6be1d84c55",
		System: System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Arch: "x86_64", Kernel: "6.1.0-28-amd64"},
		Packages: []Package{
			{Manager: "dpkg", Name: "bash", Version: "5.2.15-2+b8", Arch: "amd64", SourceVersion: "5.2.15-2"},
			{Manager: "dpkg", Name: "libc6", Version: "2.36-9+deb12u9", Arch: "amd64", Source: "glibc"},
			{Manager: "rpm", Name: "é", Version: "1:1-1", Arch: "noarch", Source: "s", SourceVersion: "1:2-1", Origin: "Some Vendor"},
		},
	}
}

// drawText draws texts that differ where order and bounds could go wrong.
func drawText(t *rapid.T, name string) string {
	return rapid.SampledFrom([]string{"", "", "a", "A", "a b", "a-b", "a+b", "é", "~", "1", "a" + strings.Repeat("b", 1000)}).Draw(t, name)
}

func drawReport(t *rapid.T) *Report {
	r := node()
	r.Site, r.Tag = rapid.SampledFrom([]string{"", "X", "Straße 1"}).Draw(t, "site"), rapid.SampledFrom([]string{"", "t"}).Draw(t, "tag")
	r.Time = rapid.Int64Range(0, maxTime).Draw(t, "time")
	if rapid.Bool().Draw(t, "old") {
		r.Nonce, r.System = "", System{Name: drawText(t, "system")}
	}
	rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Package {
		return Package{
			Manager: rapid.SampledFrom([]string{"dpkg", "rpm"}).Draw(t, "manager"), Name: drawText(t, "name"), Version: drawText(t, "version"),
			Arch: drawText(t, "arch"), Source: drawText(t, "source"), SourceVersion: drawText(t, "source version"), Origin: drawText(t, "origin"),
		}
	}), 1, 12).Draw(t, "rows")
	r.Packages = tidy(rows)
	if len(r.Packages) == 0 {
		r.Packages = node().Packages
	}
	return r
}

func mustMarshal(t interface{ Fatal(...any) }, r *Report) []byte {
	data, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// refused fails unless err is Invalid and says all of words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if muster.KindOf(err) != muster.Invalid {
		t.Fatalf("not refused: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}
