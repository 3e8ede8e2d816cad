package cli

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/internal/engine"
	"muster/sign"
)

// FuzzLimiter: a rate is a number of bytes and at most one unit, and grows with
// the unit.
func FuzzLimiter(f *testing.F) {
	for _, s := range []string{"500K", "20M", "1g", "2147483647G", "0", "-1", "1KK", "K", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := limiter(s)
		if err != nil || l == nil {
			if (s == "") != (err == nil) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		digits := strings.TrimRight(s, "kKmMgG")
		if len(s)-len(digits) > 1 || l.Limit() < 1 || l.Burst() < 1 {
			t.Errorf("%q is %v", s, l.Limit())
		}
		bare, err := limiter(digits)
		if err != nil || s != digits && l.Limit() < 1024*bare.Limit() {
			t.Errorf("%q is %v, %v", s, l.Limit(), err)
		}
	})
}

// FuzzParams: what is given with --set comes out byte by byte.
func FuzzParams(f *testing.F) {
	f.Add("a", "b=c")
	f.Add("", "x")
	f.Add("a=b", "")
	f.Fuzz(func(t *testing.T, name, value string) {
		got, err := params([]string{name + "=" + value})
		key, rest, _ := strings.Cut(name+"="+value, "=")
		if (err != nil) != (key == "") {
			t.Fatalf("%q: %v", name, err)
		}
		if err == nil && (len(got) != 1 || got[key] != rest) {
			t.Fatalf("%q=%q became %q", name, value, got)
		}
	})
}

// FuzzTargets: an argument of install is the file that is there, or a relation
// that prints as one that means the same, or refused; never two of these.
func FuzzTargets(f *testing.F) {
	for _, s := range []string{"age", "age=1.2", "age (>= 1, < 2)", "./age.mpk", "age_1_linux_amd64.mpk", "", "-x", "a/../b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		var req engine.Request
		if err := targets(&req, []string{arg}); err != nil {
			return
		}
		if len(req.Files)+len(req.Install) != 1 {
			t.Fatalf("%q is %+v", arg, req)
		}
		if len(req.Files) == 1 {
			return
		}
		var again engine.Request
		printed := req.Install[0].String()
		if err := targets(&again, []string{printed}); err != nil || len(again.Install) != 1 || again.Install[0].String() != printed {
			t.Fatalf("%q prints as %q, which is %+v, %v", arg, printed, again, err)
		}
	})
}

// FuzzRequest: whoever asks for a certificate gets one for the key that stands
// in the file, or nothing.
func FuzzRequest(f *testing.F) {
	key, err := sign.NewKey("")
	if err != nil {
		f.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(nil, &x509.CertificateRequest{}, key)
	if err != nil {
		f.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add("CERTIFICATE REQUEST", csr)
	f.Add("NEW CERTIFICATE REQUEST", csr[:len(csr)-1])
	f.Add("PUBLIC KEY", public)
	f.Add("CERTIFICATE", csr)
	f.Add("PRIVATE KEY", public)
	f.Fuzz(func(t *testing.T, kind string, der []byte) {
		file := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		_, key, err := readRequest(file)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatalf("kind %s: %v", muster.KindOf(err), err)
			}
			return
		}
		got, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return // of a type that nobody certifies
		}
		if !strings.Contains(string(der), string(got[len(got)-16:])) {
			t.Fatalf("the key %x does not stand in %x", got, der)
		}
		if strings.Contains(kind, "PRIVATE") {
			t.Fatal("a private key was taken")
		}
	})
}
