package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"muster/sign"
)

// FuzzTrust: of a file of certificates nobody is believed who does not stand in
// it, the first always is, and the issuers behind a person are not.
func FuzzTrust(f *testing.F) {
	dir := "../../index/testdata/signed"
	one, err := os.ReadFile(filepath.Join(dir, "ca1.crt"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Add(append(bytes.Clone(one), one...))
	f.Add(one[:len(one)/2])
	vectors, err := filepath.Glob("../../sign/testdata/vectors/good-*.txt")
	if err != nil || len(vectors) == 0 {
		f.Fatal(err)
	}
	for _, name := range vectors {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if i := bytes.Index(data, []byte("-----BEGIN CERTIFICATE-----")); i >= 0 {
			f.Add(data[i:])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "trust.crt")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		trust, err := LoadTrust(file)
		certs, perr := sign.ParseCerts(data)
		if (err == nil) != (perr == nil) {
			t.Fatalf("%v, but the certificates: %v", err, perr)
		}
		if err != nil {
			return
		}
		if len(trust.Anchors) == 0 || !trust.Anchors[0].Equal(certs[0]) || len(trust.Anchors) > len(certs) {
			t.Fatalf("%d of %d are believed", len(trust.Anchors), len(certs))
		}
		rest := certs
		for _, a := range trust.Anchors {
			for len(rest) > 0 && !rest[0].Equal(a) {
				if !rest[0].IsCA {
					t.Fatalf("%s is not believed, but stands there", sign.Describe(rest[0]))
				}
				rest = rest[1:]
			}
			if len(rest) == 0 {
				t.Fatalf("%s is believed, but does not stand there", sign.Describe(a))
			}
			rest = rest[1:]
		}
	})
}
