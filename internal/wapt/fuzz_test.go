package wapt

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"muster"
)

// FuzzCertificates holds that certificates that are read can be written in PEM
// and read as the same, and that there are few.
func FuzzCertificates(f *testing.F) {
	f.Add([]byte(certificatePEM))
	f.Add([]byte("Bag Attributes\n  x\n" + certificatePEM + "\n" + certificatePEM))
	f.Add([]byte(strings.Replace(certificatePEM, "MII", "MIJ", 1)))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		certs, err := ParseCertificates(data)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatalf("kind %s: %v", muster.KindOf(err), err)
			}
			return
		}
		if len(certs) == 0 || len(certs) > maxCertificates {
			t.Fatalf("%d certificates", len(certs))
		}
		var text []byte
		for _, c := range certs {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
		}
		again, err := ParseCertificates(text)
		if err != nil || len(again) != len(certs) {
			t.Fatalf("%d, then %d, %v", len(certs), len(again), err)
		}
		for i := range certs {
			if !bytes.Equal(again[i].Raw, certs[i].Raw) {
				t.Fatalf("certificate %d is another", i)
			}
		}
	})
}

// FuzzManifest holds that every pair of a manifest is known, none twice.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`[["setup.py","e3b0"],["WAPT/control","0"]]`))
	f.Add([]byte(`[["a","1"],["a","2"]]`))
	f.Add([]byte(`[["a"],null,[]]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sums, err := parseManifest(data)
		if err != nil {
			return
		}
		var pairs [][2]string
		for path, sum := range sums {
			pairs = append(pairs, [2]string{path, sum})
		}
		text, err := json.Marshal(pairs)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseManifest(text)
		if err != nil || len(again) != len(sums) {
			t.Fatalf("%q reads as %d pairs, %v", text, len(again), err)
		}
		for path, sum := range sums {
			if again[path] != sum {
				t.Fatalf("%q has %q, then %q", path, sum, again[path])
			}
		}
	})
}

// TestLongField: a control of one field of as many lines as there can be is
// read in the time of its size, not of its square.
func TestLongField(t *testing.T) {
	data := []byte("package : a\nversion : 1\ndescription : x\n")
	data = append(data, bytes.Repeat([]byte(" \n"), (MaxControl-len(data))/2)...)
	start := time.Now()
	c, err := ParseControl(data)
	if err != nil || c.Get("description") != "x" {
		t.Fatalf("%v", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("reading %d bytes took %v", len(data), took)
	}
}

// certificatePEM is the certificate of nobody.
const certificatePEM = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUZ0Qyg+BCUtT9KbcXd0nrastyqT8wCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIUGFja2FnZXIwHhcNMjYxMTIxMDcxMzE5WhcNMzYxMTE4MDcx
MzE5WjATMREwDwYDVQQDDAhQYWNrYWdlcjBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABPZgyfv3gK6bHCEzRi5o45UdeKDtuJfPl5Wfkdq9GXYipsf6b6wal1/hI76C
FXTeyWSrHamLnHwjQ9uIJc4eEn2jUzBRMB0GA1UdDgQWBBRPsYZvo3GGYOViGFAK
qYth3x5u9DAfBgNVHSMEGDAWgBRPsYZvo3GGYOViGFAKqYth3x5u9DAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDlVAtYOrRIopyWf6PbGb/lc3MB
+PNWWdkNtgo5PFt2CQIgX+a9L9ZYae/T6OpHlRQSzn/CZpkbZO9HReogCjwq+ZE=
-----END CERTIFICATE-----
`
