package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/control"
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
		Example: "  muster sign age_1.3.2-1_linux_amd64.mpk --key alice.key --cert alice.crt",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			id, err := a.identity(signer)
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := a.sign(name, id, replace); err != nil {
					return err
				}
			}
			return nil
		},
	}
	signer.add(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "instead of the signatures that are there")
	return cmd
}

func (a *app) sign(name string, id *sign.Identity, replace bool) error {
	f, err := openPackage(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var der []byte
	if len(f.Signature) == 0 || replace {
		der, err = sign.Sign(f.Encoded, true, a.now(), id)
	} else {
		der, err = sign.Approve(f.Signature, f.Encoded, a.now(), id)
	}
	if err != nil {
		return fmt.Errorf("cannot sign %q: %w", name, err)
	}
	if _, _, err := writePackage(name, func(w io.Writer) error { return f.WriteSigned(w, der) }); err != nil {
		return err
	}
	a.talk("%s: signed by %s", name, sign.Describe(id.Chain[0]))
	return nil
}

func openPackage(name string) (*install.File, error) {
	f, err := install.OpenFile(name)
	if err != nil && muster.KindOf(err) == muster.Internal {
		return nil, muster.WithKind(muster.NotFound, err)
	}
	return f, err
}

func inspectCommand(a *app) *cobra.Command {
	var files bool
	cmd := &cobra.Command{
		Use:   "inspect FILE [--files]",
		Short: "Show what a package file holds, and who signed it",
		Long: `Show the control, actions, signatures and provenance of a package file, and
with --files every file. Signatures are checked, but whether anybody should
believe the signers is for muster verify.`,
		Example: "  muster inspect age_1.3.2-1_linux_amd64.mpk --files",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.inspect(args[0], files) },
	}
	cmd.Flags().BoolVar(&files, "files", false, "list the files")
	return cmd
}

// inspectFact is the JSON form of inspect.
type inspectFact struct {
	Control    control.Control    `json:"control"`
	Manifest   string             `json:"manifest-sha256"`
	Date       time.Time          `json:"date"`
	Actions    []string           `json:"actions,omitempty"`
	Count      int                `json:"file-count"`
	Installed  int64              `json:"installed-bytes"`
	Signers    []signerFact       `json:"signers"`
	NeedsCode  bool               `json:"needs-code-right"`
	Provenance pkgfile.Provenance `json:"provenance"`
	Files      []pkgfile.File     `json:"files,omitempty"`
}

// signerFact is one signature.
type signerFact struct {
	certFact
	Signed time.Time `json:"signed"`
}

func (a *app) inspect(name string, files bool) error {
	f, err := openPackage(name)
	if err != nil {
		return err
	}
	defer f.Close()
	m := f.Manifest
	fact := inspectFact{Control: m.Control, Manifest: f.ManifestSHA256(), Date: time.Unix(m.Date, 0).UTC(), Actions: m.Actions,
		Count: len(m.Files), Installed: m.InstalledSize(), NeedsCode: m.NeedsCode(), Provenance: m.Provenance, Signers: []signerFact{}}
	if len(f.Signature) > 0 {
		sigs, err := sign.InspectDetached(f.Signature, f.Encoded)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		for _, s := range sigs {
			fact.Signers = append(fact.Signers, signerFact{certFactOf(s.Signer), s.Time.UTC()})
		}
	}
	if files {
		fact.Files = m.Files
	}
	return a.answer(fact, func() error { return a.printInspect(&fact) })
}

func (a *app) printInspect(f *inspectFact) error {
	fmt.Fprint(a.out, f.Control.Stanza())
	a.print("manifest: %s", f.Manifest)
	a.print("date: %s", f.Date.Format(time.RFC3339))
	a.print("files: %d, %s installed", f.Count, size(f.Installed))
	if len(f.Actions) > 0 {
		a.print("actions: %s", strings.Join(f.Actions, ", "))
	}
	for _, s := range f.Provenance.Sources {
		a.print("source: %s sha256:%s", s.URL, s.SHA256)
	}
	if p := f.Provenance; p.Recipe != "" || p.Commit != "" {
		a.print("recipe: %s", strings.TrimSpace(p.Recipe+" "+p.Commit))
	}
	for name, value := range f.Provenance.Params {
		a.print("parameter: %s=%s", name, value)
	}
	for _, s := range f.Signers {
		a.print("signed: %s by %s (%s), %s", s.Signed.Format(time.RFC3339), s.Name, s.Fingerprint[:16], rightsText(s.Rights))
		a.print("  issued by %s; whether to believe it is for muster verify", s.Issuer)
	}
	if len(f.Signers) == 0 {
		a.print("signed: by nobody")
	}
	var rows []string
	for _, file := range f.Files {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%s", fileMode(&file), ownerOf(&file), file.Size, fileName(&file)))
	}
	return a.table(rows)
}

func fileMode(f *pkgfile.File) string {
	letter := map[pkgfile.Type]string{pkgfile.Directory: "d", pkgfile.Symlink: "l", pkgfile.Hardlink: "h"}[f.Type]
	if letter == "" {
		letter = "-"
	}
	return fmt.Sprintf("%s%04o", letter, f.Mode)
}

func ownerOf(f *pkgfile.File) string {
	if f.Owner == "" {
		return "root:root"
	}
	return f.Owner
}

func fileName(f *pkgfile.File) string {
	if f.Link != "" {
		return f.Path + " -> " + f.Link
	}
	if f.Config != "" {
		return f.Path + " (configuration)"
	}
	return f.Path
}

func verifyCommand(a *app) *cobra.Command {
	var trust []string
	var need int
	cmd := &cobra.Command{
		Use:   "verify FILE... --trust FILE|DIR",
		Short: "Say whether packages are trusted, and read all of them",
		Long: `Verify packages as a root would: signed by somebody whom the certificates given
with --trust certify, or those of the root, with the right that the package
needs; and every file what the manifest says. The exit code is 4 when one is
refused.`,
		Example: "  muster verify age_1.3.2-1_linux_amd64.mpk --trust ca.crt",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.verify(args, trust, need) },
	}
	a.rootFlags(cmd)
	cmd.Flags().StringArrayVar(&trust, "trust", nil, "certificates: a PEM file or a folder (default: those of the root)")
	cmd.Flags().IntVar(&need, "need", 1, "how many different people must have signed")
	return cmd
}

// verifyFact is the JSON form of a package that is trusted.
type verifyFact struct {
	File    string   `json:"file"`
	Package string   `json:"package"`
	Signers []string `json:"signers"`
}

func (a *app) verify(files, trustPaths []string, need int) error {
	trust, err := a.trustOf(trustPaths)
	if err != nil {
		return err
	}
	var facts []verifyFact
	for _, name := range files {
		f, err := a.verifyOne(name, trust, need)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		facts = append(facts, *f)
	}
	return a.answer(facts, func() error {
		for _, f := range facts {
			a.print("%s: %s, signed by %s", f.File, f.Package, strings.Join(f.Signers, ", "))
		}
		return nil
	})
}

func (a *app) verifyOne(name string, trust *sign.Trust, need int) (*verifyFact, error) {
	f, err := openPackage(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sigs, err := f.Verify(trust, sign.Policy{Now: sign.Floor(a.now()), Need: need})
	if err != nil {
		return nil, err
	}
	if err := f.CheckContent(); err != nil {
		return nil, err
	}
	fact := &verifyFact{File: name, Package: f.Manifest.Control.String()}
	for _, s := range sigs {
		fact.Signers = append(fact.Signers, sign.Describe(s.Signer))
	}
	return fact, nil
}
