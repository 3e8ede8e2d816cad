package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/control"
	"muster/internal/script"
	"muster/internal/task"
	"muster/pkgfile"
)

// maxActions bounds the code of one package.
const maxActions = script.MaxSource

// A hook is the Data of a task that runs one action of a package.
type hook struct {
	Package    string          `json:"package"`
	Hook       string          `json:"hook"`
	Control    control.Control `json:"control"`               // of the version whose action it is
	Old        bool            `json:"old,omitempty"`         // the version that was installed, not the new one
	OldVersion string          `json:"old-version,omitempty"` // being replaced
	Force      bool            `json:"force,omitempty"`
	UndoWith   string          `json:"undo-with,omitempty"` // hook that takes this one back
}

// removalHooks run in the version that is installed, for packages that leave.
var removalHooks = []string{"pre_remove", "uninstall", "post_remove"}

// addHooks adds a task for each of the named hooks that a changed package defines.
func (u *run) addHooks(steps []Step, t *transition, names ...string) {
	for _, s := range steps {
		for _, name := range names {
			if h := u.hook(&s, t, name); h != nil {
				u.change.Add("hook", fmt.Sprintf("run %s() of %s", name, &h.Control), h)
			}
		}
	}
}

// hook returns the named hook of a step, or nil where it does not apply.
func (u *run) hook(s *Step, t *transition, name string) *hook {
	old := t.old[s.Name]
	h := &hook{Package: s.Name, Hook: name, Force: u.opts.Force}
	removal := slices.Contains(removalHooks, name)
	switch {
	case removal != (s.Package == nil):
		return nil
	case removal:
		h.Control, h.Old = old.manifest.Control, true
		return h.ifDefined(old.manifest)
	}
	h.Control = s.Package.Manifest.Control
	if old != nil {
		h.OldVersion = old.manifest.Control.Version
	} else if name == "install" && slices.Contains(s.Package.Manifest.Actions, "uninstall") {
		h.UndoWith = "uninstall"
	}
	return h.ifDefined(s.Package.Manifest)
}

func (h *hook) ifDefined(m *pkgfile.Manifest) *hook {
	if !slices.Contains(m.Actions, h.Hook) {
		return nil
	}
	return h
}

// addRestores adds a task for each replaced or removed package whose install()
// must run again when the change is taken back after its actions began. The
// task does nothing; it stands before the switch, so that its undoing comes
// when the old files are back.
func (u *run) addRestores(steps []Step, t *transition) {
	for _, s := range steps {
		old := t.old[s.Name]
		if old == nil {
			continue
		}
		h := &hook{Package: s.Name, Hook: "install", Control: old.manifest.Control, Old: true}
		if h.ifDefined(old.manifest) == nil {
			continue
		}
		u.change.Add("restore", "keep "+h.Control.String()+" for the case of failure", h)
	}
}

// stagePayloads writes the code and payload that hooks of this change need.
// Hooks find them after a crash as well.
func (u *run) stagePayloads(ctx context.Context, steps []Step, t *transition) error {
	for _, s := range steps {
		dir := u.payloadDir(s.Name)
		if old := t.old[s.Name]; old != nil && len(old.manifest.Actions) > 0 {
			code, err := readFile(u.root.record(s.Name, pkgfile.ActionsPath))
			if err != nil {
				return fmt.Errorf("cannot read the actions of %s: %w", s.Name, err)
			}
			rec, err := u.root.Record(s.Name)
			if err != nil {
				return err
			}
			if err := u.stageCode(filepath.Join(dir, "old"), code, rec.Params); err != nil {
				return err
			}
		}
		if s.Package == nil || len(s.Package.Manifest.Actions) == 0 {
			continue
		}
		if err := u.stageNew(ctx, &s, filepath.Join(dir, "new")); err != nil {
			return fmt.Errorf("cannot unpack %s: %w", s.Name, err)
		}
	}
	return nil
}

// stageNew writes the actions of the version that comes. An undo has its code
// from the record that was kept, its payload from the package file if that is
// still at hand.
func (u *run) stageNew(ctx context.Context, s *Step, dir string) error {
	pkg, code, err := s.Package, []byte(nil), error(nil)
	if s.kept != nil {
		code, err = readFile(filepath.Join(s.kept.dir, pkgfile.ActionsPath))
	} else {
		code, err = pkg.ReadFile(pkgfile.ActionsPath, maxActions)
	}
	if err != nil {
		return err
	}
	if err := u.stageCode(dir, code, s.Params); err != nil || !hasPayload(pkg.Manifest) {
		return err
	}
	if s.kept != nil {
		f, err := u.root.reopen(&s.kept.rec)
		if err != nil {
			return err
		}
		defer f.Close()
		pkg = f.Package
	}
	return extractPayload(ctx, u.root, pkg, filepath.Join(dir, "payload"))
}

func hasPayload(m *pkgfile.Manifest) bool {
	return slices.ContainsFunc(m.Files, func(f pkgfile.File) bool { return strings.HasPrefix(f.Path, "payload/") })
}

// reopen finds the file of an installed package again.
func (r *Root) reopen(rec *Record) (*File, error) {
	err := fmt.Errorf("it was installed from a file")
	if r.Reopen != nil {
		var f *File
		if f, err = r.Reopen(rec); err == nil {
			return f, nil
		}
	}
	return nil, muster.WithHint(
		muster.Errorf(muster.NotFound, "the package file of %s, which its actions need, is not at hand: %w", &rec.Control, err),
		"muster install %s=%s", rec.Control.Name, rec.Control.Version)
}

func (u *run) payloadDir(name string) string {
	return filepath.Join(u.root.stageDir(u.change.ID), "p", name)
}

// stageCode writes actions.star and its parameters to dir, beside an empty
// payload folder.
func (u *run) stageCode(dir string, code []byte, params map[string]string) error {
	if err := u.root.Disk.MkdirAll(filepath.Join(dir, "payload"), 0o700); err != nil {
		return err
	}
	if err := u.root.writeNew(filepath.Join(dir, pkgfile.ActionsPath), code, 0o600); err != nil {
		return err
	}
	return u.root.writeParams(dir, params)
}

func (u *run) doHook(ctx context.Context, _ *task.Change, t *task.Task) error {
	h, err := hookOf(t)
	if err != nil {
		return err
	}
	return u.runHook(ctx, h, t.Attempts)
}

// undoHook takes back what an action did, as far as the package knows how. A
// failure there does not keep the rest from being taken back.
func (u *run) undoHook(ctx context.Context, _ *task.Change, t *task.Task) error {
	h, err := hookOf(t)
	if err != nil || h.UndoWith == "" || t.State == task.Waiting {
		return err
	}
	h.Hook = h.UndoWith
	u.tolerate(h, u.runHook(ctx, h, 1))
	return nil
}

// undoRestore runs install() of the version that is back, if actions of the
// change had begun on the package.
func (u *run) undoRestore(ctx context.Context, c *task.Change, t *task.Task) error {
	h, err := hookOf(t)
	if err != nil {
		return err
	}
	begun := slices.ContainsFunc(c.Tasks[c.Commit:], func(other *task.Task) bool {
		var o hook
		return other.Kind == "hook" && other.State != task.Waiting &&
			json.Unmarshal(other.Data, &o) == nil && o.Package == h.Package
	})
	if !begun {
		return nil
	}
	if err := u.reopenPayload(ctx, h); err != nil {
		u.tolerate(h, err)
	}
	u.tolerate(h, u.runHook(ctx, h, 1))
	return nil
}

// reopenPayload unpacks the payload of the version that is back, from the
// package file if it is still at hand.
func (u *run) reopenPayload(ctx context.Context, h *hook) error {
	m, err := u.root.Manifest(h.Package)
	if err != nil || !hasPayload(m) {
		return err
	}
	rec, err := u.root.Record(h.Package)
	if err != nil {
		return err
	}
	f, err := u.root.reopen(rec)
	if err != nil {
		return err
	}
	defer f.Close()
	return extractPayload(ctx, u.root, f.Package, filepath.Join(u.payloadDir(h.Package), "old", "payload"))
}

// tolerate notes a failure that must not stop a change from being taken back.
func (u *run) tolerate(h *hook, err error) {
	if err != nil {
		u.detail.Notes = append(u.detail.Notes, fmt.Sprintf("taking back: %v", err))
		u.saveDetail()
	}
}

// runHook runs the action and keeps its output with the change.
func (u *run) runHook(ctx context.Context, h *hook, attempt int) error {
	which := "new"
	if h.Old {
		which = "old"
	}
	dir := filepath.Join(u.payloadDir(h.Package), which)
	code, err := readFile(filepath.Join(dir, pkgfile.ActionsPath))
	if err != nil {
		return fmt.Errorf("cannot read the actions of %s: %w", &h.Control, err)
	}
	var params map[string]string
	if err := readJSON(filepath.Join(dir, paramsFile), &params); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	res, err := u.root.RunScript(ctx, &h.Control, h.Hook, code, func(r *script.Request) {
		r.BaseDir, r.OldVersion, r.Params = filepath.Join(dir, "payload"), h.OldVersion, params
		r.Force, r.Attempt, r.Log = h.Force, attempt, u.opts.Log
	})
	if res != nil {
		name := fmt.Sprintf("%s-%s.log", h.Package, h.Hook)
		werr := u.root.Disk.WriteFile(filepath.Join(u.root.Journal().Folder(u.change.ID), name), res.Output, 0o600) // may show parameters
		err = errors.Join(err, werr)
		if err == nil {
			// Before the record says that it was done: a file system may keep the
			// record and lose what the action wrote or removed.
			err = u.root.Disk.SyncAll(u.root.Dir)
		}
		u.detail.Reboot = u.detail.Reboot || res.ExitReboot
		u.saveDetail()
	}
	return err
}

// RunScript runs a hook of a package against the root. set fills in what
// differs from hook to hook.
func (r *Root) RunScript(ctx context.Context, c *control.Control, name string, code []byte, set func(*script.Request)) (*script.Result, error) {
	persistent := r.file("persistent", c.Name)
	if err := r.Disk.MkdirAll(persistent, 0o700); err != nil && name != "session_setup" { // a user's may not
		return nil, err
	}
	req := script.Request{
		File:          fmt.Sprintf("%s: %s", c, pkgfile.ActionsPath),
		Source:        code,
		Hook:          name,
		Control:       c,
		Root:          r.Dir,
		PersistentDir: persistent,
		Platform:      r.Config.Platform,
		Area:          r.Config.Area,
		Attempt:       1,
	}
	set(&req)
	return script.Run(ctx, req)
}

// HookLog reads the output that an action left with a change.
func (r *Root) HookLog(change int, pkg, name string) ([]byte, error) {
	if err := control.CheckName(pkg); err != nil || !isHookName(name) {
		return nil, muster.Errorf(muster.Invalid, "%q of %q is not the name of an action", name, pkg)
	}
	data, err := readFile(filepath.Join(r.Journal().Folder(change), fmt.Sprintf("%s-%s.log", pkg, name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, muster.Errorf(muster.NotFound, "change %d kept no output of %s() of %s", change, name, pkg)
	}
	return data, err
}

// A File is a package that lies in a file, open.
type File struct {
	*pkgfile.Package
	io.Closer
}

// OpenFile opens a package file.
func OpenFile(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	p, err := pkgfile.Open(f, info.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return &File{p, f}, nil
}

// Actions reads the code of an installed package.
func (r *Root) Actions(name string) ([]byte, error) {
	code, err := readFile(r.record(name, pkgfile.ActionsPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, muster.Errorf(muster.NotFound, "%s has no actions", name)
	}
	return code, err
}
