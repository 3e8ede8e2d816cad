package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/advisory"
	"muster/api"
)

type advisoryImportOptions struct {
	form, platform string
	shrink         bool
}

func advisoriesImportCommand(a *app) *cobra.Command {
	var o advisoryImportOptions
	cmd := &cobra.Command{
		Use:   "import SOURCE FILE",
		Short: "Give the server a list of advisories",
		Long: `Give the server a list of advisories. It replaces what the source of this name said
before; what it says no more is withdrawn. The file may be compressed (gzip, bzip2, xz,
zstd), and its form is seen from its content unless you say it: ` + strings.Join(serverForms, ", ") + `.

A list with less than half of what was there before is refused without --shrink: it
may be a file that broke off. docs/advisories.md says which list serves which system.
Sources that the server fetches itself stand in its configuration.`,
		Example: `  muster advisories import debian tracker.json
  muster advisories import rocky-9 updateinfo.xml.gz --platform 'rocky 9'
  muster advisories import kev known_exploited_vulnerabilities.json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importAdvisories(cmd.Context(), args[0], args[1], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.form, "form", "", "how it is written (default: seen from the content)")
	f.StringVar(&o.platform, "platform", "", "the system that it is for, where it does not say so: 'rocky 9'")
	f.BoolVar(&o.shrink, "shrink", false, "even if it has less than half of what was there")
	cmd.RegisterFlagCompletionFunc("form", matching(words(serverForms...))) //nolint:errcheck // the flag is there
	cmd.RegisterFlagCompletionFunc("platform", none)                        //nolint:errcheck // the flag is there
	return cmd
}

func (a *app) importAdvisories(ctx context.Context, source, name string, o advisoryImportOptions) error {
	f, err := open(name, advisoriesHint)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return muster.WithHint(usagef("%q is no file", name), "a folder of documents is read where the server's configuration names it, or zip it: zip -r all.zip %s", name)
	}
	if o.form == "" {
		if o.form, err = guessFile(f, name); err != nil {
			return err
		}
	}
	got, err := asPerson(a, func(p *api.PersonClient) (api.AdvisoryImport, error) {
		return p.ImportAdvisories(ctx, source, o.form, platformWords(o.platform), o.shrink, f, info.Size())
	})
	if err != nil {
		return err
	}
	return a.answer(got, func() error {
		a.printAdvisoryImport(&got)
		return nil
	})
}

// platformWords takes rocky:9, as lists of wanted versions write it, for "rocky 9".
func platformWords(s string) string { return strings.Replace(s, ":", " ", 1) }

func (a *app) printAdvisoryImport(got *api.AdvisoryImport) {
	entries := strconv.FormatInt(got.Entries, 10)
	if got.Unchanged {
		a.print("%s: %s advisories, as before", got.Source, entries)
		return
	}
	a.print("%s: %s advisories, %s new, %s changed, %s withdrawn", got.Source, entries, strconv.FormatInt(got.Added, 10), strconv.FormatInt(got.Changed, 10), strconv.FormatInt(got.Withdrawn, 10))
	if got.Skipped > 0 {
		a.talk("%d entries could not be read:", got.Skipped)
	}
	for _, n := range got.Notes {
		a.talk("  %s", n)
	}
}

func advisoriesSourcesCommand(a *app) *cobra.Command {
	var csv bool
	cmd := &cobra.Command{
		Use:   "sources",
		Short: "List where advisories come from, and how that goes",
		Long: `List where the server's advisories come from, and how that goes. Systems of hosts that
no advisories are known to speak of are named: nothing can be found on these hosts.`,
		Example: "  muster advisories sources",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.AdvisorySourcePage, error) { return p.AdvisorySources(cmd.Context()) })
			if err != nil {
				return err
			}
			s := a.sheet(csv, "no sources: 'muster advisories import NAME FILE' brings one", "source", "form", "entries", "skipped", "fetched", "changed", "state", "place")
			for i := range page.Sources {
				x := &page.Sources[i]
				s.add(x.Name, x.Form, strconv.FormatInt(x.Entries, 10), strconv.FormatInt(x.Skipped, 10), s.ago(x.Succeeded), s.ago(x.Changed), sourceState(x), x.Place)
			}
			if err := s.print(page); err != nil || a.json {
				return err
			}
			for _, u := range page.Unmapped {
				a.talk("nothing is known of %s (%s): %s", strings.TrimSpace(u.ID+" "+u.Version), u.Name, count(int(u.Hosts), "host"))
			}
			return nil
		},
	}
	csvFlag(cmd, &csv)
	return cmd
}

func sourceState(x *api.AdvisorySource) string {
	switch {
	case x.Leaving:
		return "being removed"
	case x.Error != "":
		return "failing since " + stamp(x.Failing) + ": " + x.Error
	case x.Matching:
		return "being matched"
	case x.Edition != "":
		return "good, " + x.Edition
	}
	return "good"
}

func advisoriesRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "remove SOURCE",
		Short: "Forget a source of advisories and all that it said",
		Long: `Forget a source of advisories and all that it said: its findings go from hosts and
counts, and sites are not told that they have them no more, as nothing was repaired.
What is ignored stays. A source of the server's configuration has to be taken out there
first. The command returns when counts follow.`,
		Example: "  muster advisories remove rocky-8",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := a.as(func(p *api.PersonClient) error { return p.RemoveAdvisorySource(cmd.Context(), args[0]) })
			if err == nil {
				a.talk("removed: %s", args[0])
			}
			return err
		},
	}
}

type advisoryIgnoreOptions struct {
	api.AdvisoryIgnore
	expires string
	file    string
}

func advisoriesIgnoreCommand(a *app) *cobra.Command {
	var o advisoryIgnoreOptions
	cmd := &cobra.Command{
		Use:   "ignore {[ADVISORY] --reason TEXT | --file FILE}",
		Short: "Have findings not count, with a reason and perhaps an end",
		Long: `Have findings not count: those of an advisory, of a package, or of both; everywhere, on
one system or at one site. They stay to be seen with --ignored. Say why, for whoever
comes after you; what has an end counts again by itself.

With --file, a list of YAML or CSV (docs/formats/advisories.md) as 'muster advisories match
--ignore' takes it without a server: as a whole, or not at all. An entry about the same
as one that is there takes its place, others stay; so the list may be brought again.`,
		Example: `  muster advisories ignore CVE-2026-1001 --site NIKHEF --reason 'module is not loaded' --expires 90d
  muster advisories ignore --package 'linux-doc*' --reason 'documentation'
  muster advisories ignore --file ignored.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.file != "" {
				return a.ignoreFile(cmd.Context(), o.file, args)
			}
			if strings.TrimSpace(o.Reason) == "" {
				return usagef("say why, with --reason")
			}
			o.Advisory = strings.Join(args, "")
			return a.ignoreAdvisory(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Package, "package", "", "only in this package, or what is built from this source; one * is any text")
	f.StringVar(&o.Platform, "platform", "", "only on this system: debian, 'debian 12'")
	f.StringVar(&o.Site, "site", "", "only at this site")
	f.StringVar(&o.Reason, "reason", "", "why it does not matter")
	f.StringVar(&o.expires, "expires", "never", "after so long it counts again: 90d")
	cmd.RegisterFlagCompletionFunc("platform", none) //nolint:errcheck // the flag is there
	f.StringVar(&o.file, "file", "", "all that this `FILE` lists")
	for _, other := range []string{"package", "platform", "site", "reason", "expires"} {
		cmd.MarkFlagsMutuallyExclusive("file", other)
	}
	return cmd
}

// ignoreFile reads the list before it is sent: an error names its line, and nothing is
// changed.
func (a *app) ignoreFile(ctx context.Context, name string, args []string) error {
	if len(args) > 0 {
		return usagef("--file lists what is ignored: name no advisory beside it")
	}
	list, err := readBounded(name, maxIgnores, ignoresHint)
	if err != nil {
		return err
	}
	if _, err := advisory.ParseIgnores(list); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	got, err := asPerson(a, func(p *api.PersonClient) (api.AdvisoryIgnoreImport, error) { return p.IgnoreAdvisories(ctx, list) })
	if err != nil {
		return err
	}
	return a.answer(got, func() error {
		a.print("%s: %d new, %d changed, %d as before", name, got.Added, got.Changed, got.Unchanged)
		if got.Expired > 0 {
			a.talk("%d have expired and were left out", got.Expired)
		}
		return nil
	})
}

func (a *app) ignoreAdvisory(ctx context.Context, o advisoryIgnoreOptions) error {
	if o.Advisory == "" && o.Package == "" {
		return usagef("say which advisory, or --package")
	}
	o.Platform = platformWords(o.Platform)
	last, err := parseDays(o.expires)
	if err != nil {
		return err
	}
	if last > 0 {
		o.Expires = a.now().Add(last).Unix()
	}
	made, err := asPerson(a, func(p *api.PersonClient) (api.AdvisoryIgnore, error) { return p.IgnoreAdvisory(ctx, o.AdvisoryIgnore) })
	if err != nil {
		return err
	}
	return a.answer(made, func() error {
		number := strconv.FormatInt(made.Number, 10)
		a.print("ignored %s: %s", number, ignoreText(&made))
		a.talk("'muster advisories unignore %s' has it count again", number)
		return nil
	})
}

// ignoreText says what an entry is about.
func ignoreText(e *api.AdvisoryIgnore) string {
	var parts []string
	for _, p := range [][2]string{{"", e.Advisory}, {"in ", e.Package}, {"on ", e.Platform}, {"at ", e.Site}} {
		if p[1] != "" {
			parts = append(parts, p[0]+p[1])
		}
	}
	return strings.Join(parts, " ")
}

func advisoriesIgnoresCommand(a *app) *cobra.Command {
	var csv bool
	cmd := &cobra.Command{
		Use:     "ignores",
		Short:   "List what is ignored, by whom, why and until when",
		Example: "  muster advisories ignores\n  muster advisories ignores --csv > ignored.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.AdvisoryIgnorePage, error) { return p.IgnoredAdvisories(cmd.Context()) })
			if err != nil {
				return err
			}
			s := a.sheet(csv, "nothing is ignored", "number", "advisory", "package", "platform", "site", "until", "by", "reason")
			for i := range page.Ignored {
				e := &page.Ignored[i]
				until := s.time(e.Expires, "")
				if e.Over && !csv {
					until += ", over"
				}
				s.add(strconv.FormatInt(e.Number, 10), e.Advisory, e.Package, e.Platform, e.Site, until, e.By, e.Reason)
			}
			return s.print(page.Ignored)
		},
	}
	csvFlag(cmd, &csv)
	return cmd
}

func advisoriesUnignoreCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "unignore NUMBER...",
		Short:   "Have findings count again",
		Long:    "Have findings count again: entries by the numbers that 'muster advisories ignores' shows.",
		Example: "  muster advisories unignore 3",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, n := range args {
					err := p.UnignoreAdvisory(cmd.Context(), n)
					if muster.KindOf(err) == muster.NotFound {
						return muster.WithHint(err, "muster advisories ignores lists them")
					}
					if err != nil {
						return err
					}
					a.talk("counts again: %s", n)
				}
				return nil
			})
		},
	}
}
