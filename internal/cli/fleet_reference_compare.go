package cli

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/advisory/systems"
	"muster/api"
	"muster/reference"
)

type compareOptions struct {
	reportSource
	by, site, host, at, verdict, tag string
	pkg                              string
	newest                           string
	all, csv, exitCode               bool
	limit                            int
}

// unfit asks for what is not as wanted.
const unfit = "unfit"

func verdicts() []string {
	all := []string{unfit}
	for _, v := range reference.Verdicts {
		all = append(all, v.String())
	}
	return all
}

func referenceCompareCommand(a *app) *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare NAME|FILE",
		Short: "Compare hosts with a reference: who is behind",
		Long: `Compare hosts with a reference.

NAME is one of the server: hosts (--by host), sites (--by site) or rows of the list (--by
package) with how many of each verdict there are; with --host every row about one host,
now or at a date. With --package only the rows of that package count, and hosts are listed
with the versions that they have of it.

FILE needs no server: what ends in .yaml, .yml or .csv, or has a folder before it. It is
held against this machine, the report in a file or another root. What is as wanted is
left out unless you ask with --all.

The verdicts are behind, equal, ahead, missing, unexpected and expired; unfit is all
that is not as wanted. The command succeeds whoever is behind; with --exit-code it ends
with 3 when everything is as wanted.`,
		Example: `  muster reference compare baseline --by site
  muster reference compare baseline --site NIKHEF --verdict behind
  muster reference compare baseline --package openssl --verdict behind
  muster reference compare baseline --site NIKHEF --host node17.example.org --at 2026-10-01
  muster reference compare baseline.yaml --report node17.txt --all`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.compareReference(cmd.Context(), args[0], &o, cmd.Flags().Changed("site"))
		},
		ValidArgsFunction: matching(files("yaml", "yml", "csv")),
	}
	o.add(cmd)
	o.addInstalled(cmd)
	f := cmd.Flags()
	f.StringVar(&o.by, "by", api.ReferenceByHost, "host, site or package")
	f.StringVar(&o.site, "site", "", "only this site; '' are the hosts under agents; of a FILE: the site to judge for")
	f.StringVar(&o.host, "host", "", "every row about this host of the site")
	f.StringVar(&o.at, "at", "", "with --host: as it was at this date")
	f.StringVar(&o.verdict, "verdict", "", "only what has this verdict, or unfit")
	f.StringVar(&o.pkg, "package", "", "only rows of this name, as the list has it, or this unexpected package")
	f.StringVar(&o.tag, "tag", "", "of a FILE: the tag to judge for")
	f.StringVar(&o.newest, "newest-of", "", "of a FILE: the list of which its wishes 'newest' speak")
	f.BoolVar(&o.all, "all", false, "also rows that are as wanted")
	f.BoolVar(&o.exitCode, "exit-code", false, "end with 3 when everything is as wanted")
	f.IntVar(&o.limit, "limit", 0, "at most so many lines (default: all)")
	csvFlag(cmd, &o.csv)
	cmd.RegisterFlagCompletionFunc("by", matching(words("host", "site", "package"))) //nolint:errcheck // the flag is there
	cmd.RegisterFlagCompletionFunc("verdict", matching(words(verdicts()...)))        //nolint:errcheck // the flag is there
	return cmd
}

// isListFile tells files from names of the server.
func isListFile(arg string) bool {
	return strings.ContainsAny(arg, `/\`) || slices.Contains([]string{".yaml", ".yml", ".csv"}, strings.ToLower(filepath.Ext(arg)))
}

func (a *app) compareReference(ctx context.Context, arg string, o *compareOptions, site bool) error {
	if o.verdict != "" && !slices.Contains(verdicts(), o.verdict) {
		return usagef("there is no verdict %q; there are %s", o.verdict, strings.Join(verdicts(), ", "))
	}
	offline := o.given() || isListFile(arg)
	switch {
	case offline && (o.host != "" || o.at != ""):
		return usagef("--host and --at ask the server, %q is a file: give --report", arg)
	case o.pkg != "" && (offline || o.host != ""):
		return usagef("--package asks the server which hosts have it, not one host or file")
	case offline:
		return a.compareFile(ctx, arg, o)
	case o.at != "" && o.host == "":
		return usagef("--at is for one host: give --host")
	case o.host != "":
		return a.compareHost(ctx, arg, o)
	}
	q := api.ReferenceQuery{By: o.by, Verdict: o.verdict, Package: o.pkg}
	if site {
		q.Site = &o.site
	}
	c, err := asPerson(a, func(p *api.PersonClient) (api.ReferenceComparison, error) {
		return comparePages(ctx, p, arg, q, o.limit)
	})
	if err != nil {
		return err
	}
	if err := a.comparisonSheet(&c, o).print(c); err != nil {
		return err
	}
	a.talk("%d of %s as wanted", c.Fit, countAre(c.Hosts, "host"))
	return o.end(c.Hosts - c.Fit)
}

func (o *compareOptions) end(bad int) error {
	if bad == 0 && o.exitCode {
		return errNothing
	}
	return nil
}

func (a *app) comparisonSheet(c *api.ReferenceComparison, o *compareOptions) *sheet {
	csv := o.csv
	none := "no host has this verdict"
	if c.Hosts == 0 {
		none = "the list speaks of no host that you may see"
	}
	var s *sheet
	switch c.By {
	case api.ReferenceBySite:
		s = a.sheet(csv, none, append([]string{"site", "hosts", "fit"}, countHead...)...)
		for i := range c.BySite {
			x := &c.BySite[i]
			s.add(append([]string{siteOr(x.Site, csv), strconv.Itoa(x.Hosts), strconv.Itoa(x.Fit)}, countCells(&x.Counts)...)...)
		}
	case api.ReferenceByPackage:
		s = a.sheet(csv, none, append([]string{"package", "arch", "want"}, countHead...)...)
		for i := range c.ByPackage {
			x := &c.ByPackage[i]
			s.add(append([]string{x.Name, x.Arch, cmp.Or(x.Want, "(not listed)")}, countCells(&x.Counts)...)...)
		}
	default:
		head := append([]string{"site", "host", "tag"}, countHead...)
		if o.pkg != "" {
			head = append(head, "have")
		}
		s = a.sheet(csv, none, head...)
		for i := range c.ByHost {
			x := &c.ByHost[i]
			cells := append([]string{siteOr(x.Site, csv), x.Name, x.Tag}, countCells(&x.Counts)...)
			if o.pkg != "" {
				cells = append(cells, strings.Join(x.Have, " "))
			}
			s.add(cells...)
		}
	}
	return s
}

func (a *app) compareHost(ctx context.Context, name string, o *compareOptions) error {
	if o.site == "" {
		return muster.WithHint(usagef("say the site of host %q", o.host), "--site SITE")
	}
	when, err := a.dateOr(o.at)
	if err != nil {
		return err
	}
	r, err := asPerson(a, func(p *api.PersonClient) (out api.ReferenceReport, err error) {
		h, err := p.SiteHost(ctx, o.site, o.host)
		if err != nil {
			return out, siteHostHint(err, o.site)
		}
		out, err = p.ReferenceHostReport(ctx, name, h.ID, when)
		return out, referenceHint(err)
	})
	if err != nil {
		return err
	}
	if !r.Covered {
		return muster.WithHint(muster.Errorf(muster.NotFound, "reference %q does not speak of host %q", name, o.host), "muster reference show %s: its part 'for'", name)
	}
	return a.printRows(&r, o)
}

// compareFile compares without a server.
func (a *app) compareFile(ctx context.Context, name string, o *compareOptions) error {
	l, err := readList(name)
	if err != nil {
		return err
	}
	if l, err = a.resolve(l, o.newest); err != nil {
		return err
	}
	r, err := a.siteReport(ctx, &o.reportSource)
	if err != nil {
		return err
	}
	h := &reference.Host{Site: cmp.Or(o.site, r.Site), Tag: cmp.Or(o.tag, r.Tag), System: r.System,
		Platform: systems.Builtin().Of(r.System.ID, r.System.Version, r.System.Name)}
	if !l.For.Covers(h) {
		return muster.WithHint(muster.Errorf(muster.NotFound, "list %q does not speak of %s, of tag %q and site %q", name, cmp.Or(r.Host, "this machine"), h.Tag, h.Site),
			"--tag and --site say of what; its part 'for' says which hosts it is for")
	}
	out := api.ReferenceReport{Reference: cmp.Or(l.Name, name), Host: api.ReferenceHost{Name: r.Host, Site: h.Site, Tag: h.Tag}, Covered: true, Rows: []api.ReferenceRow{}}
	rows := reference.Compare(l, h, r.Packages, a.now().Unix())
	for i := range rows {
		x := &rows[i]
		out.Rows = append(out.Rows, api.ReferenceRow{Name: x.Name, Manager: x.Manager, Arch: x.Arch, Have: x.Have, Counts: x.Counts, Want: x.Want,
			Verdict: x.Verdict.String(), Fits: x.Fits, Doubt: x.Doubt, Until: x.Until, Note: x.Note})
	}
	return a.printRows(&out, o)
}

// printRows prints what was asked for of the rows about one host.
func (a *app) printRows(r *api.ReferenceReport, o *compareOptions) error {
	bad, all := 0, len(r.Rows)
	for i := range r.Rows {
		countRow(&r.Host.Counts, &r.Rows[i])
		if !r.Rows[i].Fits {
			bad++
		}
	}
	r.Rows = slices.DeleteFunc(r.Rows, func(x api.ReferenceRow) bool {
		switch o.verdict {
		case "":
			return x.Fits && !o.all && x.Verdict != reference.Expired.String()
		case unfit:
			return x.Fits
		}
		return x.Verdict != o.verdict
	})
	if o.limit > 0 && len(r.Rows) > o.limit {
		r.Rows = r.Rows[:o.limit]
	}
	s := a.sheet(o.csv, "nothing to show", "verdict", "package", "have", "want", "arch", "note")
	for i := range r.Rows {
		x := &r.Rows[i]
		s.add(x.Verdict, x.Name, strings.Join(x.Have, " "), x.Want, x.Arch, rowNote(x))
	}
	if err := s.print(r); err != nil {
		return err
	}
	a.talk("%s: %d of %s as wanted", cmp.Or(r.Host.Name, "this machine"), all-bad, countAre(all, "row"))
	return o.end(bad)
}

// countAre is "1 host is", "2 hosts are".
func countAre(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " is"
	}
	return count(n, noun) + " are"
}

func countRow(c *api.ReferenceCounts, x *api.ReferenceRow) {
	if n := map[string]*int64{"behind": &c.Behind, "equal": &c.Equal, "ahead": &c.Ahead, "missing": &c.Missing, "unexpected": &c.Unexpected, "expired": &c.Expired}[x.Verdict]; n != nil {
		*n++
	}
	if !x.Fits {
		c.Unfit++
	}
}

func rowNote(x *api.ReferenceRow) string {
	var parts []string
	for _, p := range []string{x.Doubt, x.Note} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if x.Verdict == "ahead" && !x.Fits {
		parts = append(parts, "further than is allowed")
	}
	return strings.Join(parts, "; ")
}

// readList reads a list of wanted versions.
func readList(name string) (*reference.List, error) {
	data, err := readBounded(name, reference.MaxCSV, listHint)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		return reference.ParseCSV(name, data, reference.List{})
	}
	return reference.ParseYAML(name, data)
}

// resolve makes wishes for the newest version definite.
func (a *app) resolve(l *reference.List, newest string) (*reference.List, error) {
	wishes := slices.ContainsFunc(l.Wanted, func(w reference.Wanted) bool { return w.Want.Mode == reference.NewestIn })
	switch {
	case newest == "" && wishes:
		return nil, muster.WithHint(usagef("the list wants the newest of %q", l.NewestOf), "--newest-of FILE: that list; 'muster reference import --print NAME INDEX' makes one of a repository")
	case newest == "":
		return l, nil
	}
	other, err := readList(newest)
	if err != nil {
		return nil, err
	}
	definite, unresolved := l.Resolve(other)
	for _, name := range unresolved {
		a.talk("the newest version of %s is wanted, and not known: %s does not have it", name, newest)
	}
	return definite, nil
}
