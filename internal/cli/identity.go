package cli

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster"
	"muster/internal/engine"
	"muster/sign"
)

// A signerFlags says with what to sign.
type signerFlags struct {
	key, cert, command string
}

// add gives a verb the flags of all that sign.
func (f *signerFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", os.Getenv("MUSTER_KEY"), "private key to sign with ($MUSTER_KEY)")
	fl.StringVar(&f.cert, "cert", os.Getenv("MUSTER_CERT"), "certificate of the key, with those of its issuers ($MUSTER_CERT)")
	fl.StringVar(&f.command, "sign-command", os.Getenv("MUSTER_SIGN_COMMAND"),
		"command that signs in place of a key: a token's, say ($MUSTER_SIGN_COMMAND)")
}

// given reports whether there is something to sign with.
func (f *signerFlags) given() bool { return f.key != "" || f.command != "" }

const signHint = "give --key KEY --cert CERT, or set MUSTER_KEY and MUSTER_CERT; muster key new makes a pair"

// identity loads the key, or the command that stands for it, with its chain.
func (a *app) identity(f signerFlags) (*sign.Identity, error) {
	switch {
	case !f.given():
		return nil, muster.WithHint(usagef("there is no key to sign with"), signHint)
	case f.cert == "" && f.key != "":
		f.cert = strings.TrimSuffix(f.key, ".key") + ".crt" // as key new names them
	case f.cert == "":
		return nil, muster.WithHint(usagef("--sign-command needs the certificate of its key"), signHint)
	}
	certPEM, err := readSmall(f.cert)
	if err != nil {
		return nil, err
	}
	if f.command == "" {
		return a.fileIdentity(f.key, certPEM)
	}
	chain, err := sign.ParseCerts(certPEM)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", f.cert, err)
	}
	return &sign.Identity{Key: sign.CommandSigner(chain[0], strings.Fields(f.command)), Chain: chain}, nil
}

func (a *app) fileIdentity(keyFile string, certPEM []byte) (*sign.Identity, error) {
	keyPEM, err := readSmall(keyFile)
	if err != nil {
		return nil, err
	}
	id, err := sign.ParseIdentity(keyPEM, certPEM, func() ([]byte, error) {
		return a.password("password of " + keyFile)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot use %q: %w", keyFile, err)
	}
	return id, nil
}

// readSmall reads a file of keys or certificates.
func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, muster.WithKind(muster.NotFound, err)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > 1<<20 {
		return nil, muster.Errorf(muster.Invalid, "%q is too large for keys or certificates", name)
	}
	return os.ReadFile(name)
}

// password takes a password from MUSTER_KEY_PASSWORD, or asks for it.
func (a *app) password(prompt string) ([]byte, error) {
	if p, ok := os.LookupEnv("MUSTER_KEY_PASSWORD"); ok {
		return []byte(p), nil
	}
	if !a.interactive() {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "a password is needed, and there is nobody to ask"),
			"set MUSTER_KEY_PASSWORD")
	}
	fmt.Fprintf(a.err, "%s: ", prompt)
	defer fmt.Fprintln(a.err)
	return term.ReadPassword(int(a.in.(*os.File).Fd()))
}

// newPassword asks for a password twice.
func (a *app) newPassword(name string) ([]byte, error) {
	if _, ok := os.LookupEnv("MUSTER_KEY_PASSWORD"); ok || !a.interactive() {
		return a.password("")
	}
	first, err := a.password("new password of " + name)
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return nil, muster.WithHint(usagef("an empty password protects nothing"), "give --no-password to have none")
	}
	again, err := a.password("once more")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, again) {
		return nil, muster.Errorf(muster.Invalid, "the passwords differ")
	}
	return first, nil
}

// trustOf loads certificates for a verb that is given them, or those of a root.
func (a *app) trustOf(paths []string) (*sign.Trust, error) {
	if len(paths) > 0 {
		return readTrust(paths)
	}
	e, err := engine.Open(a.rootDir, engine.Options{Now: a.now})
	if err != nil {
		return nil, muster.WithHint(err, "say whom to trust with --trust FILE|DIR")
	}
	return e.Trust, nil
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
		c.NotBefore.UTC().Format("2006-01-02"), c.NotAfter.UTC().Format("2006-01-02")}
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
