package cli

import (
	"crypto"
	"crypto/x509"
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
	f.StringVar(&o.name, "name", "", "whose it is, as people read it: `NAME` is \"Alice Martin\", say")
	f.StringVar(&o.out, "out", "", "write `BASE`.key and BASE.crt")
	f.StringVar(&o.alg, "alg", "ecdsa-p256", "`KIND` of key: ecdsa-p256, ecdsa-p384, rsa-3072 or rsa-4096")
	f.IntVar(&o.days, "days", days, "the certificate is valid for `N` days")
	f.BoolVar(&o.noPassword, "no-password", false, "do not protect the key with a password")
	f.BoolVar(&o.force, "force", false, "replace files that are there")
	cmd.MarkFlagRequired("out")
}

func keyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make keys to sign with",
		Long: `Keys are PKCS#8 files, protected by a password, that openssl reads, too. Who signs
keeps the key (.key) and shows everybody the certificate (.crt).`,
		Example: "  muster key new --name \"Alice Martin\" --out alice",
	}
	cmd.AddCommand(keyNewCommand(a), keyPasswordCommand(a))
	return cmd
}

func keyNewCommand(a *app) *cobra.Command {
	var o keyOptions
	cmd := &cobra.Command{
		Use:   "new --name NAME --out BASE",
		Short: "Make a key and a certificate of its own",
		Long: `Make a private key, protected by a password, and a certificate that it signs
itself. Hosts that are to believe it are given the certificate. Where several
people make packages, have an authority issue their certificates instead: see
muster ca.

The password is asked for, or taken from MUSTER_KEY_PASSWORD.`,
		Example: "  muster key new --name \"Alice Martin\" --out alice\n  muster key new --name \"Bob\" --out keys/bob --rights deploy --alg rsa-4096",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.keyNew(o) },
	}
	o.add(cmd, 3*365)
	cmd.Flags().StringSliceVar(&o.rights, "rights", []string{"code"}, "what the owner may do: `RIGHT` is code, deploy, issue or index")
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
	return a.makePair(o, func(key crypto.Signer) certifier {
		return func(name string, _ crypto.PublicKey, from, to time.Time) ([]*x509.Certificate, error) {
			c, err := sign.SelfSigned(name, key, from, to, rights...)
			return []*x509.Certificate{c}, err
		}
	})
}

func parseRights(words []string) ([]sign.Right, error) {
	var rights []sign.Right
	for _, w := range words {
		switch r := sign.Right(w); r {
		case sign.RightCode, sign.RightIssue, sign.RightDeploy, sign.RightIndex:
			rights = append(rights, r)
		default:
			return nil, usagef("right %q is not code, issue, deploy or index", w)
		}
	}
	return rights, nil
}

// skew is how far back a certificate begins, for hosts whose clocks are slow.
const skew = time.Hour

// maxDays bounds the life of a certificate.
const maxDays = 50 * 365

// A certifier makes a certificate for a key, and returns it with its issuers.
type certifier func(name string, public crypto.PublicKey, from, to time.Time) ([]*x509.Certificate, error)

// validity is from when until when a certificate is valid that is made now.
func (a *app) validity(days int) (from, to time.Time, err error) {
	if days < 1 || days > maxDays {
		return from, to, usagef("--days %d is not between 1 and %d", days, maxDays)
	}
	now := a.now().UTC().Truncate(time.Second)
	return now.Add(-skew), now.AddDate(0, 0, days), nil
}

// makePair makes a key and has a certificate made for it. Neither file is
// written unless both can be.
func (a *app) makePair(o keyOptions, certify func(key crypto.Signer) certifier) error {
	keyFile, certFile := o.out+".key", o.out+".crt"
	if err := o.mayWrite(keyFile, certFile); err != nil {
		return err
	}
	key, err := sign.NewKey(o.alg)
	if err != nil {
		return usageError{err}
	}
	from, to, err := a.validity(o.days)
	if err != nil {
		return err
	}
	chain, err := certify(key)(o.name, key.Public(), from, to)
	if err != nil {
		return err
	}
	pemKey, err := a.lockKey(key, keyFile, o.noPassword)
	if err != nil {
		return err
	}
	if err := writePair(keyFile, pemKey, certFile, sign.EncodeCerts(chain...)); err != nil {
		return err
	}
	return a.answer(certFactOf(chain[0]), func() error {
		a.print("%s: private key, %s", keyFile, protection(o.noPassword))
		a.printCert(certFile, chain[0])
		return nil
	})
}

// mayWrite refuses to replace files: a key that is gone cannot be had again.
func (o *keyOptions) mayWrite(names ...string) error {
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil && !o.force {
			return muster.WithHint(muster.Errorf(muster.Conflict, "%q is there already", name), "give --force to replace it")
		}
	}
	return nil
}

// lockKey encodes a key, with a new password that is asked for unless none is
// wanted.
func (a *app) lockKey(key crypto.Signer, name string, noPassword bool) ([]byte, error) {
	if noPassword {
		return sign.MarshalKey(key, nil)
	}
	password, err := a.newPassword(name)
	if err != nil {
		return nil, err
	}
	return sign.MarshalKey(key, password)
}

func protection(noPassword bool) string {
	if noPassword {
		return "NOT protected by a password"
	}
	return "protected by a password"
}

func (a *app) printCert(file string, c *x509.Certificate) {
	a.print("%s: certificate of %s, %s, until %s", file, sign.Describe(c), rightsText(sign.Rights(c)), c.NotAfter.Format(time.DateOnly))
}

func writePair(keyFile string, key []byte, certFile string, cert []byte) error {
	if err := os.MkdirAll(filepath.Dir(keyFile), 0o755); err != nil {
		return err
	}
	if err := writeKey(keyFile, key); err != nil {
		return err
	}
	return writeCert(certFile, cert)
}

// writeKey writes a file that its owner alone reads.
func writeKey(name string, key []byte) error {
	var disk *durable.Disk
	if err := disk.WriteFile(name, key, 0o600); err != nil {
		return fmt.Errorf("cannot write the key: %w", err)
	}
	return nil
}

func writeCert(name string, cert []byte) error {
	var disk *durable.Disk
	if err := disk.WriteFile(name, cert, 0o644); err != nil {
		return fmt.Errorf("cannot write the certificate: %w", err)
	}
	return nil
}

func keyPasswordCommand(a *app) *cobra.Command {
	var none bool
	cmd := &cobra.Command{
		Use:   "password KEY",
		Short: "Change the password of a key",
		Long: `Change the password of a key. The old and the new one are asked for, or taken
from MUSTER_KEY_PASSWORD and MUSTER_NEW_KEY_PASSWORD. Copies of the key keep
their password.`,
		Example: "  muster key password alice.key",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.keyPassword(args[0], none) },
	}
	cmd.Flags().BoolVar(&none, "no-password", false, "take the password away")
	return cmd
}

func (a *app) keyPassword(name string, none bool) error {
	old, err := readSmall(name)
	if err != nil {
		return err
	}
	key, err := sign.ParseKey(old, func() ([]byte, error) { return a.password("password of " + name) })
	if err != nil {
		return fmt.Errorf("cannot use %q: %w", name, err)
	}
	var password []byte
	if !none {
		if password, err = a.chosenPassword("MUSTER_NEW_KEY_PASSWORD", name); err != nil {
			return err
		}
	}
	data, err := sign.MarshalKey(key, password)
	if err != nil {
		return err
	}
	if err := writeKey(name, data); err != nil {
		return err
	}
	a.talk("%s: private key, %s", name, protection(none))
	return nil
}
