package sign

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/testneed"
)

// party is a set of signers, for tables.
type party struct {
	name string
	ids  []*Identity
}

func parties(t testing.TB, ca *Identity) []party {
	rsa := person(t, ca, "Rosa", "rsa-3072", RightCode)
	p256 := person(t, ca, "Pia", "ecdsa-p256", RightCode)
	p384 := person(t, ca, "Paul", "ecdsa-p384", RightCode)
	return []party{
		{"RSA-3072", []*Identity{rsa}},
		{"P-256", []*Identity{p256}},
		{"P-384", []*Identity{p384}},
		{"RSA and P-256", []*Identity{rsa, p256}},
		{"P-256 and P-384", []*Identity{p256, p384}},
	}
}

// What we sign, openssl verifies, without being told of any purpose.
func TestOpenSSLVerifies(t *testing.T) {
	testneed.Program(t, "openssl")
	root, sub := chainOfTwo(t)
	for _, p := range parties(t, sub) {
		for _, detached := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s detached=%t", p.name, detached), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.write("ca.crt", EncodeCerts(root.Leaf()))
				b.write("content", []byte("con\r\ntent\n"))
				der, err := Sign([]byte("con\r\ntent\n"), detached, time.Now(), p.ids...)
				if err != nil {
					t.Fatal(err)
				}
				b.write("sig", der)
				for _, verb := range []string{"cms", "smime"} {
					args := []string{verb, "-verify", "-binary", "-inform", "DER", "-in", "sig", "-CAfile", "ca.crt", "-out", "out"}
					if detached {
						args = append(args, "-content", "content")
					}
					b.run("openssl", args...)
					if got := string(b.read("out")); got != "con\r\ntent\n" {
						t.Errorf("%s: content %q", verb, got)
					}
					b.write("other", []byte("other"))
					if out, err := b.try("openssl", append(args, "-content", "other")...); detached && err == nil {
						t.Errorf("%s verifies another content: %s", verb, out)
					}
				}
			})
		}
	}
}

func chainOfTwo(t testing.TB) (root, sub *Identity) {
	t.Helper()
	root = authority(t, "Root")
	return root, certify(t, root, Request{Name: "Packaging CA", Rights: []Right{RightIssue}}, "ecdsa-p384")
}

// What openssl signs, we verify.
func TestVerifyOpenSSL(t *testing.T) {
	testneed.Program(t, "openssl")
	root, sub := chainOfTwo(t)
	tr, policy := trusting(root), Policy{Now: now.Add(time.Minute), Right: RightCode}
	for _, p := range parties(t, sub) {
		for _, verb := range []string{"cms", "smime"} {
			t.Run(p.name+" "+verb, func(t *testing.T) {
				b := newBench(t)
				b.write("sub.crt", EncodeCerts(sub.Leaf()))
				b.write("content", []byte("con\r\ntent\n"))
				args := []string{verb, "-sign", "-binary", "-in", "content", "-outform", "DER", "-out", "sig", "-certfile", "sub.crt"}
				for i, id := range p.ids {
					name := fmt.Sprintf("id%d", i)
					b.identity(name, id)
					args = append(args, "-signer", name+".crt", "-inkey", name+".key")
				}
				b.run("openssl", args...)
				policy.Need = len(p.ids)
				sigs, err := Verify(b.read("sig"), b.read("content"), tr, policy)
				if err != nil || len(sigs) != len(p.ids) {
					t.Errorf("detached: %d signatures, %v", len(sigs), err)
				}
				b.run("openssl", append(args, "-nodetach")...)
				content, _, err := VerifyAttached(b.read("sig"), tr, policy)
				if err != nil || string(content) != "con\r\ntent\n" {
					t.Errorf("attached: content %q, %v", content, err)
				}
			})
		}
	}
}

// Signatures are added on either side.
func TestOpenSSLResign(t *testing.T) {
	testneed.Program(t, "openssl")
	root, sub := chainOfTwo(t)
	alice, bob := person(t, sub, "Alice", "rsa-3072", RightCode), person(t, sub, "Bob", "ecdsa-p384", RightCode)
	b := newBench(t)
	b.write("ca.crt", EncodeCerts(root.Leaf()))
	b.write("content", []byte("content"))
	b.identity("bob", bob)
	der, err := Sign([]byte("content"), false, now, alice)
	if err != nil {
		t.Fatal(err)
	}
	b.write("ours", der)
	b.run("openssl", "cms", "-resign", "-binary", "-inform", "DER", "-in", "ours", "-outform", "DER", "-out", "both",
		"-signer", "bob.crt", "-inkey", "bob.key")
	policy := Policy{Now: now.Add(time.Minute), Right: RightCode, Need: 2}
	if _, _, err := VerifyAttached(b.read("both"), trusting(root), policy); err != nil {
		t.Errorf("resigned by openssl: %v", err)
	}

	b.run("openssl", "cms", "-sign", "-binary", "-in", "content", "-outform", "DER", "-out", "theirs", "-signer", "bob.crt", "-inkey", "bob.key")
	both, err := Approve(b.read("theirs"), []byte("content"), now, alice)
	if err != nil {
		t.Fatal(err)
	}
	b.write("both", both)
	b.run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "both", "-content", "content", "-CAfile", "ca.crt", "-out", "out")
	if _, err := Verify(both, []byte("content"), trusting(root), policy); err != nil {
		t.Errorf("approved by us: %v", err)
	}
}

// A whole PKI made with openssl, as sites have it, the packager's certificate
// with codeSigning and nothing else.
func TestOpenSSLAuthority(t *testing.T) {
	b := newBench(t)
	b.write("ext", []byte(strings.Join([]string{
		"[sub]", "basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash",
		"[code]", "basicConstraints=CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=codeSigning", "subjectKeyIdentifier=hash",
		"[web]", "basicConstraints=CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth", ""}, "\n")))
	b.rsaKey("root.key")
	b.run("openssl", "req", "-x509", "-key", "root.key", "-out", "root.crt", "-subj", "/O=Site/CN=Root", "-days", "30", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
	issue := func(name, ca, section, curve string) {
		b.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:"+curve, "-nodes", "-keyout", name+".key", "-out", name+".csr", "-subj", "/O=Site/CN="+name)
		b.run("openssl", "x509", "-req", "-in", name+".csr", "-CA", ca+".crt", "-CAkey", ca+".key", "-CAcreateserial", "-out", name+".crt",
			"-days", "20", "-extfile", "ext", "-extensions", section)
	}
	issue("sub", "root", "sub", "P-384")
	issue("alice", "sub", "code", "P-256")
	issue("web", "sub", "web", "P-256")
	root, err := ParseCerts(b.read("root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	policy := Policy{Now: time.Now().Add(time.Minute), Right: RightCode}
	b.write("content", []byte("content"))
	sign := func(name string, extra ...string) []byte {
		b.run("openssl", append([]string{"cms", "-sign", "-binary", "-in", "content", "-outform", "DER", "-out", "sig",
			"-certfile", "sub.crt", "-signer", name + ".crt", "-inkey", name + ".key"}, extra...)...)
		return b.read("sig")
	}
	check := func(der []byte) error {
		_, err := Verify(der, []byte("content"), &Trust{Anchors: root}, policy)
		return err
	}
	for _, extra := range [][]string{{}, {"-keyid"}, {"-md", "sha384"}, {"-md", "sha512"}, {"-cades"}} {
		if err := check(sign("alice", extra...)); err != nil {
			t.Errorf("%v: %v", extra, err)
		}
	}
	b.run("openssl", "x509", "-req", "-sha1", "-in", "alice.csr", "-CA", "sub.crt", "-CAkey", "sub.key", "-CAcreateserial", "-out", "old.crt",
		"-days", "20", "-extfile", "ext", "-extensions", "code")
	b.write("old.key", b.read("alice.key"))
	wantError(t, check(sign("old")), muster.Denied, "unknown authority", "insecure algorithm")
	wantError(t, check(sign("web")), muster.Denied, "may not sign code")
	policy.Right = RightDeploy
	wantError(t, check(sign("web")), muster.Denied, "may not deploy")
	wantError(t, check(sign("alice", "-md", "sha1")), muster.Denied, "digest")
	wantError(t, check(sign("alice", "-noattr")), muster.Invalid, "no signed attributes")
	wantError(t, check(sign("alice", "-nocerts")), muster.Invalid, "not in the message")
	wantError(t, check(sign("alice", "-econtent_type", "1.2.3.4")), muster.Invalid, "not data")
	wantError(t, check(sign("alice", "-nodetach", "-stream")), muster.Invalid, "indefinite")

	// Their authority, our identity and our certificate for another person.
	sub, err := ParseIdentity(b.read("sub.key"), append(b.read("sub.crt"), b.read("root.crt")...), nil)
	if err != nil {
		t.Fatal(err)
	}
	k := key(t, "")
	cert, err := Issue(sub, Request{Name: "Carl", Public: k.Public(), Rights: []Right{RightCode}, From: sub.Leaf().NotBefore, To: sub.Leaf().NotAfter})
	if err != nil {
		t.Fatal(err)
	}
	b.write("carl.crt", EncodeCerts(cert))
	b.run("openssl", "verify", "-x509_strict", "-CAfile", "root.crt", "-untrusted", "sub.crt", "carl.crt")
}

// RSA signatures with PSS and signatures by small keys are made by openssl and
// refused by us. Ed25519 it cannot do: TestWeakKeys has that.
func TestRefuseOpenSSL(t *testing.T) {
	testneed.Program(t, "openssl")
	for _, c := range []struct{ name, bits, opt string }{
		{"PSS", "3072", "rsa_padding_mode:pss"},
		{"RSA-2048", "2048", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			if c.bits == "3072" {
				b.rsaKey("key")
			} else {
				b.run("openssl", "genrsa", "-out", "key", c.bits)
			}
			b.write("content", []byte("content"))
			b.run("openssl", "req", "-x509", "-key", "key", "-out", "crt", "-subj", "/CN=Alice", "-days", "30")
			args := []string{"cms", "-sign", "-binary", "-in", "content", "-outform", "DER", "-out", "sig", "-signer", "crt", "-inkey", "key"}
			if c.opt != "" {
				args = append(args, "-keyopt", c.opt)
			}
			b.run("openssl", args...)
			certs, err := ParseCerts(b.read("crt"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Verify(b.read("sig"), []byte("content"), &Trust{Anchors: certs}, Policy{Now: time.Now().Add(time.Minute)})
			wantError(t, err, muster.Denied, "accepted")
		})
	}
}
