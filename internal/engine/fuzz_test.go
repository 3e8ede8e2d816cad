package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"muster"
	"muster/internal/install"
	"muster/settings"
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

// FuzzTold: whatever assigned.json and agent.conf hold, they are refused or read,
// what was read of the first is written as what reads the same, and the second
// never makes settings that may not be written.
func FuzzTold(f *testing.F) {
	f.Add([]byte(`{"host":"0b9f3c1e-5d1f-4e0a-9d5b-0123456789ab","units":["a","a.b"],"groups":["lab"],"applies":["x"]}`))
	f.Add([]byte("update-interval: 1h\nmaintenance-windows: mon 20:00-06:00\n"))
	dir := f.TempDir()
	root, err := install.Setup(dir, install.Config{Area: true, Platform: muster.ThisPlatform()}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(ConfFile(root), data, 0o644); err != nil {
			t.Fatal(err)
		}
		if layers, err := confLayers(ConfFile(root)); err == nil {
			if a, values, _ := settings.Resolve(layers); a.Update < 5*time.Minute || len(values) != len(settings.All()) {
				t.Errorf("%q: %+v", data, a)
			}
		}
		if err := os.WriteFile(assignmentsFile(root), data, 0o644); err != nil {
			t.Fatal(err)
		}
		told, err := readAssignments(root)
		if err != nil {
			return
		}
		if err := save(root, told); err != nil {
			t.Fatal(err)
		}
		if again, err := readAssignments(root); err != nil || !reflect.DeepEqual(again, told) {
			t.Errorf("%+v, then %+v, %v", told, again, err)
		}
	})
}
