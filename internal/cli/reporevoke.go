package cli

import (
	"context"
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
		Use:   "revoke DIR|URL CERT-FILE|PACKAGE-FILE|FINGERPRINT|MANIFEST-SHA256... --key KEY --cert CERT",
		Short: "Tell hosts to refuse a certificate or a package",
		Long: `Add a link to the repository's chain of trust that revokes certificates or
packages. It is signed by an anchor of the chain: the authority's key. Hosts
that follow the repository refuse from the next update on what was revoked; what
is installed is not removed. For a server the link is signed here and sent
('muster login' first): the authority's key stays with its owner.`,
		Example: "  muster repo revoke /srv/repo mallory.crt --key ca.key --cert ca.crt\n  muster repo revoke https://muster.example.org mallory.crt --key ca.key --cert ca.crt",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := revocations(args[1:])
			if err != nil {
				return err
			}
			if onWeb(args[0]) {
				return a.revokeOnServer(cmd.Context(), args[0], all, signer)
			}
			return a.revoke(args[0], all, signer)
		},
	}
	signer.add(cmd)
	return cmd
}

func revocations(words []string) (all []revocation, err error) {
	for _, w := range words {
		r, err := revocationOf(w)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// revoking edits a link so that it revokes all of them.
func revoking(all []revocation) func(*index.Link) {
	return func(l *index.Link) {
		for _, r := range all {
			r.into(l)
		}
	}
}

func withAnchorHint(err error) error {
	return muster.WithHint(err, "sign with the key of the authority with which the repository's chain of trust begins")
}

func (a *app) revoke(dir string, all []revocation, signer signerFlags) error {
	p, err := a.publisher(dir, signer)
	if err != nil {
		return err
	}
	rep, err := p.AddLink(p.Signers, revoking(all))
	if err != nil {
		return withAnchorHint(err)
	}
	_, x, err := p.Contents()
	if err != nil {
		return err
	}
	return a.answerRevoked(dir, revokeFact{rep.Serial, all}, x)
}

// revokeOnServer signs the link here, where the key is. It names the one before by
// its hash, so that a server can do nothing with it but what was meant.
func (a *app) revokeOnServer(ctx context.Context, url string, all []revocation, signer signerFlags) error {
	p, err := a.on(url)
	if err != nil {
		return err
	}
	defer p.Close()
	id, err := a.identity(signer)
	if err != nil {
		return err
	}
	c, err := a.visitor(repositoryOf(p), nil)
	if err != nil {
		return err
	}
	var link []byte
	var listed *index.Index
	err = c.Visit(ctx, func(client *repo.Client) (err error) {
		if listed, err = client.Index(); err == nil {
			link, err = repo.NextLink(client.Chain(), []*sign.Identity{id}, a.now(), revoking(all))
		}
		return err
	})
	if err != nil {
		return err
	}
	r, err := a.postLink(ctx, p, id, link)
	if err != nil {
		return withAnchorHint(err)
	}
	return a.answerRevoked(url, revokeFact{r.Serial, all}, listed)
}

func (a *app) answerRevoked(where string, f revokeFact, listed *index.Index) error {
	return a.answer(f, func() error {
		for _, r := range f.Revoked {
			a.print("revoked: %s", r.Name)
		}
		a.talk("published as of %s", when(time.Unix(f.Serial, 0)))
		a.stillListed(listed, where, f.Revoked)
		return nil
	})
}

// stillListed says which of the packages hosts still see, and cannot have.
func (a *app) stillListed(x *index.Index, where string, all []revocation) {
	for _, e := range x.Entries() {
		if slices.ContainsFunc(all, func(r revocation) bool { return r.Package == e.ManifestSHA256 }) {
			a.talk("%s %s is still listed; next: muster repo remove %s %s=%s", e.Name, e.Version, where, e.Name, e.Version)
		}
	}
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
