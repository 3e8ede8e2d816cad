package agent

import (
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"muster"
	"muster/internal/collect"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/inventory"
)

// OwnSections are those of an inventory that muster knows without looking at the
// machine.
var OwnSections = []string{"audits", "muster", "status"}

// Document collects the named sections, all where none is named, with the
// packages of the root, whose statuses the caller has from [engine.Engine.Status].
func Document(ctx context.Context, e *engine.Engine, status []engine.Status, sections []string) (*collect.Report, error) {
	others := slices.DeleteFunc(slices.Clone(sections), func(s string) bool { return slices.Contains(OwnSections, s) })
	r := &collect.Report{Document: inventory.New(), Volatile: &inventory.Volatile{}}
	if len(sections) == 0 || len(others) > 0 {
		var err error
		if r, err = collect.Collect(ctx, collect.Options{Root: collectRoot(e), Sections: others, Now: e.Now()}); err != nil {
			return nil, err
		}
	}
	return r, AddOwn(r, e, status, sections)
}

// collectRoot is what to look at: a tree that was prepared is looked at itself,
// an area is on the machine.
func collectRoot(e *engine.Engine) string {
	if !e.Root.Config.Area {
		return e.Root.Dir
	}
	if runtime.GOOS == "windows" {
		return filepath.VolumeName(e.Root.Dir) + `\`
	}
	return "/"
}

// AddOwn adds the packages of muster in the root, how they stand, and their
// audits, as far as they are among the sections.
func AddOwn(r *collect.Report, e *engine.Engine, status []engine.Status, sections []string) error {
	all, err := e.Root.Installed()
	if err != nil {
		return err
	}
	area := ""
	if e.Root.Config.Area {
		area = inventory.Text(e.Root.Dir)
	}
	wanted := func(name string) bool { return len(sections) == 0 || slices.Contains(sections, name) }
	if wanted("audits") {
		addAudits(r, all, area)
	}
	if wanted("muster") {
		for _, rec := range all {
			r.Document.Muster = append(r.Document.Muster, ownPackage(rec, area))
		}
	}
	if wanted("status") {
		addStatus(r.Document, status, area)
	}
	return nil
}

// otherSections are those of base that muster has to look at the machine for.
func otherSections(base *inventory.Document) []string {
	hashes, err := base.Hashes()
	if err != nil {
		return nil
	}
	var all []string
	for name := range hashes {
		if !slices.Contains(OwnSections, name) {
			all = append(all, name)
		}
	}
	return all
}

func addAudits(r *collect.Report, all []*install.Record, area string) {
	for _, rec := range all {
		if rec.Audit == nil {
			continue
		}
		name := rec.Control.Name
		r.Document.Audits = append(r.Document.Audits, inventory.Audit{
			Output: inventory.Output(rec.Audit.Output), Package: name, Root: area, Status: string(rec.Audit.Status)})
		r.Volatile.Audited = append(r.Volatile.Audited, inventory.Moment{Name: name, Time: rec.Audit.Time.Unix()})
	}
}

// addStatus adds what is not as it should be, and what is assigned.
func addStatus(d *inventory.Document, all []engine.Status, area string) {
	for _, s := range all {
		if s.Status == muster.OK && s.By == "" {
			continue
		}
		row := inventory.Status{Error: inventory.Text(s.Error), Name: s.Name, Root: area, Status: string(s.Status)}
		if s.Available != s.Version {
			row.Available = s.Available
		}
		if row.By = inventory.Text(s.By); row.By == "" && s.Asked {
			row.By = "user"
		}
		d.Status = append(d.Status, row)
	}
}

func ownPackage(rec *install.Record, area string) inventory.Installed {
	c := &rec.Control
	row := inventory.Installed{
		Arch: strings.Join(c.Architecture, "+"), Installed: rec.Installed.Unix(), Kind: string(c.Kind), Manifest: rec.Manifest, Name: c.Name,
		Repo: inventory.Text(rec.Repo), Root: area, Size: rec.Size, Status: string(rec.Status), Version: c.Version,
	}
	for _, s := range rec.Signers {
		row.Signers = append(row.Signers, inventory.Text(s))
	}
	return row
}
