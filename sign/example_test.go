package sign_test

import (
	"crypto/x509"
	"fmt"
	"log"
	"time"

	"muster/sign"
)

// An authority certifies a packager, who signs a manifest. A host that believes
// the authority checks it.
func Example() {
	now := time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)
	caKey, err := sign.NewKey("ecdsa-p384")
	if err != nil {
		log.Fatal(err)
	}
	root, err := sign.NewAuthority("Packaging CA", caKey, now, now.AddDate(10, 0, 0))
	if err != nil {
		log.Fatal(err)
	}
	ca := &sign.Identity{Key: caKey, Chain: []*x509.Certificate{root}}

	key, err := sign.NewKey("ecdsa-p256")
	if err != nil {
		log.Fatal(err)
	}
	cert, err := sign.Issue(ca, sign.Request{
		Name:   "Alice Martin",
		Public: key.Public(),
		Rights: []sign.Right{sign.RightCode},
		From:   now,
		To:     now.AddDate(1, 0, 0),
	})
	if err != nil {
		log.Fatal(err)
	}
	alice := &sign.Identity{Key: key, Chain: []*x509.Certificate{cert, root}}

	manifest := []byte(`{"name":"hello"}`)
	der, err := sign.Sign(manifest, true, now.Add(time.Minute), alice)
	if err != nil {
		log.Fatal(err)
	}

	trust := new(sign.Trust)
	trust.Add(root)
	sigs, err := sign.Verify(der, manifest, trust, sign.Policy{
		Now:   sign.Floor(now.Add(time.Hour)),
		Right: sign.RightCode,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sigs[0].Signer.Subject.CommonName, sigs[0].Time.Format(time.RFC3339))

	trust.Revoke(sign.Fingerprint(cert))
	_, err = sign.Verify(der, manifest, trust, sign.Policy{Now: now.Add(time.Hour)})
	fmt.Println(err != nil)
	// Output:
	// Alice Martin 2027-03-01T12:01:00Z
	// true
}
