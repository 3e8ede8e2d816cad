package cli

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/internal/recipe"
	"muster/pkgfile"
)

// A trial is a package in a throw-away root.
type trial struct {
	*app
	ctx     context.Context
	dir     string // of all that is made
	root    *install.Root
	subject *pkgfile.Package
	params  map[string]string
	before  map[string]bool // what was in the root
	closers []func() error
}

func (t *trial) close() {
	for _, c := range t.closers {
		c()
	}
}

// file is the package file that is meant: that itself, or one built from the
// recipe.
func (t *trial) file(what string, params map[string]string) (string, error) {
	if info, err := os.Stat(what); err != nil || !info.IsDir() {
		return what, nil // opening it tells what is wrong
	}
	r, err := recipe.Load(what)
	if err != nil {
		return "", err
	}
	targets := r.Targets(muster.ThisPlatform())
	if len(targets) == 0 {
		return "", muster.Errorf(muster.Conflict, "the recipe %q is not for %s", what, muster.ThisPlatform())
	}
	out, err := os.MkdirTemp(t.dir, "built-")
	if err != nil {
		return "", err
	}
	b, err := t.buildOne(t.ctx, r, recipe.Options{Target: targets[0], Params: params, Log: t.logging()}, out, nil)
	if err != nil {
		return "", err
	}
	return b.File, nil
}

func (t *trial) open(file string) (*pkgfile.Package, error) {
	f, err := openPackage(file)
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, f.Close)
	return f.Package, nil
}

// openSubject opens the package that is tried. Parameters are for its recipe
// where it has one, else for its actions.
func (t *trial) openSubject(what string, params map[string]string) error {
	file, err := t.file(what, params)
	if err != nil {
		return err
	}
	if file == what {
		t.params = params
	}
	t.subject, err = t.open(file)
	return err
}

// need installs what the package depends on.
func (t *trial) need(what string) error {
	file, err := t.file(what, nil)
	if err != nil {
		return err
	}
	p, err := t.open(file)
	if err != nil {
		return err
	}
	return t.apply(install.Step{Name: p.Manifest.Control.Name, Op: "install", Package: p})
}

// run goes through the life of the package, and returns what it passed.
func (t *trial) run(deps []string, from string) (passed []string, err error) {
	for _, name := range deps {
		if err := t.need(name); err != nil {
			return nil, err
		}
	}
	if t.before, err = t.tree(); err != nil {
		return nil, err
	}
	for _, stage := range t.stages(from) {
		ran, err := stage.do()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", stage.name, err)
		}
		if ran {
			passed = append(passed, stage.name)
		}
	}
	return passed, nil
}

// A stage does something with the package, unless it has nothing for that.
type stage struct {
	name string
	do   func() (ran bool, err error)
}

func (t *trial) stages(from string) []stage {
	always := func(do func() error) func() (bool, error) {
		return func() (bool, error) { return true, do() }
	}
	begin := stage{"install", always(func() error { return t.step("install", t.subject) })}
	if from != "" {
		begin = stage{"upgrade and back", always(func() error { return t.upgrade(from) })}
	}
	return []stage{begin, {"check", always(t.check)}, {"audit", t.audit}, {"test", t.hook},
		{"remove", always(func() error { return t.step("remove", nil) })}, {"nothing left", always(t.left)}}
}

// step does something with a version of the package.
func (t *trial) step(op string, p *pkgfile.Package) error {
	return t.apply(install.Step{Name: t.subject.Manifest.Control.Name, Op: op, Package: p, Params: t.params})
}

func (t *trial) apply(step install.Step) error {
	opts := t.installOptions()
	opts.Kind, opts.Purge = step.Op, true
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
	file, err := t.file(from, nil)
	if err != nil {
		return err
	}
	old, err := t.open(file)
	if err != nil {
		return err
	}
	if old.Manifest.Control.Name != t.subject.Manifest.Control.Name {
		return muster.Errorf(muster.Invalid, "%q is %s, another package", from, &old.Manifest.Control)
	}
	if err := t.step("install", old); err != nil {
		return err
	}
	if err := t.step("upgrade", t.subject); err != nil {
		return err
	}
	c, err := t.root.Undoable()
	if err != nil {
		return err
	}
	t.root.Reopen = func(*install.Record) (*install.File, error) { return install.OpenFile(file) }
	if _, err := install.Undo(t.ctx, t.root, c, t.installOptions()); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	return t.step("upgrade", t.subject)
}

// check holds every file in the root to the manifests.
func (t *trial) check() error {
	c, err := install.Check(t.ctx, t.root, nil, install.CheckOptions{})
	if err != nil {
		return err
	}
	for _, f := range c.Findings {
		if f.Damage() {
			return muster.Errorf(muster.Conflict, "%s", f)
		}
	}
	return nil
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
		return true, muster.Errorf(muster.Conflict, "audit() answers ERROR\n%s", strings.TrimSpace(found[0].Output))
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
func (t *trial) tree() (map[string]bool, error) {
	all := map[string]bool{}
	err := filepath.WalkDir(t.root.Dir, func(name string, _ fs.DirEntry, err error) error {
		if err == nil && name == t.root.State {
			return filepath.SkipDir
		}
		all[name] = true
		return err
	})
	return all, err
}

// left looks for what the package left behind, and for damage to those that
// stay.
func (t *trial) left() error {
	after, err := t.tree()
	if err != nil {
		return err
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if !t.before[name] {
			found = append(found, strings.TrimPrefix(name, t.root.Dir))
		}
	}
	if len(found) > 0 {
		return muster.WithHint(muster.Errorf(muster.Conflict, "these were left behind:\n%s", strings.Join(found, "\n")),
			"remove in uninstall() what install() and audit() make")
	}
	return t.check()
}
