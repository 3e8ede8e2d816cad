package reference

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkCompare is the question what it costs to compare a host with 2,000 packages
// with a list of 60,000.
func BenchmarkCompare(b *testing.B) {
	var n Newest
	var text strings.Builder
	for i := range 60_000 {
		if err := n.add("dpkg", fmt.Sprint("package-", i), "amd64", "1:2.36-9+deb12u10"); err != nil {
			b.Fatal(err)
		}
		if i%30 == 0 {
			fmt.Fprintf(&text, "dpkg package-%d 1:2.36-9+deb12u%d amd64\n", i, i/30%12)
		}
	}
	has := packages(text.String())
	m := n.List("x").Matcher(0)
	all := pointers(has)
	b.Run("host", func(b *testing.B) {
		for range b.N {
			m.Compare(&Host{}, all)
		}
	})
}

// BenchmarkAddDebian is the question how fast an index is read.
func BenchmarkAddDebian(b *testing.B) {
	var text strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&text, "Package: package-%d\nSource: source (1)\nVersion: 1:2.36-9+deb12u10\nInstalled-Size: 12345\nMaintainer: Somebody <somebody@example.org>\nArchitecture: amd64\n"+
			"Depends: libc6 (>= 2.36), libgcc-s1 (>= 3.0), libstdc++6 (>= 11), python3\nDescription: a package of which there are many\nHomepage: https://example.org/\nSection: libs\n"+
			"Priority: optional\nFilename: pool/main/p/package/package_2.36-9_amd64.deb\nSize: 123456\nSHA256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\n", i)
	}
	b.SetBytes(int64(text.Len()))
	for range b.N {
		var n Newest
		if err := n.AddDebian("x", strings.NewReader(text.String())); err != nil || n.Len() != 60_000 {
			b.Fatal(err)
		}
	}
}
