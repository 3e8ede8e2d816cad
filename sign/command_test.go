package sign

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/testneed"
)

// The test program is its own external signer: with this variable set it does
// what the variable says instead of testing.
const signerEnv = "SIGN_TEST_SIGNER"

func TestMain(m *testing.M) {
	if how := os.Getenv(signerEnv); how != "" {
		os.Exit(actAsSigner(how))
	}
	os.Exit(m.Run())
}

func actAsSigner(how string) int {
	switch how {
	case "endless":
		for {
			if _, err := os.Stdout.Write(make([]byte, 1024)); err != nil {
				return 1
			}
		}
	case "hang":
		time.Sleep(time.Minute) // until it is killed; nobody waits for it
	case "fail":
		fmt.Fprint(os.Stderr, "PIN locked", strings.Repeat("!", 1<<20))
		return 3
	case "arguments":
		fmt.Fprint(os.Stderr, os.Args[1:])
		return 1
	case "random":
		b := make([]byte, 64)
		rand.Read(b)
		os.Stdout.Write(b)
	}
	return 0
}

// externally signs as a person whose key the test program holds in its way.
func externally(t *testing.T, how, alg string, args ...string) error {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(signerEnv, how)
	id := person(t, authority(t, "Root"), "Alice", alg, RightCode)
	signer := CommandSigner(id.Leaf(), append([]string{self}, args...)).(*commandSigner)
	if how == "hang" {
		signer.timeout = 100 * time.Millisecond
	}
	_, err = Sign([]byte("x"), true, now, &Identity{signer, id.Chain})
	return err
}

func TestCommandSignerFails(t *testing.T) {
	wantError(t, externally(t, "endless", ""), muster.Invalid, "more than 4096 bytes")
	wantError(t, externally(t, "hang", ""), muster.Unavailable, "no signature after 100ms")
	wantError(t, externally(t, "fail", ""), muster.Unavailable, "exit status 3", "PIN locked")
	wantError(t, externally(t, "silent", ""), muster.Denied, "its 0 bytes are no signature", "Alice")
	err := externally(t, "random", "")
	wantError(t, err, muster.Denied, "its 64 bytes are no signature")
	if muster.HintOf(err) == "" {
		t.Error("no hint")
	}
	if len(externally(t, "fail", "").Error()) > 4096 {
		t.Error("the complaint of the program is not cut")
	}
}

func TestCommandSignerArguments(t *testing.T) {
	for alg, want := range map[string]string{
		"":           `[--mechanism=ECDSA --hash sha256 in{digestinfo}side]`,
		"ecdsa-p384": `[--mechanism=ECDSA --hash sha384 in{digestinfo}side]`,
		"rsa-3072":   `[--mechanism=RSA-PKCS --hash sha256 in{digestinfo}side]`,
	} {
		err := externally(t, "arguments", alg, "--mechanism={mechanism}", "{digestinfo}", "--hash", "{hash}", "in{digestinfo}side")
		wantError(t, err, muster.Unavailable, want)
	}
}

func TestCommandSignerRefuses(t *testing.T) {
	id := person(t, authority(t, "Root"), "Alice", "rsa-3072")
	s := CommandSigner(id.Leaf(), []string{"/nonexistent/signer"})
	digest := make([]byte, 32)
	_, err := s.Sign(nil, digest, &rsa.PSSOptions{Hash: 5})
	wantError(t, err, muster.Invalid, "cannot sign")
	_, err = s.Sign(nil, digest[:20], hashFor(id.Leaf().PublicKey))
	wantError(t, err, muster.Invalid, "cannot sign 20 bytes")
	_, err = s.Sign(nil, digest, hashFor(id.Leaf().PublicKey))
	wantError(t, err, muster.Unavailable, "/nonexistent/signer")
	_, err = CommandSigner(id.Leaf(), nil).Sign(nil, digest, hashFor(id.Leaf().PublicKey))
	wantError(t, err, muster.Invalid, "no command")
}

// Numbers side by side have leading zeros that DER has not.
func TestJoinRS(t *testing.T) {
	k := key(t, "").(*ecdsa.PrivateKey)
	digest := make([]byte, 32)
	for short := 0; short < 2; { // until a number began with a zero twice
		der, err := ecdsa.SignASN1(rand.Reader, k, digest)
		if err != nil {
			t.Fatal(err)
		}
		var rs struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &rs); err != nil {
			t.Fatal(err)
		}
		if rs.R.BitLen() <= 248 || rs.S.BitLen() <= 248 {
			short++
		}
		raw := append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)
		got, err := joinRS(raw, 32)
		if err != nil || string(got) != string(der) {
			t.Fatalf("%x: %x, %v", raw, got, err)
		}
	}
	if _, err := joinRS(make([]byte, 63), 32); err == nil {
		t.Error("63 bytes are taken for two numbers")
	}
}

// openssl pkeyutl signs a digest, or a DigestInfo, and writes DER.
func TestOpenSSLSigner(t *testing.T) {
	testneed.Program(t, "openssl")
	root := authority(t, "Root")
	b := newBench(t)
	for _, c := range []struct {
		alg  string
		args []string
	}{
		{"ecdsa-p256", nil},
		{"ecdsa-p384", nil},
		{"rsa-3072", []string{"-pkeyopt", "digest:{hash}"}},
		{"rsa-3072", []string{"{digestinfo}"}},
	} {
		id := person(t, root, "Alice", c.alg)
		b.identity("alice", id)
		command := append([]string{"openssl", "pkeyutl", "-sign", "-inkey", b.path("alice.key")}, c.args...)
		der, err := Sign([]byte("x"), true, now, &Identity{CommandSigner(id.Leaf(), command), id.Chain})
		if err != nil {
			t.Errorf("%s %v: %v", c.alg, c.args, err)
			continue
		}
		if _, err := Verify(der, []byte("x"), trusting(root), Policy{Now: now}); err != nil {
			t.Errorf("%s %v: %v", c.alg, c.args, err)
		}
	}
}

// token is a SoftHSM2 token with an RSA key of id 01 and an EC key of id 02.
type token struct {
	*bench
	module string
}

func newToken(t *testing.T) *token {
	t.Helper()
	testneed.Program(t, "pkcs11-tool")
	testneed.Program(t, "softhsm2-util")
	tok := &token{newBench(t), softHSM(t)}
	t.Setenv("SOFTHSM2_CONF", tok.write("conf", []byte("directories.tokendir = "+tok.dir+"\nlog.level = ERROR\n")))
	t.Setenv("TOKEN_PIN", "1234")
	tok.run("softhsm2-util", "--init-token", "--free", "--label", "packagers", "--pin", "1234", "--so-pin", "5678")
	tok.tool("--login", "--keypairgen", "--key-type", "RSA:3072", "--id", "01")
	tok.tool("--login", "--keypairgen", "--key-type", "EC:prime256v1", "--id", "02")
	return tok
}

func softHSM(t *testing.T) string {
	t.Helper()
	for _, path := range []string{
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so",
		"/opt/homebrew/lib/softhsm/libsofthsm2.so",
	} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	testneed.Missing(t, "SoftHSM2 module")
	return ""
}

func (tok *token) tool(args ...string) {
	tok.t.Helper()
	tok.run("pkcs11-tool", append([]string{"--module", tok.module, "--pin", "1234"}, args...)...)
}

// holder is certified for a key that does not leave the token.
func (tok *token) holder(ca *Identity, name, id string) *Identity {
	tok.t.Helper()
	tok.tool("--read-object", "--type", "pubkey", "--id", id, "--output-file", "pub")
	pub, err := x509.ParsePKIXPublicKey(tok.read("pub"))
	if err != nil {
		tok.t.Fatal(err)
	}
	cert, err := Issue(ca, Request{Name: name, Public: pub, Rights: []Right{RightCode}, From: now.Add(-time.Hour), To: now.Add(year)})
	if err != nil {
		tok.t.Fatal(err)
	}
	command := []string{"pkcs11-tool", "--module", tok.module, "--sign", "--id", id, "--mechanism", "{mechanism}", "--pin", "env:TOKEN_PIN"}
	return &Identity{CommandSigner(cert, command), append([]*x509.Certificate{cert}, ca.Chain...)}
}

func TestTokenSigns(t *testing.T) {
	tok := newToken(t)
	root := authority(t, "Root")
	rosa, pia := tok.holder(root, "Rosa", "01"), tok.holder(root, "Pia", "02")
	der := signed(t, "x", rosa, pia)
	if _, err := Verify(der, []byte("x"), trusting(root), Policy{Now: now, Right: RightCode, Need: 2}); err != nil {
		t.Error(err)
	}
	// The token's key is not the certificate's.
	tok.tool("--login", "--keypairgen", "--key-type", "EC:prime256v1", "--id", "03")
	other := tok.holder(root, "Other", "03").Key.(*commandSigner)
	mixed := &Identity{CommandSigner(pia.Leaf(), other.command), pia.Chain}
	_, err := Sign([]byte("x"), true, now, mixed)
	wantError(t, err, muster.Denied, "no signature by the key of", "Pia")
	t.Setenv("TOKEN_PIN", "0000")
	_, err = Sign([]byte("x"), true, now, rosa)
	wantError(t, err, muster.Unavailable, "pkcs11-tool")
}

// The way without us: openssl signs the file with the token.
func TestTokenSignsThroughOpenSSL(t *testing.T) {
	tok := newToken(t)
	if out, err := tok.try("openssl", "engine", "pkcs11"); err != nil || !strings.Contains(out, "pkcs11") {
		testneed.Missing(t, "openssl engine pkcs11")
	}
	t.Setenv("PKCS11_MODULE_PATH", tok.module)
	root := authority(t, "Root")
	tok.write("content", []byte("content"))
	tok.write("root.crt", EncodeCerts(root.Leaf()))
	for name, id := range map[string]string{"Rosa": "01", "Pia": "02"} {
		tok.write("crt", EncodeCerts(tok.holder(root, name, id).Leaf()))
		tok.run("openssl", "cms", "-sign", "-binary", "-engine", "pkcs11", "-keyform", "engine",
			"-inkey", "pkcs11:token=packagers;id=%"+id+";type=private?pin-value=1234",
			"-signer", "crt", "-certfile", "root.crt", "-in", "content", "-outform", "DER", "-out", "sig")
		sigs, err := Verify(tok.read("sig"), []byte("content"), trusting(root), Policy{Now: now, Right: RightCode})
		if err != nil || sigs[0].Signer.Subject.CommonName != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
