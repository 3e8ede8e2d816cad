package server

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"muster"
	"muster/internal/durable"
	"muster/sign"
)

// An Anchor is a certificate that the server believes, and where it stands.
type Anchor struct {
	File string
	Cert *x509.Certificate
}

// maxCerts bounds a file of certificates.
const maxCerts = 1 << 20

// Anchors reads trust.d: the files *.pem and *.crt.
func (f Folder) Anchors() ([]Anchor, error) {
	entries, err := os.ReadDir(f.path(trustDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	var all []Anchor
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if ext != ".pem" && ext != ".crt" || durable.IsTemp(e.Name()) {
			continue
		}
		certs, err := readCerts(f.path(trustDir, e.Name()))
		if err != nil {
			return nil, err
		}
		for _, c := range believed(certs) {
			all = append(all, Anchor{e.Name(), c})
		}
	}
	return all, nil
}

// believed leaves out the issuers that follow a person's certificate: who
// believes Alice does not mean to believe everybody whom her authority certifies.
func believed(certs []*x509.Certificate) (anchors []*x509.Certificate) {
	person := false
	for i, c := range certs {
		if person && c.IsCA && certs[i-1].CheckSignatureFrom(c) == nil {
			continue
		}
		anchors = append(anchors, c)
		person = !c.IsCA
	}
	return anchors
}

func readCerts(name string) ([]*x509.Certificate, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, muster.Errorf(muster.NotFound, "cannot read certificates: %w", err)
	}
	if info.Size() > maxCerts {
		return nil, muster.Errorf(muster.Invalid, "%q has %d bytes, more than %d", name, info.Size(), maxCerts)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read certificates from %q: %w", name, err)
	}
	return certs, nil
}

// AddAnchors believes the certificates in a file, from now on. It returns
// those that are new.
func (f Folder) AddAnchors(file string) ([]*x509.Certificate, error) {
	certs, err := readCerts(file)
	if err != nil {
		return nil, err
	}
	have, err := f.Anchors()
	if err != nil {
		return nil, err
	}
	if err := f.Disk.MkdirAll(f.path(trustDir), 0o700); err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	var added []*x509.Certificate
	for _, c := range believed(certs) {
		if slices.ContainsFunc(have, func(a Anchor) bool { return a.Cert.Equal(c) }) {
			continue
		}
		name := f.path(trustDir, sign.Fingerprint(c)[:16]+".pem")
		if err := f.Disk.WriteFile(name, sign.EncodeCerts(c), 0o644); err != nil {
			return added, muster.WithKind(muster.Unavailable, err)
		}
		added = append(added, c)
	}
	return added, nil
}

// RemoveAnchor ends the trust in the certificate whose fingerprint begins so.
func (f Folder) RemoveAnchor(fingerprint string) (*x509.Certificate, error) {
	have, err := f.Anchors()
	if err != nil {
		return nil, err
	}
	fingerprint = strings.ToLower(strings.TrimPrefix(fingerprint, "sha256:"))
	meant := slices.DeleteFunc(slices.Clone(have), func(a Anchor) bool { return !strings.HasPrefix(sign.Fingerprint(a.Cert), fingerprint) })
	switch {
	case fingerprint == "" || len(meant) == 0:
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "no certificate in trust.d has a fingerprint that begins with %q", fingerprint), "run 'musterd trust list'")
	case len(meant) > 1:
		return nil, muster.Errorf(muster.Conflict, "%d certificates in trust.d have a fingerprint that begins with %q", len(meant), fingerprint)
	}
	a := meant[0]
	if slices.ContainsFunc(have, func(b Anchor) bool { return a.File == b.File && a != b }) {
		return nil, muster.Errorf(muster.Conflict, "%q holds other certificates too: take this one out with an editor", f.path(trustDir, a.File))
	}
	if err := f.Disk.Remove(f.path(trustDir, a.File)); err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	return a.Cert, muster.WithKind(muster.Unavailable, f.Disk.SyncDir(f.path(trustDir)))
}

// people knows who may do something here: those whom trust.d believes, unless
// the repository's chain of trust has revoked them.
type people struct {
	folder  Folder
	revoked func() map[string]bool // by the repository

	mu      sync.Mutex
	read    time.Time
	anchors []*x509.Certificate
	err     error
}

// again is how long what was read of trust.d counts.
const again = 2 * time.Second

// believed are the anchors of now. A folder that cannot be read believes nobody.
func (p *people) believed(now time.Time) ([]*x509.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := now.Sub(p.read); p.read.IsZero() || age > again || age < 0 {
		anchors, err := p.folder.Anchors()
		p.read, p.err, p.anchors = now, err, nil
		for _, a := range anchors {
			p.anchors = append(p.anchors, a.Cert)
		}
	}
	return p.anchors, p.err
}

// admit reports why the owner of the first certificate may not log in, or nil. The
// authority itself may: it begins the repository.
func (p *people) admit(chain []*x509.Certificate, now time.Time) error {
	_, err := p.ways(chain, now)
	return err
}

// ways are the chains by which the first certificate is believed, each from there to
// an anchor: at least one, or why there is none.
func (p *people) ways(chain []*x509.Certificate, now time.Time) ([][]*x509.Certificate, error) {
	anchors, err := p.believed(now)
	if err != nil {
		return nil, err
	}
	leaf := chain[0]
	if !sign.Has(leaf, sign.RightDeploy) && !sign.Has(leaf, sign.RightIssue) {
		return nil, muster.Errorf(muster.Denied, "%s may neither deploy nor issue", sign.Describe(leaf))
	}
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: sign.Floor(now),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, c := range anchors {
		opts.Roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	chains, err := leaf.Verify(opts)
	if err != nil {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "%s is not believed here: %w", sign.Describe(leaf), err),
			"on the server: 'musterd trust add CERT'")
	}
	revoked := p.revoked()
	bad := func(c *x509.Certificate) bool { return revoked[sign.Fingerprint(c)] || revoked[sign.KeyFingerprint(c)] }
	chains = slices.DeleteFunc(chains, func(way []*x509.Certificate) bool { return slices.ContainsFunc(way, bad) })
	if len(chains) == 0 {
		return nil, muster.Errorf(muster.Denied, "%s is revoked", sign.Describe(leaf))
	}
	return chains, nil
}

// nameOf is what a person is called in records.
func nameOf(c *x509.Certificate) string {
	return cmp.Or(c.Subject.CommonName, c.Subject.String(), sign.Fingerprint(c)[:16])
}
