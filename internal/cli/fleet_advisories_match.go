package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/advisory"
	"muster/advisory/systems"
	"muster/api"
	"muster/sitereport"
)

type matchOptions struct {
	findingFlags
	reportSource
	advisories []string
	forms      []string
	ignore     string
	platform   string
	site, host string
	idle       bool
	exitCode   bool
}

func advisoriesMatchCommand(a *app) *cobra.Command {
	var o matchOptions
	cmd := &cobra.Command{
		Use:   "match [--advisories FILE]...",
		Short: "List what is known to be vulnerable on this machine, in a report, or on a host of a site",
		Long: `List the packages of a host that advisories speak of, the worst first, each with the
version that repairs it.

With --advisories no server is needed: this machine, the report in a file (as
muster-report, clients of Pakiti or agents of GLPI make them), a list of installed
packages or another root is held against files as publishers have them, compressed or not, of the forms
` + strings.Join(localForms(), ", ") + `.
The form is seen from the content unless --form says it, for all files or for each in
its turn. A folder is one of OSV or CSAF documents. docs/advisories.md says which list
serves which system, and what a verdict is worth.

Without --advisories the server is asked: about a host (--site, --host) or about a site.

The command succeeds whether something is found or not, as debsecan and apt list do;
with --exit-code it ends with 3 when nothing is found, and an error is never "nothing".`,
		Example: `  muster advisories match --advisories tracker.json
  muster advisories match --advisories all.zip --advisories kev.json --report node17.txt --severity high --fixable
  muster-report --print | muster advisories match --advisories tracker.json --report - --json
  dpkg-query -W | muster advisories match --advisories tracker.json --installed - --on debian:12
  muster advisories match --site NIKHEF --host node17.example.org`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.match(cmd.Context(), &o) },
	}
	o.findingFlags.add(cmd)
	o.reportSource.add(cmd)
	o.reportSource.addInstalled(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.advisories, "advisories", nil, "hold against this `FILE`, or folder of OSV or CSAF; may be repeated")
	f.StringArrayVar(&o.forms, "form", nil, "how it is written (default: seen from the content)")
	f.StringVar(&o.ignore, "ignore", "", "what not to count: a `FILE` of YAML or CSV (docs/formats/advisories.md)")
	f.StringVar(&o.platform, "platform", "", "the system that lists are for which do not say so (default: that of the host)")
	f.StringVar(&o.site, "site", "", "ask the server about this site; without one, the site for --ignore")
	f.StringVar(&o.host, "host", "", "ask the server about this host of the site")
	f.BoolVar(&o.idle, "idle", false, "also kernels that do not run")
	f.BoolVar(&o.exitCode, "exit-code", false, "end with 3 when nothing is found")
	f.Lookup("limit").DefValue, o.limit = "0", 0
	cmd.RegisterFlagCompletionFunc("form", matching(words(localForms()...))) //nolint:errcheck // the flag is there
	cmd.RegisterFlagCompletionFunc("platform", none)                         //nolint:errcheck // the flag is there
	return cmd
}

func (a *app) match(ctx context.Context, o *matchOptions) error {
	switch {
	case len(o.advisories) > 0 && o.host != "":
		return usagef("--host asks the server, --advisories reads files: give one of them")
	case len(o.advisories) > 0:
		return a.matchFiles(ctx, o)
	case o.reportSource.given() || o.site == "":
		return muster.WithHint(usagef("there is nothing to hold it against"), "--advisories FILE reads a publisher's list; --site SITE --host HOST asks the server")
	case o.host == "":
		found, err := a.advisories(ctx, o.site, false, o.findingFlags)
		return cmp.Or(err, o.end(found))
	}
	page, err := asPerson(a, func(p *api.PersonClient) (api.FindingPage, error) {
		return hostFindings(ctx, p, o.site, o.host, o.FindingQuery, o.limit)
	})
	if err != nil {
		return err
	}
	if err := a.findingSheet(page.Findings, o.csv).print(page); err != nil {
		return err
	}
	a.talk("%s", countsText(&page.Counts))
	if page.Release != nil {
		a.talkSupport(page.Release)
		if !page.Release.Covered && len(page.Findings) == 0 && o.exitCode {
			return muster.Errorf(muster.NotFound, "no list of advisories speaks of what %s runs", o.host)
		}
	}
	return o.end(len(page.Findings))
}

func (o *matchOptions) end(found int) error {
	if found == 0 && o.exitCode {
		return errNothing
	}
	return nil
}

func (a *app) matchFiles(ctx context.Context, o *matchOptions) error {
	least := advisory.Unknown
	var ignores advisory.Ignores
	var err error
	if o.Severity != "" {
		if least, err = advisory.ParseSeverity(o.Severity); err != nil {
			return usageError{err}
		}
	}
	if o.ignore != "" {
		if ignores, err = a.readIgnores(o.ignore); err != nil {
			return err
		}
	}
	r, err := a.siteReport(ctx, &o.reportSource)
	if err != nil {
		return err
	}
	l, err := a.readAdvisories(ctx, o, r)
	if err != nil {
		return err
	}
	h := advisory.Host{System: r.System, Site: cmp.Or(o.site, r.Site), Packages: r.Packages}
	found := advisory.MatchAll(systems.Builtin(), h, l.builder.Index(), ignores, a.now())
	if err := a.told(&found, r, l); err != nil {
		return err
	}
	m := newMatchFact(r, &found, func(f *advisory.Finding) bool { return o.wants(f, least) }, o)
	m.Release = l.release(&found, &r.System)
	if err := a.matchSheet(m, o.csv).print(m); err != nil {
		return err
	}
	a.talk("%s: %s", cmp.Or(r.Host, "this machine"), countsText(&m.Counts))
	a.talkSupport(&m.Release)
	if !l.lists && o.exitCode && len(m.Findings) == 0 && m.Release.State == api.SupportUnknown {
		return muster.Errorf(muster.NotFound, "nothing is known of %s", platformText(found.Platform))
	}
	return o.end(len(m.Findings))
}

// told warns of what the verdict does not cover. Where it covers nothing that is an
// error: silence would be taken for good news.
func (a *app) told(found *advisory.Findings, r *sitereport.Report, l *advisoryLoader) error {
	if found.Platform.Known {
		if !l.lists {
			a.talk("not covered: there is no list of vulnerabilities among the files; only support is judged")
		}
		return nil
	}
	name := cmp.Or(r.System.Name, strings.TrimSpace(r.System.ID+" "+r.System.Version), "a system that it does not name")
	err := muster.Errorf(muster.NotFound, "no advisories are known to speak of %q", name)
	if len(found.Open) > 0 {
		a.talk("%s: only packages of other managers are judged", err)
		return nil
	}
	return muster.WithHint(err, "docs/advisories.md has the systems that publishers speak of")
}

// wants applies the filters of the command line.
func (o *matchOptions) wants(f *advisory.Finding, least advisory.Severity) bool {
	switch {
	case f.Severity() < least, f.Advisory.EPSS < o.EPSS, o.Exploited && !f.Advisory.Exploited, o.Fixable && f.Fixed == "":
		return false
	case o.Text == "":
		return true
	}
	names := append([]string{f.Advisory.ID, f.Package.Name, f.Package.Source}, f.Advisory.Aliases...)
	return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(strings.ToLower(n), strings.ToLower(o.Text)) })
}

// maxIgnores bounds a file of what not to count.
const maxIgnores = 16 << 20

func (a *app) readIgnores(name string) (advisory.Ignores, error) {
	data, err := readBounded(name, maxIgnores, ignoresHint)
	if err != nil {
		return nil, err
	}
	all, err := advisory.ParseIgnores(data)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	for _, e := range all.Expired(a.now()) {
		a.talk("%s:%d: %s has expired and counts again", name, e.Line, cmp.Or(e.ID, e.Package))
	}
	return all, nil
}

// readAdvisories reads all files. Catalogues of exploited vulnerabilities and scores come
// first: they mark what the others say.
func (a *app) readAdvisories(ctx context.Context, o *matchOptions, r *sitereport.Report) (*advisoryLoader, error) {
	table := systems.Builtin()
	host := table.Of(r.System.ID, r.System.Version, r.System.Name)
	l := &advisoryLoader{a: a, ctx: ctx, builder: advisory.NewBuilder(), host: host, opts: advisory.Options{Systems: table, Platform: host}}
	if l.given = o.platform != ""; l.given {
		ecosystem, release, _ := strings.Cut(platformWords(o.platform), " ")
		if l.opts.Platform = table.Ecosystem(ecosystem, release); !l.opts.Platform.Known {
			return nil, usagef("there is no platform %q; there are %s", o.platform, strings.Join(table.Ecosystems(), ", "))
		}
	}
	files, err := advisoryFiles(o)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := l.load(f); err != nil {
			return nil, err
		}
	}
	if host.Known && l.lists && !l.speaks {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "%s says nothing of %s", strings.Join(o.advisories, ", "), strings.TrimSpace(host.Ecosystem+" "+host.Release)),
			"take the list of that system: docs/advisories.md")
	}
	return l, nil
}

// An advisoryFile is a file, or folder, of advisories.
type advisoryFile struct {
	name, form string
	folder     bool
}

// advisoryFiles sees the forms of all that is named; what marks others comes first.
func advisoryFiles(o *matchOptions) (all []advisoryFile, err error) {
	if n := len(o.forms); n > 1 && n != len(o.advisories) {
		return nil, usagef("give --form once, or for each of the %d --advisories", len(o.advisories))
	}
	for i, name := range o.advisories {
		f := advisoryFile{name: name}
		if len(o.forms) > 0 {
			f.form = o.forms[min(i, len(o.forms)-1)]
		}
		if err := f.look(); err != nil {
			return nil, err
		}
		if !slices.Contains(localForms(), f.form) {
			return nil, usagef("there is no form %q of advisories; there are %s", f.form, strings.Join(localForms(), ", "))
		}
		all = append(all, f)
	}
	marks := func(f advisoryFile) bool { return f.form == "kev" || f.form == "epss" }
	first := slices.DeleteFunc(slices.Clone(all), func(f advisoryFile) bool { return !marks(f) })
	return append(first, slices.DeleteFunc(all, marks)...), nil
}
