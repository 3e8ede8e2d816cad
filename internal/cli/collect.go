package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/agent"
	"muster/internal/collect"
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

func sectionNames() []string {
	names := append(collect.Sections(), agent.OwnSections...)
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
		status, err := e.Status(false)
		if err != nil {
			return nil, err
		}
		if err := agent.AddOwn(r, e, status, sections); err != nil {
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

// printInventory prints a line a section, or, where some were asked for, the
// rows of packages and the JSON of the others.
func (a *app) printInventory(f *inventoryFact, whole bool) error {
	if whole {
		return a.printSections(f.Document)
	}
	rows := []string{"SECTION\tHASH\tWHAT"}
	for _, name := range slices.Sorted(maps.Keys(f.Hashes)) {
		rows = append(rows, row(name, fmt.Sprintf("%.12s", f.Hashes[name]), summary(f.Document, name)))
	}
	rows = append(rows, row("all", fmt.Sprintf("%.12s", f.Set), ""))
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
	case "status":
		return count(len(d.Status), "package")
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
			rows = append(rows, row(source, p.Name, p.Version, p.Architecture))
		}
	}
	return a.table(rows)
}
