package sign

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/youmark/pkcs8"

	"muster"
	"muster/internal/testneed"
)

func password(pw string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(pw), nil }
}

func TestKeyRoundTrip(t *testing.T) {
	for _, alg := range []string{"", "ecdsa-p256", "ecdsa-p384", "rsa-3072"} {
		k := key(t, alg)
		plain, err := MarshalKey(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseKey(plain, func() ([]byte, error) {
			t.Error("asks for the password of a plain key")
			return nil, nil
		})
		if err != nil || !sameKey(got.Public(), k.Public()) {
			t.Errorf("%s plain: %v", alg, err)
		}
	}
	k := key(t, "")
	locked, err := MarshalKey(k, []byte("pässword"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseKey(locked, password("pässword"))
	if err != nil || !sameKey(got.Public(), k.Public()) {
		t.Errorf("with password: %v", err)
	}
	_, err = NewKey("ed25519")
	wantError(t, err, muster.Invalid, "ed25519")
}

// lightly encrypts a key with few rounds, for tests that are not about them.
func lightly(t testing.TB, k crypto.Signer, password string) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := encryptKey(der, []byte(password), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: locked})
}

func TestWrongPassword(t *testing.T) {
	locked := lightly(t, key(t, ""), "right")
	_, err := ParseKey(locked, password("wrong"))
	wantError(t, err, muster.Denied, "wrong password")
	_, err = ParseKey(locked, nil)
	wantError(t, err, muster.Denied, "no password was given")
	cancelled := errors.New("cancelled")
	_, err = ParseKey(locked, func() ([]byte, error) { return nil, cancelled })
	if !errors.Is(err, cancelled) {
		t.Errorf("the reason is lost: %v", err)
	}
}

// Damage is told from a wrong password where it can be, and never a panic.
func TestDamagedKey(t *testing.T) {
	block, _ := pem.Decode(lightly(t, key(t, ""), "pw"))
	for _, n := range []int{0, 1, 10, 100, len(block.Bytes) - 1} {
		cut := pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:n]})
		_, err := ParseKey(cut, password("pw"))
		wantError(t, err, muster.Invalid)
	}
	negative := bytes.Replace(block.Bytes, []byte{2, 2, 3, 0xe8}, []byte{2, 2, 0x83, 0xe8}, 1)
	if bytes.Equal(negative, block.Bytes) {
		t.Fatal("the number of rounds was not found")
	}
	_, err := ParseKey(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: negative}), password("pw"))
	wantError(t, err, muster.Invalid, "rounds")
	err = new(keyBox).readKDF(tooManyRounds(t))
	if err == nil || !strings.Contains(err.Error(), "rounds") {
		t.Errorf("20 million rounds and one: %v", err)
	}
	_, err = ParseKey(make([]byte, maxKeyFile+1), nil)
	wantError(t, err, muster.Invalid, "longer than")
	_, err = ParseKey([]byte("no key"), nil)
	wantError(t, err, muster.Invalid, "no private key")
}

func tooManyRounds(t testing.TB) pkix.AlgorithmIdentifier {
	t.Helper()
	alg, err := algorithm(oidPBKDF2, pbkdf2Params{Salt: make([]byte, 16), Rounds: maxKeyRounds + 1})
	if err != nil {
		t.Fatal(err)
	}
	return alg
}

func TestParseIdentity(t *testing.T) {
	root := authority(t, "Root")
	alice, bob := person(t, root, "Alice", ""), person(t, root, "Bob", "")
	keyPEM, err := MarshalKey(alice.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	id, err := ParseIdentity(keyPEM, EncodeCerts(alice.Chain...), nil)
	if err != nil || len(id.Chain) != 2 || !id.Leaf().Equal(alice.Leaf()) {
		t.Fatalf("got %v, %v", id, err)
	}
	_, err = ParseIdentity(keyPEM, EncodeCerts(bob.Chain...), nil)
	wantError(t, err, muster.Invalid, "does not belong", "Bob")
	_, err = ParseIdentity(keyPEM, EncodeCerts(root.Leaf(), alice.Leaf()), nil)
	wantError(t, err, muster.Invalid, "does not belong")
	if muster.HintOf(err) == "" {
		t.Error("no hint about the order of certificates")
	}
	_, err = ParseIdentity(keyPEM, nil, nil)
	wantError(t, err, muster.Invalid, "no certificate")
	_, err = ParseIdentity(EncodeCerts(alice.Leaf()), EncodeCerts(alice.Leaf()), nil)
	wantError(t, err, muster.Invalid, "no private key")
}

// openssl reads our key files, and we read those it makes in all its ways of
// PBES2. What we do not read is refused in words.
func TestOpenSSLKeys(t *testing.T) {
	testneed.Program(t, "openssl")
	b := newBench(t)
	for _, alg := range []string{"ecdsa-p256", "rsa-3072"} {
		k := key(t, alg)
		locked, err := MarshalKey(k, []byte("pw"))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := MarshalKey(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.write("locked", locked)
		b.run("openssl", "pkey", "-in", "locked", "-passin", "pass:pw", "-out", "theirs")
		if !bytes.Equal(b.read("theirs"), plain) {
			t.Errorf("%s: openssl reads another key", alg)
		}
	}
	k := key(t, "")
	plain, err := MarshalKey(k, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.write("plain", plain)
	for _, c := range []struct {
		args []string
		good bool
	}{
		{[]string{"-v2", "aes-256-cbc"}, true},
		{[]string{"-v2", "aes-192-cbc"}, true},
		{[]string{"-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"}, true},
		{[]string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512", "-iter", "10000"}, true},
		{[]string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384"}, true},
		{[]string{"-v2", "des3"}, false},
		{[]string{"-scrypt"}, false},
		{[]string{"-v1", "PBE-SHA1-3DES"}, false},
	} {
		b.run("openssl", append([]string{"pkcs8", "-topk8", "-in", "plain", "-out", "locked", "-passout", "pass:pw"}, c.args...)...)
		got, err := ParseKey(b.read("locked"), password("pw"))
		if c.good && (err != nil || !sameKey(got.Public(), k.Public())) {
			t.Errorf("%v: %v", c.args, err)
		}
		if !c.good {
			wantError(t, err, muster.Invalid, "cannot read encrypted private key")
		}
	}
	b.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", "older")
	_, err = ParseKey(b.read("older"), nil)
	wantError(t, err, muster.Invalid, "older form")
}

// A second implementation agrees.
func TestKeysCrossCheck(t *testing.T) {
	k := key(t, "")
	locked, err := MarshalKey(k, []byte("pw"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(locked)
	theirs, err := pkcs8.ParsePKCS8PrivateKeyECDSA(block.Bytes, []byte("pw"))
	if err != nil || !sameKey(theirs.Public(), k.Public()) {
		t.Errorf("they read: %v", err)
	}
	der, err := pkcs8.MarshalPrivateKey(k, []byte("pw"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ParseKey(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), password("pw"))
	if err != nil || !sameKey(ours.Public(), k.Public()) {
		t.Errorf("we read: %v", err)
	}
}
