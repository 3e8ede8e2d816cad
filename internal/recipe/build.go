package recipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"muster"
	"muster/control"
	"muster/internal/recipe/source"
	"muster/internal/script"
	"muster/pkgfile"
)

// Options say how to build. The zero value builds for this machine.
type Options struct {
	Target muster.Platform   // one of Targets; zero is the first of them for this machine
	Params map[string]string // values of build-params
	// Rollout is the field of the control, where it is not "".
	Rollout string
	// Date is the time of every file. Zero is SOURCE_DATE_EPOCH, else the time of
	// the last commit to the recipe when Git has no other changes in it, else
	// 1980-01-01.
	Date    time.Time
	Cache   string    // folder of what was fetched; "" is muster/sources below the user's cache folder
	Offline bool      // fetch only what the cache holds
	Work    string    // where the work folder is made; "" is the system's temporary folder
	Log     io.Writer // output of build() as it comes; nil is nowhere
	Keep    bool      // leave the work folder behind, and name it in the report
}

// A Report says what a build did.
type Report struct {
	Control  *control.Control
	Target   muster.Platform
	Date     time.Time
	Sources  []source.Fetched // in the order in which build() asked for them
	Hooks    []string         // that the package carries
	Files    int
	Size     int64 // bytes of all files
	Packed   int64 // bytes of the frames
	Duration time.Duration
	Warnings []string
	Work     string // the work folder, when it was kept
}

// Build makes one package of r. The caller closes the draft, whose frames lie in
// o.Work. After an error in build() the report holds what is known.
func Build(ctx context.Context, r *Recipe, o Options) (*pkgfile.Draft, *Report, error) {
	started := time.Now()
	b, err := newBuilder(ctx, r, o)
	if err != nil {
		return nil, nil, err
	}
	draft, err := b.build(ctx)
	if cerr := b.clean(); err == nil && cerr != nil {
		draft.Close()
		draft, err = nil, cerr
	}
	b.report.Duration = time.Since(started)
	if err != nil {
		return nil, b.report, fmt.Errorf("cannot build %s: %w", b.control.String(), err)
	}
	return draft, b.report, nil
}

// A builder is one build being done.
type builder struct {
	recipe  *Recipe
	opts    Options
	control control.Control // of the package
	target  muster.Platform
	git     gitState
	date    time.Time
	work    string // the work folder: build/, home/, tmp/
	base    string // work/build: what build() sees as its folder
	attrs   attributes
	report  *Report
}

func newBuilder(ctx context.Context, r *Recipe, o Options) (*builder, error) {
	r, err := r.With(o.Params)
	if err != nil {
		return nil, err
	}
	if err := r.checkPolicy(); err != nil {
		return nil, err
	}
	if o.Target == (muster.Platform{}) {
		o.Target = r.Targets(muster.ThisPlatform())[0]
	}
	c, err := r.targeted(o.Target)
	if err != nil {
		return nil, err
	}
	if o.Rollout != "" {
		if c.Rollout = o.Rollout; c.Check() != nil {
			return nil, muster.WithKind(muster.Invalid, c.Check())
		}
	}
	if o.Cache, err = cacheFolder(o.Cache); err != nil {
		return nil, err
	}
	b := &builder{recipe: r, opts: o, control: c, target: o.Target, attrs: attributes{}}
	b.git = readGit(ctx, r.Dir)
	if b.date, err = buildDate(o.Date, os.Getenv("SOURCE_DATE_EPOCH"), b.git); err != nil {
		return nil, err
	}
	b.report = &Report{Control: &b.control, Target: o.Target, Date: b.date}
	if b.work, err = os.MkdirTemp(o.Work, "muster-build-*"); err != nil {
		return nil, err
	}
	b.base = filepath.Join(b.work, "build")
	return b, nil
}

// build prepares the folder, runs build() in it and packs what lies there then.
func (b *builder) build(ctx context.Context) (*pkgfile.Draft, error) {
	if err := b.prepare(); err != nil {
		return nil, err
	}
	if b.recipe.Has("build") {
		if err := b.runHook(ctx); err != nil {
			return nil, err
		}
	}
	entries, err := b.entries()
	if err != nil {
		return nil, err
	}
	return b.pack(entries)
}

// prepare makes the clean folder with the recipe's own files in it.
func (b *builder) prepare() error {
	for _, dir := range []string{"build/root", "build/payload", "home", "tmp"} {
		if err := os.MkdirAll(filepath.Join(b.work, dir), 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{"root", "payload", "files"} {
		from := filepath.Join(b.recipe.Dir, dir)
		if _, err := os.Lstat(from); os.IsNotExist(err) {
			continue
		}
		if err := copyTree(from, filepath.Join(b.base, dir)); err != nil {
			return fmt.Errorf("cannot copy the recipe's %s: %w", dir, err)
		}
	}
	return b.placeIcon()
}

// runHook runs build() with the functions that only builders have.
func (b *builder) runHook(ctx context.Context) error {
	code, err := withPrelude(b.recipe.Source)
	if err != nil {
		return err
	}
	defer withUmask()()
	_, err = script.Run(ctx, script.Request{
		File:     filepath.Join(b.recipe.Dir, "actions.star"),
		Source:   code,
		Hook:     "build",
		Control:  &b.control,
		Params:   b.recipe.Params,
		Root:     filepath.Join(b.base, "root"),
		BaseDir:  b.base,
		Platform: b.platform(),
		Env:      b.environment(ctx),
		Host:     b.hostFuncs(),
		Log:      b.opts.Log,
	})
	return inRecipe(err, b.recipe.Source)
}

// platform is what build() builds for: this machine's where the package is for
// all of them.
func (b *builder) platform() muster.Platform {
	p := muster.ThisPlatform()
	if b.target.OS != control.All {
		p.OS = b.target.OS
	}
	if b.target.Arch != control.All {
		p.Arch = b.target.Arch
	}
	return p
}

func (b *builder) pack(entries []pkgfile.Entry) (*pkgfile.Draft, error) {
	if hooks := packagedHooks(b.recipe.Hooks); len(hooks) > 0 {
		b.report.Hooks = hooks
		code, err := b.actions()
		if err != nil {
			return nil, err
		}
		entries = append(entries, code)
	}
	b.report.Warnings = append(b.report.Warnings, Lint(b.recipe)...)
	b.report.Warnings = append(b.report.Warnings, lintEntries(&b.control, entries)...)
	b.report.Warnings = append(b.report.Warnings, lintPrograms(&b.control, entries)...)
	draft, err := pkgfile.Build(pkgfile.Spec{
		Control:    b.control,
		Actions:    b.report.Hooks,
		Policy:     b.recipe.Policy,
		Date:       b.date,
		Provenance: b.provenance(),
		Entries:    entries,
	}, b.opts.Work)
	if err != nil {
		return nil, err
	}
	b.count(draft.Manifest)
	return draft, nil
}

func (b *builder) count(m *pkgfile.Manifest) {
	b.report.Files = len(m.Files)
	for i := range m.Files {
		b.report.Size += m.Files[i].Size
	}
	for _, f := range m.Frames {
		b.report.Packed += f.Size
	}
}

func (b *builder) provenance() pkgfile.Provenance {
	p := pkgfile.Provenance{Commit: b.git.commitMark(), Recipe: b.git.url, Params: b.recipe.changed()}
	for _, f := range b.report.Sources {
		if s := (pkgfile.Source{SHA256: f.SHA256, URL: f.URL}); !slices.Contains(p.Sources, s) {
			p.Sources = append(p.Sources, s)
		}
	}
	return p
}

// clean removes the work folder. Module caches and the like leave folders
// without write permission behind, which os.RemoveAll cannot empty.
func (b *builder) clean() error {
	if b.opts.Keep {
		b.report.Work = b.work
		return nil
	}
	err := os.RemoveAll(b.work)
	if errors.Is(err, os.ErrPermission) {
		err = errors.Join(makeWritable(b.work), os.RemoveAll(b.work))
	}
	return err
}
