package wapt

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"muster"
)

// maxCertificates bounds a chain, minKey the size of a signer's key in bits.
const (
	maxCertificates = 16
	minKey          = 2048
)

// ParseCertificates reads PEM certificates, as those of a trust file or of
// WAPT/certificate.crt. What stands around them is passed over.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for rest := bytes.TrimSpace(data); len(rest) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read certificate %d: %w", len(all)+1, err)
		}
		if all = append(all, cert); len(all) > maxCertificates {
			return nil, muster.Errorf(muster.Invalid, "more than %d certificates", maxCertificates)
		}
	}
	if len(all) == 0 {
		return nil, muster.Errorf(muster.Invalid, "there is no certificate in PEM")
	}
	return all, nil
}

// A Signer is who signed a package, or claims to have.
type Signer struct {
	Name        string // common name
	Fingerprint string // sha256 of the certificate, lower-case hexadecimal; "" where there is none
	Date        string // as the control says, or ""
}

func (s *Signer) String() string {
	if s.Fingerprint == "" {
		return fmt.Sprintf("%q (no certificate)", s.Name)
	}
	return fmt.Sprintf("%q (sha256 %s)", s.Name, s.Fingerprint)
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Claimed returns who the package says has signed it, without verifying anything;
// nil where it names nobody.
func (p *Package) Claimed() *Signer {
	s := &Signer{Name: p.Control.Get("signer"), Fingerprint: p.Control.Get("signer_fingerprint"), Date: p.Control.Get("signature_date")}
	if chain, err := p.chain(); err == nil && chain != nil {
		s.Name, s.Fingerprint = chain[0].Subject.CommonName, fingerprint(chain[0])
	}
	if s.Name == "" && s.Fingerprint == "" {
		return nil
	}
	return s
}

// chain reads the certificates of the package; nil where there are none.
func (p *Package) chain() ([]*x509.Certificate, error) {
	data, err := p.Read(CertificatePath, MaxControl)
	if err != nil || data == nil {
		return nil, err
	}
	return ParseCertificates(data)
}

// checkSigner holds chain[0] to a certificate that trust leads to, valid at now.
// A certificate of trust is believed itself, too, whoever issued it.
func checkSigner(chain, trust []*x509.Certificate, now time.Time, code bool) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range trust {
		roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	// Code signing is asked for below, only where there is code, and of the signer
	// alone: authorities in use do not repeat it.
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Errorf("its signer %q is not trusted: %w", chain[0].Subject.CommonName, err)
	}
	key, ok := chain[0].PublicKey.(*rsa.PublicKey)
	if !ok || key.Size()*8 < minKey {
		return fmt.Errorf("its signer %q has no RSA key of at least %d bits", chain[0].Subject.CommonName, minKey)
	}
	if code && !slices.Contains(chain[0].ExtKeyUsage, x509.ExtKeyUsageCodeSigning) {
		return fmt.Errorf("its signer %q may not sign code, but there is a %s", chain[0].Subject.CommonName, CodePath)
	}
	return nil
}
