package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/durable"
	"muster/internal/recipe"
	"muster/pkgfile"
	"muster/sign"
)

func newCommand(a *app) *cobra.Command {
	var from, kind, maintainer string
	cmd := &cobra.Command{
		Use:   "new NAME|DIR [--from FILE|URL]",
		Short: "Make a recipe folder from a template or an installer",
		Long: `Make a recipe folder that builds at once. With --from it is made for what is
given: an archive (tar, zip), a package (deb, rpm), an installer (msi, exe), an
AppImage, or a source such as go:module@version; name, version, platform and
silent switches are read from it. Without, an empty recipe.`,
		Example: "  muster new hello --from hello-2.12.tar.gz\n  muster new office --kind group\n  muster new age --from go:filippo.io/age@v1.3.2",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.newRecipe(cmd.Context(), args[0], from, recipe.NewOptions{Kind: muster.Kind(kind), Maintainer: maintainer, Log: a.logging()})
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "what to make the recipe for: file, URL or source")
	f.StringVar(&kind, "kind", "", "kind of package (default base)")
	f.StringVar(&maintainer, "maintainer", os.Getenv("MUSTER_MAINTAINER"), "\"Alice Martin <alice@example.org>\" ($MUSTER_MAINTAINER)")
	return cmd
}

func (a *app) newRecipe(ctx context.Context, dir, from string, o recipe.NewOptions) error {
	if o.Kind != "" && !o.Kind.Valid() {
		return usagef("--kind %q is none of %v", o.Kind, muster.Kinds)
	}
	if err := recipe.New(ctx, dir, filepath.Base(dir), from, o); err != nil {
		return err
	}
	return a.answer(map[string]string{"recipe": dir}, func() error {
		a.print("%s: a recipe; look at %s, then: muster build %s", dir, filepath.Join(dir, "control"), dir)
		return nil
	})
}

// logging is where the output of scripts goes while it comes.
func (a *app) logging() io.Writer {
	if a.quiet {
		return io.Discard
	}
	return &prefixed{a: a}
}

type buildOptions struct {
	signer   signerFlags
	set      []string
	out      string
	target   string
	unsigned bool
	offline  bool
	keep     bool
}

func buildCommand(a *app) *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{
		Use:   "build DIR [--set NAME=VALUE] [--out DIR]",
		Short: "Build packages from a recipe, and sign them",
		Long: `Build a recipe into packages: one for each of its platforms that this machine
can run, or with --target for others. They are signed when a key is given.

The same recipe with the same sources makes the same bytes, but for the
signature.`,
		Example: "  muster build recipes/age --key alice.key --cert alice.crt\n  muster build recipes/age --set version=1.3.1 --target windows/amd64",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, dir := range args {
				if err := a.build(cmd.Context(), dir, o); err != nil {
					return err
				}
			}
			return nil
		},
	}
	o.signer.add(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.set, "set", nil, "name=value: a build parameter of the recipe")
	f.StringVar(&o.out, "out", ".", "folder for the packages")
	f.StringVar(&o.target, "target", "", "os/arch, or all of the recipe's")
	f.BoolVar(&o.unsigned, "unsigned", false, "do not sign, though a key is given")
	f.BoolVar(&o.offline, "offline", false, "fetch nothing: sources must be in the cache")
	f.BoolVar(&o.keep, "keep", false, "keep the work folder, to look into")
	return cmd
}

// buildFact is the JSON form of a package that was built.
type buildFact struct {
	File     string           `json:"file"`
	Package  string           `json:"package"`
	Version  string           `json:"version"`
	Target   string           `json:"target"`
	Size     int64            `json:"size"`
	SHA256   string           `json:"sha256"`
	Manifest string           `json:"manifest-sha256"`
	Files    int              `json:"files"`
	Seconds  float64          `json:"seconds"`
	Signed   string           `json:"signed-by,omitempty"`
	Sources  []pkgfile.Source `json:"sources,omitempty"`
	Warnings []string         `json:"warnings,omitempty"`
	Work     string           `json:"work,omitempty"`
}

func (a *app) build(ctx context.Context, dir string, o buildOptions) error {
	set, err := params(o.set)
	if err != nil {
		return err
	}
	r, err := recipe.Load(dir)
	if err != nil {
		return err
	}
	targets, err := targetsOf(r, o.target)
	if err != nil {
		return err
	}
	var id *sign.Identity
	if o.signer.given() && !o.unsigned {
		if id, err = a.identity(o.signer); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	var facts []*buildFact
	for _, t := range targets {
		f, err := a.buildOne(ctx, r, recipe.Options{Target: t, Params: set, Offline: o.offline, Keep: o.keep, Log: a.logging()}, o.out, id)
		if err != nil {
			return err
		}
		facts = append(facts, f)
	}
	return a.answer(facts, func() error {
		for _, f := range facts {
			a.printBuilt(f)
		}
		if id == nil && !o.unsigned {
			a.talk("not signed: %s", signHint)
		}
		return nil
	})
}

func targetsOf(r *recipe.Recipe, target string) ([]muster.Platform, error) {
	switch target {
	case "":
		return r.Targets(muster.ThisPlatform()), nil
	case "all":
		return r.Targets(muster.Platform{}), nil
	}
	osName, arch, ok := strings.Cut(target, "/")
	if !ok {
		return nil, usagef("--target %q is not os/arch, such as windows/amd64, nor all", target)
	}
	var known []string
	for _, t := range r.Targets(muster.Platform{}) {
		if t.OS == osName && t.Arch == arch {
			return []muster.Platform{t}, nil
		}
		known = append(known, t.String())
	}
	return nil, usagef("the recipe is not for %q but for %s", target, strings.Join(known, ", "))
}

func (a *app) buildOne(ctx context.Context, r *recipe.Recipe, o recipe.Options, out string, id *sign.Identity) (*buildFact, error) {
	a.talk("building %s for %s", r.Control.Name, o.Target)
	d, rep, err := recipe.Build(ctx, r, o)
	if rep != nil && rep.Work != "" {
		a.talk("the work folder is %s", rep.Work)
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	f := &buildFact{Package: rep.Control.Name, Version: rep.Control.Version, Target: rep.Target.String(), Files: rep.Files,
		Seconds: rep.Duration.Seconds(), Sources: d.Manifest.Provenance.Sources, Warnings: rep.Warnings, Work: rep.Work,
		Manifest: (&pkgfile.Package{Encoded: d.Encoded}).ManifestSHA256()}
	var signature []byte
	if id != nil {
		if signature, err = sign.Sign(d.Encoded, true, a.now(), id); err != nil {
			return nil, fmt.Errorf("cannot sign %s: %w", rep.Control, err)
		}
		f.Signed = sign.Describe(id.Chain[0])
	}
	f.File = filepath.Join(out, rep.Control.FileName())
	f.Size, f.SHA256, err = writePackage(f.File, func(w io.Writer) error { return d.Write(w, signature) })
	return f, err
}

// writePackage replaces a package file, durably, and returns its size and hash.
func writePackage(name string, write func(io.Writer) error) (int64, string, error) {
	var disk *durable.Disk
	f, err := disk.Create(name, 0o644)
	if err != nil {
		return 0, "", err
	}
	h := sha256.New()
	n := &counter{}
	if err := write(io.MultiWriter(f, h, n)); err != nil {
		f.Abort()
		return 0, "", fmt.Errorf("cannot write %q: %w", name, err)
	}
	return n.n, hex.EncodeToString(h.Sum(nil)), f.Commit()
}

// A counter counts bytes.
type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

func (a *app) printBuilt(f *buildFact) {
	for _, w := range f.Warnings {
		a.talk("warning: %s", w)
	}
	a.print("%s", f.File)
	a.talk("  %s, %s in %.1f s", size(f.Size), count(f.Files, "file"), f.Seconds)
	a.talk("  sha256 %s", f.SHA256)
	a.talk("  manifest %s", f.Manifest)
	if f.Signed != "" {
		a.talk("  signed by %s", f.Signed)
	}
}
