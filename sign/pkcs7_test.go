package sign

import (
	"crypto/x509"
	"testing"

	"github.com/smallstep/pkcs7"
)

// A second implementation reads what we sign, and we read what it signs.
func TestSignaturesCrossCheck(t *testing.T) {
	root := authority(t, "Root")
	for _, alg := range []string{"ecdsa-p256", "ecdsa-p384", "rsa-3072"} {
		id := person(t, root, "Alice", alg, RightCode)
		theirs, err := pkcs7.Parse(signed(t, "x", id))
		if err != nil {
			t.Fatal(err)
		}
		theirs.Content = []byte("x")
		pool := x509.NewCertPool()
		pool.AddCert(root.Leaf())
		if err := theirs.VerifyWithChain(pool); err != nil {
			t.Errorf("%s: they refuse ours: %v", alg, err)
		}
		theirs.Content = []byte("y")
		if err := theirs.VerifyWithChain(pool); err == nil {
			t.Errorf("%s: they accept another content", alg)
		}
		if _, err := Verify(signedByThem(t, id), []byte("x"), trusting(root), Policy{Now: now, Right: RightCode}); err != nil {
			t.Errorf("%s: we refuse theirs: %v", alg, err)
		}
	}
}

func signedByThem(t testing.TB, id *Identity) []byte {
	t.Helper()
	data, err := pkcs7.NewSignedData([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := data.AddSigner(id.Leaf(), id.Key, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	data.Detach()
	der, err := data.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return der
}
