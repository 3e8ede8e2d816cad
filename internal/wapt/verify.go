package wapt

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"muster"
)

// mustSign are the attributes that decide where a package goes and what it
// removes. A signature of the control that leaves one out is worth nothing.
var mustSign = []string{"package", "version", "architecture", "section", "depends", "conflicts", "maturity"}

// errUnsigned is a package without a manifest or a signature of it.
var errUnsigned = errors.New("it is not signed with SHA-256")

// Verify reports who signed the package, when all of this holds at now: the
// manifest names every file with its hash and no other; the signature of the
// manifest is that of the first certificate; that one is trusted, and may sign
// code where there is code; the control is signed by it as well. Else the error is
// of kind Denied.
func (p *Package) Verify(trust []*x509.Certificate, now time.Time) (*Signer, error) {
	signer, err := p.verify(trust, now)
	if err != nil {
		return nil, muster.Errorf(muster.Denied, "%s is refused: %w", p.Control.Get("package"), err)
	}
	return signer, nil
}

func (p *Package) verify(trust []*x509.Certificate, now time.Time) (*Signer, error) {
	chain, err := p.chain()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", CertificatePath, err)
	}
	manifest, err := p.Read(ManifestPath, MaxManifest)
	if err != nil {
		return nil, err
	}
	signature, err := p.Read(SignaturePath, MaxControl)
	if err != nil {
		return nil, err
	}
	if chain == nil || manifest == nil || signature == nil {
		return nil, errUnsigned
	}
	if err := checkSigner(chain, trust, now, p.Find(CodePath) != nil); err != nil {
		return nil, err
	}
	if err := checkSignature(chain[0], string(manifest), string(signature)); err != nil {
		return nil, fmt.Errorf("%s: %w", SignaturePath, err)
	}
	if err := p.checkManifest(manifest); err != nil {
		return nil, err
	}
	if err := p.Control.verify(chain[0]); err != nil {
		return nil, fmt.Errorf("%s: %w", ControlPath, err)
	}
	return p.Claimed(), nil
}

// verify checks the control's own signature.
func (c *Control) verify(cert *x509.Certificate) error {
	if fp := c.Get("signer_fingerprint"); fp != "" && fp != fingerprint(cert) {
		return fmt.Errorf("it names another signer, %.80q", fp)
	}
	var attributes []string
	for name := range strings.SplitSeq(c.Get("signed_attributes"), ",") {
		attributes = append(attributes, strings.TrimSpace(name))
	}
	for _, name := range mustSign {
		if !slices.Contains(attributes, name) {
			return fmt.Errorf("its signature does not cover %q", name)
		}
	}
	return checkSignature(cert, c.signedText(attributes), c.Get("signature"))
}

// checkSignature checks a signature in base64, whose lines may be wrapped.
func checkSignature(cert *x509.Certificate, text, signature string) error {
	sig, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(signature), ""))
	if err != nil {
		return fmt.Errorf("the signature is not in base64: %w", err)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the signer %q has no RSA key", cert.Subject.CommonName)
	}
	sum := sha256.Sum256([]byte(text))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig); err != nil {
		return fmt.Errorf("the signature is not that of %q", cert.Subject.CommonName)
	}
	return nil
}

// CheckFiles holds the files against the manifest, whoever signed it. A package
// without a manifest passes: nothing was promised.
func (p *Package) CheckFiles() error {
	manifest, err := p.Read(ManifestPath, MaxManifest)
	if err == nil && manifest != nil {
		err = p.checkManifest(manifest)
	}
	return muster.WithKind(muster.Invalid, err)
}

// checkManifest checks both directions: what the manifest names is there as it
// says, and nothing else is there.
func (p *Package) checkManifest(manifest []byte) error {
	sums, err := parseManifest(manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", ManifestPath, err)
	}
	for i := range p.Files {
		f := &p.Files[i]
		sum, listed := sums[f.Path]
		delete(sums, f.Path)
		if !listed && unlisted(f.Path) {
			continue
		}
		if !listed {
			return fmt.Errorf("%q is not in its manifest: it was added after signing", f.Path)
		}
		if err := f.check(sum); err != nil {
			return err
		}
	}
	for path := range sums {
		return fmt.Errorf("%q is missing: it was removed after signing", path)
	}
	return nil
}

// unlisted reports whether a manifest cannot name the file: it is made after it.
func unlisted(path string) bool {
	return strings.HasPrefix(path, "WAPT/signature") || strings.HasPrefix(path, "WAPT/manifest.")
}

// check compares the content with its hash.
func (f *File) check(sum string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if n, err := io.Copy(h, r); err != nil {
		return err
	} else if n != f.Size {
		return fmt.Errorf("%q has not the %d bytes that it is said to have", f.Path, f.Size)
	}
	if hex.EncodeToString(h.Sum(nil)) != sum {
		return fmt.Errorf("%q is not what was signed", f.Path)
	}
	return nil
}

// parseManifest reads [["path","sha256"],...].
func parseManifest(data []byte) (map[string]string, error) {
	var pairs [][]string
	if err := json.Unmarshal(data, &pairs); err != nil {
		return nil, err
	}
	sums := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		if len(pair) != 2 {
			return nil, fmt.Errorf("an entry is not a pair")
		}
		if _, twice := sums[pair[0]]; twice {
			return nil, fmt.Errorf("%q stands twice", pair[0])
		}
		sums[pair[0]] = pair[1]
	}
	return sums, nil
}
