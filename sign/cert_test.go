package sign

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/testneed"
)

func TestParseCerts(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "")
	text := EncodeCerts(alice.Chain...)
	got, err := ParseCerts(slices.Concat([]byte("# packagers\n\n"), text, []byte("\nend of file\n")))
	if err != nil || len(got) != 2 || !got[0].Equal(alice.Leaf()) || !got[1].Equal(root.Leaf()) {
		t.Fatalf("got %d certificates, %v", len(got), err)
	}
	keyPEM, err := MarshalKey(alice.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"empty":              {nil, "no certificate"},
		"private key":        {slices.Concat(text, keyPEM), "PRIVATE KEY"},
		"damaged base64":     {bytes.Replace(text, []byte("\nMII"), []byte("\n!II"), 1), "1 of 2 PEM blocks are damaged"},
		"damaged DER":        {bytes.Replace(text, []byte("\nMII"), []byte("\nNII"), 1), "certificate 1"},
		"end missing":        {text[:len(text)-20], "1 of 2"},
		"headers":            {bytes.Replace(text, []byte("-----\n"), []byte("-----\nA: b\n\n"), 1), "headers"},
		"too long":           {make([]byte, maxCertFile+1), "longer than"},
		"too many":           {bytes.Repeat([]byte("-----BEGIN X-----\n"), maxFileCerts+1), "513 certificates"},
		"certificate in DER": {alice.Leaf().Raw, "no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseCerts(c.data)
			wantError(t, err, muster.Invalid, c.says)
		})
	}
}

func TestIssueRights(t *testing.T) {
	root := authority(t, "Root")
	for _, c := range []struct {
		ask  []Right
		have []Right
	}{
		{nil, nil},
		{[]Right{RightDeploy}, []Right{RightDeploy}},
		{[]Right{RightCode}, []Right{RightCode, RightDeploy}},
		{[]Right{RightIssue}, []Right{RightIssue}},
		{[]Right{RightIndex}, []Right{RightIndex}},
		{[]Right{RightIndex, RightDeploy}, []Right{RightDeploy, RightIndex}},
		{[]Right{RightIssue, RightCode}, []Right{RightCode, RightIssue, RightDeploy}},
	} {
		id := person(t, root, "P", "", c.ask...)
		if got := Rights(id.Leaf()); !slices.Equal(got, c.have) {
			t.Errorf("asked for %v, have %v", c.ask, got)
		}
		if !Has(id.Leaf(), "") {
			t.Error("the right \"\" is missing")
		}
	}
	if got := Rights(root.Leaf()); !slices.Equal(got, []Right{RightIssue}) {
		t.Errorf("an authority has %v", got)
	}
	own, err := SelfSigned("Alice", key(t, ""), now, now.Add(year), RightCode, RightIssue)
	if err != nil || !Has(own, RightCode) || !Has(own, RightIssue) {
		t.Errorf("self-signed: %v, %v", Rights(own), err)
	}
}

// Rights of certificates that other authorities make.
func TestForeignRights(t *testing.T) {
	for name, c := range map[string]struct {
		cert x509.Certificate
		want []Right
	}{
		"no usage":        {x509.Certificate{}, []Right{RightDeploy}},
		"any usage":       {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}, nil},
		"server":          {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, nil},
		"mail":            {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}, []Right{RightDeploy}},
		"time stamps":     {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}}, []Right{RightIndex}},
		"CA of version 1": {x509.Certificate{Version: 1, IsCA: true, BasicConstraintsValid: true}, nil},
		"CA that may not sign certificates": {x509.Certificate{Version: 3, IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature}, nil},
	} {
		if got := Rights(&c.cert); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	root := authority(t, "Root")
	alice := person(t, root, "Alice", "", RightCode)
	good := Request{Name: "Bob", Public: alice.Key.Public(), From: now, To: now.Add(time.Hour)}
	for name, c := range map[string]struct {
		by     *Identity
		change func(*Request)
		kind   muster.ErrorKind
		says   string
	}{
		"no authority":  {alice, func(*Request) {}, muster.Denied, "may not issue"},
		"no name":       {root, func(r *Request) { r.Name = "" }, muster.Invalid, "name"},
		"long name":     {root, func(r *Request) { r.Name = strings.Repeat("é", 65) }, muster.Invalid, "64"},
		"control":       {root, func(r *Request) { r.Name = "a\nb" }, muster.Invalid, "printable"},
		"not UTF-8":     {root, func(r *Request) { r.Name = "a\xff" }, muster.Invalid, "printable"},
		"end first":     {root, func(r *Request) { r.To = r.From }, muster.Invalid, "would end"},
		"after issuer":  {root, func(r *Request) { r.To = now.Add(50 * year) }, muster.Invalid, "outside the time of its issuer"},
		"before issuer": {root, func(r *Request) { r.From = now.Add(-50 * year) }, muster.Invalid, "outside the time of its issuer"},
		"odd right":     {root, func(r *Request) { r.Rights = []Right{"root"} }, muster.Invalid, `unknown right "root"`},
		"odd depth":     {root, func(r *Request) { r.Depth = -1 }, muster.Invalid, "depth"},
		"no key":        {root, func(r *Request) { r.Public = nil }, muster.Invalid, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			req := good
			c.change(&req)
			_, err := Issue(c.by, req)
			wantError(t, err, c.kind, c.says)
		})
	}
}

// openssl finds nothing wrong with what we issue, however strict it is told to be.
func TestOpenSSLChecksCerts(t *testing.T) {
	testneed.Program(t, "openssl")
	root := authority(t, "Root")
	sub := certify(t, root, Request{Name: "Sub", Rights: []Right{RightIssue}, Depth: 1}, "rsa-3072")
	low := certify(t, sub, Request{Name: "Low", Rights: []Right{RightIssue}}, "ecdsa-p384")
	b := newBench(t)
	b.write("root.crt", EncodeCerts(root.Leaf()))
	b.write("subs.crt", EncodeCerts(sub.Leaf(), low.Leaf()))
	for _, rights := range [][]Right{nil, {RightDeploy}, {RightCode}, {RightIndex}} {
		b.write("crt", EncodeCerts(person(t, low, "Zoë Müller", "", rights...).Leaf()))
		purpose := "smimesign"
		switch {
		case rights == nil:
			purpose = "sslclient"
		case rights[0] == RightIndex:
			purpose = "any" // timestampsign wants a critical extension with nothing beside it
		}
		b.run("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "root.crt", "-untrusted", "subs.crt", "crt")
	}
	if got := b.run("openssl", "x509", "-in", "root.crt", "-noout", "-fingerprint", "-sha256"); !strings.Contains(
		strings.ToLower(strings.ReplaceAll(got, ":", "")), Fingerprint(root.Leaf())) {
		t.Errorf("openssl has another fingerprint: %s", got)
	}
}
