package httpsig

import (
	"crypto"
	"os"
	"path/filepath"
	"testing"

	"muster/internal/testneed"
	"muster/sign"
)

// TestPersons signs logins with the keys that package sign makes for people, from
// a file with a password and from a program that holds the key.
func TestPersons(t *testing.T) {
	openssl := testneed.Program(t, "openssl")
	for _, alg := range []algorithm{rsaSHA256, ecdsaP256, ecdsaP384} {
		key := testKey(alg)
		cert, err := sign.SelfSigned("alice", key, testNow, testNow.AddDate(1, 0, 0), sign.RightDeploy)
		if err != nil {
			t.Fatal(err)
		}
		password := []byte("correct horse")
		text, err := sign.MarshalKey(key, password)
		if err != nil {
			t.Fatal(err)
		}
		id, err := sign.ParseIdentity(text, sign.EncodeCerts(cert), func() ([]byte, error) { return password, nil })
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "key.pem")
		if text, err = sign.MarshalKey(key, nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		outside := sign.CommandSigner(cert, []string{openssl, "pkeyutl", "-sign", "-inkey", file, "-pkeyopt", "digest:{hash}"})
		for name, signer := range map[string]crypto.Signer{"file": id.Key, "program": outside} {
			p := Params{KeyID: sign.KeyFingerprint(cert), Server: testServer, Created: testNow}
			req := request(t, signer, p, "POST", "/api/v1/login", `{"certificate":""}`)
			m, _, err := take(req, cert.PublicKey, testNow)
			if err != nil || m.KeyID != p.KeyID {
				t.Errorf("%s, %s: %v", alg, name, err)
			}
		}
	}
}
