package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/control"
	"muster/internal/install"
	"muster/pkgfile"
	"muster/settings"
	"muster/sign"
)

func inspectCommand(a *app) *cobra.Command {
	var files bool
	cmd := &cobra.Command{
		Use:   "inspect FILE [--files]",
		Short: "Show what a package file holds, and who signed it",
		Long: `Show the control, actions, signatures and provenance of a package file, and
with --files every file. Signatures are checked, but whether to believe the
signers is for muster verify.`,
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
	Policy     settings.Document  `json:"policy,omitempty"`
	Size       int64              `json:"size"`
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
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	m := f.Manifest
	fact := inspectFact{Control: m.Control, Manifest: f.ManifestSHA256(), Date: time.Unix(m.Date, 0).UTC(), Actions: m.Actions, Policy: m.Policy,
		Size: info.Size(), Count: filesIn(m), Installed: m.InstalledSize(), NeedsCode: m.NeedsCode(), Provenance: m.Provenance}
	if fact.Signers, err = signersOf(f); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if files {
		fact.Files = m.Files
	}
	return a.answer(fact, func() error { return a.printInspect(&fact) })
}

// signersOf checks the signatures, but not whether to believe them.
func signersOf(f *install.File) ([]signerFact, error) {
	signers := []signerFact{}
	if len(f.Signature) == 0 {
		return signers, nil
	}
	sigs, err := sign.InspectDetached(f.Signature, f.Encoded)
	for _, s := range sigs {
		signers = append(signers, signerFact{certFactOf(s.Signer), s.Time.UTC()})
	}
	return signers, err
}

func (a *app) printInspect(f *inspectFact) error {
	lines(a.out, f.Control.Stanza().String())
	a.print("manifest-sha256: %s", f.Manifest)
	a.print("date: %s", f.Date.Format(time.RFC3339))
	a.print("size: %s, %s installed in %s", size(f.Size), size(f.Installed), count(f.Count, "file"))
	if len(f.Actions) > 0 {
		a.print("actions: %s", strings.Join(f.Actions, ", "))
	}
	if len(f.Policy) > 0 {
		a.print("policy:")
		indent(a.out, " ", f.Policy.Print())
	}
	if f.NeedsCode {
		a.print("needs: a signer with the right code")
	}
	a.printProvenance(&f.Provenance)
	for _, s := range f.Signers {
		a.print("signed: %s by %q (sha256 %s), %s, issued by %q", s.Signed.Format(time.RFC3339), s.Name, s.Fingerprint[:16], rightsText(s.Rights), s.Issuer)
	}
	if len(f.Signers) == 0 {
		a.print("signed: by nobody")
	} else {
		a.talk("whether to believe these signers is for muster verify")
	}
	var rows []string
	for _, file := range f.Files {
		rows = append(rows, row(fileMode(&file), ownerOf(&file), strconv.FormatInt(file.Size, 10), fileName(&file)))
	}
	return a.table(rows)
}

func (a *app) printProvenance(p *pkgfile.Provenance) {
	if p.Recipe != "" || p.Commit != "" {
		a.print("recipe: %s", strings.TrimSpace(p.Recipe+" "+p.Commit))
	}
	if p.OriginalSigner != "" {
		a.print("imported: signed before by %s", p.OriginalSigner)
	}
	for _, s := range p.Sources {
		a.print("source: %s sha256:%s", s.URL, s.SHA256)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Params)) {
		a.print("parameter: %s=%s", name, p.Params[name])
	}
}

// filesIn counts what is not a folder.
func filesIn(m *pkgfile.Manifest) (n int) {
	for _, f := range m.Files {
		if f.Type != pkgfile.Directory {
			n++
		}
	}
	return n
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
