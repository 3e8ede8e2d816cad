package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/control"
	"muster/pkgfile"
)

// Record is status.json of an installed package.
type Record struct {
	Control   control.Control `json:"control"`
	Status    muster.Status   `json:"status"`
	Installed time.Time       `json:"installed"`
	Change    int             `json:"change"`
	Repo      string          `json:"repo,omitempty"`    // repository id, or "" for a file
	File      string          `json:"file,omitempty"`    // sha256 of the package file
	Signers   []string        `json:"signers,omitempty"` // names and fingerprints
	Manifest  string          `json:"manifest"`          // sha256 of the manifest
	Actions   []string        `json:"actions,omitempty"` // hooks it defines
	// Params were given at installation. They may be secrets: they lie in a file
	// of their own that only those read who may change the root.
	Params map[string]string `json:"-"`
	Aside  []string          `json:"aside,omitempty"` // .muster-new files lying beside edited configuration
	Audit  *AuditResult      `json:"audit,omitempty"`
	Size   int64             `json:"size"`
}

// AuditResult is the last answer of a package's audit().
type AuditResult struct {
	Status muster.Status `json:"status"`
	Time   time.Time     `json:"time"`
	Output string        `json:"output,omitempty"`
}

// Names in packages/<name>/.
const (
	manifestFile  = "manifest"
	signatureFile = "signature"
	statusFile    = "status.json"
	paramsFile    = "params.json"
)

func (r *Root) record(name string, file ...string) string {
	return r.file(append([]string{"packages", name}, file...)...)
}

// Installed reads the records of all installed packages, sorted by name.
func (r *Root) Installed() ([]*Record, error) {
	entries, err := os.ReadDir(r.file("packages"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list installed packages: %w", err)
	}
	var all []*Record
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		rec, err := r.Record(e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, rec)
	}
	slices.SortFunc(all, func(a, b *Record) int { return strings.Compare(a.Control.Name, b.Control.Name) })
	return all, nil
}

// Record reads the record of one installed package.
func (r *Root) Record(name string) (*Record, error) {
	rec := new(Record)
	err := muster.WithKind(muster.Invalid, control.CheckName(name))
	if err == nil {
		rec, err = readRecord(r.record(name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, muster.Errorf(muster.NotFound, "%s is not installed", name)
	}
	if err != nil {
		return nil, err
	}
	if rec.Control.Name != name {
		return nil, muster.Errorf(muster.Invalid, "%q is the record of %q", r.record(name), rec.Control.Name)
	}
	return rec, nil
}

// readRecord reads the record in a folder. Parameters that may not be read are
// left out: whoever only looks does not need them.
func readRecord(dir string) (*Record, error) {
	rec := new(Record)
	if err := readJSON(filepath.Join(dir, statusFile), rec); err != nil {
		return nil, err
	}
	if err := rec.check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", filepath.Join(dir, statusFile), err)
	}
	err := readJSON(filepath.Join(dir, paramsFile), &rec.Params)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return rec, err
}

// Manifest reads the manifest of an installed package.
func (r *Root) Manifest(name string) (*pkgfile.Manifest, error) {
	data, err := readFile(r.record(name, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, muster.Errorf(muster.NotFound, "%s is not installed", name)
	}
	if err != nil {
		return nil, err
	}
	m, err := pkgfile.ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("record of %s: %w", name, err)
	}
	return m, nil
}

// SaveRecord replaces status.json of an installed package, outside a change:
// for audits and the like. The caller holds the lock.
func (r *Root) SaveRecord(rec *Record) error {
	return r.writeJSON(r.record(rec.Control.Name, statusFile), rec)
}

// Owner is a package that has a path.
type Owner struct {
	Package string
	File    *pkgfile.File
}

// Owns returns the packages that have the path, relative to the root. Several
// may share a directory.
func (r *Root) Owns(path string) ([]Owner, error) {
	path = strings.Trim(filepath.ToSlash(path), "/")
	recs, err := r.Installed()
	if err != nil {
		return nil, err
	}
	var owners []Owner
	for _, rec := range recs {
		m, err := r.Manifest(rec.Control.Name)
		if err != nil {
			return nil, err
		}
		if f := m.Find("root/" + path); f != nil {
			owners = append(owners, Owner{rec.Control.Name, f})
		}
	}
	return owners, nil
}
