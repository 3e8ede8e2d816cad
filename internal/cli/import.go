package cli

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/fetch"
	"muster/internal/recipe"
	"muster/internal/recipe/source"
	"muster/internal/wapt"
	"muster/internal/wapt/port"
	"muster/internal/wapt/python"
)

type importOptions struct {
	trust []string
	out   string
}

func importCommand(a *app) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE|DIR|URL [NAME[=VERSION]] [--trust PEM] [--out DIR]",
		Short: "Make a recipe from a package or recipe of WAPT",
		Long: `Make a recipe folder from a package of WAPT (.wapt), from the folder that such
a package is made from, or from a package of a repository of WAPT, given by its
folder or URL and the package's name; without a name, its packages are listed.

With --trust, the package must be signed by a certificate of that file, or by one
that they issued. Without, nothing is verified. The recipe says who signed.

setup.py is converted as far as that can be done without a person; every hook that
cannot be fails until it is converted by hand. Read the recipe before you sign what
is built from it.`,
		Example: "  muster import tis-7zip_24.9-46_x64.wapt --trust store.crt\n  muster import https://wapt.example.org/wapt tis-7zip --out recipes/tis-7zip",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importWAPT(cmd.Context(), args[0], strings.Join(args[1:], ""), o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.trust, "trust", nil, "PEM file of certificates that the package must be signed with")
	f.StringVar(&o.out, "out", "", "folder of the recipe (default: the package's name)")
	return cmd
}

// importFact is the JSON form of an import.
type importFact struct {
	Recipe   string        `json:"recipe"`
	Package  string        `json:"package"`
	Version  string        `json:"version"`
	Signer   string        `json:"original-signer,omitempty"`
	Verified bool          `json:"verified"`
	SHA256   string        `json:"sha256,omitempty"`
	Hooks    []python.Hook `json:"hooks,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
	Files    int           `json:"payload-files"`
	Size     int64         `json:"payload-size"`
}

func (a *app) importWAPT(ctx context.Context, from, name string, o importOptions) error {
	trust, err := readPEM(o.trust)
	if err != nil {
		return err
	}
	if isRepository(from) {
		return a.importFrom(ctx, from, name, trust, o)
	}
	if name != "" {
		return usagef("%q is a package, and not a repository with one called %q", from, name)
	}
	if isWeb(from) {
		file, clean, err := a.downloadWAPT(ctx, from)
		if err != nil {
			return err
		}
		defer clean()
		return a.importFile(file, from, nil, trust, o)
	}
	return a.importFile(from, from, nil, trust, o)
}

func isWeb(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") }

// isRepository reports whether from is a place of packages, not one of them.
func isRepository(from string) bool {
	if isWeb(from) {
		return !strings.HasSuffix(from, ".wapt")
	}
	_, err := os.Stat(filepath.Join(from, "Packages"))
	return err == nil
}

// readPEM reads the certificates of files.
func readPEM(files []string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, name := range files {
		data, err := readSmall(name)
		if err != nil {
			return nil, err
		}
		certs, err := wapt.ParseCertificates(data)
		if err != nil {
			return nil, fmt.Errorf("cannot read %q: %w", name, err)
		}
		all = append(all, certs...)
	}
	return all, nil
}

// importFile makes a recipe of a file or folder. entry is what an index said of
// it, or nil.
func (a *app) importFile(file, from string, entry *wapt.Entry, trust []*x509.Certificate, o importOptions) error {
	p, sum, err := openWAPT(file)
	if err != nil {
		return err
	}
	defer p.Close()
	if entry != nil {
		if err := entry.Matches(p); err != nil {
			return err
		}
	}
	po := port.Options{From: filepath.Base(from), SHA256: sum, Signer: p.Claimed(), Verified: trust != nil, Check: checkRecipe}
	if err := a.checkWAPT(p, trust, &po); err != nil {
		return err
	}
	dir := o.out
	if dir == "" {
		c, _, err := port.Control(p.Control, true)
		if err != nil {
			return err
		}
		dir = c.Name
	}
	r, err := port.Write(p, dir, po)
	if err != nil {
		return err
	}
	return a.printImport(dir, &po, r)
}

func checkRecipe(dir string) error {
	_, err := recipe.Load(dir)
	return err
}

// checkWAPT verifies the package, or warns that nobody does.
func (a *app) checkWAPT(p *wapt.Package, trust []*x509.Certificate, po *port.Options) error {
	if trust != nil {
		signer, err := p.Verify(trust, a.now())
		po.Signer = signer
		if err != nil && p.Folder {
			err = muster.WithHint(err, "a folder is seldom as it was signed; import it without --trust, and read it")
		}
		return err
	}
	err := p.CheckFiles()
	if err != nil && !p.Folder {
		return err
	}
	who := "nobody signed it"
	if po.Signer != nil {
		who = fmt.Sprintf("it says that %s signed it", po.Signer)
	}
	line(a.err, "warning: nothing is verified: %s; --trust PEM verifies that", who)
	if err != nil {
		line(a.err, "warning: the folder differs from what was signed: %v", err)
	}
	return nil
}

// openWAPT opens a package or folder. sum is the sha256 of a package.
func openWAPT(name string) (p *wapt.Package, sum string, err error) {
	info, err := os.Stat(name)
	if os.IsNotExist(err) {
		return nil, "", muster.WithHint(muster.Errorf(muster.NotFound, "there is no %q", name), "fetch it first, or name the folder of a repository of WAPT: muster import --help")
	}
	if err != nil {
		return nil, "", err
	}
	if info.IsDir() {
		p, err = wapt.OpenFolder(name)
		return p, "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, "", err
	}
	h := sha256.New()
	if _, err = io.Copy(h, f); err == nil {
		p, err = wapt.Open(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, "", fmt.Errorf("cannot import %q: %w", name, err)
	}
	return p, hex.EncodeToString(h.Sum(nil)), nil
}

func (a *app) printImport(dir string, po *port.Options, r *port.Report) error {
	fact := importFact{Recipe: dir, Package: r.Control.Name, Version: r.Control.Version, Verified: po.Verified, SHA256: po.SHA256,
		Hooks: r.Hooks, Notes: r.Notes, Files: r.Files, Size: r.Size}
	if po.Signer != nil {
		fact.Signer = po.Signer.String()
	}
	return a.answer(fact, func() error {
		a.print("%s: a recipe of %s, with %s (%s) in payload/", dir, r.Control, count(r.Files, "file"), size(r.Size))
		byHand := 0
		for _, h := range r.Hooks {
			if h.Reason == "" {
				a.print("  %s(): converted", h.Name)
				continue
			}
			byHand++
			a.print("  %s(): to be converted by hand: line %d: %s", h.Name, h.Line, h.Reason)
		}
		for _, n := range r.Notes {
			a.print("  look at: %s", n)
		}
		if po.Verified {
			a.print("  signed by %s: verified", po.Signer)
		}
		if byHand > 0 {
			a.talk("%s to convert: compare %s with files/setup.py.orig", count(byHand, "hook"), filepath.Join(dir, "actions.star"))
		}
		a.talk("read it, then: muster build %s", dir)
		return nil
	})
}

// importFrom lists a repository of WAPT, or imports a package of it.
func (a *app) importFrom(ctx context.Context, base, name string, trust []*x509.Certificate, o importOptions) error {
	all, err := a.waptIndex(ctx, base)
	if err != nil {
		return err
	}
	if name == "" {
		return a.printIndex(all)
	}
	e, err := choose(all, name)
	if err != nil {
		return err
	}
	if !isWeb(base) {
		file := filepath.Join(base, filepath.FromSlash(e.FileName))
		return a.importFile(file, file, e, trust, o)
	}
	file, clean, err := a.downloadWAPT(ctx, strings.TrimSuffix(base, "/")+"/"+e.FileName)
	if err != nil {
		return err
	}
	defer clean()
	return a.importFile(file, e.FileName, e, trust, o)
}

func (a *app) waptIndex(ctx context.Context, base string) ([]wapt.Entry, error) {
	if !isWeb(base) {
		var err error
		if base, err = filepath.Abs(base); err != nil {
			return nil, err
		}
	}
	s, err := new(fetch.Client).GetSmall(ctx, base, "Packages", wapt.MaxIndex, fetch.Validators{})
	if err != nil {
		return nil, err
	}
	return wapt.ParseIndex(s.Data)
}

// choose finds the newest package of that name. Where there are several files of
// it, for other processors or languages, a person has to say which.
func choose(all []wapt.Entry, name string) (*wapt.Entry, error) {
	found := wapt.Select(all, name)
	if len(found) == 0 {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "the repository has no package %q", name), "list it without a name")
	}
	var same []string
	for i := range found {
		if found[i].Get("version") == found[0].Get("version") {
			same = append(same, found[i].FileName)
		}
	}
	if len(same) > 1 {
		err := muster.Errorf(muster.Conflict, "%d packages are %s %s: %s", len(same), name, found[0].Get("version"), strings.Join(same, ", "))
		return nil, muster.WithHint(err, "name the file instead of the package")
	}
	return &found[0], nil
}

func (a *app) printIndex(all []wapt.Entry) error {
	type fact struct {
		Package string `json:"package"`
		Version string `json:"version"`
		Arch    string `json:"architecture"`
		Section string `json:"section"`
		File    string `json:"file"`
		Size    int64  `json:"size"`
	}
	facts, rows := []fact{}, []string{"PACKAGE\tVERSION\tARCH\tSECTION\tFILE"}
	for _, e := range all {
		f := fact{e.Get("package"), e.Get("version"), e.Get("architecture"), e.Get("section"), e.FileName, e.Size}
		facts = append(facts, f)
		rows = append(rows, row(f.Package, f.Version, f.Arch, f.Section, f.File))
	}
	return a.answer(facts, func() error { return a.table(rows) })
}

// downloadWAPT brings a package to a file. What it holds is looked at afterwards.
func (a *app) downloadWAPT(ctx context.Context, url string) (file string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "muster-import-")
	if err != nil {
		return "", nil, err
	}
	clean = func() { os.RemoveAll(dir) }
	f := source.Fetcher{Cache: filepath.Join(dir, "cache"), Base: ".", Log: a.logging()}
	file, _, err = f.FetchFirst(ctx, url, dir)
	if err != nil {
		clean()
	}
	return file, clean, err
}
