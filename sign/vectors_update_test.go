package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// maxVector leaves the cases that are about size to TestCase19Strict.
const maxVector = 32 << 10

// vectorMaker makes the vectors from keys of its own, which it forgets.
type vectorMaker struct {
	*testing.T
	root, site *Identity
	alice, bob *Identity // of root, with the right to code
	dora       *Identity // of root, may deploy
	carol      *Identity // of site, with the right to code
}

// writeVectors replaces the files of testdata/vectors. They need writing anew
// only when a rule of the format changes.
func writeVectors(t *testing.T) {
	m := &vectorMaker{T: t, root: authority(t, "Root"), site: authority(t, "Site")}
	m.alice = person(t, m.root, "Alice", "", RightCode)
	m.bob = person(t, m.root, "Bob", "ecdsa-p384", RightCode)
	m.dora = person(t, m.root, "Dora", "", RightDeploy)
	m.carol = person(t, m.site, "Carol", "rsa-3072", RightCode)
	if err := os.RemoveAll("testdata/vectors"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata/vectors", 0o755); err != nil {
		t.Fatal(err)
	}
	m.good()
	m.index()
	m.untrusted()
	m.weak()
	m.expired()
	m.openssl()
	m.malformed()
	m.sealed()
}

// write fills in what most vectors share: content "x" by verify, for code.
func (m *vectorMaker) write(name, expect, why string, message []byte, change func(*vector)) {
	m.Helper()
	v := &vector{expect: expect, operation: "verify", now: now, right: RightCode, why: why,
		content: []byte("x"), message: message, certs: leaves([]*Identity{m.root})}
	if change != nil {
		change(v)
	}
	v.check(m.T)
	if err := os.WriteFile(filepath.Join("testdata/vectors", name+".txt"), v.print(), 0o644); err != nil {
		m.Fatal(err)
	}
}

func (m *vectorMaker) good() {
	sub := certify(m, m.root, Request{Name: "Packaging CA", Rights: []Right{RightIssue}}, "ecdsa-p384")
	rosa := person(m, sub, "Rosa", "rsa-3072", RightCode)
	m.write("good-p256", "success", "ECDSA P-256 with SHA-256", signed(m, "x", m.alice), nil)
	m.write("good-p384", "success", "ECDSA P-384 with SHA-384", signed(m, "x", m.bob), nil)
	m.write("good-rsa-intermediate", "success", "RSA-3072 with SHA-256, through an authority in the middle", signed(m, "x", rosa), nil)
	m.write("good-two-signers", "success", "two persons signed and two are needed", signed(m, "x", m.alice, m.bob), func(v *vector) { v.need = 2 })
	m.write("good-pinned", "success", "the signer is an anchor, the issuer unknown", signed(m, "x", m.carol), func(v *vector) {
		v.certs = leaves([]*Identity{m.carol})
	})
	m.write("good-approved", "success", "the author is unknown, the site's approval counts", signed(m, "x", m.alice, m.carol), func(v *vector) {
		v.certs = leaves([]*Identity{m.site})
	})
	m.write("good-deploy", "success", "the right to deploy is enough where no more is asked", signed(m, "x", m.dora), func(v *vector) { v.right = RightDeploy })
	m.write("good-trust-link", "success", "an authority signs a trust link", signed(m, "x", m.root), func(v *vector) { v.right = RightIssue })
	der, err := Sign([]byte("x"), false, now, m.alice)
	if err != nil {
		m.Fatal(err)
	}
	m.write("good-attached", "success", "the content is inside", der, func(v *vector) { v.operation = "verify-attached" })
}

func (m *vectorMaker) index() {
	server := person(m, m.root, "Server", "", RightIndex)
	der := signed(m, "x", server)
	for right, name := range map[Right]string{RightIndex: "good-index", RightDeploy: "denied-index-deploy", RightCode: "denied-index-code", RightIssue: "denied-index-issue"} {
		expect, why := "denied", "who may sign heads may not do this"
		if right == RightIndex {
			expect, why = "success", "a server's key signs a head"
		}
		m.write(name, expect, why, der, func(v *vector) { v.right = right })
	}
	m.write("denied-index-of-deployer", "denied", "the right to deploy is not the right to index", signed(m, "x", m.dora), func(v *vector) { v.right = RightIndex })
}

func (m *vectorMaker) untrusted() {
	der := signed(m, "x", m.alice)
	m.write("denied-changed", "denied", "the content is another", der, func(v *vector) { v.content = []byte("y") })
	m.write("denied-unknown", "denied", "no way to an anchor", signed(m, "x", m.carol), nil)
	m.write("denied-right", "denied", "the signer may deploy but not sign code", signed(m, "x", m.dora), nil)
	m.write("denied-one-of-two", "denied", "one person signed twice, with two certificates",
		signed(m, "x", m.alice, person(m, m.root, "Alice", "", RightCode)), func(v *vector) { v.need = 2 })
	m.write("denied-revoked", "denied", "the signer's certificate is revoked", der, func(v *vector) { v.revoked = []string{Fingerprint(m.alice.Leaf())} })
	m.write("denied-revoked-key", "denied", "the signer's key is revoked", der, func(v *vector) { v.revoked = []string{KeyFingerprint(m.alice.Leaf())} })
	m.write("denied-revoked-authority", "denied", "the authority is revoked", der, func(v *vector) { v.revoked = []string{Fingerprint(m.root.Leaf())} })
}

func (m *vectorMaker) weak() {
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		m.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		m.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		m.Fatal(err)
	}
	for name, k := range map[string]crypto.Signer{"rsa-2048": small, "p521": p521, "ed25519": edwards} {
		id := &Identity{k, []*x509.Certificate{selfMade(m, k)}}
		m.write("denied-"+name, "denied", "the key is not accepted", weakMessage(m, id), func(v *vector) { v.certs = id.Chain })
	}
}

func (m *vectorMaker) expired() {
	der := signed(m, "x", m.alice)
	later := func(v *vector) { v.now = now.Add(2 * year) }
	m.write("denied-expired", "denied", "the certificate has expired and no head lists the content", der, later)
	m.write("good-expired-listed", "success", "the certificate has expired and a head lists the content", der, func(v *vector) {
		later(v)
		v.listed = true
	})
	m.write("denied-signed-late", "denied", "signed after the certificate had expired", forcedAt(m, m.alice, now.Add(2*year)), func(v *vector) {
		later(v)
		v.listed = true
	})
	m.write("denied-future", "denied", "claims to be signed two days ahead", forcedAt(m, m.alice, now.Add(48*time.Hour)), nil)
}

func (m *vectorMaker) openssl() {
	b := newBench(m)
	b.identity("alice", m.alice)
	b.identity("bob", m.bob)
	b.write("root.crt", EncodeCerts(m.root.Leaf()))
	b.write("content", []byte("x"))
	by := func(verb string, extra ...string) []byte {
		args := []string{verb, "-sign", "-binary", "-in", "content", "-outform", "DER", "-out", "sig", "-certfile", "root.crt",
			"-signer", "alice.crt", "-inkey", "alice.key"}
		b.run("openssl", append(args, extra...)...)
		return b.read("sig")
	}
	m.write("good-openssl-cms", "success", "openssl cms -sign", by("cms"), nil)
	m.write("good-openssl-keyid", "success", "openssl cms -sign -keyid: the signer is named by its key", by("cms", "-keyid"), nil)
	m.write("good-openssl-sha512", "success", "openssl cms -sign -md sha512", by("cms", "-md", "sha512"), nil)
	m.write("good-openssl-smime", "success", "openssl smime -sign by two: NULL parameters, certificates in any order",
		by("smime", "-signer", "bob.crt", "-inkey", "bob.key"), func(v *vector) { v.need = 2 })
	m.write("denied-openssl-sha1", "denied", "openssl cms -sign -md sha1", by("cms", "-md", "sha1"), nil)
	m.write("invalid-openssl-noattr", "invalid", "openssl cms -sign -noattr", by("cms", "-noattr"), nil)
	m.write("invalid-openssl-stream", "invalid", "openssl cms -sign -stream: BER", by("cms", "-stream", "-nodetach"), func(v *vector) {
		v.operation = "verify-attached"
	})
}

func (m *vectorMaker) malformed() {
	for _, c := range strictCases(m, m.root, m.alice) {
		if len(c.der) <= maxVector {
			name := string(c.kind) + "-" + strings.ReplaceAll(strings.ReplaceAll(c.name, ",", ""), " ", "-")
			m.write(strings.ToLower(name), string(c.kind), c.name, c.der, nil)
		}
	}
}

func (m *vectorMaker) sealed() {
	for _, alg := range []string{"ecdsa-p256", "ecdsa-p384", "rsa-3072"} {
		id := person(m, m.root, "Collector", alg)
		der, err := Seal([]byte("report"), m.dora.Leaf(), id.Leaf())
		if err != nil {
			m.Fatal(err)
		}
		m.write("good-sealed-"+alg, "success", "AES-256-GCM to two recipients", der, m.opening(id, "report"))
		bad := bytes.Clone(der)
		bad[len(bad)-1] ^= 1
		m.write("denied-sealed-"+alg, "denied", "the tag is changed", bad, m.opening(id, "report"))
	}
	rs := person(m, m.root, "Collector", "rsa-3072")
	m.write("denied-sealed-other", "denied", "sealed to somebody else", sealedTo(m, m.alice), m.opening(rs, "x"))
	report, err := Sign([]byte("report"), false, now, m.dora)
	if err != nil {
		m.Fatal(err)
	}
	m.write("good-sealed-cbc", "success", "AES-256-CBC around a signed message, which is the content", cbc(m, rs, padCBC(report)), m.opening(rs, string(report)))
	m.write("denied-sealed-cbc-unsigned", "denied", "AES-256-CBC around something not signed", cbc(m, rs, padCBC([]byte("report"))), m.opening(rs, "report"))
	m.write("denied-sealed-cbc-padding", "denied", "AES-256-CBC with false padding", cbc(m, rs, make([]byte, 32)), m.opening(rs, "report"))
}

func (m *vectorMaker) opening(id *Identity, content string) func(*vector) {
	keyPEM, err := MarshalKey(id.Key, nil)
	if err != nil {
		m.Fatal(err)
	}
	return func(v *vector) {
		v.operation, v.right, v.content = "open", "", []byte(content)
		v.certs, v.key = leaves([]*Identity{id}), keyPEM
	}
}
