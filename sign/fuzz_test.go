package sign

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
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

// A sealed message that is read is the encoding of what was read; the seeds
// open, and nothing panics.
func FuzzSealedMessage(f *testing.F) {
	seeds(f)
	root := authority(f, "Root")
	ec, rs := person(f, root, "EC", ""), person(f, root, "RSA", "rsa-3072")
	f.Add(sealedTo(f, ec))
	f.Add(sealedTo(f, rs))
	f.Add(cbc(f, rs, padCBC([]byte("x"))))
	f.Fuzz(func(t *testing.T, der []byte) {
		e, err := parseEnvelope(der)
		if err != nil {
			return
		}
		if len(e.recipients) > MaxRecipients || len(e.data) > MaxContent+MaxMessage {
			t.Fatalf("%d recipients, %d bytes", len(e.recipients), len(e.data))
		}
		OpenAny(der, ec)
		OpenAny(der, rs)
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
