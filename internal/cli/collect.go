package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/collect"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/inventory"
)

func collectCommand(a *app) *cobra.Command {
	var sections []string
	cmd := &cobra.Command{
		Use:   "collect [--section NAME]...",
		Short: "Show what the machine is and has",
		Long: `Show what the machine is and has: system, hardware, network, disks, accounts,
the packages of every package manager on it, and those of muster with their
audits. Nothing is sent anywhere. Sections are ` + strings.Join(sectionNames(), ", ") + `.

With --root of a prepared tree, the tree is looked at; with that of an area,
the machine with the packages of the area. A section that cannot be read is
named on stderr, and the exit code is 1.`,
		Example: "  muster collect\n  muster collect --section packages\n  muster collect --section system --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.collect(cmd.Context(), sections) },
	}
	a.rootFlags(cmd)
	cmd.Flags().StringArrayVar(&sections, "section", nil, "only this section; may be given several times")
	return cmd
}

// ownSections are those that muster knows without collecting.
var ownSections = []string{"audits", "muster"}

func sectionNames() []string {
	names := append(collect.Sections(), ownSections...)
	slices.Sort(names)
	return names
}

// inventoryFact is the JSON form of collect.
type inventoryFact struct {
	Document *inventory.Document `json:"document"`
	Failures map[string]string   `json:"failures,omitempty"` // by section
	Hashes   inventory.Hashes    `json:"hashes"`
	Set      string              `json:"set"` // the set-hash
	Volatile *inventory.Volatile `json:"volatile"`
}

func (a *app) collect(ctx context.Context, sections []string) error {
	for _, s := range sections {
		if !slices.Contains(sectionNames(), s) {
			return usagef("there is no section %q; there are %s", s, strings.Join(sectionNames(), ", "))
		}
	}
	f, err := a.inventory(ctx, sections)
	if err != nil {
		return err
	}
	if err := a.answer(f, func() error { return a.printInventory(f, len(sections) > 0) }); err != nil {
		return err
	}
	for _, s := range slices.Sorted(maps.Keys(f.Failures)) {
		a.talk("%s: %s", s, f.Failures[s])
	}
	if len(f.Failures) > 0 {
		return muster.Errorf(muster.Unavailable, "%s could not be read", count(len(f.Failures), "section"))
	}
	return nil
}

func (a *app) inventory(ctx context.Context, sections []string) (*inventoryFact, error) {
	e, err := a.open()
	if err != nil && muster.KindOf(err) != muster.NotFound {
		return nil, err
	}
	dir := a.rootDir
	if e != nil && e.Root.Config.Area {
		dir = systemRoot()
	}
	r, err := collect.Collect(ctx, collect.Options{Root: dir, Sections: sections, Now: a.now()})
	if err != nil {
		return nil, err
	}
	if e != nil {
		if err := addOwn(r, e, sections); err != nil {
			return nil, err
		}
	}
	f := &inventoryFact{Document: r.Document, Volatile: r.Volatile, Failures: map[string]string{}}
	for _, failure := range r.Failures {
		f.Failures[failure.Section] = failure.Err.Error()
	}
	if f.Hashes, err = r.Document.Hashes(); err != nil {
		return nil, err
	}
	f.Set = f.Hashes.Set()
	return f, r.Document.Check()
}

// addOwn adds the packages of muster in the root, and their audits.
func addOwn(r *collect.Report, e *engine.Engine, sections []string) error {
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
	if !wanted("muster") {
		return nil
	}
	for _, rec := range all {
		r.Document.Muster = append(r.Document.Muster, ownPackage(rec, area))
	}
	return addStatus(r.Document.Muster, e)
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

// addStatus puts what the next upgrade would do, and what is revoked, in place
// of what the record says.
func addStatus(rows []inventory.Installed, e *engine.Engine) error {
	all, err := e.Status(false)
	if err != nil {
		return err
	}
	byName := map[string]string{}
	for _, s := range all {
		byName[s.Name] = string(s.Status)
	}
	for i := range rows {
		rows[i].Status = byName[rows[i].Name]
	}
	return nil
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

// printInventory prints a line a section, or, where some were asked for, the
// rows of packages and the JSON of the others.
func (a *app) printInventory(f *inventoryFact, whole bool) error {
	if whole {
		return a.printSections(f.Document)
	}
	rows := []string{"SECTION\tHASH\tWHAT"}
	for _, name := range slices.Sorted(maps.Keys(f.Hashes)) {
		rows = append(rows, fmt.Sprintf("%s\t%.12s\t%s", name, f.Hashes[name], summary(f.Document, name)))
	}
	rows = append(rows, fmt.Sprintf("all\t%.12s\t", f.Set))
	return a.table(rows)
}

// summary says a section in a line.
func summary(d *inventory.Document, name string) string {
	switch name {
	case "system":
		return strings.TrimSpace(d.System.Hostname + ", " + d.System.Name)
	case "hardware":
		var parts []string
		for _, c := range d.Hardware.CPUs {
			parts = append(parts, fmt.Sprintf("%d x %s", c.Threads, c.Model))
		}
		return strings.Join(append(parts, size(d.Hardware.Memory)), ", ")
	case "network":
		return count(len(d.Network.Interfaces), "interface")
	case "disks":
		return count(len(d.Disks.Devices), "disk") + ", " + count(len(d.Disks.Mounts), "mount")
	case "users":
		return count(len(d.Users.Accounts), "account")
	case "muster":
		return count(len(d.Muster), "package")
	case "audits":
		return count(len(d.Audits), "audit")
	}
	return count(len(d.Packages[strings.TrimPrefix(name, "packages.")]), "package")
}

func (a *app) printSections(d *inventory.Document) error {
	packages := d.Packages
	rest := *d
	rest.Packages = nil
	if hashes, err := rest.Hashes(); err != nil || len(hashes) > 0 {
		b := *a
		b.json = true
		if err := b.answer(&rest, nil); err != nil {
			return err
		}
	}
	var rows []string
	for _, source := range slices.Sorted(maps.Keys(packages)) {
		for _, p := range packages[source] {
			rows = append(rows, strings.Join([]string{source, p.Name, p.Version, p.Architecture}, "\t"))
		}
	}
	return a.table(rows)
}
