package sign

import (
	"crypto/x509"
	"testing"
	"time"

	"muster"
)

// The lives of keys, as administrators live them.

// A packager's key is stolen. Her certificate is revoked; what she signed is
// refused, whenever she claims to have signed it and whoever lists it, and
// others go on.
func TestStoryRevokedPackager(t *testing.T) {
	root := authority(t, "Root")
	alice, bob := person(t, root, "Alice", "", RightCode), person(t, root, "Bob", "", RightCode)
	tr := trusting(root)
	der := signed(t, "x", alice)
	if err := verify(der, tr); err != nil {
		t.Fatal(err)
	}

	tr.Revoke(Fingerprint(alice.Leaf()))
	wantError(t, verify(der, tr), muster.Denied, "Alice", "revoked")
	_, err := Verify(der, []byte("x"), tr, Policy{Now: now, Listed: true})
	wantError(t, err, muster.Denied, "revoked")
	if err := verify(signed(t, "x", bob), tr); err != nil {
		t.Errorf("Bob: %v", err)
	}

	// Bob looks at her package and stands for it.
	approved, err := Approve(der, []byte("x"), now, bob)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(approved, tr); err != nil {
		t.Errorf("approved by Bob: %v", err)
	}
	_, err = Verify(approved, []byte("x"), tr, Policy{Now: now, Need: 2})
	wantError(t, err, muster.Denied, "1 of 2", "revoked")
}

// A key is revoked, not just a certificate: a new certificate for the stolen
// key does not bring it back.
func TestStoryRevokedKey(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	tr := trusting(root)
	tr.Revoke(KeyFingerprint(alice.Leaf()))
	again, err := Issue(root, Request{Name: "Alice 2", Public: alice.Key.Public(), Rights: []Right{RightCode}, From: now.Add(-time.Hour), To: now.Add(year)})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, verify(signed(t, "x", &Identity{alice.Key, []*x509.Certificate{again, root.Leaf()}}), tr), muster.Denied, "revoked")
}

// An authority in the middle is revoked: all whom it certified go with it, and
// come back when the root certifies them itself.
func TestStoryRevokedAuthority(t *testing.T) {
	root := authority(t, "Root")
	sub := certify(t, root, Request{Name: "Sub", Rights: []Right{RightIssue}}, "")
	alice := person(t, sub, "Alice", "", RightCode)
	tr := trusting(root)
	tr.Revoke(Fingerprint(sub.Leaf()))
	wantError(t, verify(signed(t, "x", alice), tr), muster.Denied, "Alice", `authority "Sub"`, "revoked")
	if err := verify(signed(t, "x", person(t, root, "Alice", "", RightCode)), tr); err != nil {
		t.Error(err)
	}
}

// The authority is replaced. For a time hosts believe both; then the old one
// goes, and only what was signed anew is good.
func TestStoryAuthorityRollover(t *testing.T) {
	older, newer := authority(t, "Root 2020"), authority(t, "Root 2027")
	before := person(t, older, "Alice", "", RightCode)
	after := person(t, newer, "Alice", "", RightCode)
	old, fresh := signed(t, "x", before), signed(t, "x", after)

	tr := trusting(older)
	wantError(t, verify(fresh, tr), muster.Denied, "unknown authority")
	tr.Add(newer.Leaf())
	for _, der := range [][]byte{old, fresh} {
		if err := verify(der, tr); err != nil {
			t.Errorf("while both are believed: %v", err)
		}
	}
	tr.Remove(older.Leaf())
	wantError(t, verify(old, tr), muster.Denied, "unknown authority")
	if err := verify(fresh, tr); err != nil {
		t.Error(err)
	}
}

// The old authority certifies the key of the new one. Hosts that know only the
// old follow the cross certificate, hosts that know only the new do without.
func TestStoryCrossCertificate(t *testing.T) {
	older, newer := authority(t, "Root 2020"), authority(t, "Root 2027")
	cross, err := Issue(older, Request{Name: "Root 2027", Public: newer.Key.Public(), Rights: []Right{RightIssue},
		From: now.Add(-time.Hour), To: now.Add(year), Depth: 2})
	if err != nil {
		t.Fatal(err)
	}
	alice := person(t, newer, "Alice", "", RightCode)
	alice.Chain = append(alice.Chain, cross, older.Leaf())
	der := signed(t, "x", alice)
	for _, tr := range []*Trust{trusting(older), trusting(newer)} {
		if err := verify(der, tr); err != nil {
			t.Error(err)
		}
	}
	// With the cross certificate revoked, the direct way is still open.
	both := trusting(older, newer)
	both.Revoke(Fingerprint(cross))
	if err := verify(der, both); err != nil {
		t.Errorf("direct way: %v", err)
	}
	only := trusting(older)
	only.Revoke(Fingerprint(cross))
	wantError(t, verify(der, only), muster.Denied, "revoked")
}

// A deployer chooses among packages but runs no code of his own.
func TestStoryDeployer(t *testing.T) {
	root := authority(t, "Root")
	dora := person(t, root, "Dora", "", RightDeploy)
	der := signed(t, "x", dora)
	wantError(t, verify(der, trusting(root)), muster.Denied, "Dora", "may not sign code")
	for _, right := range []Right{RightDeploy, ""} {
		if _, err := Verify(der, []byte("x"), trusting(root), Policy{Now: now, Right: right}); err != nil {
			t.Errorf("right %q: %v", right, err)
		}
	}
}

// A host has a certificate of the same authority, and can sign for itself only.
func TestStoryHost(t *testing.T) {
	root := authority(t, "Root")
	host := person(t, root, "host 17", "")
	der := signed(t, "x", host)
	for right, words := range map[Right]string{RightCode: "sign code", RightDeploy: "deploy", RightIssue: "issue certificates"} {
		_, err := Verify(der, []byte("x"), trusting(root), Policy{Now: now, Right: right})
		wantError(t, err, muster.Denied, "may not "+words)
	}
	if _, err := Verify(der, []byte("x"), trusting(root), Policy{Now: now}); err != nil {
		t.Error(err)
	}
}

// A certificate runs out. Packages that a current head lists stay good, others
// do not; and nobody signs with it any more.
func TestStoryExpired(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	der := signed(t, "x", alice)
	later := Policy{Now: now.Add(2 * year), Right: RightCode}
	_, err := Verify(der, []byte("x"), trusting(root), later)
	wantError(t, err, muster.Denied, "Alice", "has expired on")
	later.Listed = true
	if _, err := Verify(der, []byte("x"), trusting(root), later); err != nil {
		t.Errorf("listed: %v", err)
	}
	backdated := forcedAt(t, alice, later.Now)
	_, err = Verify(backdated, []byte("x"), trusting(root), later)
	wantError(t, err, muster.Denied, "at the time of the signature", "expired")
}

// The authority itself has run out: what is listed stays good, so that a
// forgotten date does not stop a fleet.
func TestStoryExpiredAuthority(t *testing.T) {
	root := authority(t, "Root")
	der := signed(t, "x", person(t, root, "Alice", "", RightCode))
	later := Policy{Now: now.Add(20 * year), Right: RightCode}
	_, err := Verify(der, []byte("x"), trusting(root), later)
	wantError(t, err, muster.Denied, "expired")
	later.Listed = true
	if _, err := Verify(der, []byte("x"), trusting(root), later); err != nil {
		t.Errorf("listed: %v", err)
	}
}

// A trust link is signed by an authority, which no ordinary signer can do.
func TestStoryTrustLink(t *testing.T) {
	root := authority(t, "Root")
	link := Policy{Now: now, Right: RightIssue}
	if _, err := Verify(signed(t, "x", root), []byte("x"), trusting(root), link); err != nil {
		t.Error(err)
	}
	_, err := Verify(signed(t, "x", person(t, root, "Alice", "", RightCode)), []byte("x"), trusting(root), link)
	wantError(t, err, muster.Denied, "may not issue certificates")
}
