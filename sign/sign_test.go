package sign

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"muster"
)

func TestSignVerify(t *testing.T) {
	root := authority(t, "Root")
	sub := certify(t, root, Request{Name: "Packaging CA", Rights: []Right{RightIssue}}, "ecdsa-p384")
	for _, alg := range []string{"ecdsa-p256", "ecdsa-p384", "rsa-3072"} {
		t.Run(alg, func(t *testing.T) {
			alice := person(t, sub, "Alice", alg, RightCode)
			der := signed(t, "content", alice)
			sigs, err := Verify(der, []byte("content"), trusting(root), Policy{Now: now, Right: RightCode})
			if err != nil {
				t.Fatal(err)
			}
			if len(sigs) != 1 || !sigs[0].Signer.Equal(alice.Leaf()) || !sigs[0].Time.Equal(now) {
				t.Errorf("got %v", sigs)
			}
			if got := len(sigs[0].Chain); got != 3 || !sigs[0].Chain[2].Equal(root.Leaf()) {
				t.Errorf("chain of %d does not end in the root", got)
			}
			_, err = Verify(der, []byte("other"), trusting(root), Policy{Now: now})
			wantError(t, err, muster.Denied, "changed", "Alice")
		})
	}
}

func TestAttached(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "")
	for _, content := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte("0123456789"), 100_000)} {
		der, err := Sign(content, false, now, alice)
		if err != nil {
			t.Fatal(err)
		}
		got, sigs, err := VerifyAttached(der, trusting(root), Policy{Now: now})
		if err != nil || len(sigs) != 1 || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: got %d bytes, %d signatures, %v", len(content), len(got), len(sigs), err)
		}
		_, err = Verify(der, content, trusting(root), Policy{Now: now})
		wantError(t, err, muster.Invalid, "content of its own")
	}
	_, _, err := VerifyAttached(signed(t, "x", alice), trusting(root), Policy{Now: now})
	wantError(t, err, muster.Invalid, "no content")
	_, err = Sign(make([]byte, MaxContent+1), false, now, alice)
	wantError(t, err, muster.Invalid, "too long")
}

// The time is written in whole seconds, and years from 2050 on in another form.
func TestSigningTime(t *testing.T) {
	k := key(t, "")
	cert, err := SelfSigned("Alice", k, now, now.Add(60*year))
	if err != nil {
		t.Fatal(err)
	}
	alice := &Identity{k, []*x509.Certificate{cert}}
	for _, at := range []time.Time{
		now.Add(123456789 * time.Nanosecond).In(time.FixedZone("", 3600)),
		time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		der, err := Sign([]byte("x"), true, at, alice)
		if err != nil {
			t.Fatal(err)
		}
		sigs, err := Verify(der, []byte("x"), trusting(alice), Policy{Now: at})
		if err != nil {
			t.Fatal(err)
		}
		if got := sigs[0].Time; !got.Equal(at.Truncate(time.Second)) {
			t.Errorf("signed at %v, claims %v", at, got)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "")
	bob := person(t, root, "Bob", "")
	mixed := &Identity{alice.Key, bob.Chain}

	_, err := Sign(nil, true, now)
	wantError(t, err, muster.Invalid, "nobody")
	_, err = Sign(nil, true, now, mixed)
	wantError(t, err, muster.Invalid, "does not belong", "Bob")
	_, err = Sign(nil, true, now.Add(2*year), alice)
	wantError(t, err, muster.Denied, "Alice", "expired")
	if muster.HintOf(err) == "" {
		t.Error("an expired certificate gives no hint")
	}
	_, err = Sign(nil, true, now, alice, alice)
	wantError(t, err, muster.Conflict, "already signed", "Alice")
	_, err = Sign(nil, true, now, new(Identity))
	wantError(t, err, muster.Invalid, "without key")
}

func TestApprove(t *testing.T) {
	root, site := authority(t, "Root"), authority(t, "Site")
	alice := person(t, root, "Alice", "rsa-3072", RightCode)
	carol := person(t, site, "Carol", "ecdsa-p384", RightCode)
	for _, detached := range []bool{true, false} {
		der, err := Sign([]byte("content"), detached, now, alice)
		if err != nil {
			t.Fatal(err)
		}
		var given []byte
		if detached {
			given = []byte("content")
			_, err := Approve(der, nil, now, carol)
			wantError(t, err, muster.Invalid, "none was given")
		}
		_, err = Approve(der, []byte("other"), now, carol)
		wantError(t, err, muster.Denied)
		_, err = Approve(der, given, now, alice)
		wantError(t, err, muster.Conflict, "already signed")

		both, err := Approve(der, given, now.Add(time.Hour), carol)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parseMessage(both)
		if err != nil {
			t.Fatal(err)
		}
		sigs, err := m.verify([]byte("content"), trusting(root, site), Policy{Now: now, Need: 2})
		if err != nil || len(sigs) != 2 {
			t.Errorf("%d signatures, %v", len(sigs), err)
		}
		sigs, err = m.verify([]byte("content"), trusting(site), Policy{Now: now})
		if err != nil || len(sigs) != 1 || !sigs[0].Signer.Equal(carol.Leaf()) {
			t.Errorf("the approval alone does not count: %v, %v", sigs, err)
		}
	}
}

// Nobody puts a signature under something that another only seems to have signed.
func TestApproveRefusesFalseSignature(t *testing.T) {
	root := authority(t, "Root")
	alice, bob := person(t, root, "Alice", ""), person(t, root, "Bob", "")
	der := altered(t, signed(t, "x", alice), func(d *signedData) { d.Signers[0].Signature[12] ^= 1 })
	_, err := Approve(der, []byte("x"), now, bob)
	wantError(t, err, muster.Denied, "false", "Alice")
}

func TestInspect(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "")
	der, err := Sign([]byte("content"), false, now, alice)
	if err != nil {
		t.Fatal(err)
	}
	sigs, content, err := Inspect(der)
	if err != nil || string(content) != "content" || len(sigs) != 1 || sigs[0].Signer.Subject.CommonName != "Alice" {
		t.Errorf("got %v, %q, %v", sigs, content, err)
	}
	detached := signed(t, "content", alice)
	if _, content, err := Inspect(detached); err != nil || content != nil {
		t.Errorf("detached: content %q, %v", content, err)
	}
	if sigs, err := InspectDetached(detached, []byte("content")); err != nil || len(sigs) != 1 {
		t.Errorf("detached: %v, %v", sigs, err)
	}
	_, err = InspectDetached(detached, []byte("other"))
	wantError(t, err, muster.Denied, "changed")
	_, err = InspectDetached(der, []byte("content"))
	wantError(t, err, muster.Invalid, "of its own")
	_, _, err = Inspect(altered(t, detached, func(d *signedData) { d.Signers[0].Signature[12] ^= 1 }))
	wantError(t, err, muster.Denied, "false")
}

func TestFloor(t *testing.T) {
	old := MinBuildTime.Add(-year)
	if got := Floor(old); !got.Equal(MinBuildTime) {
		t.Errorf("Floor(%v) = %v", old, got)
	}
	if got := Floor(old, now, now.Add(-time.Hour)); !got.Equal(now) {
		t.Errorf("the newest head does not hold the clock up: %v", got)
	}
	if got := Floor(now.Add(time.Hour), now); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("a clock that is ahead was changed to %v", got)
	}
	if MinBuildTime.After(time.Now()) {
		t.Error("MinBuildTime has not come yet")
	}
}
