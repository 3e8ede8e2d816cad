package engine

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"muster"
	"muster/internal/durable"
	"muster/sign"
)

// maxCert bounds a file of certificates.
const maxCert = 1 << 20

// LoadTrust reads whom to believe from a folder (*.pem, *.crt) or one file of
// certificates.
func LoadTrust(path string) (*sign.Trust, error) {
	files := []string{path}
	info, err := os.Stat(path)
	if err != nil {
		return nil, muster.WithKind(muster.NotFound, fmt.Errorf("cannot read certificates: %w", err))
	}
	if info.IsDir() {
		if files, err = certFiles(path); err != nil {
			return nil, err
		}
	}
	trust := new(sign.Trust)
	for _, name := range files {
		certs, err := readCerts(name)
		if err != nil {
			return nil, err
		}
		trust.Add(anchorsOf(certs)...)
	}
	return trust, nil
}

func certFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if ext := strings.ToLower(filepath.Ext(e.Name())); (ext == ".pem" || ext == ".crt") && !durable.IsTemp(e.Name()) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

func readCerts(name string) ([]*x509.Certificate, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCert {
		return nil, muster.Errorf(muster.Invalid, "%q is larger than %d bytes", name, maxCert)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", name, err)
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
