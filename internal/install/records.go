package install

import (
	"io/fs"
	"path/filepath"

	"muster/pkgfile"

	"muster"
)

// records changes what the state says is installed, in the same switch as the
// files.
type records struct {
	u     *run
	steps []Step
	t     *transition
	d     *diff
	puts  map[string]*Op // by package name; "" is wanted.json
}

func newRecords(u *run, steps []Step, t *transition, d *diff) *records {
	return &records{u, steps, t, d, map[string]*Op{}}
}

// ops moves old records away and new ones to their places.
func (rs *records) ops() []*Op {
	root := rs.u.root
	var ops []*Op
	for _, s := range rs.steps {
		at := root.rel(root.record(s.Name))
		if rs.t.old[s.Name] != nil {
			ops = append(ops, &Op{Op: "delete", Path: at, Old: rs.d.name("o")})
		}
		if s.Package != nil {
			op := &Op{Op: "put", Path: at, New: rs.d.name("n")}
			rs.puts[s.Name] = op
			ops = append(ops, op)
		}
	}
	if rs.u.opts.Wishes != nil {
		op := &Op{Op: "put", Path: root.rel(root.file("wanted.json")), New: rs.d.name("n")}
		if info, err := lstat(root.file("wanted.json")); err == nil && info != nil {
			op.Old = rs.d.name("o")
		}
		rs.puts[""] = op
		ops = append(ops, op)
	}
	return ops
}

// stage writes the new records.
func (rs *records) stage(st *stager) error {
	for i := range rs.steps {
		if s := &rs.steps[i]; s.Package != nil {
			if err := rs.stageOne(s, st.name(rs.puts[s.Name])); err != nil {
				return err
			}
		}
	}
	w := rs.u.opts.Wishes
	if w == nil {
		return nil
	}
	for _, s := range rs.steps {
		w.Succeeded(s.Name)
	}
	data, err := encodeJSON(w)
	if err != nil {
		return err
	}
	return rs.u.root.writeNew(st.name(rs.puts[""]), data, 0o644)
}

func (rs *records) stageOne(s *Step, dir string) error {
	root := rs.u.root
	if err := root.Disk.Mkdir(dir, 0o755); err != nil {
		return err
	}
	status, err := encodeJSON(rs.record(s))
	if err != nil {
		return err
	}
	files := map[string][]byte{
		manifestFile:  s.Package.Encoded,
		signatureFile: s.Package.Signature,
		statusFile:    status,
	}
	if len(s.Package.Manifest.Actions) > 0 {
		if files[pkgfile.ActionsPath], err = s.Package.ReadFile(pkgfile.ActionsPath, maxActions); err != nil {
			return err
		}
	}
	for name, data := range files {
		if err := root.writeNew(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return root.writeParams(dir, s.Params)
}

// writeParams writes the parameters of a package's actions, if there are any.
func (r *Root) writeParams(dir string, params map[string]string) error {
	if len(params) == 0 {
		return nil
	}
	data, err := encodeJSON(params)
	if err != nil {
		return err
	}
	return r.writeNew(filepath.Join(dir, paramsFile), data, 0o600)
}

// writeNew writes a file that becomes durable with the stage.
func (r *Root) writeNew(name string, data []byte, perm fs.FileMode) error {
	f, err := r.Disk.NewFile(name, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func (rs *records) record(s *Step) *Record {
	m := s.Package.Manifest
	return &Record{
		Control:   m.Control,
		Status:    muster.OK,
		Installed: rs.u.change.Created,
		Change:    rs.u.change.ID,
		Repo:      s.Repo,
		File:      s.File,
		Signers:   s.Signers,
		Manifest:  s.Package.ManifestSHA256(),
		Actions:   m.Actions,
		Params:    s.Params,
		Aside:     rs.d.aside[s.Name],
		Size:      m.InstalledSize(),
	}
}
