package recipe

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"muster"
	"muster/control"
	"muster/internal/recipe/installer"
	"muster/internal/recipe/source"
	"muster/settings"
)

//go:embed templates/*.star
var templateFiles embed.FS

// templates are the actions that New writes, one for each way in which software
// comes.
var templates = template.Must(template.New("").Funcs(template.FuncMap{"quote": strconv.Quote}).ParseFS(templateFiles, "templates/*.star"))

// NewOptions are what New cannot find out.
type NewOptions struct {
	Kind       muster.Kind // "" is base
	Maintainer string      // "Alice Martin <alice@example.org>"
	Cache      string      // as in Options
	Log        io.Writer   // what is fetched; nil is nowhere
}

// New writes a recipe for the package name into the folder dir, which must not
// exist or be empty. from is what it is made from: a file, a URL, a source in
// the grammar of fetch such as go:module@version, or "" for nothing. The recipe
// builds as it is, and its comments say what a person should look at.
func New(ctx context.Context, dir, name, from string, o NewOptions) error {
	if err := control.CheckName(name); err != nil {
		return muster.WithKind(muster.Invalid, err)
	}
	if o.Kind == "" {
		o.Kind = muster.Base
	}
	if !o.Kind.Valid() {
		return invalidf("%q is no kind of package; write one of %v", o.Kind, muster.Kinds)
	}
	if o.Kind == muster.Rollout {
		return muster.WithHint(invalidf("a rollout is about a version that there is"), "muster rollout start NAME=VERSION")
	}
	if from != "" && o.Kind != muster.Base {
		return invalidf("a package of kind %s is not made from a file", o.Kind)
	}
	if err := makeEmpty(dir); err != nil {
		return err
	}
	d := &draft{dir: dir, Name: name, opts: o}
	if err := d.make(ctx, from); err != nil {
		return fmt.Errorf("cannot make a recipe for %q: %w", name, err)
	}
	if _, err := Load(dir); err != nil {
		return fmt.Errorf("the recipe made for %q cannot be read: %w", name, err)
	}
	return nil
}

// makeEmpty makes the folder of a recipe and never touches one that has files.
func makeEmpty(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dir, 0o755)
	}
	if err == nil && len(list) > 0 {
		return muster.Errorf(muster.Conflict, "%q exists and is not empty", dir)
	}
	return err
}

// A draft is a recipe being written. The exported fields are what templates
// use; those that are written as they stand into Starlark hold only characters
// of package names.
type draft struct {
	dir  string
	opts NewOptions
	installer.Facts

	Name      string // of the package
	Place     string // the source, quoted
	Source    string // the expression that gives the file in build()
	Configure bool   // there is a configure
	Module    bool   // the source is a Go module
}

func (d *draft) make(ctx context.Context, from string) error {
	if from == "" {
		return d.empty()
	}
	file, sum, clean, err := d.obtain(ctx, from)
	if err != nil {
		return err
	}
	defer clean()
	if info, err := os.Stat(file); err != nil {
		return err
	} else if info.IsDir() {
		return d.folder(from, file)
	}
	facts, err := installer.Read(ctx, file)
	if err != nil {
		return err
	}
	d.Facts = *facts
	if d.Facts.Title == "" {
		d.Facts.Title = facts.Name
	}
	if err := d.place(from, file, sum); err != nil {
		return err
	}
	return d.write(d.choose(from))
}

// obtain gets what the recipe is made from. sum is the sha256 of a download.
func (d *draft) obtain(ctx context.Context, from string) (file, sum string, clean func(), err error) {
	if !source.Known(from) {
		file, err = filepath.Abs(from)
		return file, "", func() {}, err
	}
	tmp, err := os.MkdirTemp("", "muster-new-*")
	if err != nil {
		return "", "", nil, err
	}
	clean = func() { os.RemoveAll(tmp) }
	cache, err := cacheFolder(d.opts.Cache)
	if err != nil {
		return "", "", clean, err
	}
	f := source.Fetcher{Cache: cache, Base: ".", Log: d.opts.Log}
	file, got, err := f.FetchFirst(ctx, from, tmp)
	if err != nil {
		clean()
		return "", "", nil, err
	}
	if source.NeedsSum(from) {
		sum = got[0].SHA256
	}
	return file, sum, clean, nil
}

// place decides where the recipe finds the file: at its source, or, when it came
// from this machine, in the recipe itself.
func (d *draft) place(from, file, sum string) error {
	onHosts := d.Format == installer.MSI || d.Format == installer.Setup
	if source.Known(from) && !strings.HasPrefix(from, "file:") {
		d.Source = "fetch(" + strconv.Quote(from) + ")"
		if sum != "" {
			d.Source = "fetch(" + strconv.Quote(from) + ",\n        sha256 = " + strconv.Quote(sum) + ")"
		}
		d.Place = strconv.Quote(from)
		if !onHosts {
			return nil
		}
	}
	folder := "files"
	if onHosts {
		folder = "payload"
	}
	d.Source = strconv.Quote(folder + "/" + d.File)
	to := filepath.Join(d.dir, folder)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return copyFile(file, filepath.Join(to, d.File))
}

// choose names the template for what the file is.
func (d *draft) choose(from string) string {
	switch d.Format {
	case installer.Deb, installer.RPM:
		return "package.star"
	case installer.MSI:
		return "msi.star"
	case installer.Setup:
		return "exe.star"
	case installer.AppImage:
		return "program.star"
	}
	switch {
	case strings.HasPrefix(from, "npm:"):
		return "npm.star"
	case d.Has("go.mod"):
		d.madeFor(goTargets())
		return "go.star"
	case d.Has("configure"), d.Has("Makefile"):
		d.Configure = d.Has("configure")
		here := muster.ThisPlatform()
		d.madeFor([]string{here.OS}, []string{here.Arch})
		return "configure.star"
	}
	return "tree.star"
}

// goTargets are the platforms that Go makes programs for, wherever it runs.
func goTargets() (os, arch []string) {
	return []string{"linux", "darwin", "freebsd", "windows"}, []string{"amd64", "arm64"}
}

// madeFor says which platforms a compiler makes programs for, where the file's name
// does not say it: a package of them is not for all.
func (d *draft) madeFor(os, arch []string) {
	if platforms(d.OS, muster.OSes)[0] == control.All {
		d.OS = os
	}
	if platforms(d.Arch, muster.Arches)[0] == control.All {
		d.Arch = arch
	}
}

// folder makes a recipe from a source that is a folder: a Go module, or a
// repository that holds one.
func (d *draft) folder(from, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil || !source.Known(from) {
		return invalidf("%q is a folder; recipes are made from files, and from sources in Go", from)
	}
	d.File, d.Module = from, true
	d.Source = "fetch(" + strconv.Quote(from) + ")"
	_, version, _ := strings.Cut(filepath.Base(dir), "@")
	d.Version = strings.TrimPrefix(version, "v")
	d.madeFor(goTargets())
	return d.write("go.star")
}

// empty makes a recipe to start from.
func (d *draft) empty() error {
	if text := settings.Template(d.opts.Kind); text != "" {
		if err := os.WriteFile(filepath.Join(d.dir, policyFile), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if d.opts.Kind != muster.Base {
		return d.writeControl()
	}
	doc := filepath.Join(d.dir, "root/usr/share/doc", d.Name)
	if err := os.MkdirAll(doc, 0o755); err != nil {
		return err
	}
	text := "What lies in root/ of the recipe is placed below the root of each host.\n"
	if err := os.WriteFile(filepath.Join(doc, "README"), []byte(text), 0o644); err != nil {
		return err
	}
	return d.write("empty.star")
}

// write writes the control and the actions.
func (d *draft) write(name string) error {
	d.File, d.Depends, d.Maker = comment(d.File), comment(d.Depends), comment(d.Maker)
	d.prepareVersion()
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, d); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "actions.star"), b.Bytes(), 0o644); err != nil {
		return err
	}
	return d.writeControl()
}

// comment is text that may stand in one line of a comment.
func comment(s string) string {
	s = oneLine(s)
	return s[:min(len(s), 500)]
}

// platforms keeps those names that a control may have.
func platforms(list, known []string) []string {
	var kept []string
	for _, s := range list {
		if slices.Contains(known, s) {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		return []string{control.All}
	}
	return kept
}
