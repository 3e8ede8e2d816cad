package sign

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"testing"

	"muster"
	"muster/internal/testneed"
)

func TestSealOpen(t *testing.T) {
	root := authority(t, "Root")
	var all []*Identity
	for _, alg := range []string{"ecdsa-p256", "ecdsa-p384", "rsa-3072"} {
		all = append(all, person(t, root, "Collector "+alg, alg))
	}
	stranger := person(t, root, "Stranger", "")
	for _, content := range [][]byte{{}, []byte("report"), bytes.Repeat([]byte("0123456789"), 50_000)} {
		der, err := Seal(content, all[0].Leaf(), all[1].Leaf(), all[2].Leaf())
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range all {
			got, err := Open(der, id)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s: %d of %d bytes, %v", Describe(id.Leaf()), len(got), len(content), err)
			}
			if _, authenticated, _ := OpenAny(der, id); !authenticated {
				t.Error("GCM is said to be unauthenticated")
			}
		}
		_, err = Open(der, stranger)
		wantError(t, err, muster.Denied, "not sealed to this key")
	}
	_, err := Seal(nil)
	wantError(t, err, muster.Invalid, "0 recipients")
	_, err = Seal(make([]byte, MaxContent+1), all[0].Leaf())
	wantError(t, err, muster.Invalid, "limit")
}

// No change of a sealed message opens to anything else.
func TestSealChanged(t *testing.T) {
	root := authority(t, "Root")
	for _, alg := range []string{"ecdsa-p256", "rsa-3072"} {
		id := person(t, root, "Collector", alg)
		der, err := Seal([]byte("a report of some length"), id.Leaf())
		if err != nil {
			t.Fatal(err)
		}
		opened := 0
		step := 1
		if alg == "rsa-3072" {
			step = 7 // most bytes are of the encrypted key and cost milliseconds
		}
		for i := 0; i < len(der); i += step {
			bad := bytes.Clone(der)
			bad[i] ^= 1
			if content, err := Open(bad, id); err == nil {
				opened++
				if string(content) != "a report of some length" {
					t.Fatalf("%s: byte %d changed opens to %q", alg, i, content)
				}
			}
		}
		if opened > 0 {
			t.Errorf("%s: %d changed messages open", alg, opened)
		}
	}
}

// RFC 3394 section 4.6: 256 bits of key data with a 256-bit key.
func TestKeyWrapVector(t *testing.T) {
	kek, _ := hex.DecodeString("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
	key, _ := hex.DecodeString("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
	want := "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"
	wrapped, err := wrapKey(kek, key)
	if err != nil || hex.EncodeToString(wrapped) != want {
		t.Fatalf("wrapped to %x, %v", wrapped, err)
	}
	got, err := unwrapKey(kek, wrapped)
	if err != nil || !bytes.Equal(got, key) {
		t.Errorf("unwrapped to %x, %v", got, err)
	}
	for i := range wrapped {
		bad := bytes.Clone(wrapped)
		bad[i] ^= 0x80
		if _, err := unwrapKey(kek, bad); err == nil {
			t.Errorf("byte %d changed and still unwraps", i)
		}
	}
}

// cbc seals as openssl smime does, with any padding.
func cbc(t testing.TB, to *Identity, padded []byte) []byte {
	t.Helper()
	key, iv := make([]byte, 32), make([]byte, aes.BlockSize)
	rand.Read(key)
	rand.Read(iv)
	return cbcWith(t, to, key, iv, padded)
}

func cbcWith(t testing.TB, to *Identity, key, iv, padded []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Clone(padded)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	sent, err := rsa.EncryptPKCS1v15(rand.Reader, to.Leaf().PublicKey.(*rsa.PublicKey), key)
	if err != nil {
		t.Fatal(err)
	}
	id, err := asn1.Marshal(issuerAndSerial{asn1.RawValue{FullBytes: to.Leaf().RawIssuer}, to.Leaf().SerialNumber})
	if err != nil {
		t.Fatal(err)
	}
	info, err := asn1.Marshal(keyTransport{0, asn1.RawValue{FullBytes: id}, pkix.AlgorithmIdentifier{Algorithm: oidRSA, Parameters: null}, sent})
	if err != nil {
		t.Fatal(err)
	}
	alg, err := algorithm(oidAES256CBC, iv)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := asn1.Marshal(envelopedData{0, []asn1.RawValue{{FullBytes: info}}, encryptedContent{oidData, alg, data}})
	if err != nil {
		t.Fatal(err)
	}
	der, err := wrap(oidEnvelopedData, inner)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// Whatever is wrong behind the private key of the recipient, the answer is the
// same, so that it teaches nothing.
func TestCBCGivesNoOracle(t *testing.T) {
	root := authority(t, "Root")
	id := person(t, root, "Collector", "rsa-3072")
	report, err := Sign([]byte("report"), false, now, person(t, root, "Site", ""))
	if err != nil {
		t.Fatal(err)
	}
	good := cbc(t, id, padCBC(report))
	if got, err := Open(good, id); err != nil || !bytes.Equal(got, report) {
		t.Fatalf("a signed report does not open: %v", err)
	}
	if _, authenticated, err := OpenAny(good, id); err != nil || authenticated {
		t.Errorf("authenticated %t, %v", authenticated, err)
	}
	tail := func(b ...byte) []byte { return append(make([]byte, 32-len(b)), b...) }
	iv := make([]byte, aes.BlockSize)
	flipped := bytes.Clone(report)
	flipped[len(flipped)-3] ^= 1
	for name, der := range map[string][]byte{
		"padding of zero":         cbc(t, id, tail(0)),
		"padding beyond a block":  cbc(t, id, tail(17)),
		"padding that differs":    cbc(t, id, tail(2, 3, 3)),
		"content not signed":      cbc(t, id, padCBC([]byte("report"))),
		"empty content":           cbc(t, id, padCBC(nil)),
		"signature false":         cbc(t, id, padCBC(flipped)),
		"key of 128 bits":         cbcWith(t, id, make([]byte, 16), iv, padCBC(report)),
		"key not PKCS#1":          spoilKey(t, good),
		"sealed to another":       cbc(t, renamed(t, root, id), padCBC(report)),
		"GCM with another key":    spoilKey(t, sealedTo(t, id)),
		"GCM of another agreeing": sealedTo(t, person(t, root, "Other", "")),
	} {
		_, err := Open(der, id)
		if err == nil || err.Error() != errCannotOpen.Error() || muster.KindOf(err) != muster.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// renamed has the same key in another certificate.
func renamed(t testing.TB, root, id *Identity) *Identity {
	t.Helper()
	cert, err := Issue(root, Request{Name: "Another", Public: id.Key.Public(), From: now, To: now.Add(year)})
	if err != nil {
		t.Fatal(err)
	}
	return &Identity{Key: id.Key, Chain: append(id.Chain[:0:0], cert)}
}

// spoilKey changes a byte of the encrypted content key, which follows the
// object identifier of its algorithm as the first long octet string.
func spoilKey(t testing.TB, der []byte) []byte {
	t.Helper()
	bad := bytes.Clone(der)
	i := bytes.Index(bad, []byte{4, 0x82, 1, 0x80})
	if i < 0 {
		t.Fatal("no encrypted key of 3072 bits")
	}
	bad[i+100] ^= 1
	return bad
}

func TestOpenRefuses(t *testing.T) {
	root := authority(t, "Root")
	ec, rs := person(t, root, "EC", ""), person(t, root, "RSA", "rsa-3072")
	sealedEC, sealedRSA := sealedTo(t, ec), sealedTo(t, rs)
	held := &Identity{CommandSigner(ec.Leaf(), []string{"token"}), ec.Chain}
	cases := []struct {
		name string
		der  []byte
		id   *Identity
	}{
		{"empty", nil, ec},
		{"one byte", []byte{0x30}, ec},
		{"signed, not sealed", signed(t, "x", ec), ec},
		{"trailing byte", append(bytes.Clone(sealedEC), 0), ec},
		{"indefinite length", indefinite(sealedEC), ec},
		{"AES-128-GCM", swap(t, sealedEC, oidAES256GCM, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 6}), ec},
		{"key derivation with SHA-1", swap(t, sealedEC, oidStdDHSHA256, asn1.ObjectIdentifier{1, 3, 132, 1, 11, 9}), ec},
		{"another key wrap", swap(t, sealedEC, oidAES256Wrap, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 25}), ec},
		{"OAEP with SHA-512", swap(t, sealedRSA, oidSHA256, oidSHA512), rs},
		{"no point of the curve", zeroPoint(t, sealedEC), ec},
		{"key held by another program", sealedEC, held},
		{"odd length of CBC", cbcOdd(t, rs), rs},
		{"no identity", sealedEC, new(Identity)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(c.der, c.id)
			wantError(t, err, muster.Invalid)
		})
	}
}

// swap replaces an object identifier everywhere by one of the same length.
func swap(t testing.TB, der []byte, from, to asn1.ObjectIdentifier) []byte {
	t.Helper()
	a, err := asn1.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	b, err := asn1.Marshal(to)
	if err != nil || len(a) != len(b) || !bytes.Contains(der, a) {
		t.Fatalf("cannot swap %v for %v: %v", from, to, err)
	}
	return bytes.ReplaceAll(der, a, b)
}

func zeroPoint(t testing.TB, der []byte) []byte {
	t.Helper()
	i := bytes.Index(der, []byte{3, 66, 0, 4}) // BIT STRING of an uncompressed point
	if i < 0 {
		t.Fatal("no point")
	}
	return slices.Replace(bytes.Clone(der), i+4, i+68, make([]byte, 64)...)
}

func cbcOdd(t testing.TB, id *Identity) []byte {
	t.Helper()
	var outer contentInfo
	var d envelopedData
	if err := decode(cbc(t, id, padCBC([]byte("x"))), &outer, ""); err != nil {
		t.Fatal(err)
	}
	if err := decode(outer.Content.Bytes, &d, ""); err != nil {
		t.Fatal(err)
	}
	d.Content.Data = d.Content.Data[:15]
	inner, err := asn1.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	der, err := wrap(oidEnvelopedData, inner)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestOpenSSLOpens(t *testing.T) {
	testneed.Program(t, "openssl")
	root := authority(t, "Root")
	ids := map[string]*Identity{}
	for _, alg := range []string{"ecdsa-p256", "ecdsa-p384", "rsa-3072"} {
		ids[alg] = person(t, root, "Collector "+alg, alg)
	}
	b := newBench(t)
	for name, id := range ids {
		b.identity(name, id)
	}
	for _, to := range [][]string{{"ecdsa-p256"}, {"ecdsa-p384"}, {"rsa-3072"}, {"rsa-3072", "ecdsa-p256", "ecdsa-p384"}} {
		var list []*Identity
		for _, name := range to {
			list = append(list, ids[name])
		}
		der, err := Seal([]byte("re\r\nport\n"), leaves(list)...)
		if err != nil {
			t.Fatal(err)
		}
		b.write("sealed", der)
		for _, name := range to {
			b.run("openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "sealed", "-out", "out",
				"-recip", name+".crt", "-inkey", name+".key")
			if got := string(b.read("out")); got != "re\r\nport\n" {
				t.Errorf("%v opened by %s: %q", to, name, got)
			}
		}
	}
}

func TestOpenOpenSSL(t *testing.T) {
	testneed.Program(t, "openssl")
	root := authority(t, "Root")
	rs, p256, p384 := person(t, root, "R", "rsa-3072"), person(t, root, "E", ""), person(t, root, "F", "ecdsa-p384")
	site := person(t, root, "Site", "")
	b := newBench(t)
	b.identity("rsa", rs)
	b.identity("p256", p256)
	b.identity("p384", p384)
	b.identity("site", site)
	b.write("report", []byte("re\r\nport\n"))
	ec := []string{"-aes256-wrap", "-keyopt", "ecdh_kdf_md:sha256"}
	oaep := []string{"-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"}
	for _, c := range []struct {
		to    string
		id    *Identity
		extra []string
	}{
		{"rsa.crt", rs, oaep},
		{"rsa.crt", rs, nil},
		{"rsa.crt", rs, []string{"-keyid"}},
		{"p256.crt", p256, ec},
		{"p256.crt", p256, append(slices.Clone(ec), "-keyid")},
		{"p384.crt", p384, ec},
	} {
		args := []string{"cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", "report", "-outform", "DER", "-out", "sealed", "-recip", c.to}
		b.run("openssl", append(args, c.extra...)...)
		got, err := Open(b.read("sealed"), c.id)
		if err != nil || string(got) != "re\r\nport\n" {
			t.Errorf("%s %v: %q, %v", c.to, c.extra, got, err)
		}
	}

	// What a site with nothing but a shell does: sign, then seal.
	b.run("openssl", "cms", "-sign", "-binary", "-nodetach", "-in", "report", "-outform", "DER", "-out", "signed", "-signer", "site.crt", "-inkey", "site.key")
	for _, verb := range []string{"smime", "cms"} {
		b.run("openssl", verb, "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-out", "sealed", "-in", "signed", "rsa.crt")
		inside, err := Open(b.read("sealed"), rs)
		if err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		content, _, err := VerifyAttached(inside, trusting(root), Policy{Now: now})
		if err != nil || string(content) != "re\r\nport\n" {
			t.Errorf("%s: %q, %v", verb, content, err)
		}
	}
	b.run("openssl", "smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-out", "sealed", "-in", "report", "rsa.crt")
	_, err := Open(b.read("sealed"), rs)
	wantError(t, err, muster.Denied)
	got, authenticated, err := OpenAny(b.read("sealed"), rs)
	if err != nil || authenticated || string(got) != "re\r\nport\n" {
		t.Errorf("OpenAny: %q, authenticated %t, %v", got, authenticated, err)
	}
	b.run("openssl", "smime", "-encrypt", "-binary", "-des3", "-outform", "DER", "-out", "sealed", "-in", "report", "rsa.crt")
	_, err = Open(b.read("sealed"), rs)
	wantError(t, err, muster.Invalid, "AES-256-CBC")
}
