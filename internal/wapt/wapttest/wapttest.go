// Package wapttest writes packages of WAPT as its tools do, signed by keys of the
// moment. Only tests import it.
package wapttest

import (
	"archive/zip"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// Now is a time at which the certificates of this package are valid.
var Now = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

// A Signer has a key and a certificate.
type Signer struct {
	Cert *x509.Certificate
	Key  *rsa.PrivateKey
	// Chain is the certificates above Cert.
	Chain []*x509.Certificate
}

// NewSigner makes a signer. code gives the right to sign code; issuer nil makes the
// certificate sign itself.
func NewSigner(t testing.TB, name string, code bool, issuer *Signer) *Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: Now.AddDate(-1, 0, 0), NotAfter: Now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: issuer == nil,
	}
	if code {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	}
	s := &Signer{Key: key}
	parent, parentKey := template, key
	if issuer != nil {
		parent, parentKey = issuer.Cert, issuer.Key
		s.Chain = append([]*x509.Certificate{issuer.Cert}, issuer.Chain...)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	if s.Cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return s
}

// PEM is the certificate and those above it.
func (s *Signer) PEM() string {
	var b strings.Builder
	for _, c := range append([]*x509.Certificate{s.Cert}, s.Chain...) {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.String()
}

// SignText signs as WAPT does.
func (s *Signer) SignText(t testing.TB, text string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.Key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

// A Package is the content of a package.
type Package struct {
	Control [][2]string // field and value
	Files   map[string]string
}

// Set gives a field of the control a value.
func (p *Package) Set(name, value string) {
	for i := range p.Control {
		if p.Control[i][0] == name {
			p.Control[i][1] = value
			return
		}
	}
	p.Control = append(p.Control, [2]string{name, value})
}

// ControlText prints the control.
func (p *Package) ControlText() string {
	var b strings.Builder
	for _, f := range p.Control {
		fmt.Fprintf(&b, "%-18s: %s\n", f[0], strings.ReplaceAll(f[1], "\n", "\n "))
	}
	return b.String()
}

// Sign signs control and files.
func (p *Package) Sign(t testing.TB, s *Signer) {
	t.Helper()
	p.SignControl(t, s)
	p.Files["WAPT/certificate.crt"] = s.PEM()
	p.SignFiles(t, s)
}

// SignControl signs every field that is there.
func (p *Package) SignControl(t testing.TB, s *Signer) {
	t.Helper()
	sum := sha256.Sum256(s.Cert.Raw)
	p.Set("signer", s.Cert.Subject.CommonName)
	p.Set("signer_fingerprint", hex.EncodeToString(sum[:]))
	p.Set("signature_date", "2026-11-01T10:00:00.000000")
	var names []string
	for _, f := range p.Control {
		if f[0] != "signature" && f[0] != "signed_attributes" {
			names = append(names, f[0])
		}
	}
	p.Set("signed_attributes", strings.Join(append(names, "signed_attributes"), ","))
	p.Set("signature", s.SignText(t, p.Canonical(t, append(names, "signed_attributes"))))
	p.Files["WAPT/control"] = p.ControlText()
}

// Canonical is the form of fields that is signed.
func (p *Package) Canonical(t testing.TB, names []string) string {
	t.Helper()
	values := map[string]any{}
	for _, f := range p.Control {
		if !slices.Contains(names, f[0]) {
			continue
		}
		values[f[0]] = f[1]
		if n, err := strconv.Atoi(f[1]); err == nil && f[0] == "installed_size" {
			values[f[0]] = n
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(values); err != nil { // sorts the names
		t.Fatal(err)
	}
	return ascii(strings.TrimSpace(b.String()))
}

// ascii escapes what is not.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x7f {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, u)
		}
	}
	return b.String()
}

// SignFiles writes and signs the manifest.
func (p *Package) SignFiles(t testing.TB, s *Signer) {
	t.Helper()
	var pairs [][2]string
	for _, path := range slices.Sorted(maps.Keys(p.Files)) {
		if strings.HasPrefix(path, "WAPT/manifest") || strings.HasPrefix(path, "WAPT/signature") {
			continue
		}
		sum := sha256.Sum256([]byte(p.Files[path]))
		pairs = append(pairs, [2]string{path, hex.EncodeToString(sum[:])})
	}
	manifest, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	p.Files["WAPT/manifest.sha256"] = string(manifest)
	sig := s.SignText(t, string(manifest))
	p.Files["WAPT/signature.sha256"] = sig[:76] + "\n" + sig[76:] + "\n"
}

// Zip packs the files, and the control where it was not signed.
func (p *Package) Zip(t testing.TB) []byte {
	t.Helper()
	if p.Files["WAPT/control"] == "" {
		p.Files["WAPT/control"] = p.ControlText()
	}
	return Zip(t, p.Files)
}

// Zip packs files.
func Zip(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(path)
		if err == nil {
			_, err = w.Write([]byte(files[path]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Base is a package with code and an installer.
func Base() *Package {
	return &Package{
		Control: [][2]string{
			{"package", "smp-tool"}, {"version", "1.4.2-7"}, {"architecture", "x64"}, {"section", "base"}, {"priority", "optional"},
			{"name", "The Tool"}, {"categories", "Utilities"}, {"maintainer", "Jimmy PELÉ <jimmy@example.org>"},
			{"description", "a \"tool\" for <all> & everyone \U0001f600"}, {"depends", "smp-runtime(>=2.0),SMP-Fonts"}, {"conflicts", "smp-oldtool"},
			{"maturity", "PREPROD"}, {"locale", "fr,en"}, {"target_os", "windows"}, {"min_os_version", "10.0"}, {"installed_size", "5774712"},
			{"impacted_process", "tool.exe,toolsvc.exe"}, {"description_fr", "un outil"}, {"audit_schedule", "60"},
			{"keywords", "tool,test"}, {"licence", "GPL-2.0"}, {"homepage", "https://example.org/"}, {"valid_from", ""},
			{"package_uuid", "0b7cb6ac-8a56-4e38-a1cc-2b01aa5a2a07"},
		},
		Files: map[string]string{
			"setup.py": "from setuphelpers import *\n\ndef install():\n    install_msi_if_needed('tool.msi')\n",
			"tool.msi": "not really an installer\n", "data/settings.ini": "[tool]\nlevel=3\n", "WAPT/icon.png": "icon",
		},
	}
}
