package sign

import "testing"

// How long does one package's signature take, with one authority between the
// signer and the root?
func BenchmarkVerify(b *testing.B) {
	root := authority(b, "Root")
	sub := certify(b, root, Request{Name: "Packaging CA", Rights: []Right{RightIssue}}, "ecdsa-p256")
	content := make([]byte, 20_000) // a manifest of some hundred files
	for _, alg := range []string{"rsa-3072", "ecdsa-p256", "ecdsa-p384"} {
		der, err := Sign(content, true, now, person(b, sub, "Alice", alg, RightCode))
		if err != nil {
			b.Fatal(err)
		}
		trust := trusting(root)
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Verify(der, content, trust, Policy{Now: now, Right: RightCode}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
