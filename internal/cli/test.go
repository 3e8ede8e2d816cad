package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/internal/recipe"
	"muster/pkgfile"
)

type testOptions struct {
	from string
	set  []string
	keep bool
}

func testCommand(a *app) *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test FILE|DIR [DEPENDENCY-FILE...]",
		Short: "Install, audit, upgrade and remove a package in a throw-away root",
		Long: `Try a package, or what a recipe builds, in a root that is thrown away: install
it after the dependencies given, compare its files, run its audit() and test(),
remove it, and look for what it left. With --from, an older version is installed
before, and the upgrade is taken back and done again.

Nothing is verified: this is for packagers, before they sign.`,
		Example: "  muster test recipes/age age-examples_1.0-1_all_all.mpk\n  muster test age_1.3.2-1_linux_amd64.mpk --from age_1.3.1-1_linux_amd64.mpk",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.test(cmd.Context(), args[0], args[1:], o) },
	}
	cmd.Flags().StringVar(&o.from, "from", "", "package file of an older version, to upgrade from")
	cmd.Flags().StringArrayVar(&o.set, "set", nil, "name=value: a parameter of the recipe, or of the package's actions")
	cmd.Flags().BoolVar(&o.keep, "keep", false, "leave the root behind, to look into")
	return cmd
}

// A trial is a package in a throw-away root.
type trial struct {
	*app
	ctx     context.Context
	root    *install.Root
	subject *pkgfile.Package
	params  map[string]string
	closers []func() error
}

// testFact is the JSON form of a trial that passed.
type testFact struct {
	Package string   `json:"package"`
	Passed  []string `json:"passed"`
}

func (a *app) test(ctx context.Context, what string, deps []string, o testOptions) error {
	set, err := params(o.set)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "muster-test-")
	if err != nil {
		return err
	}
	t := &trial{app: a, ctx: ctx, params: set}
	defer t.close()
	if o.keep {
		a.talk("the root is %s", filepath.Join(dir, "root"))
	} else {
		defer os.RemoveAll(dir)
	}
	if t.subject, err = t.open(what, dir); err != nil {
		return err
	}
	c := &t.subject.Manifest.Control
	if !c.RunsOn(muster.ThisPlatform()) {
		return muster.Errorf(muster.Conflict, "%s is for %s/%s; it cannot be tried on %s", c, strings.Join(c.OS, "+"), strings.Join(c.Architecture, "+"), muster.ThisPlatform())
	}
	t.root, err = install.Setup(filepath.Join(dir, "root"), install.Config{Area: true, Platform: muster.ThisPlatform()}, nil)
	if err != nil {
		return err
	}
	passed, err := t.run(deps, o.from)
	if err != nil {
		return fmt.Errorf("%s failed its test: %w", c, err)
	}
	return a.answer(testFact{c.String(), passed}, func() error {
		a.print("%s passed: %s", c, strings.Join(passed, ", "))
		return nil
	})
}

func (t *trial) close() {
	for _, c := range t.closers {
		c()
	}
}

// open opens a package file, or builds a recipe.
func (t *trial) open(what, dir string) (*pkgfile.Package, error) {
	if info, err := os.Stat(what); err == nil && info.IsDir() {
		file, err := t.built(what, dir)
		if err != nil {
			return nil, err
		}
		what = file
	}
	f, err := openPackage(what)
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, f.Close)
	return f.Package, nil
}

func (t *trial) built(what, dir string) (string, error) {
	r, err := recipe.Load(what)
	if err != nil {
		return "", err
	}
	targets := r.Targets(muster.ThisPlatform())
	if len(targets) == 0 {
		return "", muster.Errorf(muster.Conflict, "the recipe %q is not for %s", what, muster.ThisPlatform())
	}
	o := recipe.Options{Target: targets[0], Log: t.logging()}
	o.Params, t.params = t.params, nil // they were for the recipe
	b, err := t.buildOne(t.ctx, r, o, dir, nil)
	if err != nil {
		return "", err
	}
	return b.File, nil
}

func (t *trial) run(deps []string, from string) (passed []string, err error) {
	for _, name := range deps {
		p, err := t.open(name, "")
		if err != nil {
			return nil, err
		}
		if err := t.apply("install", p); err != nil {
			return nil, err
		}
	}
	before, err := t.tree()
	if err != nil {
		return nil, err
	}
	if from != "" {
		if err := t.upgrade(from); err != nil {
			return nil, err
		}
		passed = append(passed, "upgrade", "undo")
	} else {
		if err := t.apply("install", t.subject); err != nil {
			return nil, err
		}
		passed = append(passed, "install")
	}
	for _, step := range []struct {
		name string
		do   func() (bool, error)
	}{{"check", t.check}, {"audit", t.audit}, {"test", t.hook}, {"remove", func() (bool, error) { return true, t.apply("remove", nil) }},
		{"nothing left", func() (bool, error) { return true, t.left(before) }}} {
		ran, err := step.do()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		if ran {
			passed = append(passed, step.name)
		}
	}
	return passed, nil
}

func (t *trial) apply(op string, p *pkgfile.Package) error {
	step := install.Step{Name: t.subject.Manifest.Control.Name, Op: op, Package: p, Params: t.params}
	if p != nil {
		step.Name = p.Manifest.Control.Name
	}
	opts := t.installOptions()
	opts.Kind, opts.Purge = op, true
	res, err := install.Apply(t.ctx, t.root, []install.Step{step}, opts)
	if err == nil {
		for _, note := range res.Notes {
			t.talk("note: %s", note)
		}
	}
	return err
}

// upgrade installs the older version, upgrades, takes that back, and upgrades
// again.
func (t *trial) upgrade(from string) error {
	old, err := t.open(from, "")
	if err != nil {
		return err
	}
	if old.Manifest.Control.Name != t.subject.Manifest.Control.Name {
		return muster.Errorf(muster.Invalid, "%q is %s, another package", from, &old.Manifest.Control)
	}
	if err := t.apply("install", old); err != nil {
		return err
	}
	if err := t.apply("upgrade", t.subject); err != nil {
		return err
	}
	c, err := t.root.Undoable()
	if err != nil {
		return err
	}
	t.root.Reopen = func(*install.Record) (*install.File, error) { return install.OpenFile(from) }
	if _, err := install.Undo(t.ctx, t.root, c, t.installOptions()); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	return t.apply("upgrade", t.subject)
}

func (t *trial) check() (bool, error) {
	c, err := install.Check(t.ctx, t.root, nil, install.CheckOptions{})
	if err != nil {
		return true, err
	}
	for _, f := range c.Findings {
		if f.Damage() {
			return true, muster.Errorf(muster.Conflict, "%s", f)
		}
	}
	return true, nil
}

func (t *trial) audit() (bool, error) {
	if !slices.Contains(t.subject.Manifest.Actions, "audit") {
		return false, nil
	}
	e, err := engine.Open(t.root.Dir, engine.Options{Now: t.now})
	if err != nil {
		return true, err
	}
	found, err := e.Audit(t.ctx, []string{t.subject.Manifest.Control.Name})
	if err != nil {
		return true, err
	}
	if found[0].Status == muster.Error {
		return true, muster.Errorf(muster.Conflict, "%s\n%s", found[0].Status, found[0].Output)
	}
	return true, nil
}

func (t *trial) hook() (bool, error) {
	if !slices.Contains(t.subject.Manifest.Actions, "test") {
		return false, nil
	}
	code, err := t.root.Actions(t.subject.Manifest.Control.Name)
	if err != nil {
		return true, err
	}
	return recipe.RunTest(t.ctx, &t.subject.Manifest.Control, code, t.root.Dir, t.logging())
}

// tree lists everything in the root but muster's state.
func (t *trial) tree() ([]string, error) {
	var all []string
	err := filepath.WalkDir(t.root.Dir, func(name string, _ fs.DirEntry, err error) error {
		if err == nil && name == t.root.State {
			return filepath.SkipDir
		}
		all = append(all, name)
		return err
	})
	return all, err
}

func (t *trial) left(before []string) error {
	after, err := t.tree()
	if err != nil {
		return err
	}
	for _, name := range after {
		if !slices.Contains(before, name) {
			return muster.Errorf(muster.Conflict, "%q was left behind", strings.TrimPrefix(name, t.root.Dir))
		}
	}
	return nil
}
