package references

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/reference"
)

// Bounds of what is stored.
const (
	maxLists     = 1000
	maxRevisions = 400 // of a list; older ones are forgotten
	maxBody      = reference.MaxCSV + 1<<20
)

// A stored is a revision of a list.
type stored struct {
	name     string
	revision int64
	at       int64
	who      string
	removed  bool
	packages int
	sum      []byte
	body     []byte
}

const storedColumns = `SELECT revision, list, "at", who, removed, packages, sum, body FROM references_revision WHERE `

func storedFrom(scan db.Scan) (s stored, err error) {
	err = scan(&s.revision, &s.name, &s.at, &s.who, &s.removed, &s.packages, &s.sum, &s.body)
	return s, err
}

// read reads revisions.
func read(tx *db.Tx, where string, args ...any) (all []stored, err error) {
	err = tx.Each(storedColumns+where, args, func(scan db.Scan) error {
		s, err := storedFrom(scan)
		all = append(all, s)
		return err
	})
	return all, err
}

// parse reads what was put under a name. It keeps nothing of in.
func parse(name string, in *api.ReferencePut) (*reference.List, error) {
	if err := reference.CheckName(name); err != nil {
		return nil, muster.WithField(err, "name")
	}
	if in.Form != "" && in.Form != "yaml" {
		return parseRows(name, in)
	}
	if in.Note != "" || in.Until != 0 || in.Complete || in.Optional || in.NewestOf != "" || len(in.Tags)+len(in.Systems)+len(in.Sites) > 0 {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "a list in YAML says itself whom it is for"), "write it into the text")
	}
	l, err := reference.ParseYAML(name, []byte(in.Text))
	if err == nil && l.Name != "" && l.Name != name {
		err = muster.Errorf(muster.Invalid, "the list calls itself %q, and not %q", l.Name, name)
	}
	if err != nil {
		return nil, muster.WithField(err, "/text")
	}
	l.Name = name
	return l, nil
}

// parseRows reads CSV.
func parseRows(name string, in *api.ReferencePut) (*reference.List, error) {
	if in.Form != "csv" {
		return nil, muster.WithField(muster.Errorf(muster.Invalid, "%.20q is no form of a list: yaml or csv", in.Form), "/form")
	}
	return reference.ParseCSV(name, []byte(in.Text), reference.List{
		Name: name, Note: in.Note, Until: in.Until, Complete: in.Complete, Optional: in.Optional, NewestOf: in.NewestOf,
		For: reference.Scope{Tags: slices.Clone(in.Tags), Systems: slices.Clone(in.Systems), Sites: slices.Clone(in.Sites)},
	})
}

// Put makes or changes a list. What is the same as before changes nothing.
func (r *References) Put(ctx context.Context, who, name string, in api.ReferencePut) (out api.Reference, err error) {
	l, err := parse(name, &in)
	if err != nil {
		return out, err
	}
	plain, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	sum := sha256.Sum256(plain)
	next := stored{name: name, at: r.Now().Unix(), who: who, packages: len(l.Wanted), sum: sum[:], body: r.pack.EncodeAll(plain, nil)}
	now := next
	err = r.DB.Write(ctx, func(tx *db.Tx) error {
		now = next
		last, err := newest(tx, name)
		if err != nil {
			return err
		}
		if last != nil && !last.removed && bytes.Equal(last.sum, next.sum) {
			now = *last
			return nil
		}
		if last == nil || last.removed {
			if err := room(tx); err != nil {
				return err
			}
		}
		return now.insert(tx)
	})
	if err != nil {
		return out, err
	}
	r.Poke()
	return about(&now, l), nil
}

// room refuses one list too many.
func room(tx *db.Tx) error {
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM references_list WHERE removed = 0").Scan(&n); err != nil {
		return err
	}
	if n >= maxLists {
		return muster.Errorf(muster.Conflict, "this server has %d references, and takes no more", n)
	}
	return nil
}

// newest reads the newest revision of a list; nil: there never was one.
func newest(tx *db.Tx, name string) (*stored, error) {
	all, err := read(tx, "revision = (SELECT revision FROM references_list WHERE name = ?)", name)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// insert makes s the newest revision.
func (s *stored) insert(tx *db.Tx) (err error) {
	if s.revision, err = tx.Next("references_number", "revision", 1); err != nil {
		return err
	}
	err = tx.Insert("references_revision", []string{"revision", "list", "at", "who", "removed", "packages", "sum", "body"},
		[][]any{{s.revision, s.name, s.at, s.who, s.removed, s.packages, s.sum, s.body}})
	if err != nil {
		return err
	}
	err = tx.Upsert("references_list", []string{"name"}, []string{"name", "revision", "removed"}, [][]any{{s.name, s.revision, s.removed}})
	if err != nil {
		return err
	}
	return forget(tx, s.name)
}

// forget deletes the oldest revisions of a list that has too many.
func forget(tx *db.Tx, name string) error {
	var from int64
	err := tx.QueryRow("SELECT revision FROM references_revision WHERE list = ? ORDER BY revision DESC LIMIT 1 OFFSET ?", name, maxRevisions-1).Scan(&from)
	if muster.KindOf(err) == muster.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec("DELETE FROM references_revision WHERE list = ? AND revision < ?", name, from)
	return err
}

// Remove takes a list away. What it said stays to be read.
func (r *References) Remove(ctx context.Context, who, name string) error {
	err := r.DB.Write(ctx, func(tx *db.Tx) error {
		last, err := newest(tx, name)
		if err != nil {
			return err
		}
		if last == nil || last.removed {
			return None(name)
		}
		s := stored{name: name, at: r.Now().Unix(), who: who, removed: true, sum: []byte{}, body: []byte{}}
		return s.insert(tx)
	})
	if err == nil {
		r.Poke()
	}
	return err
}

// None is what is said of a list that is not there.
func None(name string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "there is no reference %.100q", name), "'muster reference list' lists them")
}

// unpacked reads a revision.
func (r *References) unpacked(s *stored) (in api.ReferencePut, l *reference.List, err error) {
	plain, err := r.unpack.DecodeAll(s.body, nil)
	if err == nil {
		err = json.Unmarshal(plain, &in)
	}
	if err == nil {
		l, err = parse(s.name, &in)
	}
	if err != nil {
		err = muster.Errorf(muster.Internal, "cannot read revision %d of reference %q: %w", s.revision, s.name, err)
	}
	return in, l, err
}

// about describes a list.
func about(s *stored, l *reference.List) api.Reference {
	return api.Reference{Name: s.name, Note: l.Note, Tags: l.For.Tags, Systems: l.For.Systems, Sites: l.For.Sites, Until: l.Until, Complete: l.Complete,
		Optional: l.Optional, NewestOf: l.NewestOf, Packages: len(l.Wanted), Revision: s.revision, Changed: s.at, By: s.who}
}

// Lists describes all lists, by name.
func (r *References) Lists(ctx context.Context) (out api.ReferencePage, err error) {
	if err := r.catchUp(ctx); err != nil {
		return out, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	out.References = make([]api.Reference, 0, len(r.views))
	for _, v := range r.views {
		out.References = append(out.References, v.about())
	}
	slices.SortFunc(out.References, func(a, b api.Reference) int { return cmpText(a.Name, b.Name) })
	return out, nil
}

func (v *view) about() api.Reference {
	out := about(&v.stored, v.list)
	out.Unresolved = v.unresolved[:min(len(v.unresolved), 100)]
	return out
}

// Get returns a list with its text and its revisions; revision 0 is the newest.
func (r *References) Get(ctx context.Context, name string, revision int64) (out api.ReferenceDetail, err error) {
	var is stored
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.ReferenceDetail{}
		last, err := newest(tx, name)
		if err != nil {
			return err
		}
		if last == nil {
			return None(name)
		}
		if is = *last; revision != 0 && revision != last.revision {
			all, err := read(tx, "list = ? AND revision = ?", name, revision)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return muster.Errorf(muster.NotFound, "reference %q has no revision %d, or not any more", name, revision)
			}
			is = all[0]
		}
		out.Revisions, err = revisions(tx, name)
		return err
	})
	if err != nil {
		return out, err
	}
	if is.removed {
		out.Name, out.Revision, out.Changed, out.By, out.Removed = name, is.revision, is.at, is.who, true
		return out, nil
	}
	in, l, err := r.unpacked(&is)
	if err != nil {
		return out, err
	}
	out.Reference = about(&is, l)
	out.Form, out.Text = in.Form, in.Text
	return out, nil
}

// For lists the sites that a list is for, or was before it was taken away; nil: all of
// them. Who may see none of these may not see what it said before, either.
func (r *References) For(ctx context.Context, name string) (sites []string, err error) {
	var all []stored
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		all, err = read(tx, "revision = (SELECT MAX(revision) FROM references_revision WHERE list = ? AND removed = 0)", name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, None(name)
	}
	_, l, err := r.unpacked(&all[0])
	if err != nil {
		return nil, err
	}
	return about(&all[0], l).Sites, nil
}

// revisions lists those of a list, the newest first.
func revisions(tx *db.Tx, name string) (all []api.ReferenceRevision, err error) {
	err = tx.Each(`SELECT revision, "at", who, packages, removed FROM references_revision WHERE list = ? ORDER BY revision DESC`, []any{name}, func(scan db.Scan) error {
		var v api.ReferenceRevision
		err := scan(&v.Revision, &v.Time, &v.By, &v.Packages, &v.Removed)
		all = append(all, v)
		return err
	})
	return all, err
}
