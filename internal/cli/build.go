package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/durable"
	"muster/internal/recipe"
	"muster/pkgfile"
	"muster/sign"
)

type buildOptions struct {
	signer   signerFlags
	set      []string
	out      string
	target   string
	rollout  string
	unsigned bool
	offline  bool
	keep     bool
}

func buildCommand(a *app) *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{
		Use:   "build DIR... [--key KEY --cert CERT] [--out DIR]",
		Short: "Build packages from a recipe, and sign them",
		Long: `Build a recipe into packages: one for each of its platforms that this machine
can run, or with --target for others. They are signed when a key is given.

The same recipe with the same sources makes the same bytes, but for the
signature.`,
		Example: "  muster build recipes/age --key alice.key --cert alice.crt\n  muster build recipes/age --set version=1.3.1 --target windows/amd64",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.build(cmd.Context(), args, o) },
	}
	o.signer.add(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.set, "set", nil, "a build parameter of the recipe: `NAME=VALUE`")
	f.StringVar(&o.out, "out", ".", "put the packages into the folder `DIR`")
	f.StringVar(&o.target, "target", "", "build for `OS/ARCH`, or for all of the recipe's platforms")
	f.StringVar(&o.rollout, "rollout", "", "\"required\": hosts take what is built only by a rollout")
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

func (a *app) build(ctx context.Context, dirs []string, o buildOptions) error {
	set, err := params(o.set)
	if err != nil {
		return err
	}
	var id *sign.Identity
	if o.signer.given() && !o.unsigned {
		if id, err = a.identity(o.signer); err != nil {
			return err
		}
	}
	facts := []*buildFact{}
	for _, dir := range dirs {
		if err = a.buildRecipe(ctx, dir, set, o, id, &facts); err != nil {
			break // and tell what was built before
		}
	}
	if err != nil && len(facts) == 0 {
		return err
	}
	return errors.Join(err, a.answer(facts, func() error {
		for _, f := range facts {
			a.printBuilt(f)
		}
		if id == nil && !o.unsigned {
			a.talk("not signed: %s", signHint)
		}
		return nil
	}))
}

// buildRecipe builds a recipe for all platforms wanted.
func (a *app) buildRecipe(ctx context.Context, dir string, set map[string]string, o buildOptions, id *sign.Identity, facts *[]*buildFact) error {
	r, err := recipe.Load(dir)
	if err != nil {
		return err
	}
	targets, err := targetsOf(r, o.target)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	for _, t := range targets {
		f, err := a.buildOne(ctx, r, recipe.Options{Target: t, Params: set, Rollout: o.rollout, Offline: o.offline, Keep: o.keep, Log: a.logging()}, o.out, id)
		if err != nil {
			return err
		}
		*facts = append(*facts, f)
	}
	return nil
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
	wanted := muster.Platform{OS: osName, Arch: arch}
	var known []string
	for _, t := range r.Targets(muster.Platform{}) {
		if t == wanted || t.OS == "all" && slices.Contains(platforms(), target) && r.Control.RunsOn(wanted) { // one package serves many
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
	f := &buildFact{Package: rep.Control.Name, Version: rep.Control.Version, Target: rep.Target.String(), Files: filesIn(d.Manifest),
		Seconds: rep.Duration.Seconds(), Sources: d.Manifest.Provenance.Sources, Warnings: rep.Warnings, Work: rep.Work,
		Manifest: (&pkgfile.Package{Encoded: d.Encoded}).ManifestSHA256()}
	var signature []byte
	if id != nil {
		a.warnRight(id, d.Manifest)
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
