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
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"testing"

	"muster"
)

// raw takes the SignedData out of a message, unchecked.
func raw(t testing.TB, der []byte) signedData {
	t.Helper()
	var outer contentInfo
	var d signedData
	if _, err := asn1.Unmarshal(bytes.Clone(der), &outer); err != nil {
		t.Fatal(err)
	}
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// packed is the opposite of raw. v is a signedData, or something near it.
func packed(t testing.TB, v any) []byte {
	t.Helper()
	inner, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	der, err := wrap(oidSignedData, inner)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// altered returns der with its structure changed by f. Signatures stay as they
// were.
func altered(t testing.TB, der []byte, f func(*signedData)) []byte {
	t.Helper()
	d := raw(t, der)
	f(&d)
	return packed(t, d)
}

// resigned returns der with the signed attributes of its first signer changed
// by f, and signed again by id: what a careless or hostile signer makes.
func resigned(t testing.TB, der []byte, id *Identity, f func([]attribute) []attribute) []byte {
	t.Helper()
	return altered(t, der, func(d *signedData) {
		s := &d.Signers[0]
		set := bytes.Clone(s.SignedAttrs.FullBytes)
		set[0] = 0x31
		var attrs []attribute
		if _, err := asn1.UnmarshalWithParams(set, &attrs, "set"); err != nil {
			t.Fatal(err)
		}
		set, err := asn1.MarshalWithParams(f(attrs), "set")
		if err != nil {
			t.Fatal(err)
		}
		h := hashFor(id.Key.Public())
		if s.Signature, err = id.Key.Sign(rand.Reader, sum(h, set), h); err != nil {
			t.Fatal(err)
		}
		set[0] = 0xa0
		s.SignedAttrs = asn1.RawValue{FullBytes: set}
	})
}

func without(oid asn1.ObjectIdentifier) func([]attribute) []attribute {
	return func(attrs []attribute) []attribute {
		return slices.DeleteFunc(attrs, func(a attribute) bool { return a.Type.Equal(oid) })
	}
}

// replacing sets the value of an attribute to the encoding of v.
func replacing(t testing.TB, oid asn1.ObjectIdentifier, v any) func([]attribute) []attribute {
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return func(attrs []attribute) []attribute {
		for i := range attrs {
			if attrs[i].Type.Equal(oid) {
				attrs[i].Values = []asn1.RawValue{{FullBytes: der}}
			}
		}
		return attrs
	}
}

// A strictCase is a message that some signer could make and that would be good
// but for the one thing its name says.
type strictCase struct {
	name string
	der  []byte
	kind muster.ErrorKind
	says string
}

// strictCases are the refusals of docs/formats/signature.md, about messages by
// alice over "x".
func strictCases(t testing.TB, root, alice *Identity) []strictCase {
	t.Helper()
	good := signed(t, "x", alice)
	return []strictCase{
		{"empty input", nil, muster.Invalid, "truncated"},
		{"one byte", []byte{0x30}, muster.Invalid, "truncated"},
		{"trailing byte", append(bytes.Clone(good), 0), muster.Invalid, "follow"},
		{"trailing message", append(bytes.Clone(good), good...), muster.Invalid, "follow"},
		{"last byte missing", good[:len(good)-1], muster.Invalid, "truncated"},
		{"indefinite length", indefinite(good), muster.Invalid, "indefinite"},
		{"length with a leading zero", longLength(good), muster.Invalid, "shortest"},
		{"too deep", bytes.Repeat([]byte{0x30, 0x80}, 1000), muster.Invalid, ""},
		{"too many elements", manyElements(), muster.Invalid, "too many"},
		{"too long", make([]byte, MaxContent+MaxMessage+1), muster.Invalid, "too long"},
		{"not signed data", sealedTo(t, alice), muster.Invalid, "not signed data"},

		{"nobody signed", altered(t, good, func(d *signedData) { d.Signers = nil }), muster.Invalid, "nobody"},
		{"17 signers", altered(t, good, func(d *signedData) {
			d.Signers = slices.Repeat(d.Signers, 17)
		}), muster.Invalid, "17 signers"},
		{"65 certificates", altered(t, good, func(d *signedData) {
			for i := range 65 - len(d.Certificates) {
				d.Certificates = append(d.Certificates, asn1.RawValue{FullBytes: stranger(t, root, i)})
			}
		}), muster.Invalid, "65 certificates"},
		{"certificate missing", altered(t, good, func(d *signedData) { d.Certificates = nil }), muster.Invalid, "not in the message"},
		{"two certificates of that name and number", altered(t, good, func(d *signedData) {
			d.Certificates = append(d.Certificates, asn1.RawValue{FullBytes: namesake(t, alice.Leaf())})
		}), muster.Invalid, "two certificates"},
		{"not a certificate", altered(t, good, func(d *signedData) {
			d.Certificates = append(d.Certificates, asn1.RawValue{FullBytes: []byte{0x30, 0}})
		}), muster.Invalid, "certificate"},
		{"certificate with a modulus of 9,000 bits", altered(t, good, func(d *signedData) {
			d.Certificates = append(d.Certificates, asn1.RawValue{FullBytes: hugeCert(t, alice)})
		}), muster.Denied, "9000 bits"},

		{"wrong version", altered(t, good, func(d *signedData) { d.Version = 3 }), muster.Invalid, "version"},
		{"wrong version of signer", altered(t, good, func(d *signedData) { d.Signers[0].Version = 3 }), muster.Invalid, "version"},
		{"outer content type is not data", altered(t, good, func(d *signedData) { d.Content.Type = oidSignedData }), muster.Invalid, "not data"},
		{"empty set of certificates", packed(t, withExtra(raw(t, good), func(l *looseData) {
			l.Certificates = asn1.RawValue{FullBytes: []byte{0xa0, 0}}
		})), muster.Invalid, "DER"},
		{"signers not in the order of DER", unsorted(t, alice, person(t, root, "Bob", "", RightCode)), muster.Invalid, "DER"},
		{"revocation list in the message", packed(t, withExtra(raw(t, good), extraList)), muster.Invalid, ""},
		{"element after the last", packed(t, withExtra(raw(t, good), extraEnd)), muster.Invalid, "DER"},
		{"unsigned attribute", packed(t, withUnsigned(raw(t, good))), muster.Invalid, "DER"},

		{"no signed attributes", bare(t, alice), muster.Invalid, "no signed attributes"},
		{"signed attributes in a primitive element", altered(t, good, func(d *signedData) {
			d.Signers[0].SignedAttrs.FullBytes[0] = 0x80
		}), muster.Invalid, "not a set"},
		{"no signing time", resigned(t, good, alice, without(oidSigningTime)), muster.Invalid, "no signing time"},
		{"no signed digest", resigned(t, good, alice, without(oidMessageDigest)), muster.Invalid, "no signed digest"},
		{"no signed content type", resigned(t, good, alice, without(oidContentType)), muster.Invalid, "no signed content type"},
		{"wrong signed content type", resigned(t, good, alice, replacing(t, oidContentType, oidSignedData)), muster.Invalid, "not data"},
		{"signed digest too short", resigned(t, good, alice, replacing(t, oidMessageDigest, []byte("short"))), muster.Invalid, "digest of 5 bytes"},
		{"signing time with an offset", resigned(t, good, alice, replacing(t, oidSigningTime,
			asn1.RawValue{Tag: asn1.TagUTCTime, Bytes: []byte("270301120000+0000")})), muster.Invalid, "signing time"},
		{"signing time without seconds", resigned(t, good, alice, replacing(t, oidSigningTime,
			asn1.RawValue{Tag: asn1.TagUTCTime, Bytes: []byte("2703011200Z")})), muster.Invalid, "signing time"},
		{"signing time in the form for 2050", resigned(t, good, alice, replacing(t, oidSigningTime,
			asn1.RawValue{Tag: asn1.TagGeneralizedTime, Bytes: []byte("20270301120000Z")})), muster.Invalid, "signing time"},
		{"signing time is a number", resigned(t, good, alice, replacing(t, oidSigningTime, 5)), muster.Invalid, "signing time"},
		{"attribute twice", resigned(t, good, alice, func(a []attribute) []attribute { return append(a, a[0]) }), muster.Invalid, "stands twice"},
		{"attribute with two values", resigned(t, good, alice, func(a []attribute) []attribute {
			a[1].Values = slices.Repeat(a[1].Values, 2)
			return a
		}), muster.Invalid, "2 values"},
		{"attribute without value", resigned(t, good, alice, func(a []attribute) []attribute {
			return append(a, attribute{Type: oidData})
		}), muster.Invalid, "0 values"},
		{"33 attributes", resigned(t, good, alice, func(a []attribute) []attribute {
			for i := range 30 {
				a = append(a, attribute{asn1.ObjectIdentifier{1, 2, 3, i}, []asn1.RawValue{null}})
			}
			return a
		}), muster.Invalid, "33 signed attributes"},

		{"SHA-1", altered(t, good, func(d *signedData) {
			sha1 := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}}
			d.Digests, d.Signers[0].Digest = []pkix.AlgorithmIdentifier{sha1}, sha1
		}), muster.Denied, "1.3.14.3.2.26"},
		{"MD5 among the digests", altered(t, good, func(d *signedData) {
			d.Digests = append(d.Digests, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}})
		}), muster.Denied, "not accepted"},
		{"17 digests", altered(t, good, func(d *signedData) { d.Digests = slices.Repeat(d.Digests, 17) }), muster.Invalid, "17 digest"},
		{"digest not announced", altered(t, good, func(d *signedData) { d.Digests = nil }), muster.Invalid, "not announced"},
		{"digest with odd parameters", altered(t, good, func(d *signedData) {
			d.Signers[0].Digest.Parameters = asn1.RawValue{FullBytes: []byte{2, 1, 0}}
		}), muster.Denied, "not accepted"},
		{"signature algorithm of another hash", altered(t, good, func(d *signedData) {
			d.Signers[0].SignatureAlg.Algorithm = oidECDSAWithSHA512
		}), muster.Denied, "signature algorithm"},
		{"signature algorithm of another key", altered(t, good, func(d *signedData) {
			d.Signers[0].SignatureAlg.Algorithm = oidRSA
		}), muster.Denied, "signature algorithm"},

		{"signature flipped", altered(t, good, func(d *signedData) { d.Signers[0].Signature[20] ^= 1 }), muster.Denied, "false"},
		{"signature empty", altered(t, good, func(d *signedData) { d.Signers[0].Signature = nil }), muster.Denied, "false"},
		{"one of two signatures false", altered(t, signed(t, "x", alice, person(t, root, "Bob", "", RightCode)), func(d *signedData) {
			d.Signers[1].Signature[20] ^= 1
		}), muster.Denied, "false"},
		{"time changed after signing", altered(t, good, func(d *signedData) {
			d.Signers[0].SignedAttrs.FullBytes = bytes.Replace(d.Signers[0].SignedAttrs.FullBytes, []byte(now.Format("0601")), []byte(now.AddDate(0, -2, 0).Format("0601")), 1)
		}), muster.Denied, "false"},
	}
}

// Each refusal of the format has a message that only it is about.
func TestCase19Strict(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	if err := verify(signed(t, "x", alice), trusting(root)); err != nil {
		t.Fatal(err)
	}
	for _, c := range strictCases(t, root, alice) {
		t.Run(c.name, func(t *testing.T) {
			_, err := Verify(c.der, []byte("x"), trusting(root), Policy{Now: now})
			wantError(t, err, c.kind, c.says)
			if _, _, err := Inspect(c.der); err == nil {
				t.Error("Inspect accepts it")
			}
		})
	}
}

// TestWeakKeys signs with keys that are good elsewhere.
func TestWeakKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := authority(t, "Root")
	for name, k := range map[string]crypto.Signer{"RSA-2048": small, "Ed25519": edwards, "P-521": p521} {
		t.Run(name, func(t *testing.T) {
			weak := selfMade(t, k)
			der := weakMessage(t, &Identity{k, []*x509.Certificate{weak}})
			_, err := Verify(der, []byte("x"), &Trust{Anchors: []*x509.Certificate{weak}}, Policy{Now: now})
			wantError(t, err, muster.Denied, "accepted")
			_, err = Sign([]byte("x"), true, now, &Identity{k, []*x509.Certificate{weak}})
			wantError(t, err, muster.Invalid, "accepted")
			_, err = Issue(root, Request{Name: "W", Public: k.Public(), From: now, To: now.Add(year)})
			wantError(t, err, muster.Invalid, "accepted")
			_, err = Seal([]byte("x"), weak)
			wantError(t, err, muster.Invalid, "accepted")
		})
	}
}

// weakMessage is right in itself, but for Ed25519, whose signature nobody gets
// to look at.
func weakMessage(t testing.TB, id *Identity) []byte {
	t.Helper()
	if _, edwards := id.Key.(ed25519.PrivateKey); !edwards {
		return forced(t, id)
	}
	return altered(t, signed(t, "x", person(t, authority(t, "Root"), "Alice", "")), func(d *signedData) {
		sid, err := asn1.Marshal(issuerAndSerial{asn1.RawValue{FullBytes: id.Leaf().RawIssuer}, id.Leaf().SerialNumber})
		if err != nil {
			t.Fatal(err)
		}
		d.Certificates = []asn1.RawValue{{FullBytes: id.Leaf().Raw}}
		d.Signers[0].ID = asn1.RawValue{FullBytes: sid}
		d.Signers[0].SignatureAlg = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 112}}
	})
}

// mutations is how many changes TestCase19Mutations tries.
func mutations() int {
	if os.Getenv("MUSTER_TEST_LONG") == "1" {
		return 600_000
	}
	return 40_000
}

// Messages that were changed at random places, detached and attached:
// each is refused, and nothing panics. They hold no certificate but the signer's, since one that no chain needs may
// be anything.
func TestCase19Mutations(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	alice.Chain = alice.Chain[:1]
	trust, policy := trusting(root), Policy{Now: now, Right: RightCode}
	attached, err := Sign([]byte("x"), false, now, alice)
	if err != nil {
		t.Fatal(err)
	}
	rnd := mathrand.New(mathrand.NewPCG(1, 2))
	accepted := map[string]func([]byte) bool{
		string(signed(t, "x", alice)): func(der []byte) bool {
			_, err := Verify(der, []byte("x"), trust, policy)
			return err == nil
		},
		string(attached): func(der []byte) bool {
			_, _, err := VerifyAttached(der, trust, policy)
			return err == nil
		},
	}
	for good, accepts := range accepted {
		if !accepts([]byte(good)) {
			t.Fatal("what was not changed is refused")
		}
		for n := range mutations() / len(accepted) {
			if bad := mutate(rnd, []byte(good)); string(bad) != good && accepts(bad) {
				t.Fatalf("accepted after %d mutations: %x", n, bad)
			}
		}
	}
}

func mutate(rnd *mathrand.Rand, der []byte) []byte {
	bad := bytes.Clone(der)
	for range 1 + rnd.IntN(3) {
		if len(bad) == 0 {
			return bad
		}
		i := rnd.IntN(len(bad))
		switch rnd.IntN(5) {
		case 0:
			bad[i] ^= 1 << rnd.IntN(8)
		case 1:
			bad[i] = byte(rnd.IntN(256))
		case 2:
			bad = slices.Delete(bad, i, min(len(bad), i+1+rnd.IntN(4)))
		case 3:
			bad = slices.Insert(bad, i, byte(rnd.IntN(256)))
		case 4:
			bad = bad[:max(1, i)]
		}
	}
	return bad
}

// indefinite rewrites the outermost length as BER allows.
func indefinite(der []byte) []byte {
	_, body, _, _ := cutElement(der)
	return slices.Concat([]byte{0x30, 0x80}, body, []byte{0, 0})
}

// longLength rewrites the outermost length with more bytes than it needs.
func longLength(der []byte) []byte {
	_, body, _, _ := cutElement(der)
	return slices.Concat([]byte{0x30, 0x84, 0, 0, byte(len(body) >> 8), byte(len(body))}, body)
}

func manyElements() []byte {
	body := bytes.Repeat([]byte{5, 0}, maxElements)
	return slices.Concat([]byte{0x30, 0x83, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body)
}

func sealedTo(t testing.TB, id *Identity) []byte {
	t.Helper()
	der, err := Seal([]byte("x"), id.Leaf())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func stranger(t testing.TB, ca *Identity, i int) []byte {
	t.Helper()
	return person(t, ca, fmt.Sprintf("Stranger %d", i), "").Leaf().Raw
}

// selfMade is a certificate for a key that Issue would refuse.
func selfMade(t testing.TB, k crypto.Signer) *x509.Certificate {
	t.Helper()
	return made(t, &x509.Certificate{
		SerialNumber: big.NewInt(7),
		Subject:      pkix.Name{CommonName: "Self"},
		NotBefore:    now.Add(-year),
		NotAfter:     now.Add(year),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}, nil, k.Public(), k)
}

// made signs any template; without a parent it is self-signed.
func made(t testing.TB, template, parent *x509.Certificate, pub crypto.PublicKey, k crypto.Signer) *x509.Certificate {
	t.Helper()
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, k)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// namesake is a certificate with the issuer and serial number of another.
func namesake(t testing.TB, of *x509.Certificate) []byte {
	t.Helper()
	k := key(t, "")
	issuer := &x509.Certificate{RawSubject: of.RawIssuer}
	return made(t, &x509.Certificate{SerialNumber: of.SerialNumber, Subject: pkix.Name{CommonName: "Mallory"},
		NotBefore: of.NotBefore, NotAfter: of.NotAfter}, issuer, k.Public(), k).Raw
}

func hugeCert(t testing.TB, by *Identity) []byte {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), 8999)
	return made(t, &x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: now, NotAfter: now.Add(year)},
		by.Leaf(), &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}, by.Key).Raw
}

// bare signs as RFC 5652 allows and we do not: the content itself, without
// attributes.
func bare(t testing.TB, id *Identity) []byte {
	t.Helper()
	return altered(t, signed(t, "x", id), func(d *signedData) {
		s := &d.Signers[0]
		var err error
		s.SignedAttrs = asn1.RawValue{}
		if s.Signature, err = id.Key.Sign(rand.Reader, sum(crypto.SHA256, []byte("x")), crypto.SHA256); err != nil {
			t.Fatal(err)
		}
	})
}

// unsorted is a message whose signers stand in the wrong order.
func unsorted(t testing.TB, ids ...*Identity) []byte {
	t.Helper()
	l := loose(raw(t, signed(t, "x", ids...)))
	var body []byte
	for _, s := range slices.Backward(l.Signers) {
		body = append(body, s.FullBytes...)
	}
	type unsortedData struct {
		Version      int
		Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
		Content      encapsulated
		Certificates asn1.RawValue
		Signers      asn1.RawValue
	}
	return packed(t, unsortedData{l.Version, l.Digests, l.Content, l.Certificates,
		asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: body}})
}

// looseData is a SignedData that ends in more than we accept.
type looseData struct {
	Version      int
	Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
	Content      encapsulated
	Certificates asn1.RawValue
	Lists        []asn1.RawValue `asn1:"set,optional,omitempty,tag:1"`
	Signers      []asn1.RawValue `asn1:"set"`
	End          asn1.RawValue   `asn1:"optional"`
}

func loose(d signedData) *looseData {
	l := &looseData{Version: d.Version, Digests: d.Digests, Content: d.Content}
	var certs []byte
	for _, c := range d.Certificates {
		certs = append(certs, c.FullBytes...)
	}
	l.Certificates = contextTag(0, certs)
	for _, s := range d.Signers {
		der, err := asn1.Marshal(s)
		if err != nil {
			panic(err)
		}
		l.Signers = append(l.Signers, asn1.RawValue{FullBytes: der})
	}
	return l
}

func withExtra(d signedData, extra func(*looseData)) looseData {
	l := loose(d)
	extra(l)
	return *l
}

func extraList(l *looseData) { l.Lists = []asn1.RawValue{{FullBytes: []byte{0x30, 0}}} }
func extraEnd(l *looseData)  { l.End = null }

// withUnsigned adds an attribute that no signature covers.
func withUnsigned(d signedData) looseData {
	l := loose(d)
	s := l.Signers[0].FullBytes
	_, body, _, _ := cutElement(s)
	unsigned := []byte{0xa1, 10, 0x30, 8, 6, 2, 0x2a, 3, 0x31, 2, 5, 0}
	l.Signers[0] = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: slices.Concat(body, unsigned)}
	return *l
}
