package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/sign"
)

type verifyOptions struct {
	trust []string
	need  int
}

func verifyCommand(a *app) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify FILE... --trust FILE|DIR",
		Short: "Say whether packages are trusted, and read all of them",
		Long: `Verify packages as a root would: signed by somebody whom the certificates given
with --trust certify, or those of the root, with the right that the package
needs; and every file what the manifest says. The exit code is 4 when one is
refused.`,
		Example: "  muster verify age_1.3.2-1_linux_amd64.mpk --trust ca.crt\n  muster verify *.mpk --trust /etc/muster/trust --need 2",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.verify(args, o) },
	}
	a.rootFlags(cmd)
	cmd.Flags().StringArrayVar(&o.trust, "trust", nil, "believe the certificates of `FILE|DIR` (default: those of the root)")
	cmd.Flags().IntVar(&o.need, "need", 1, "`N` different people must have signed")
	return cmd
}

// verifyFact is the JSON form of a package that is trusted, or of why not.
type verifyFact struct {
	File    string   `json:"file"`
	Package string   `json:"package,omitempty"`
	Trusted bool     `json:"trusted"`
	Signers []string `json:"signers,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func (a *app) verify(files []string, o verifyOptions) error {
	if o.need < 1 {
		return usagef("--need %d: at least one must have signed", o.need)
	}
	trust, err := a.trustOf(o.trust)
	if err != nil {
		return err
	}
	var facts []verifyFact
	var failures []error
	for _, name := range files {
		fact := verifyFact{File: name}
		if err := a.verifyOne(&fact, trust, o.need); err != nil {
			failures = append(failures, err)
			fact.Error = err.Error()
		}
		facts = append(facts, fact)
	}
	if err := a.answer(facts, func() error { return a.printVerified(facts) }); err != nil {
		return err
	}
	return joinRefusals(failures)
}

func (a *app) verifyOne(fact *verifyFact, trust *sign.Trust, need int) error {
	f, err := openPackage(fact.File)
	if err != nil {
		return err
	}
	defer f.Close()
	fact.Package = f.Manifest.Control.String()
	sigs, err := f.Verify(trust, sign.Policy{Now: sign.Floor(a.now()), Need: need})
	if err == nil {
		err = f.CheckContent()
	}
	if err != nil {
		return fmt.Errorf("%q is refused: %w", fact.File, err)
	}
	fact.Trusted = true
	for _, s := range sigs {
		fact.Signers = append(fact.Signers, signerText(s))
	}
	return nil
}

// signerText says who signed, and by whom they are believed.
func signerText(s sign.Signature) string {
	text := sign.Describe(s.Signer)
	if n := len(s.Chain); n > 1 {
		text += ", certified by " + sign.Describe(s.Chain[n-1])
	}
	return text
}

func (a *app) printVerified(facts []verifyFact) error {
	for _, f := range facts {
		if f.Trusted {
			a.print("%s: %s, signed by %s", f.File, f.Package, strings.Join(f.Signers, "; "))
		}
	}
	return nil
}

// joinRefusals is one error of many. That something was refused matters more
// than what else went wrong.
func joinRefusals(failures []error) error {
	for _, err := range failures {
		if muster.KindOf(err) == muster.Denied {
			return muster.WithKind(muster.Denied, errors.Join(failures...))
		}
	}
	return errors.Join(failures...)
}
