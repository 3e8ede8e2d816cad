package index

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"muster"
	"muster/internal/canon"
	"muster/sign"
)

// LinkType is the type of the links that this package reads and writes.
const LinkType = "muster-trust/1"

// Limits of a chain of trust.
const (
	MaxLink    = 256 << 10 // bytes of one signed link
	MaxLinks   = 1024
	maxAnchors = 64
	maxRevoked = 2048
	maxScopes  = 256
)

// A Link is one step of the chain of trust: what changes from the state that
// the link before it left. Fields are in the order of their JSON names.
type Link struct {
	// Add lists certificates (DER) that become anchors, Remove the
	// fingerprints of anchors that no longer are.
	Add  [][]byte `json:"add,omitempty"`
	Date int64    `json:"date"` // Unix seconds
	// Need is how many anchors must sign the next link; 0 is 1.
	Need   int `json:"need,omitempty"`
	Number int `json:"number"` // from 1
	// Previous is the sha256 of the signed file of the link before; empty in link 1.
	Previous   string   `json:"previous,omitempty"`
	Remove     []string `json:"remove,omitempty"`
	Repository string   `json:"repository"`
	// RevokedCertificates and RevokedPackages (by the sha256 of the manifest)
	// are added to those revoked before; nothing is ever taken back.
	RevokedCertificates []string `json:"revoked-certificates,omitempty"`
	RevokedPackages     []string `json:"revoked-packages,omitempty"`
	// Scopes replaces the scopes in force. Every link repeats them.
	Scopes []Scope `json:"scopes,omitempty"`
	Type   string  `json:"type"`
}

// ParseLink reads a link in its only encoding and checks it.
func ParseLink(data []byte) (*Link, error) {
	if len(data) > MaxLink {
		return nil, muster.Errorf(muster.Invalid, "link of %d bytes is larger than %d", len(data), MaxLink)
	}
	var l Link
	if err := canon.Unmarshal(data, &l); err != nil {
		return nil, muster.Errorf(muster.Invalid, "link: %w", err)
	}
	if err := l.Check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "link: %w", err)
	}
	return &l, nil
}

// Encode writes l in its only encoding.
func (l *Link) Encode() ([]byte, error) { return canon.Marshal(l) }

// Check reports the first rule that l breaks, or nil.
func (l *Link) Check() error {
	if l.Type != LinkType {
		return fmt.Errorf("type is %.40q, not %q", l.Type, LinkType)
	}
	if err := CheckID(l.Repository); err != nil {
		return err
	}
	if l.Number < 1 || l.Number > MaxLinks || (l.Number == 1) != (l.Previous == "") {
		return fmt.Errorf("number %d is out of range, or does not fit \"previous\"", l.Number)
	}
	if l.Previous != "" && !isSHA256(l.Previous) {
		return fmt.Errorf("previous: %.80q is not a sha256", l.Previous)
	}
	if l.Date <= 0 || l.Date > maxSerial || l.Need < 0 || l.Need > MaxSigners {
		return fmt.Errorf("date %d or need %d is out of range", l.Date, l.Need)
	}
	return l.checkLists()
}

func (l *Link) checkLists() error {
	if len(l.Add) > maxAnchors || len(l.Scopes) > maxScopes || len(l.Remove) > maxRevoked ||
		len(l.RevokedCertificates) > maxRevoked || len(l.RevokedPackages) > maxRevoked {
		return fmt.Errorf("a list has too many entries")
	}
	if _, err := l.anchors(); err != nil {
		return err
	}
	for i := range l.Scopes {
		if err := l.Scopes[i].Check(); err != nil {
			return fmt.Errorf("scope %d: %w", i+1, err)
		}
	}
	if err := checkSums("remove", l.Remove); err != nil {
		return err
	}
	if err := checkSums("revoked-certificates", l.RevokedCertificates); err != nil {
		return err
	}
	return checkSums("revoked-packages", l.RevokedPackages)
}

// anchors parses Add, which is sorted by fingerprint.
func (l *Link) anchors() ([]*x509.Certificate, error) {
	certs := make([]*x509.Certificate, len(l.Add))
	sums := make([]string, len(l.Add))
	for i, der := range l.Add {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("add: certificate %d: %w", i+1, err)
		}
		certs[i], sums[i] = cert, sign.Fingerprint(cert)
	}
	return certs, checkSums("add", sums)
}

// Sum is the sha256 of data in hexadecimal.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
