// Package port makes recipes of muster from packages of WAPT.
//
// Start with [Write]. What the control says is translated ([Control]), setup.py is
// converted (package python), and files go where a recipe has them:
//
//	setup.py                    actions.star, as far as it can be converted
//	                            files/setup.py.orig, for the rest
//	WAPT/control and the like   files/WAPT/, to see what had been signed
//	WAPT/persistent/            payload/WAPT/persistent/, copied by install()
//	anything else               payload/
//
// Whether the recipe does what the package did, a person
// has to see: every difference that is known is in the report, and in comments of
// the recipe's control.
package port

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster"
	"muster/control"
	"muster/internal/wapt"
	"muster/internal/wapt/python"
)

// Options are what the package does not say.
type Options struct {
	From     string       // where it comes from, for people
	SHA256   string       // of the file; "" for a folder
	Signer   *wapt.Signer // who signed it, or claims to; nil for nobody
	Verified bool         // whether that is so
	// Check reports why the folder that was written is no recipe, or nil. The folder
	// gets its name only after that.
	Check func(dir string) error
}

// A Report says what was made.
type Report struct {
	Control *control.Control
	Hooks   []python.Hook
	Notes   []string // what a person should look at
	Files   int      // in payload/
	Size    int64    // bytes of them
}

// original is where the recipe keeps setup.py.
const original = "files/setup.py.orig"

// Write makes the recipe folder dir, which must not exist or be empty. It is there
// as a whole, or not at all.
func Write(p *wapt.Package, dir string, o Options) (*Report, error) {
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	w := &writer{pkg: p, opts: o, report: &Report{}}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".muster-import-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil { // it becomes the recipe
		return nil, err
	}
	if err := w.write(tmp); err != nil {
		return nil, fmt.Errorf("cannot make a recipe of %s: %w", p.Control.Get("package"), err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return w.report, os.Rename(tmp, dir)
}

func checkEmpty(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(list) > 0 {
		err = muster.Errorf(muster.Conflict, "%q exists and is not empty", dir)
		return muster.WithHint(err, "choose another folder with --out")
	}
	return err
}

// A writer is one recipe being made.
type writer struct {
	pkg    *wapt.Package
	opts   Options
	dir    string
	report *Report
}

func (w *writer) write(dir string) error {
	w.dir = dir
	code, err := w.pkg.Read(wapt.CodePath, wapt.MaxCode)
	if err != nil {
		return err
	}
	if w.report.Control, w.report.Notes, err = Control(w.pkg.Control, code != nil); err != nil {
		return err
	}
	if err := w.files(); err != nil {
		return err
	}
	if err := w.actions(code); err != nil {
		return err
	}
	if err := w.file("control", strings.NewReader(w.control())); err != nil {
		return err
	}
	return w.opts.Check(dir)
}

// files copies every file to its place.
func (w *writer) files() error {
	for i := range w.pkg.Files {
		f := &w.pkg.Files[i]
		place := w.place(f.Path)
		if place == "" {
			continue
		}
		if err := w.copy(f, place); err != nil {
			return err
		}
		if strings.HasPrefix(place, "payload/") {
			w.report.Files++
			w.report.Size += f.Size
		}
	}
	return nil
}

// place is where the recipe has a file, "" for what only tools of its author read.
func (w *writer) place(path string) string {
	switch {
	case path == wapt.CodePath:
		return original
	case path == "update_package.py":
		w.note("update_package.py is in files/: it makes packages; write build() instead")
		return "files/update_package.py"
	case path == "WAPT/wapt.psproj" || strings.HasPrefix(path, ".vscode/"):
		return ""
	case strings.HasPrefix(path, wapt.PersistentDir):
		return "payload/" + path
	case strings.HasPrefix(path, "WAPT/"):
		return "files/" + path
	}
	return "payload/" + path
}

func (w *writer) copy(f *wapt.File, place string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return w.file(place, r)
}

// file writes a new file. One that is there already has a name that this system
// cannot tell from another's.
func (w *writer) file(place string, content io.Reader) error {
	name := filepath.Join(w.dir, filepath.FromSlash(place))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return muster.Errorf(muster.Invalid, "%q has the name of another file, on this system", place)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// actions converts the code.
func (w *writer) actions(code []byte) error {
	o := python.Options{Original: original}
	for _, f := range w.pkg.Files {
		if strings.HasPrefix(f.Path, wapt.PersistentDir) {
			o.Persistent = strings.TrimSuffix(wapt.PersistentDir, "/")
		}
	}
	r := python.Convert(code, o)
	w.report.Hooks = r.Hooks
	for _, n := range r.Notes {
		w.note("setup.py, %s", n)
	}
	if strings.Contains(string(code), "required_params") {
		w.note("setup.py has required_params: name them in the field required-params")
	}
	if r.Source == nil {
		return nil
	}
	return w.file("actions.star", strings.NewReader(string(r.Source)))
}

func (w *writer) note(format string, args ...any) {
	w.report.Notes = append(w.report.Notes, fmt.Sprintf(format, args...))
}

// control is the text of the recipe's control, with what has no field in comments.
func (w *writer) control() string {
	var b strings.Builder
	comment := func(format string, args ...any) {
		if s := oneLine(fmt.Sprintf(format, args...)); s != "" {
			fmt.Fprintf(&b, "# %s\n", s)
		}
	}
	sum := ""
	if w.opts.SHA256 != "" {
		sum = " (sha256 " + w.opts.SHA256 + ")"
	}
	comment("Made from %q%s, a package of WAPT.", w.opts.From, sum)
	if s := w.opts.Signer; s == nil {
		comment("original-signer: nobody")
	} else if comment("original-signer: %s", s); w.opts.Verified {
		comment("The signature of %s was verified.", s.Date)
	} else {
		comment("That is what the package says: no signature was verified.")
	}
	for _, name := range []string{"package_uuid", "editor", "sources", "changelog", "priority"} {
		if v := w.pkg.Control.Get(name); v != "" {
			comment("%s: %s", name, v)
		}
	}
	for _, n := range w.report.Notes {
		comment("Look at: %s", n)
	}
	return b.String() + w.report.Control.Stanza().String()
}
