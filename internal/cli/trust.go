package cli

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster"
	"muster/internal/durable"
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

// loadTrust loads the certificates of files, and of the *.pem and *.crt files
// of folders, to be believed.
func loadTrust(paths ...string) (*sign.Trust, error) {
	trust := new(sign.Trust)
	for _, path := range paths {
		files, err := trustFiles(path)
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			certs, err := readCerts(name)
			if err != nil {
				return nil, err
			}
			trust.Add(anchorsOf(certs)...)
		}
	}
	return trust, nil
}

func trustFiles(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return []string{path}, nil // a file; or reading it tells what is wrong
	}
	var files []string
	for _, e := range entries {
		if ext := strings.ToLower(filepath.Ext(e.Name())); (ext == ".pem" || ext == ".crt") && !durable.IsTemp(e.Name()) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, muster.Errorf(muster.NotFound, "there is no certificate in %q", path)
	}
	return files, nil
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

// anchorsOf leaves out the issuers that follow a person's certificate, as in
// the files that ca issue writes: who believes Alice does not mean to believe
// everybody whom her authority ever certifies. An authority that is to be
// believed stands first, or in a file of its own.
func anchorsOf(certs []*x509.Certificate) (anchors []*x509.Certificate) {
	following := false // the chain of a person
	for i, c := range certs {
		if following && c.IsCA && certs[i-1].CheckSignatureFrom(c) == nil {
			continue
		}
		anchors = append(anchors, c)
		following = !c.IsCA
	}
	return anchors
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
