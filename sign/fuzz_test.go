package sign

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"muster"
)

// seeds are the messages of the vectors and what they become when cut short.
func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/vectors/*")
	if err != nil || len(files) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CMS" {
				f.Add(block.Bytes)
				f.Add(block.Bytes[:len(block.Bytes)/2])
			}
		}
	}
}

// A message that is read is the encoding of what was read, and its signatures
// can be looked at without harm.
func FuzzSignedMessage(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, der []byte) {
		m, err := parseMessage(der)
		if err != nil {
			return
		}
		inner, err := asn1.Marshal(m.raw)
		if err != nil {
			t.Fatal(err)
		}
		again, err := wrap(oidSignedData, inner)
		if err != nil || !bytes.Equal(again, der) {
			t.Fatalf("read %x, printed %x, %v", der, again, err)
		}
		if len(m.signers) == 0 || len(m.signers) > MaxSigners || len(m.certs) > MaxCerts {
			t.Fatalf("%d signers, %d certificates", len(m.signers), len(m.certs))
		}
		if _, err := Verify(der, m.content, nil, Policy{Now: now}); err == nil {
			t.Fatal("verified without trusting anybody")
		}
		Inspect(der)
	})
}

// vectorsFor are the vectors of an operation that succeed. Their keys and
// certificates are the same in every process that looks for faults.
func vectorsFor(f *testing.F, operations ...string) (all []*vector) {
	files, err := filepath.Glob("testdata/vectors/good-*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		v, err := parseVector(data)
		if err != nil {
			f.Fatalf("%s: %v", name, err)
		}
		if slices.Contains(operations, v.operation) {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		f.Fatalf("no vectors for %v", operations)
	}
	return all
}

// Whatever becomes of a message and of its content: what is verified was
// signed, and nobody is said to have signed who did not. The messages of the
// vectors may verify for one another: some have one authority.
func FuzzVerify(f *testing.F) {
	all := vectorsFor(f, "verify", "verify-attached")
	signed := map[string][]string{} // content -> who signed it
	for i, v := range all {
		f.Add(uint8(i), v.message, v.content)
		f.Add(uint8(i), v.message, append(bytes.Clone(v.content), '!'))
		names, err := signersOf(v)
		if err != nil {
			f.Fatal(err)
		}
		signed[string(v.content)] = append(signed[string(v.content)], names...)
	}
	f.Fuzz(func(t *testing.T, which uint8, der, content []byte) {
		v := *all[int(which)%len(all)]
		v.message, v.content = der, content
		got, err := v.run()
		if err != nil {
			return
		}
		honest, ok := signed[string(got)]
		if !ok {
			t.Fatalf("verified %q, which nobody signed", got)
		}
		names, err := signersOf(&v)
		if err != nil || len(names) == 0 {
			t.Fatalf("%d signers, %v", len(names), err)
		}
		for _, name := range names {
			if !slices.Contains(honest, name) {
				t.Fatalf("%s is said to have signed %q", name, got)
			}
		}
	})
}

// signersOf names who signed, as far as the vector's policy counts them.
func signersOf(v *vector) (names []string, err error) {
	trust, policy := &Trust{Anchors: v.certs}, Policy{Now: v.now, Right: v.right, Need: v.need, Listed: v.listed}
	trust.Revoke(v.revoked...)
	var sigs []Signature
	if v.operation == "verify" {
		sigs, err = Verify(v.message, v.content, trust, policy)
	} else {
		_, sigs, err = VerifyAttached(v.message, trust, policy)
	}
	for _, s := range sigs {
		names = append(names, Fingerprint(s.Signer))
	}
	return names, err
}

// A sealed message that is read has bounded parts. What opens and is
// authenticated is what was sealed: no change of it opens to anything else.
// Without authentication nothing but the padding is promised, but what opens is
// smaller than the message.
func FuzzSealedMessage(f *testing.F) {
	seeds(f)
	all := vectorsFor(f, "open")
	for _, v := range all {
		f.Add(v.message)
	}
	ids := make([]*Identity, len(all))
	for i, v := range all {
		var err error
		if ids[i], err = ParseIdentity(v.key, EncodeCerts(v.certs...), nil); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		e, err := parseEnvelope(der)
		if err != nil {
			return
		}
		if len(e.recipients) > MaxRecipients || len(e.data) > MaxContent+MaxMessage {
			t.Fatalf("%d recipients, %d bytes", len(e.recipients), len(e.data))
		}
		for i, id := range ids {
			content, authenticated, err := OpenAny(der, id)
			if err != nil {
				continue
			}
			if len(content) > len(e.data) || authenticated != (e.tag != nil) {
				t.Fatalf("%d bytes out of %d, authenticated: %t", len(content), len(e.data), authenticated)
			}
			if authenticated && !bytes.Equal(content, all[i].content) {
				t.Fatalf("opened %q, sealed was %q", content, all[i].content)
			}
		}
	})
}

// checkDER accepts nothing that encoding/asn1 does not, and what it accepts
// has one encoding: elements put together again give the same bytes.
func FuzzDER(f *testing.F) {
	seeds(f)
	f.Add([]byte{0x30, 0})
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Add([]byte{2, 2, 0, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		if checkDER(der) != nil {
			return
		}
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil || len(rest) > 0 {
			t.Fatalf("encoding/asn1 refuses %x: %v", der, err)
		}
		if again := rebuild(t, der); !bytes.Equal(again, der) {
			t.Fatalf("%x put together again is %x", der, again)
		}
	})
}

// rebuild takes an element apart and encodes it anew.
func rebuild(t *testing.T, der []byte) []byte {
	h, body, rest, err := cutElement(der)
	if err != nil {
		t.Fatal(err)
	}
	if h.constructed {
		var parts [][]byte
		for inner := body; len(inner) > 0; {
			_, _, after, err := cutElement(inner)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, rebuild(t, inner[:len(inner)-len(after)]))
			inner = after
		}
		body = slices.Concat(parts...)
	}
	out, err := asn1.Marshal(asn1.RawValue{Class: h.class, Tag: h.tag, IsCompound: h.constructed, Bytes: body})
	if err != nil || len(rest) > 0 {
		t.Fatalf("%v, %d bytes left", err, len(rest))
	}
	return out
}

// Certificates that are read print to a file that reads the same.
func FuzzParseCerts(f *testing.F) {
	root := authority(f, "Root")
	alice := person(f, root, "Alice", "")
	f.Add(EncodeCerts(alice.Chain...))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		certs, err := ParseCerts(data)
		if err != nil {
			return
		}
		text := EncodeCerts(certs...)
		again, err := ParseCerts(text)
		if err != nil || !bytes.Equal(EncodeCerts(again...), text) {
			t.Fatalf("read %d certificates, again %d, %v", len(certs), len(again), err)
		}
	})
}

// A damaged key file is an error, never a panic, and costs no more rounds than
// it says; those with many are left out, to get on.
func FuzzEncryptedKey(f *testing.F) {
	block, _ := pem.Decode(lightly(f, key(f, ""), "pw"))
	f.Add(block.Bytes)
	f.Add(bytes.Replace(block.Bytes, []byte{2, 2, 3, 0xe8}, []byte{2, 2, 0, 1}, 1))
	f.Fuzz(func(t *testing.T, der []byte) {
		box, err := parseEncryptedKey(der)
		if err != nil || box.kdf.Rounds > 1000 {
			return
		}
		if len(box.iv) != 16 || len(box.data)%16 != 0 {
			t.Fatalf("initialisation vector of %d bytes, data of %d", len(box.iv), len(box.data))
		}
		if plain, err := decryptKey(bytes.Clone(der), []byte("pw")); err == nil && len(plain) >= len(box.data) {
			t.Fatalf("%d bytes decrypt to %d", len(box.data), len(plain))
		}
	})
}

// A key file that is read is printed to one that reads as the same key, and
// belongs to no certificate but its own. Encrypted keys are for FuzzEncryptedKey.
func FuzzParseKey(f *testing.F) {
	for _, v := range vectorsFor(f, "open") {
		f.Add(v.key)
	}
	plain, err := MarshalKey(key(f, "ecdsa-p384"), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append([]byte("-----BEGIN X-----\nAA==\n-----END X-----\n"), plain...))
	f.Add(bytes.ReplaceAll(plain, []byte("PRIVATE KEY"), []byte("EC PRIVATE KEY")))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := ParseKey(data, nil)
		if err != nil {
			if kind := muster.KindOf(err); kind != muster.Invalid && kind != muster.Denied {
				t.Fatalf("error of kind %q: %v", kind, err)
			}
			return
		}
		if err := checkKey(k.Public()); err != nil {
			t.Fatal(err)
		}
		text, err := MarshalKey(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseKey(text, nil)
		if err != nil || !sameKey(again.Public(), k.Public()) {
			t.Fatalf("printed, it reads as another key: %v", err)
		}
	})
}

// A wrapped key opens again, and a changed one does not.
func FuzzKeyWrap(f *testing.F) {
	f.Add(make([]byte, 32), make([]byte, 32), 3, byte(1))
	f.Add([]byte("0123456789abcdef"), []byte("0123456789abcdef01234567"), 0, byte(0x80))
	f.Fuzz(func(t *testing.T, kek, k []byte, at int, flip byte) {
		_, _ = unwrapKey(kek, k)
		if len(k) < 16 || len(k) > 64 || len(k)%8 != 0 {
			return
		}
		wrapped, err := wrapKey(kek, k)
		if err != nil {
			return // the length of kek
		}
		if got, err := unwrapKey(kek, wrapped); err != nil || !bytes.Equal(got, k) {
			t.Fatalf("wrapped %x, unwrapped %x, %v", k, got, err)
		}
		if at < 0 || at >= len(wrapped) || flip == 0 {
			return
		}
		wrapped[at] ^= flip
		if _, err := unwrapKey(kek, wrapped); err == nil {
			t.Fatalf("byte %d changed, and it opens", at)
		}
	})
}
