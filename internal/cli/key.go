package cli

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/durable"
	"muster/sign"
)

type keyOptions struct {
	name, out, alg string
	rights         []string
	days           int
	noPassword     bool
	force          bool
}

// add gives a verb the flags of all that make a key.
func (o *keyOptions) add(cmd *cobra.Command, days int) {
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "whose it is, as people read it: \"Alice Martin\"")
	f.StringVar(&o.out, "out", "", "file name without ending: OUT.key and OUT.crt are written")
	f.StringVar(&o.alg, "alg", "ecdsa-p256", "ecdsa-p256, ecdsa-p384, rsa-3072 or rsa-4096")
	f.IntVar(&o.days, "days", days, "for how long the certificate is valid")
	f.BoolVar(&o.noPassword, "no-password", false, "do not protect the key with a password")
	f.BoolVar(&o.force, "force", false, "replace files that are there")
	cmd.MarkFlagRequired("out")
}

func keyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make keys"}
	var o keyOptions
	sub := &cobra.Command{
		Use:   "new --name NAME --out BASE",
		Short: "Make a key and a certificate of its own",
		Long: `Make a private key, protected by a password, and a certificate that it signs
itself. Hosts that are to believe it are given the certificate. Where several
people make packages, have an authority issue their certificates instead: see
muster ca.

The password is asked for, or taken from MUSTER_KEY_PASSWORD.`,
		Example: "  muster key new --name \"Alice Martin\" --out alice",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.keyNew(o) },
	}
	o.add(sub, 3*365)
	sub.Flags().StringSliceVar(&o.rights, "rights", []string{"code"}, "what it may do: code, deploy")
	cmd.AddCommand(sub)
	return cmd
}

func (a *app) keyNew(o keyOptions) error {
	rights, err := parseRights(o.rights)
	if err != nil {
		return err
	}
	if o.name == "" {
		return usagef("whose key is it? give --name")
	}
	return a.makePair(o, func(key crypto.Signer, from, to time.Time) ([]*x509.Certificate, error) {
		c, err := sign.SelfSigned(o.name, key, from, to, rights...)
		return []*x509.Certificate{c}, err
	})
}

func parseRights(words []string) ([]sign.Right, error) {
	var rights []sign.Right
	for _, w := range words {
		switch r := sign.Right(w); r {
		case sign.RightCode, sign.RightIssue, sign.RightDeploy:
			rights = append(rights, r)
		default:
			return nil, usagef("right %q is not code, issue or deploy", w)
		}
	}
	return rights, nil
}

// skew is how far back a certificate begins, for hosts whose clocks are slow.
const skew = time.Hour

// makePair makes a key and has a certificate made for it; neither file is
// written unless both can be.
func (a *app) makePair(o keyOptions, certify func(key crypto.Signer, from, to time.Time) ([]*x509.Certificate, error)) error {
	keyFile, certFile := o.out+".key", o.out+".crt"
	for _, name := range []string{keyFile, certFile} {
		if _, err := os.Lstat(name); err == nil && !o.force {
			return muster.WithHint(muster.Errorf(muster.Conflict, "%q is there already", name), "give --force to replace it")
		}
	}
	key, err := sign.NewKey(o.alg)
	if err != nil {
		return usageError{err}
	}
	now := a.now().UTC().Truncate(time.Second)
	chain, err := certify(key, now.Add(-skew), now.AddDate(0, 0, o.days))
	if err != nil {
		return err
	}
	var password []byte
	if !o.noPassword {
		if password, err = a.newPassword(keyFile); err != nil {
			return muster.WithHint(err, "set MUSTER_KEY_PASSWORD, or give --no-password")
		}
	}
	pemKey, err := sign.MarshalKey(key, password)
	if err != nil {
		return err
	}
	if err := writePair(keyFile, pemKey, certFile, sign.EncodeCerts(chain...)); err != nil {
		return err
	}
	return a.answer(certFactOf(chain[0]), func() error {
		a.print("%s: private key%s", keyFile, map[bool]string{true: ", NOT protected by a password"}[o.noPassword])
		a.print("%s: certificate of %s, %s, until %s", certFile, sign.Describe(chain[0]), rightsText(sign.Rights(chain[0])),
			chain[0].NotAfter.Format("2006-01-02"))
		return nil
	})
}

func writePair(keyFile string, key []byte, certFile string, cert []byte) error {
	if err := os.MkdirAll(filepath.Dir(keyFile), 0o755); err != nil {
		return err
	}
	var disk *durable.Disk
	if err := disk.WriteFile(keyFile, key, 0o600); err != nil {
		return fmt.Errorf("cannot write the key: %w", err)
	}
	if err := disk.WriteFile(certFile, cert, 0o644); err != nil {
		return fmt.Errorf("cannot write the certificate: %w", err)
	}
	return nil
}

func caCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Be an authority: issue certificates",
		Long: `An authority issues certificates to the people who sign. Hosts believe the
authority, and with it everybody whom it certified, within their rights:

  code    may sign what runs on hosts
  deploy  may sign packages without code, such as groups
  issue   may issue certificates: a further authority`,
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
	return a.makePair(o, func(key crypto.Signer, from, to time.Time) ([]*x509.Certificate, error) {
		c, err := sign.NewAuthority(o.name, key, from, to)
		return []*x509.Certificate{c}, err
	})
}

type issueOptions struct {
	keyOptions
	ca    string
	csr   string
	depth int
}

func caIssueCommand(a *app) *cobra.Command {
	var o issueOptions
	cmd := &cobra.Command{
		Use:   "issue --ca BASE --rights code|deploy|issue --name NAME --out BASE",
		Short: "Issue a certificate",
		Long: `Issue a certificate, for a new key, or with --request for the key of a PKCS#10
request that somebody made elsewhere. The certificate file holds the chain up to the
authority.`,
		Example: "  muster ca issue --ca ca --rights code --name \"Alice Martin\" --out alice\n  muster ca issue --ca ca --rights deploy --request bob.csr --out bob",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.caIssue(o) },
	}
	o.add(cmd, 3*365)
	f := cmd.Flags()
	f.StringVar(&o.ca, "ca", "ca", "the authority: CA.key and CA.crt")
	f.StringSliceVar(&o.rights, "rights", nil, "what the owner may do: code, deploy, issue")
	f.StringVar(&o.csr, "request", "", "PKCS#10 request (PEM) with the public key")
	f.IntVar(&o.depth, "depth", 0, "with issue: levels of authorities below")
	cmd.MarkFlagRequired("rights")
	return cmd
}

func (a *app) caIssue(o issueOptions) error {
	rights, err := parseRights(o.rights)
	if err != nil {
		return err
	}
	certPEM, err := readSmall(o.ca + ".crt")
	if err != nil {
		return muster.WithHint(err, "muster ca init makes an authority")
	}
	ca, err := a.fileIdentity(o.ca+".key", certPEM)
	if err != nil {
		return err
	}
	issue := func(name string, public crypto.PublicKey, from, to time.Time) ([]*x509.Certificate, error) {
		if limit := ca.Chain[0].NotAfter; to.After(limit) {
			to = limit
		}
		if limit := ca.Chain[0].NotBefore; from.Before(limit) {
			from = limit
		}
		c, err := sign.Issue(ca, sign.Request{Name: name, Public: public, Rights: rights, From: from, To: to, Depth: o.depth})
		return append([]*x509.Certificate{c}, ca.Chain...), err
	}
	if o.csr != "" {
		return a.issueRequest(o, issue)
	}
	if o.name == "" {
		return usagef("whose certificate is it? give --name, or --request")
	}
	return a.makePair(o.keyOptions, func(key crypto.Signer, from, to time.Time) ([]*x509.Certificate, error) {
		return issue(o.name, key.Public(), from, to)
	})
}

// issueRequest certifies a key that somebody else keeps.
func (a *app) issueRequest(o issueOptions, issue func(string, crypto.PublicKey, time.Time, time.Time) ([]*x509.Certificate, error)) error {
	req, err := readRequest(o.csr)
	if err != nil {
		return err
	}
	name := o.name
	if name == "" {
		name = req.Subject.CommonName
	}
	now := a.now().UTC().Truncate(time.Second)
	chain, err := issue(name, req.PublicKey, now.Add(-skew), now.AddDate(0, 0, o.days))
	if err != nil {
		return err
	}
	certFile := o.out + ".crt"
	if _, err := os.Lstat(certFile); err == nil && !o.force {
		return muster.WithHint(muster.Errorf(muster.Conflict, "%q is there already", certFile), "give --force to replace it")
	}
	var disk *durable.Disk
	if err := disk.WriteFile(certFile, sign.EncodeCerts(chain...), 0o644); err != nil {
		return err
	}
	return a.answer(certFactOf(chain[0]), func() error {
		a.print("%s: certificate of %s, %s", certFile, sign.Describe(chain[0]), rightsText(sign.Rights(chain[0])))
		return nil
	})
}

func readRequest(file string) (*x509.CertificateRequest, error) {
	data, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, muster.Errorf(muster.Invalid, "%q is no PEM certificate request", file)
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = req.CheckSignature()
	}
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%q: %w", file, err)
	}
	return req, nil
}
