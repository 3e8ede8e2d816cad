package sign

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"muster"
)

// verify is Verify with the right to code, at the time of the tests.
func verify(der []byte, trust *Trust) error {
	_, err := Verify(der, []byte("x"), trust, Policy{Now: now, Right: RightCode})
	return err
}

func TestUnknownAuthority(t *testing.T) {
	alice := person(t, authority(t, "Elsewhere"), "Alice", "", RightCode)
	err := verify(signed(t, "x", alice), trusting(authority(t, "Root")))
	wantError(t, err, muster.Denied, `signed by "Alice" (sha256 `+Fingerprint(alice.Leaf())[:16], `unknown authority "CN=Elsewhere"`)
	if muster.HintOf(err) == "" {
		t.Error("no hint")
	}
	wantError(t, verify(signed(t, "x", alice), nil), muster.Denied, "unknown authority")
}

// An authority of the same name as a trusted one is another authority.
func TestNamesakeAuthority(t *testing.T) {
	alice := person(t, authority(t, "Root"), "Alice", "", RightCode)
	wantError(t, verify(signed(t, "x", alice), trusting(authority(t, "Root"))), muster.Denied)
}

func TestPinnedLeaf(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	der := signed(t, "x", alice)
	if err := verify(der, trusting(alice)); err != nil {
		t.Errorf("pinned: %v", err)
	}
	clerk := person(t, root, "Clerk", "", RightDeploy)
	wantError(t, verify(signed(t, "x", clerk), trusting(clerk)), muster.Denied, "may not sign code")

	_, err := Verify(der, []byte("x"), trusting(alice), Policy{Now: now.Add(year)})
	wantError(t, err, muster.Denied, "expired")
}

// A pinned person is not an authority, even in a certificate of the first
// version of X.509, which does not say so.
func TestPinnedLeafMayNotIssue(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	k := key(t, "")
	forged := made(t, codeTemplate("Mallory"), alice.Leaf(), k.Public(), alice.Key)
	mallory := &Identity{k, []*x509.Certificate{forged}}
	wantError(t, verify(signed(t, "x", mallory), trusting(alice)), muster.Denied)

	first := asVersion1(t, alice)
	mallory.Chain[0] = made(t, codeTemplate("Mallory"), first, k.Public(), alice.Key)
	wantError(t, verify(signed(t, "x", mallory), &Trust{Anchors: []*x509.Certificate{first}}), muster.Denied)
}

func codeTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(year),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
}

// asVersion1 is a self-signed certificate of version 1 for the key of id.
func asVersion1(t testing.TB, id *Identity) *x509.Certificate {
	t.Helper()
	type validity struct{ From, To time.Time }
	type tbs struct {
		Serial   *big.Int
		Alg      pkix.AlgorithmIdentifier
		Issuer   asn1.RawValue
		Validity validity
		Subject  asn1.RawValue
		Key      asn1.RawValue
	}
	leaf := id.Leaf()
	name := asn1.RawValue{FullBytes: leaf.RawSubject}
	alg := signatureAlgorithm(leaf.PublicKey, hashFor(leaf.PublicKey))
	body, err := asn1.Marshal(tbs{big.NewInt(1), alg, name, validity{now.Add(-year), now.Add(year)}, name,
		asn1.RawValue{FullBytes: leaf.RawSubjectPublicKeyInfo}})
	if err != nil {
		t.Fatal(err)
	}
	h := hashFor(leaf.PublicKey)
	signature, err := id.Key.Sign(rand.Reader, sum(h, body), h)
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		Body      asn1.RawValue
		Alg       pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: body}, alg, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if cert.Version != 1 {
		t.Fatalf("made version %d", cert.Version)
	}
	return cert
}

func TestPathLength(t *testing.T) {
	root := authority(t, "Root")
	flat := certify(t, root, Request{Name: "Flat CA", Rights: []Right{RightIssue}}, "")
	deep := certify(t, root, Request{Name: "Deep CA", Rights: []Right{RightIssue}, Depth: 1}, "")
	below := certify(t, deep, Request{Name: "Below CA", Rights: []Right{RightIssue}}, "")
	if err := verify(signed(t, "x", person(t, below, "Alice", "", RightCode)), trusting(root)); err != nil {
		t.Errorf("two levels of authorities: %v", err)
	}
	_, err := Issue(flat, Request{Name: "X", Public: key(t, "").Public(), Rights: []Right{RightIssue}, From: now, To: now.Add(time.Hour)})
	wantError(t, err, muster.Denied, "levels of authorities")
	_, err = Issue(deep, Request{Name: "X", Public: key(t, "").Public(), Rights: []Right{RightIssue}, From: now, To: now.Add(time.Hour), Depth: 1})
	wantError(t, err, muster.Denied, "levels of authorities")

	k := key(t, "")
	template := codeTemplate("Forged CA")
	template.IsCA, template.BasicConstraintsValid, template.ExtKeyUsage = true, true, nil
	forged := made(t, template, flat.Leaf(), k.Public(), flat.Key)
	ca := &Identity{k, append([]*x509.Certificate{forged}, flat.Chain...)}
	alice := &Identity{key(t, ""), nil}
	alice.Chain = append([]*x509.Certificate{made(t, codeTemplate("Alice"), forged, alice.Key.Public(), k)}, ca.Chain...)
	wantError(t, verify(signed(t, "x", alice), trusting(root)), muster.Denied, "chain is not accepted")
}

// An authority that is restricted to some uses cannot make signers of code.
func TestAuthorityUsages(t *testing.T) {
	root := authority(t, "Root")
	for _, c := range []struct {
		name  string
		usage []x509.ExtKeyUsage
		good  bool
	}{
		{"none", nil, true},
		{"code", []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, true},
		{"any", []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, true},
		{"servers", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			template := codeTemplate("Sub CA")
			template.IsCA, template.BasicConstraintsValid, template.ExtKeyUsage = true, true, c.usage
			sub := &Identity{Key: key(t, "")}
			sub.Chain = append([]*x509.Certificate{made(t, template, root.Leaf(), sub.Key.Public(), root.Key)}, root.Chain...)
			alice := &Identity{Key: key(t, "")}
			alice.Chain = append([]*x509.Certificate{made(t, codeTemplate("Alice"), sub.Leaf(), alice.Key.Public(), sub.Key)}, sub.Chain...)
			err := verify(signed(t, "x", alice), trusting(root))
			if c.good && err != nil {
				t.Error(err)
			}
			if !c.good {
				wantError(t, err, muster.Denied, "chain is not accepted")
			}
			_, err = Issue(sub, Request{Name: "Bob", Public: alice.Key.Public(), Rights: []Right{RightDeploy}, From: now, To: now.Add(time.Hour)})
			if restricted := len(c.usage) > 0 && c.usage[0] != x509.ExtKeyUsageAny; restricted != (err != nil) {
				t.Errorf("Issue: %v", err)
			}
		})
	}
}

func TestChainExtensions(t *testing.T) {
	root := authority(t, "Root")
	critical := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}
	for name, change := range map[string]func(*x509.Certificate){
		"unknown critical extension": func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{critical} },
		"key usage without signatures": func(c *x509.Certificate) {
			c.KeyUsage = x509.KeyUsageKeyEncipherment
		},
		"name constraint of the authority": nil,
	} {
		t.Run(name, func(t *testing.T) {
			ca := root
			leaf := codeTemplate("Alice")
			leaf.EmailAddresses = []string{"alice@elsewhere.example"}
			if change == nil {
				ca = constrained(t, root)
			} else {
				change(leaf)
			}
			alice := &Identity{Key: key(t, "")}
			alice.Chain = append([]*x509.Certificate{made(t, leaf, ca.Leaf(), alice.Key.Public(), ca.Key)}, ca.Chain...)
			wantError(t, verify(forced(t, alice), trusting(root)), muster.Denied, "signed by")
		})
	}
}

// constrained is an authority for the addresses of one domain.
func constrained(t testing.TB, root *Identity) *Identity {
	template := codeTemplate("Domain CA")
	template.IsCA, template.BasicConstraintsValid, template.ExtKeyUsage = true, true, nil
	template.PermittedEmailAddresses, template.PermittedDNSDomainsCritical = []string{"site.example"}, true
	k := key(t, "")
	return &Identity{k, append([]*x509.Certificate{made(t, template, root.Leaf(), k.Public(), root.Key)}, root.Chain...)}
}

// forced signs "x" without the checks that Sign makes of the signer.
func forced(t testing.TB, id *Identity) []byte {
	t.Helper()
	return forcedAt(t, id, now)
}

func forcedAt(t testing.TB, id *Identity, at time.Time) []byte {
	t.Helper()
	data := signedData{Version: 1, Content: encapsulated{Type: oidData}}
	info, err := newSigner([]byte("x"), at, id)
	if err != nil {
		t.Fatal(err)
	}
	data.Signers = []signerInfo{info}
	data.addDigest(hashFor(id.Key.Public()))
	data.addCerts(id.Chain)
	return packed(t, data)
}

func TestWeakAuthority(t *testing.T) {
	root := authority(t, "Root")
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := codeTemplate("Weak CA")
	template.IsCA, template.BasicConstraintsValid, template.ExtKeyUsage = true, true, nil
	weak := made(t, template, root.Leaf(), p224.Public(), root.Key)
	alice := &Identity{Key: key(t, "")}
	alice.Chain = []*x509.Certificate{made(t, codeTemplate("Alice"), weak, alice.Key.Public(), p224), weak}
	wantError(t, verify(signed(t, "x", alice), trusting(root)), muster.Denied, "Weak CA", "too weak", "P-224")
}

func TestClaimedTime(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	tr := trusting(root)
	wantError(t, verify(forcedAt(t, alice, now.Add(-60*24*time.Hour)), tr), muster.Denied, "not valid before")
	wantError(t, verify(forcedAt(t, alice, now.Add(2*year)), tr), muster.Denied, "in the future")
	wantError(t, verify(forcedAt(t, alice, now.Add(MaxAhead+time.Second)), tr), muster.Denied, "in the future")
	if err := verify(forcedAt(t, alice, now.Add(MaxAhead)), tr); err != nil {
		t.Errorf("a day ahead: %v", err)
	}
}

func TestThreshold(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	bob := person(t, root, "Bob", "", RightCode)
	renewed := person(t, root, "Alice", "ecdsa-p384", RightCode)
	otherName := &Identity{Key: alice.Key}
	cert, err := Issue(root, Request{Name: "A. Martin", Public: alice.Key.Public(), Rights: []Right{RightCode}, From: now.Add(-time.Hour), To: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	otherName.Chain = append([]*x509.Certificate{cert}, root.Chain...)
	clerk := person(t, root, "Clerk", "", RightDeploy)

	two := Policy{Now: now, Right: RightCode, Need: 2}
	check := func(name string, good bool, ids ...*Identity) {
		t.Helper()
		sigs, err := Verify(signed(t, "x", ids...), []byte("x"), trusting(root), two)
		if good && (err != nil || len(sigs) != len(ids)) {
			t.Errorf("%s: %d signatures, %v", name, len(sigs), err)
		}
		if !good {
			wantError(t, err, muster.Denied, "1 of 2 needed signers")
		}
	}
	check("two persons", true, alice, bob)
	check("two persons and a certificate more", true, alice, bob, renewed)
	check("one person", false, alice)
	check("one person with two keys", false, alice, renewed)
	check("one key under two names", false, alice, otherName)
	check("one without the right", false, alice, clerk)

	// Two certificates that a third one links, in whatever order they stand.
	alone := person(t, root, "A. Martin", "ecdsa-p384", RightCode)
	check("a key and a name linked", false, alice, alone, otherName)

	twice := altered(t, signed(t, "x", alice), func(d *signedData) { d.Signers = append(d.Signers, d.Signers[0]) })
	_, err = Verify(twice, []byte("x"), trusting(root), two)
	wantError(t, err, muster.Denied, "1 of 2")
}

func TestTrustLists(t *testing.T) {
	a, b := authority(t, "A"), authority(t, "B")
	tr := trusting(a, a, b)
	if len(tr.Anchors) != 2 {
		t.Errorf("%d anchors", len(tr.Anchors))
	}
	tr.Remove(a.Leaf())
	if len(tr.Anchors) != 1 || !tr.Anchors[0].Equal(b.Leaf()) {
		t.Errorf("anchors after removal: %d", len(tr.Anchors))
	}
	tr.Revoke(Fingerprint(b.Leaf()))
	wantError(t, verify(signed(t, "x", person(t, b, "Bob", "", RightCode)), tr), muster.Denied, `whose authority "B"`, "revoked")
}

// Authorities of one name that all certify one another make more ways than can
// be tried. Giving up is an answer; taking hours would not be.
func TestTangledAuthorities(t *testing.T) {
	keys := make([]*ecdsa.PrivateKey, 7)
	for i := range keys {
		keys[i] = key(t, "").(*ecdsa.PrivateKey)
	}
	template := codeTemplate("CA")
	template.IsCA, template.BasicConstraintsValid, template.ExtKeyUsage = true, true, nil
	var tangle []*x509.Certificate
	for _, subject := range keys {
		for _, issuer := range keys {
			if subject != issuer {
				tangle = append(tangle, made(t, template, template, subject.Public(), issuer))
			}
		}
	}
	alice := &Identity{Key: key(t, "")}
	parent := &x509.Certificate{Subject: template.Subject}
	leaf := codeTemplate("Alice")
	leaf.SerialNumber = big.NewInt(2)
	alice.Chain = append([]*x509.Certificate{made(t, leaf, parent, alice.Key.Public(), keys[0])}, tangle...)
	start := time.Now()
	wantError(t, verify(signed(t, "x", alice), trusting(authority(t, "Root"))), muster.Denied, "Alice")
	t.Logf("%d authorities: %v", len(tangle), time.Since(start))
}
