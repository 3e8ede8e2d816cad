package cli

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/index"
	"muster/internal/repo"
	"muster/sign"
)

func repoRevokeCommand(a *app) *cobra.Command {
	var signer signerFlags
	cmd := &cobra.Command{
		Use:   "revoke DIR CERT-FILE|PACKAGE-FILE|FINGERPRINT|MANIFEST-SHA256... --key KEY --cert CERT",
		Short: "Tell hosts to refuse a certificate or a package",
		Long: `Add a link to the repository's chain of trust that revokes certificates or
packages. It is signed by an anchor of the chain: the authority's key. Hosts
that follow the repository refuse from the next update on what was revoked; what
is installed is not removed.`,
		Example: "  muster repo revoke /srv/repo mallory.crt --key ca.key --cert ca.crt",
		Args:    cobra.MinimumNArgs(2),
		RunE:    func(_ *cobra.Command, args []string) error { return a.revoke(args[0], args[1:], signer) },
	}
	signer.add(cmd)
	return cmd
}

func (a *app) revoke(dir string, what []string, signer signerFlags) error {
	p, err := a.publisher(dir, signer)
	if err != nil {
		return err
	}
	var all []revocation
	for _, w := range what {
		r, err := revocationOf(w)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	rep, err := p.AddLink(p.Signers, func(l *index.Link) {
		for _, r := range all {
			r.into(l)
		}
	})
	if err != nil {
		return muster.WithHint(err, "sign with the key of the authority with which the repository's chain of trust begins")
	}
	return a.answer(revokeFact{rep.Serial, all}, func() error {
		for _, r := range all {
			a.print("revoked: %s", r.Name)
		}
		a.talk("published as of %s", when(time.Unix(rep.Serial, 0)))
		return a.stillListed(p, dir, all)
	})
}

// stillListed says which of the packages hosts still see, and cannot have.
func (a *app) stillListed(p *repo.Publisher, dir string, all []revocation) error {
	_, x, err := p.Contents()
	if err != nil {
		return err
	}
	for _, e := range x.Entries() {
		if slices.ContainsFunc(all, func(r revocation) bool { return r.Package == e.ManifestSHA256 }) {
			a.talk("%s %s is still listed; next: muster repo remove %s %s=%s", e.Name, e.Version, dir, e.Name, e.Version)
		}
	}
	return nil
}

// revokeFact is the JSON form of a new link of the chain of trust.
type revokeFact struct {
	Serial  int64        `json:"serial"`
	Revoked []revocation `json:"revoked"`
}

// A revocation is of a certificate or a package, or of whichever has the
// fingerprint.
type revocation struct {
	Name        string `json:"name"`
	Certificate string `json:"certificate,omitempty"`
	Package     string `json:"package,omitempty"`
}

func (r revocation) into(l *index.Link) {
	if r.Certificate != "" {
		l.RevokedCertificates = append(l.RevokedCertificates, r.Certificate)
	}
	if r.Package != "" {
		l.RevokedPackages = append(l.RevokedPackages, r.Package)
	}
}

// revocationOf finds out what is meant: a package file, a certificate file, or
// the fingerprint of either.
func revocationOf(what string) (r revocation, err error) {
	if strings.HasSuffix(what, ".mpk") {
		f, err := openPackage(what)
		if err != nil {
			return r, err
		}
		defer f.Close()
		return revocation{Name: "package " + f.Manifest.Control.String(), Package: f.ManifestSHA256()}, nil
	}
	if _, err := os.Stat(what); err == nil {
		certs, err := readCerts(what)
		if err != nil {
			return r, err
		}
		c := certs[0] // the owner's, not those of its issuers
		return revocation{Name: "certificate of " + sign.Describe(c), Certificate: sign.Fingerprint(c)}, nil
	}
	sum := strings.ToLower(what)
	if len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" {
		return r, usagef("%q is no file, and no sha256 of 64 hexadecimal digits", what)
	}
	return revocation{Name: "certificate or package " + sum, Certificate: sum, Package: sum}, nil
}
