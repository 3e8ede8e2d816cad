package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/internal/testneed"
)

// now is the time of the tests. openssl knows no other than the real one.
var now = time.Now().UTC().Truncate(time.Second)

const year = 365 * 24 * time.Hour

// rsaKey is made once: it takes the time of all other keys together.
var rsaKey = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		panic(err)
	}
	return key
})

// key makes a key. Every RSA-3072 key of the tests is the same.
func key(t testing.TB, alg string) crypto.Signer {
	t.Helper()
	if alg == "rsa-3072" {
		return rsaKey()
	}
	k, err := NewKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// authority makes an authority that was made a year ago and lasts ten.
func authority(t testing.TB, name string) *Identity {
	t.Helper()
	k := key(t, "ecdsa-p256")
	cert, err := NewAuthority(name, k, now.Add(-year), now.Add(9*year))
	if err != nil {
		t.Fatal(err)
	}
	return &Identity{k, []*x509.Certificate{cert}}
}

// person is certified by ca, from 30 days ago for a year.
func person(t testing.TB, ca *Identity, name, alg string, rights ...Right) *Identity {
	t.Helper()
	return certify(t, ca, Request{Name: name, Rights: rights, Public: key(t, alg).Public()}, alg)
}

// certify issues a certificate for a new key; unset times are those of person.
func certify(t testing.TB, ca *Identity, req Request, alg string) *Identity {
	t.Helper()
	k := key(t, alg)
	req.Public = k.Public()
	if req.From.IsZero() {
		req.From = now.Add(-30 * 24 * time.Hour)
	}
	if req.To.IsZero() {
		req.To = req.From.Add(year)
	}
	cert, err := Issue(ca, req)
	if err != nil {
		t.Fatal(err)
	}
	return &Identity{k, append([]*x509.Certificate{cert}, ca.Chain...)}
}

func trusting(ids ...*Identity) *Trust {
	t := new(Trust)
	for _, id := range ids {
		t.Add(id.Leaf())
	}
	return t
}

func signed(t testing.TB, content string, ids ...*Identity) []byte {
	t.Helper()
	der, err := Sign([]byte(content), true, now, ids...)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// wantError checks the kind of err, and that it says every one of the words.
func wantError(t testing.TB, err error, kind muster.ErrorKind, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted; want an error of kind %s", kind)
	}
	if got := muster.KindOf(err); got != kind {
		t.Errorf("error of kind %q, want %q: %v", got, kind, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// bench is a folder in which real programs work on files.
type bench struct {
	t   testing.TB
	dir string
}

func newBench(t testing.TB) *bench { return &bench{t, t.TempDir()} }

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name string, data []byte) string {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return b.path(name)
}

// rsaKey writes the RSA key of the tests, which openssl would take seconds to make.
func (b *bench) rsaKey(name string) {
	b.t.Helper()
	pem, err := MarshalKey(rsaKey(), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(name, pem)
}

func (b *bench) read(name string) []byte {
	b.t.Helper()
	data, err := os.ReadFile(b.path(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return data
}

// try runs a program in the folder.
func (b *bench) try(name string, args ...string) (string, error) {
	b.t.Helper()
	cmd := exec.Command(testneed.Program(b.t, name), args...)
	cmd.Dir = b.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run runs a program that must succeed.
func (b *bench) run(name string, args ...string) string {
	b.t.Helper()
	out, err := b.try(name, args...)
	if err != nil {
		b.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// identity writes NAME.key and NAME.crt, the whole chain in it.
func (b *bench) identity(name string, id *Identity) {
	b.t.Helper()
	keyPEM, err := MarshalKey(id.Key, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(name+".key", keyPEM)
	b.write(name+".crt", EncodeCerts(id.Chain...))
}

func leaves(ids []*Identity) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, id := range ids {
		certs = append(certs, id.Leaf())
	}
	return certs
}
