package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/install"
	"muster/pkgfile"
	"muster/sign"
)

func signCommand(a *app) *cobra.Command {
	var signer signerFlags
	var replace bool
	cmd := &cobra.Command{
		Use:   "sign FILE... --key KEY --cert CERT",
		Short: "Add a signature to packages",
		Long: `Sign packages. A package that is signed already gets one more signature: an
approval. With --replace the other signatures go.`,
		Example: `  muster sign age_1.3.2-1_linux_amd64.mpk --key alice.key --cert alice.crt
  muster sign *.mpk --cert card.crt --sign-command 'pkcs11-tool --module /usr/lib/opensc-pkcs11.so --sign --id 01 --mechanism {mechanism} --pin env:PIN'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.sign(args, signer, replace) },
	}
	signer.add(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "instead of the signatures that are there")
	return cmd
}

// signFact is the JSON form of a package that was signed.
type signFact struct {
	File   string `json:"file"`
	Signed string `json:"signed-by"`
}

func (a *app) sign(files []string, signer signerFlags, replace bool) error {
	id, err := a.identity(signer)
	if err != nil {
		return err
	}
	var facts []signFact
	for _, name := range files {
		if err := a.signOne(name, id, replace); err != nil {
			return fmt.Errorf("cannot sign %q: %w", name, err)
		}
		facts = append(facts, signFact{name, sign.Describe(id.Leaf())})
	}
	return a.answer(facts, func() error {
		for _, f := range facts {
			a.print("%s: signed by %s", f.File, f.Signed)
		}
		return nil
	})
}

func (a *app) signOne(name string, id *sign.Identity, replace bool) error {
	f, err := openPackage(name)
	if err != nil {
		return err
	}
	defer f.Close()
	a.warnRight(id, f.Manifest)
	var der []byte
	if len(f.Signature) == 0 || replace {
		der, err = sign.Sign(f.Encoded, true, a.now(), id)
	} else {
		der, err = sign.Approve(f.Signature, f.Encoded, a.now(), id)
	}
	if err != nil {
		return err
	}
	_, _, err = writePackage(name, func(w io.Writer) error {
		return errors.Join(f.WriteSigned(w, der), f.Close()) // Windows does not replace a file that is open
	})
	return err
}

// warnRight warns of a signature that counts nowhere.
func (a *app) warnRight(id *sign.Identity, m *pkgfile.Manifest) {
	need := sign.RightDeploy
	if m.NeedsCode() {
		need = sign.RightCode
	}
	if !sign.Has(id.Leaf(), need) {
		a.talk("warning: %s has no right %q, which %s needs: hosts will not count this signature", sign.Describe(id.Leaf()), need, &m.Control)
	}
}

func openPackage(name string) (*install.File, error) {
	f, err := install.OpenFile(name)
	if err != nil && muster.KindOf(err) == muster.Internal {
		return nil, fileError(err, packageHint)
	}
	return f, err
}
