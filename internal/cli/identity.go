package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster"
	"muster/sign"
)

// A signerFlags says with what to sign.
type signerFlags struct {
	key, cert, command string
}

// add gives a verb the flags of all that sign.
func (f *signerFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "sign with the private key in `FILE` ($MUSTER_KEY)")
	fl.StringVar(&f.cert, "cert", "", "the key's certificate in `FILE`, with those of its issuers ($MUSTER_CERT; default: beside X.key, X.crt)")
	fl.StringVar(&f.command, "sign-command", "", "sign with `COMMAND` in place of a key: with a smartcard, say ($MUSTER_SIGN_COMMAND)")
}

// resolve adds what the environment says. Flags that name a key replace all of
// it: a certificate from there would be that of another key.
func (f signerFlags) resolve() signerFlags {
	if f.key == "" && f.command == "" {
		f.key, f.command = os.Getenv("MUSTER_KEY"), os.Getenv("MUSTER_SIGN_COMMAND")
		f.cert = cmp.Or(f.cert, os.Getenv("MUSTER_CERT"))
	}
	if f.cert == "" && f.key != "" {
		f.cert = strings.TrimSuffix(f.key, ".key") + ".crt" // as key new names them
	}
	return f
}

// given reports whether there is something to sign with.
func (f signerFlags) given() bool {
	f = f.resolve()
	return f.key != "" || f.command != ""
}

const signHint = "give --key KEY --cert CERT, or set MUSTER_KEY and MUSTER_CERT; muster key new makes a pair"

// identity loads the key, or the command that stands for it, with its chain.
func (a *app) identity(f signerFlags) (*sign.Identity, error) {
	if a.held != nil {
		return a.held, nil
	}
	f = f.resolve()
	switch {
	case f.key == "" && f.command == "":
		return nil, muster.WithHint(usagef("there is no key to sign with"), signHint)
	case f.key != "" && f.command != "":
		return nil, usagef("both a key and a command that signs are given")
	case f.cert == "":
		return nil, muster.WithHint(usagef("a command that signs needs the certificate of its key"), "give --cert, or set MUSTER_CERT")
	}
	certPEM, err := readSmall(f.cert)
	if err != nil {
		return nil, muster.WithHint(fmt.Errorf("cannot read the certificate to sign with: %w", err), signHint)
	}
	if f.command != "" {
		return commandIdentity(f, certPEM)
	}
	return a.fileIdentity(f.key, certPEM)
}

func commandIdentity(f signerFlags, certPEM []byte) (*sign.Identity, error) {
	chain, err := sign.ParseCerts(certPEM)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", f.cert, err)
	}
	words, err := splitCommand(f.command)
	if err != nil {
		return nil, err
	}
	return &sign.Identity{Key: sign.CommandSigner(chain[0], words), Chain: chain}, nil
}

// splitCommand splits a command at spaces, but for those between quotes of
// either kind. A backslash is one: it stands in paths of Windows.
func splitCommand(line string) (words []string, err error) {
	var word strings.Builder
	var quote byte
	inside := false // a word, perhaps an empty one
	end := func() {
		if inside {
			words = append(words, word.String())
		}
		word.Reset()
		inside = false
	}
	for _, c := range []byte(line) { // names of files need not be UTF-8
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inside = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			end()
		default:
			word.WriteByte(c)
			inside = true
		}
	}
	end()
	if quote != 0 || len(words) == 0 {
		return nil, usagef("cannot tell the words of the command %q", line)
	}
	return words, nil
}

func (a *app) fileIdentity(keyFile string, certPEM []byte) (*sign.Identity, error) {
	keyPEM, err := readSmall(keyFile)
	if err != nil {
		return nil, muster.WithHint(fmt.Errorf("cannot read the key to sign with: %w", err), signHint)
	}
	id, err := sign.ParseIdentity(keyPEM, certPEM, func() ([]byte, error) {
		return a.password("password of " + keyFile)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot use %q: %w", keyFile, err)
	}
	return id, nil
}

// maxKeyFile bounds files of keys and certificates.
const maxKeyFile = 1 << 20

// readSmall reads a file of keys or certificates.
func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fileError(err, "")
	}
	if info.Size() > maxKeyFile {
		return nil, muster.Errorf(muster.Invalid, "%q is too large for keys or certificates", name)
	}
	return os.ReadFile(name)
}

// password is the password of a key that is there.
func (a *app) password(prompt string) ([]byte, error) {
	return a.passwordFrom("MUSTER_KEY_PASSWORD", prompt)
}

// passwordFrom takes a password from a variable of the environment, or asks for
// it without showing it. It is never an argument, which others on the machine
// could see.
func (a *app) passwordFrom(variable, prompt string) ([]byte, error) {
	if p, ok := os.LookupEnv(variable); ok {
		return []byte(p), nil
	}
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "a password is needed, and there is nobody to ask"), "set %s", variable)
	}
	fmt.Fprintf(a.err, "%s: ", prompt)
	defer fmt.Fprintln(a.err)
	return term.ReadPassword(int(f.Fd()))
}

// newPassword is the password of a key that is made: from MUSTER_KEY_PASSWORD,
// or asked for.
func (a *app) newPassword(name string) ([]byte, error) {
	p, err := a.chosenPassword("MUSTER_KEY_PASSWORD", name)
	if muster.KindOf(err) == muster.Denied {
		return nil, muster.WithHint(err, "set MUSTER_KEY_PASSWORD, or give --no-password")
	}
	return p, err
}

// chosenPassword takes a new password from the environment, or asks for it
// twice.
func (a *app) chosenPassword(variable, name string) ([]byte, error) {
	first, err := a.passwordFrom(variable, "new password of "+name)
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		err := usagef("an empty password protects nothing")
		if strings.Contains(variable, "KEY") {
			err = muster.WithHint(err, "give --no-password to have none")
		}
		return nil, err
	}
	if _, ok := os.LookupEnv(variable); ok {
		return first, nil
	}
	again, err := a.passwordFrom(variable, "once more")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, again) {
		return nil, muster.Errorf(muster.Invalid, "the passwords differ")
	}
	return first, nil
}
