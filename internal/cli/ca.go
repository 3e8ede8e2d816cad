package cli

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/sign"
)

func caCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Be an authority: issue certificates",
		Long: `An authority issues certificates to the people who sign. Hosts believe the
authority, and with it everybody whom it certified, within their rights:

  code    may sign what runs on hosts
  deploy  may sign packages without code, such as groups
  issue   may issue certificates: a further authority`,
		Example: `  muster ca init --name "Packaging CA" --out ca
  muster ca issue --ca ca --rights code --name "Alice Martin" --out alice`,
	}
	cmd.AddCommand(caInitCommand(a), caIssueCommand(a))
	return cmd
}

func caInitCommand(a *app) *cobra.Command {
	var o keyOptions
	cmd := &cobra.Command{
		Use:     "init --name NAME --out BASE",
		Short:   "Make an authority",
		Long:    "Make the key and certificate of an authority. Keep the key off the network: it is\nneeded only to issue certificates.",
		Example: "  muster ca init --name \"Packaging CA\" --out ca",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.caInit(o) },
	}
	o.add(cmd, 10*365)
	return cmd
}

func (a *app) caInit(o keyOptions) error {
	if o.name == "" {
		return usagef("what is the authority called? give --name")
	}
	return a.makePair(o, func(key crypto.Signer) certifier {
		return func(name string, _ crypto.PublicKey, from, to time.Time) ([]*x509.Certificate, error) {
			c, err := sign.NewAuthority(name, key, from, to)
			return []*x509.Certificate{c}, err
		}
	})
}

type issueOptions struct {
	keyOptions
	ca      string
	request string
	depth   int
}

func caIssueCommand(a *app) *cobra.Command {
	var o issueOptions
	cmd := &cobra.Command{
		Use:   "issue --ca BASE --rights code|deploy|issue|index --name NAME --out BASE",
		Short: "Issue a certificate",
		Long: `Issue a certificate, for a new key, or with --request for a key that its owner
made elsewhere and keeps: a PKCS#10 request, a public key or a certificate. Only a
request proves that who asks has the key.

The certificate file holds the certificate and those of its issuers.`,
		Example: `  muster ca issue --ca ca --rights code --name "Alice Martin" --out alice
  muster ca issue --ca ca --rights deploy --request bob.csr --out bob`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.caIssue(o) },
	}
	o.add(cmd, 3*365)
	f := cmd.Flags()
	f.StringVar(&o.ca, "ca", "ca", "the authority: `BASE`.key and BASE.crt")
	f.StringSliceVar(&o.rights, "rights", nil, "what the owner may do: `RIGHT` is code, deploy, issue or index")
	f.StringVar(&o.request, "request", "", "PEM `FILE` of the key's owner, with a request, a public key or a certificate")
	f.IntVar(&o.depth, "depth", 0, "with the right to issue: `N` levels of authorities below")
	cmd.MarkFlagRequired("rights")
	return cmd
}

func (a *app) caIssue(o issueOptions) error {
	rights, err := parseRights(o.rights)
	if err != nil {
		return err
	}
	if o.name == "" && o.request == "" {
		return usagef("whose certificate is it? give --name, or --request")
	}
	ca, err := a.authority(o.ca)
	if err != nil {
		return err
	}
	issue := func(name string, public crypto.PublicKey, from, to time.Time) ([]*x509.Certificate, error) {
		c, err := sign.Issue(ca, sign.Request{Name: name, Public: public, Rights: rights, Depth: o.depth,
			From: latest(from, ca.Leaf().NotBefore), To: earliest(to, ca.Leaf().NotAfter)})
		return append([]*x509.Certificate{c}, ca.Chain...), err
	}
	if o.request != "" {
		return a.issueRequest(o, issue)
	}
	return a.makePair(o.keyOptions, func(crypto.Signer) certifier { return issue })
}

// authority loads BASE.key and BASE.crt of one that issues.
func (a *app) authority(base string) (*sign.Identity, error) {
	certPEM, err := readSmall(base + ".crt")
	var id *sign.Identity
	if err == nil {
		id, err = a.fileIdentity(base+".key", certPEM)
	}
	if muster.KindOf(err) == muster.NotFound {
		return nil, muster.WithHint(err, "muster ca init --name NAME --out %s makes an authority; --ca BASE names another", base)
	}
	return id, err
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func earliest(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// issueRequest certifies a key that somebody else keeps.
func (a *app) issueRequest(o issueOptions, issue certifier) error {
	name, public, err := readRequest(o.request)
	if err != nil {
		return err
	}
	if o.name != "" {
		name = o.name
	}
	from, to, err := a.validity(o.days)
	if err != nil {
		return err
	}
	certFile := o.out + ".crt"
	if err := o.mayWrite(certFile); err != nil {
		return err
	}
	chain, err := issue(name, public, from, to)
	if err != nil {
		return err
	}
	if err := writeCert(certFile, sign.EncodeCerts(chain...)); err != nil {
		return err
	}
	return a.answer(certFactOf(chain[0]), func() error {
		a.printCert(certFile, chain[0])
		return nil
	})
}

// readRequest returns the key of somebody who wants a certificate, and the name
// that goes with it, if any.
func readRequest(file string) (name string, public crypto.PublicKey, err error) {
	data, err := readSmall(file)
	if err != nil {
		return "", nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return "", nil, muster.Errorf(muster.Invalid, "%q is no PEM file", file)
	}
	if name, public, err = parseRequest(block); err != nil {
		return "", nil, muster.Errorf(muster.Invalid, "%q: %w", file, err)
	}
	return name, public, nil
}

func parseRequest(block *pem.Block) (string, crypto.PublicKey, error) {
	switch block.Type {
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST": // RFC 7468 section 7
		r, err := x509.ParseCertificateRequest(block.Bytes)
		if err != nil {
			return "", nil, err
		}
		return r.Subject.CommonName, r.PublicKey, r.CheckSignature()
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "", nil, err
		}
		return c.Subject.CommonName, c.PublicKey, nil
	case "PUBLIC KEY":
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		return "", public, err
	case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return "", nil, errors.New("this is the private key, which its owner never sends")
	}
	return "", nil, errors.New("neither a certificate request nor a public key nor a certificate")
}
