package cli

import (
	"crypto/x509"
	"strings"
	"time"

	"muster"
	"muster/internal/engine"
	"muster/sign"
)

// trustOf loads certificates for a verb that is given them, or those of a root.
func (a *app) trustOf(paths []string) (*sign.Trust, error) {
	if len(paths) > 0 {
		return loadTrust(paths...)
	}
	e, err := engine.Open(a.rootDir, engine.Options{Now: a.now})
	if err != nil {
		return nil, muster.WithHint(err, "say whom to trust with --trust FILE|DIR")
	}
	return e.Trust, nil
}

// loadTrust loads the certificates of files and folders, to be believed.
func loadTrust(paths ...string) (*sign.Trust, error) {
	trust := new(sign.Trust)
	for _, path := range paths {
		t, err := engine.LoadTrust(path)
		if muster.KindOf(err) == muster.NotFound {
			return nil, muster.WithHint(err, trustHint)
		}
		if err != nil {
			return nil, err
		}
		if len(t.Anchors) == 0 {
			return nil, muster.WithHint(muster.Errorf(muster.NotFound, "there is no certificate in %q", path), trustHint)
		}
		trust.Add(t.Anchors...)
	}
	return trust, nil
}

// readCerts reads the certificates of a file, the owner's first.
func readCerts(name string) ([]*x509.Certificate, error) {
	data, err := readSmall(name)
	if err != nil {
		return nil, err
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read certificates of %q: %w", name, err)
	}
	return certs, nil
}

// certFact is the JSON form of a certificate.
type certFact struct {
	Name        string       `json:"name"`
	Issuer      string       `json:"issuer"`
	Fingerprint string       `json:"fingerprint"`
	Rights      []sign.Right `json:"rights"`
	From        string       `json:"from"`
	To          string       `json:"to"`
}

func certFactOf(c *x509.Certificate) certFact {
	return certFact{c.Subject.CommonName, c.Issuer.CommonName, sign.Fingerprint(c), sign.Rights(c),
		c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly)}
}

func rightsText(rights []sign.Right) string {
	if len(rights) == 0 {
		return "without rights"
	}
	var words []string
	for _, r := range rights {
		words = append(words, string(r))
	}
	return "rights: " + strings.Join(words, ", ")
}
