package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster/api"
)

type sitePackagesOptions struct {
	at, text string
	csv      bool
}

func sitesPackagesCommand(a *app) *cobra.Command {
	var o sitePackagesOptions
	cmd := &cobra.Command{
		Use:   "packages SITE [HOST]",
		Short: "List the packages of a host or of a whole site, now or at a date",
		Long: `List the packages that a host has, or all hosts of a site with how many have them, now
or at a date: 2026-11-21, 2026-11-21T15:04 or 7d for a week ago.`,
		Example: `  muster sites packages NIKHEF --text openssl
  muster sites packages NIKHEF node17.example.org --at 2026-10-01
  muster sites packages NIKHEF --csv > nikhef.csv`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.sitePackages(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.at, "at", "", "as it was at this date")
	f.StringVar(&o.text, "text", "", "only those with this in the name, or that of the source")
	csvFlag(cmd, &o.csv)
	return cmd
}

func (a *app) sitePackages(ctx context.Context, args []string, o sitePackagesOptions) error {
	when, err := a.dateOr(o.at)
	if err != nil {
		return err
	}
	page, err := asPerson(a, func(p *api.PersonClient) (api.SitePackages, error) {
		if len(args) == 1 {
			page, err := p.SitePackages(ctx, args[0], o.text, when, 0)
			return page, siteHint(err)
		}
		page, err := p.SiteHostPackages(ctx, args[0], args[1], when)
		page.Packages = slices.DeleteFunc(page.Packages, func(k api.SitePackage) bool {
			return !strings.Contains(k.Name, o.text) && !strings.Contains(k.Source, o.text)
		})
		return page, siteHostHint(err, args[0])
	})
	if err != nil {
		return err
	}
	s := a.packageSheet(page.Packages, len(args) == 1, o.csv)
	if !o.csv && !a.json && len(args) == 1 {
		a.talk("%s", count(page.Hosts, "host"))
	}
	return s.print(page)
}

// packageSheet lists packages; counted also how many hosts have them.
func (a *app) packageSheet(all []api.SitePackage, counted, csv bool) *sheet {
	s := a.sheet(csv, "no packages", "name", "version", "arch", "manager", "source", "system")
	if counted {
		s.head = append(s.head, "hosts")
	}
	for i := range all {
		k := &all[i]
		cells := []string{k.Name, k.Version, k.Arch, k.Manager, sourceText(k), k.System}
		if counted {
			cells = append(cells, strconv.Itoa(k.Hosts))
		}
		s.add(cells...)
	}
	return s
}

func sourceText(k *api.SitePackage) string {
	return strings.TrimSpace(k.Source + " " + k.SourceVersion)
}

type siteDiffOptions struct {
	from, to string
	csv      bool
}

func sitesDiffCommand(a *app) *cobra.Command {
	var o siteDiffOptions
	cmd := &cobra.Command{
		Use:   "diff SITE [HOST] --from DATE",
		Short: "Show which packages changed between two dates",
		Long: `Show which packages of a host or a whole site came, went or changed their version
between two dates; --to is now unless you say another. Of a site each line has by how
many hosts more or fewer have it.`,
		Example: `  muster sites diff NIKHEF --from 7d
  muster sites diff NIKHEF node17.example.org --from 2026-10-01 --to 2026-11-01`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.siteDiff(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "since this date: 2026-11-21, 7d")
	f.StringVar(&o.to, "to", "", "until this date (default: now)")
	csvFlag(cmd, &o.csv)
	cmd.MarkFlagRequired("from")
	return cmd
}

func (a *app) siteDiff(ctx context.Context, args []string, o siteDiffOptions) error {
	from, err := a.date(o.from)
	if err != nil {
		return err
	}
	to, err := a.dateOr(o.to)
	if err != nil {
		return err
	}
	if to > 0 && to < from {
		return usagef("--to %s is before --from %s", o.to, o.from)
	}
	d, err := asPerson(a, func(p *api.PersonClient) (api.SiteDiff, error) {
		if len(args) == 1 {
			d, err := p.SiteDiff(ctx, args[0], from, to)
			return d, siteHint(err)
		}
		d, err := p.SiteHostDiff(ctx, args[0], args[1], from, to)
		return d, siteHostHint(err, args[0])
	})
	if err != nil {
		return err
	}
	s := a.sheet(o.csv, "nothing has changed", "change", "name", "from", "to", "arch", "manager", "hosts")
	for _, c := range siteChanges(&d) {
		s.add(c.op, c.Name, c.from, c.to, c.Arch, c.Manager, c.hosts)
	}
	return s.print(d)
}

// A siteChange is a line of a difference.
type siteChange struct {
	op, from, to, hosts string
	api.SitePackage
}

// siteChanges brings together what left and what came: one version in the place of
// another is one change.
func siteChanges(d *api.SiteDiff) (all []siteChange) {
	type key struct{ manager, name, arch, system string }
	of := func(k *api.SitePackage) key { return key{k.Manager, k.Name, k.Arch, k.System} }
	came, went := map[key][]*api.SitePackage{}, map[key]int{}
	for i := range d.Added {
		came[of(&d.Added[i])] = append(came[of(&d.Added[i])], &d.Added[i])
	}
	for i := range d.Removed {
		went[of(&d.Removed[i])]++
	}
	for i := range d.Removed {
		old := &d.Removed[i]
		k := of(old)
		if went[k] == 1 && len(came[k]) == 1 && old.Version != came[k][0].Version {
			new := came[k][0]
			all = append(all, siteChange{"changed", old.Version, new.Version, by(-old.Hosts, new.Hosts), *old})
			delete(came, k)
			continue
		}
		all = append(all, siteChange{"removed", old.Version, "", by(-old.Hosts, 0), *old})
	}
	for _, news := range came {
		for _, new := range news {
			all = append(all, siteChange{"added", "", new.Version, by(0, new.Hosts), *new})
		}
	}
	slices.SortFunc(all, func(x, y siteChange) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Manager, y.Manager), cmp.Compare(x.System, y.System), cmp.Compare(x.Arch, y.Arch), cmp.Compare(y.op, x.op), cmp.Compare(x.from+x.to, y.from+y.to))
	})
	return all
}

// by says by how many hosts fewer and more have something; of one host nothing.
func by(fewer, more int) string {
	var parts []string
	if fewer != 0 {
		parts = append(parts, strconv.Itoa(fewer))
	}
	if more != 0 {
		parts = append(parts, "+"+strconv.Itoa(more))
	}
	return strings.Join(parts, " ")
}

func sitesHistoryCommand(a *app) *cobra.Command {
	var version string
	var csv, hosts bool
	cmd := &cobra.Command{
		Use:   "history PACKAGE",
		Short: "Show when versions of a package appeared and vanished",
		Long: `Show when each version of a package, or of all that is built from a source package,
appeared on a host that you may see, when the last one had it, how many have it now
and how many ever had it. With --hosts, which hosts have it now.`,
		Example: "  muster sites history openssl\n  muster sites history openssl --version 3.0.15-1~deb12u1 --hosts",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if hosts {
				return a.sighted(cmd.Context(), api.SightedQuery{Name: args[0], Version: version}, csv)
			}
			page, err := asPerson(a, func(p *api.PersonClient) (api.SightingPage, error) {
				return p.Sightings(cmd.Context(), args[0], version)
			})
			if err != nil {
				return err
			}
			s := a.sheet(csv, "no host had it", "name", "version", "arch", "system", "appeared", "vanished", "now", "ever")
			for i := range page.Sightings {
				x := &page.Sightings[i]
				s.add(x.Name, x.Version, x.Arch, x.System, s.time(x.Appeared, ""), s.time(x.Vanished, ""), strconv.Itoa(x.Now), strconv.Itoa(x.Hosts))
			}
			return s.print(page.Sightings)
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "only this version")
	cmd.Flags().BoolVar(&hosts, "hosts", false, "the hosts that have it now")
	csvFlag(cmd, &csv)
	return cmd
}

// sighted lists who has a package.
func (a *app) sighted(ctx context.Context, q api.SightedQuery, csv bool) error {
	all, err := asPerson(a, func(p *api.PersonClient) (all []api.SightedHost, err error) {
		for {
			page, err := p.Sighted(ctx, q)
			all = append(all, page.Hosts...)
			if q.Cursor = page.Next; err != nil || q.Cursor == "" {
				return all, err
			}
		}
	})
	if err != nil {
		return err
	}
	s := a.sheet(csv, "no host has it", "site", "host", "tag", "system", "package", "version", "arch", "heard of")
	for i := range all {
		x := &all[i]
		s.add(siteOr(x.Site, csv), x.Name, x.Tag, x.System, x.Package, x.Version, x.Arch, s.time(x.Last, ""))
	}
	return s.print(all)
}
