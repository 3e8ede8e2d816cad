package sitereport

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/testneed"
)

var siteKey = Key{"example-1", "kXk0Zt1mQ8_vJr7TnW4sYb2cLd5eFg6h"}

func TestProof(t *testing.T) {
	text := []byte(nodeText)
	sent := siteKey.Prove(text)
	p, report, err := CutProof(sent)
	if err != nil || p == nil || p.Key != siteKey.ID || !bytes.Equal(report, text) {
		t.Fatal(p, err)
	}
	if !p.By(siteKey, report) {
		t.Error("the proof of a key is not by it")
	}
	other := siteKey
	other.Secret = strings.ToUpper(other.Secret)
	for name, wrong := range map[string]bool{
		"other secret":  p.By(other, report),
		"other id":      p.By(Key{"example-2", siteKey.Secret}, report),
		"no secret":     p.By(Key{ID: siteKey.ID}, report),
		"other report":  p.By(siteKey, bytes.Replace(report, []byte("EXAMPLE"), []byte("example"), 1)),
		"longer report": p.By(siteKey, append(report[:len(report):len(report)], "dpkg\tz\t\t\t\t\t\n"...)),
		"proof as well": p.By(siteKey, sent),
	} {
		if wrong {
			t.Errorf("%s: proven", name)
		}
	}
	if p, report, err := CutProof(text); p != nil || err != nil || !bytes.Equal(report, text) {
		t.Error("a report without a proof has one", p, err)
	}
}

// TestProofOpenSSL holds that the proof is what openssl makes.
func TestProofOpenSSL(t *testing.T) {
	openssl := testneed.Program(t, "openssl")
	file := filepath.Join(t.TempDir(), "report")
	if err := os.WriteFile(file, []byte(nodeText), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(openssl, "dgst", "-sha256", "-mac", "HMAC", "-macopt", fmt.Sprintf("hexkey:%x", siteKey.Hash()), file).Output()
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(out))
	sent := fmt.Sprintf("Key: %s\nProof: %s\n%s", siteKey.ID, fields[len(fields)-1], nodeText)
	if p, report, err := CutProof([]byte(sent)); err != nil || !p.By(siteKey, report) {
		t.Error(p, err)
	}
}

func TestProofRefusals(t *testing.T) {
	good := string(siteKey.Prove([]byte(nodeText)))
	for name, c := range map[string][2]string{
		"blank in id":     {"example-1", "example 1"},
		"no id":           {"example-1", ""},
		"no proof":        {"Proof: ", "Proff: "},
		"proof too long":  {"\nMuster", "00\nMuster"},
		"proof too short": {"Proof: ", "Proof: 0\nx"},
	} {
		_, _, err := CutProof([]byte(strings.Replace(good, c[0], c[1], 1)))
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, cut := range []string{"Key: x", "Key: x\n", good[:len("Key: example-1\nProof: ")+64]} {
		_, _, err := CutProof([]byte(cut))
		refused(t, err, "line 2")
	}
}

func TestKeyFile(t *testing.T) {
	k, err := ParseKey(siteKey.Marshal())
	if err != nil || k != siteKey {
		t.Fatal(k, err)
	}
	for _, bad := range []string{
		"", "example-1", "example-1:short", ":" + siteKey.Secret, "Example:" + siteKey.Secret, "a:" + siteKey.Secret + "!",
		"a:" + strings.Repeat("x", 129), "a:" + siteKey.Secret + "\nb", strings.Repeat("a", 65) + ":" + siteKey.Secret,
	} {
		_, err := ParseKey([]byte(bad))
		refused(t, err)
		if strings.Contains(err.Error(), siteKey.Secret) {
			t.Errorf("%q shows the secret", err)
		}
	}
	for _, shown := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s", k, k, k), fmt.Sprintf("%v", &k)} {
		if strings.Contains(shown, siteKey.Secret) {
			t.Errorf("%q shows the secret", shown)
		}
	}
}
