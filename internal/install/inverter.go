package install

import (
	"fmt"
	"os"
	"path/filepath"

	"muster"
	"muster/pkgfile"
)

// An inverter turns the ops of a change into those that take it back.
type inverter struct {
	u     *run
	done  *switcher
	ops   []*Op
	gone  map[string]bool // paths that an op before deletes
	from  map[*Op]string  // put -> file that was kept
	notes []string
	count int
}

func (v *inverter) invert() error {
	wanted := v.u.root.rel(v.u.root.file("wanted.json"))
	for i := len(v.done.sw.Ops) - 1; i >= 0; i-- {
		op := &v.done.sw.Ops[i]
		if op.Path == wanted {
			continue // see wishes
		}
		if err := v.one(op); err != nil {
			return err
		}
	}
	return v.wishes(wanted)
}

func (v *inverter) one(op *Op) error {
	root := v.u.root
	info, err := lstat(root.abs(op.Path))
	if err != nil {
		return err
	}
	switch op.Op {
	case "put", "delete":
		return v.content(op, info != nil)
	case "mkdir":
		if info != nil && info.IsDir() {
			was := attrOf(info)
			v.delete(&Op{Op: "rmdir", Path: op.Path, Was: &was})
		}
	case "rmdir":
		if info == nil || !info.IsDir() {
			v.ops = append(v.ops, &Op{Op: "mkdir", Path: op.Path, Attr: op.Was})
		}
	case "attr":
		if info != nil {
			was := attrOf(info)
			v.ops = append(v.ops, &Op{Op: "attr", Path: op.Path, Attr: op.Was, Was: &was})
		}
	}
	return nil
}

// content inverts a put or delete: what was kept comes back, or what is there
// goes.
func (v *inverter) content(op *Op, there bool) error {
	kept := ""
	if op.Old != "" {
		name := v.done.stage(op, op.Old)
		info, err := lstat(name)
		if err != nil {
			return err
		}
		if info != nil {
			kept = name
		}
	}
	if op.Op == "put" && there && op.SHA256 != "" {
		if now, err := hashFile(v.u.root.abs(op.Path)); err == nil && now != op.SHA256 {
			v.notes = append(v.notes, fmt.Sprintf("%q was changed since; change %d keeps that", v.u.root.abs(op.Path), v.u.change.ID))
		}
	}
	if kept == "" {
		if there {
			v.delete(&Op{Op: "delete", Path: op.Path, Old: v.name("o")})
		}
		return nil
	}
	back := &Op{Op: "put", Path: op.Path, New: v.name("n")}
	if there && !v.gone[op.Path] {
		back.Old = v.name("o")
	}
	v.from[back] = kept
	v.ops = append(v.ops, back)
	return nil
}

// delete plans that a path goes. It may come back as something else: a record
// is deleted, then put, and so is what becomes a file again.
func (v *inverter) delete(op *Op) {
	v.gone[op.Path] = true
	v.ops = append(v.ops, op)
}

func (v *inverter) name(dir string) string {
	v.count++
	return fmt.Sprintf("%s/%d", dir, v.count)
}

// wishes makes what was asked for what it was before the change, for its own
// packages only: other changes since may have asked for others.
func (v *inverter) wishes(wanted string) error {
	root := v.u.root
	now, err := root.Wishes()
	if err != nil {
		return err
	}
	before := new(Wishes)
	for i := range v.done.sw.Ops {
		if op := &v.done.sw.Ops[i]; op.Path == wanted && op.Old != "" {
			if err := readJSON(v.done.stage(op, op.Old), before); err != nil {
				return err
			}
		}
	}
	for _, s := range v.u.detail.Steps {
		now.Forget(s.Name)
		for _, rel := range before.Wanted {
			if rel.Name == s.Name {
				now.Want(rel)
			}
		}
		now.Assign(s.Name, before.AssignedBy(s.Name))
	}
	info, err := lstat(root.file("wanted.json"))
	if err != nil || info == nil {
		return err // nothing was ever asked for by name
	}
	v.u.opts.Wishes = now
	v.ops = append(v.ops, &Op{Op: "put", Path: wanted, New: v.name("n"), Old: v.name("o")})
	return nil
}

// stage gives everything that comes back a name in the stage of this change.
func (v *inverter) stage() error {
	st := v.u.stager
	for _, op := range v.ops {
		if op.New == "" {
			continue
		}
		kept, ok := v.from[op]
		if !ok { // wanted.json
			data, err := encodeJSON(v.u.opts.Wishes)
			if err != nil {
				return err
			}
			if err := v.u.root.writeNew(st.name(op), data, 0o644); err != nil {
				return err
			}
			continue
		}
		if err := st.copyTree(kept, st.name(op)); err != nil {
			return err
		}
	}
	return nil
}

// copyTree links or copies a file, or a record's folder of files.
func (s *stager) copyTree(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return s.linkOrCopy(from, to)
	}
	if err := s.root.Disk.Mkdir(to, info.Mode().Perm()); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := s.copyTree(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// transition describes the undo as steps, for its actions: the packages that
// come back are read from what was kept.
func (v *inverter) transition() ([]Step, *transition, error) {
	t := &transition{old: map[string]*side{}, new: map[string]*side{}}
	var steps []Step
	for _, s := range v.u.detail.Steps {
		step := Step{Name: s.Name, Op: s.Op}
		if s.From != "" {
			m, err := v.u.root.Manifest(s.Name)
			if err != nil {
				return nil, nil, err
			}
			t.old[s.Name] = &side{name: s.Name, manifest: m}
		}
		if s.To != "" {
			kept, err := v.keptPackage(s.Name)
			if err != nil {
				return nil, nil, err
			}
			step.kept = kept
			step.Package = kept.pkg
			step.Params = kept.rec.Params
			t.new[s.Name] = &side{name: s.Name, manifest: kept.pkg.Manifest}
		}
		steps = append(steps, step)
	}
	return steps, t, nil
}

// A keptPackage is the record of a version that a change replaced.
type keptPackage struct {
	dir string
	rec Record
	pkg *pkgfile.Package // manifest only
}

func (v *inverter) keptPackage(name string) (*keptPackage, error) {
	at := v.u.root.rel(v.u.root.record(name))
	for op, kept := range v.from {
		if op.Path != at {
			continue
		}
		rec, err := readRecord(kept)
		if err != nil {
			return nil, err
		}
		k := &keptPackage{dir: kept, rec: *rec}
		data, err := readFile(filepath.Join(kept, manifestFile))
		if err != nil {
			return nil, err
		}
		m, err := pkgfile.ParseManifest(data)
		if err != nil {
			return nil, err
		}
		k.pkg = &pkgfile.Package{Manifest: m, Encoded: data}
		return k, nil
	}
	return nil, muster.Errorf(muster.NotFound, "the record of %s is not kept any more", name)
}
