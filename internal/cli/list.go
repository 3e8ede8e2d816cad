package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/control"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/pkgfile"
)

func listCommand(a *app) *cobra.Command {
	var available, upgradable bool
	cmd := &cobra.Command{
		Use:   "list [--available|--upgradable] [WORD...]",
		Short: "List packages with their status",
		Long: `List installed packages, with --available what the repositories have, with
--upgradable what is not as it should be. Words restrict the list to names that
contain one of them.`,
		Example: "  muster list\n  muster list --upgradable --json",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.list(available, upgradable, args)
		},
	}
	a.rootFlags(cmd)
	cmd.Flags().BoolVar(&available, "available", false, "what the repositories have")
	cmd.Flags().BoolVar(&upgradable, "upgradable", false, "what an upgrade would change")
	cmd.MarkFlagsMutuallyExclusive("available", "upgradable")
	return cmd
}

// packageFact is the JSON form of a line of list.
type packageFact struct {
	Name      string        `json:"name"`
	Version   string        `json:"version,omitempty"`   // installed
	Available string        `json:"available,omitempty"` // newest that may be installed
	Status    muster.Status `json:"status,omitempty"`
	Asked     bool          `json:"asked"` // a person asked for it
	By        string        `json:"assigned-by,omitempty"`
	Pin       string        `json:"pin,omitempty"`
	Summary   string        `json:"summary,omitempty"`
	Error     string        `json:"error,omitempty"`
}

func (a *app) list(available, upgradable bool, words []string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	all, err := e.Status(available)
	if err != nil {
		return err
	}
	facts := []packageFact{}
	for _, s := range all {
		if upgradable && s.Status == muster.OK || !contains(s.Name, words) {
			continue
		}
		facts = append(facts, packageFact(s))
	}
	return a.answer(facts, func() error {
		var rows []string
		for _, f := range facts {
			version := f.Version
			if f.Available != "" && f.Available != f.Version && f.Version != "" {
				version += " -> " + f.Available
			} else if f.Version == "" {
				version = f.Available
			}
			rows = append(rows, row(f.Name, version, string(f.Status), note(f)))
		}
		if len(rows) == 0 {
			a.talk("no packages")
		}
		return a.table(rows)
	})
}

func note(f packageFact) string {
	switch {
	case f.Error != "":
		return f.Error
	case f.Pin != "":
		return "pinned: " + f.Pin
	case f.By != "":
		return "assigned by " + f.By
	}
	return f.Summary
}

func contains(name string, words []string) bool {
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
}

func searchCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "search WORD...",
		Short:   "Search names and descriptions of available packages",
		Example: "  muster search file encryption",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.search(args) },
	}
	a.rootFlags(cmd)
	return cmd
}

func (a *app) search(words []string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	found, err := e.Search(words)
	if err != nil {
		return err
	}
	facts := []packageFact{}
	for _, c := range found {
		facts = append(facts, packageFact{Name: c.Name, Available: c.Version, Summary: c.Summary(language())})
	}
	return a.answer(facts, func() error {
		var rows []string
		for _, f := range facts {
			rows = append(rows, row(f.Name, f.Available, f.Summary))
		}
		if len(rows) == 0 {
			a.talk("nothing found")
		}
		return a.table(rows)
	})
}

func showCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show PACKAGE...",
		Short:             "Show all about packages, installed or available",
		Example:           "  muster show age",
		Args:              cobra.MinimumNArgs(1),
		RunE:              func(_ *cobra.Command, args []string) error { return a.show(args) },
		ValidArgsFunction: a.completePackages,
	}
	a.rootFlags(cmd)
	return cmd
}

// showFact is the JSON form of show.
type showFact struct {
	Installed *install.Record   `json:"installed,omitempty"`
	Versions  []control.Control `json:"available,omitempty"`
	Failure   *install.Failure  `json:"failure,omitempty"`
}

func (a *app) show(names []string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	var facts []showFact
	for _, name := range names {
		f, err := showOne(e, name)
		if err != nil {
			return err
		}
		facts = append(facts, *f)
	}
	return a.answer(facts, func() error {
		for i, f := range facts {
			if i > 0 {
				a.print("")
			}
			a.printShow(&f)
		}
		return nil
	})
}

func showOne(e *engine.Engine, name string) (*showFact, error) {
	f := new(showFact)
	rec, err := e.Root.Record(name)
	if err == nil {
		f.Installed = rec
	} else if muster.KindOf(err) != muster.NotFound {
		return nil, err
	}
	if f.Versions, err = e.Versions(name); err != nil {
		return nil, err
	}
	wishes, err := e.Root.Wishes()
	if err != nil {
		return nil, err
	}
	for _, failure := range wishes.Failed {
		if failure.Name == name {
			f.Failure = &failure
		}
	}
	if f.Installed == nil && len(f.Versions) == 0 {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "there is no package %q, installed or available", name), "muster search %s", name)
	}
	return f, nil
}

func (a *app) printShow(f *showFact) {
	if rec := f.Installed; rec != nil {
		lines(a.out, rec.Control.Stanza().String())
		a.print("status: %s", rec.Status)
		a.print("installed: %s, by change %d", when(rec.Installed), rec.Change)
		a.print("installed-size: %s", size(rec.Size))
		a.print("signed-by: %s", strings.Join(rec.Signers, ", "))
		if len(rec.Actions) > 0 {
			a.print("actions: %s", strings.Join(rec.Actions, ", "))
		}
		if rec.Audit != nil {
			a.print("audit: %s at %s", rec.Audit.Status, when(rec.Audit.Time))
		}
	} else {
		lines(a.out, f.Versions[0].Stanza().String())
		a.print("status: not installed")
	}
	if f.Failure != nil {
		a.print("failure: %s, %s at %s: %s", f.Failure.Status, count(f.Failure.Count, "time"), when(f.Failure.Time), f.Failure.Error)
	}
	var versions []string
	for _, v := range f.Versions {
		versions = append(versions, v.Version)
	}
	if len(versions) > 0 {
		a.print("available: %s", strings.Join(versions, ", "))
	}
}

func filesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "files PACKAGE",
		Short:             "List the files of an installed package",
		Example:           "  muster files age",
		Args:              cobra.ExactArgs(1),
		RunE:              func(_ *cobra.Command, args []string) error { return a.files(args[0]) },
		ValidArgsFunction: a.completeInstalled,
	}
	a.rootFlags(cmd)
	return cmd
}

func (a *app) files(name string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	m, err := e.Root.Manifest(name)
	if err != nil {
		return err
	}
	var files []pkgfile.File
	for _, f := range m.Files {
		if path, ok := f.Installed(); ok {
			f.Path = path
			files = append(files, f)
		}
	}
	return a.answer(files, func() error {
		for _, f := range files {
			if f.Type != pkgfile.Directory {
				a.print("/%s", f.Path)
			}
		}
		return nil
	})
}

func ownsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "owns PATH...",
		Short:   "Say which package a file belongs to",
		Long:    "Say which installed package a file belongs to. Paths are those in the root:\n/usr/bin/age is usr/bin/age below --root.",
		Example: "  muster owns /usr/bin/age",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.owns(args) },
	}
	a.rootFlags(cmd)
	return cmd
}

// ownsFact is the JSON form of owns.
type ownsFact struct {
	Path     string   `json:"path"`
	Packages []string `json:"packages"`
}

func (a *app) owns(paths []string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	var facts []ownsFact
	for _, path := range paths {
		rel := strings.TrimPrefix(path, strings.TrimSuffix(e.Root.Dir, "/")+"/")
		owners, err := e.Root.Owns(rel)
		if err != nil {
			return err
		}
		f := ownsFact{Path: path, Packages: []string{}}
		for _, o := range owners {
			f.Packages = append(f.Packages, o.Package)
		}
		facts = append(facts, f)
	}
	if err := a.answer(facts, func() error {
		for _, f := range facts {
			for _, p := range f.Packages {
				a.print("%s: %s", p, f.Path)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, f := range facts {
		if len(f.Packages) == 0 {
			return muster.Errorf(muster.NotFound, "no package has %q", f.Path)
		}
	}
	return nil
}

// ago prints how long ago t was.
func (a *app) ago(t time.Time) string {
	d := a.now().Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d.Minutes()), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour") + " ago"
	}
	return count(int(d.Hours()/24), "day") + " ago"
}
