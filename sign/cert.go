package sign

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"

	"muster"
)

// Bounds of a PEM file of certificates.
const (
	maxCertFile  = 1 << 20
	maxFileCerts = 512
)

// Fingerprint identifies a certificate: the SHA-256 of its DER in lower hex.
func Fingerprint(cert *x509.Certificate) string { return hexSum(cert.Raw) }

// KeyFingerprint identifies the key of a certificate, whichever certificates
// it stands in: the SHA-256 of the SubjectPublicKeyInfo in lower hex.
func KeyFingerprint(cert *x509.Certificate) string { return hexSum(cert.RawSubjectPublicKeyInfo) }

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Describe names a certificate in a sentence: its common name, else its whole
// subject, and the start of its fingerprint.
func Describe(cert *x509.Certificate) string {
	name := cert.Subject.CommonName
	if name == "" {
		name = cert.Subject.String()
	}
	return fmt.Sprintf("%q (sha256 %s)", name, Fingerprint(cert)[:16])
}

// EncodeCerts writes certificates one after the other as PEM.
func EncodeCerts(certs ...*x509.Certificate) []byte {
	var buf bytes.Buffer
	for _, c := range certs {
		buf.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return buf.Bytes()
}

// ParseCerts reads the certificates of a PEM file, at least one. Text between
// the blocks is allowed, as openssl writes it; any other kind of block, and a
// block that is damaged, is refused rather than passed over.
func ParseCerts(data []byte) ([]*x509.Certificate, error) {
	if len(data) > maxCertFile {
		return nil, muster.Errorf(muster.Invalid, "certificate file of %d bytes is longer than %d", len(data), maxCertFile)
	}
	announced := bytes.Count(data, []byte("-----BEGIN "))
	if announced > maxFileCerts {
		return nil, muster.Errorf(muster.Invalid, "%d certificates in one file; %d are accepted", announced, maxFileCerts)
	}
	var certs []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		cert, err := parseCertBlock(block)
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "certificate %d: %w", len(certs)+1, err)
		}
		certs = append(certs, cert)
		data = rest
	}
	if len(certs) == 0 {
		return nil, muster.Errorf(muster.Invalid, "no certificate in PEM")
	}
	if len(certs) != announced {
		return nil, muster.Errorf(muster.Invalid, "%d of %d PEM blocks are damaged", announced-len(certs), announced)
	}
	return certs, nil
}

func parseCertBlock(block *pem.Block) (*x509.Certificate, error) {
	if block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("a PEM block %q is no certificate", block.Type)
	}
	if len(block.Headers) > 0 {
		return nil, fmt.Errorf("PEM headers are not accepted")
	}
	return x509.ParseCertificate(block.Bytes)
}
