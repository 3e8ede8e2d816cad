package console

import (
	"cmp"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"time"

	"muster"
	"muster/api"
	"muster/internal/console/chart"
	"muster/version"
)

// A spread is how the hosts of a package went from version to version.
type spread struct {
	Package, Href, CSV string
	Plot               template.HTML
	Lines              []spreadLine // the newest version first
	times              int
}

// A spreadLine is one version.
type spreadLine struct {
	Name, Class, Href string
	Hosts             int // now
}

// How much of it pages show.
const (
	spreadFor      = 90 * 24 * time.Hour
	spreadLines    = 6
	spreadsOfFleet = 4 // on the first page
)

// spreads are those of packages, or of those that the server counts. Who may view some
// hosts sees none: of theirs alone nobody kept count.
func (v *visit) spreads(q api.SpreadQuery) (all []spread, chosen []string, err error) {
	if !v.mayAll(api.VerbView) {
		return nil, nil, nil
	}
	q.From = v.Now().Add(-spreadFor).Unix()
	out, err := v.api.Versions(v.ctx(), q)
	if err != nil {
		return nil, nil, unlessDenied(err) // a server of before has no such route
	}
	for _, p := range out.Packages {
		all = append(all, v.spread(p))
	}
	return all, out.Chosen, nil
}

// spread draws one: by day, or by hour while the days are few.
func (v *visit) spread(p api.PackageSpread) spread {
	points := p.Days
	if len(points) < 3 {
		points = p.Hours
	}
	s := spread{Package: p.Package, Href: v.link("/packages/" + p.Package), times: len(points)}
	if v.may(api.VerbReport) {
		s.CSV = v.link("/versions.csv", "package", p.Package)
	}
	if len(points) == 0 {
		return s
	}
	names, plot := drawn(points), chart.Plot{Title: v.t("Versions of %s", p.Package), Stacked: true}
	for _, at := range points {
		plot.Times = append(plot.Times, seconds(at.Time).UTC())
	}
	last := points[len(points)-1]
	add := func(line spreadLine, hosts func(api.SpreadPoint) int) {
		values := make([]float64, len(points))
		for i, at := range points {
			values[i] = float64(hosts(at))
		}
		line.Hosts = hosts(last)
		s.Lines = append(s.Lines, line)
		plot.Lines = append(plot.Lines, chart.Series{Name: line.Name, Class: line.Class, Values: values})
	}
	others := func(at api.SpreadPoint) int { return at.Others + beside(at, names) }
	if slices.ContainsFunc(points, func(at api.SpreadPoint) bool { return others(at) > 0 }) {
		add(spreadLine{Name: v.t("other versions"), Class: "off"}, others)
	}
	for i, name := range names {
		line := spreadLine{Name: name, Class: "c" + decimal(len(names)-i), Href: v.searchFor("muster:" + p.Package + "=" + name)}
		add(line, func(at api.SpreadPoint) int { return at.Versions[name] })
	}
	slices.Reverse(s.Lines)
	s.Plot = chart.Lines(plot)
	return s
}

// drawn are the versions that have a line of their own, the oldest first: those that most
// hosts have, or had.
func drawn(points []api.SpreadPoint) []string {
	most := map[string]int{}
	for i, at := range points {
		for name, n := range at.Versions {
			if i == len(points)-1 {
				n *= 2 // what is there now counts more
			}
			most[name] = max(most[name], n)
		}
	}
	names := slices.SortedFunc(maps.Keys(most), func(a, b string) int { return cmp.Or(most[b]-most[a], cmp.Compare(a, b)) })
	names = names[:min(len(names), spreadLines)]
	slices.SortFunc(names, older)
	return names
}

func older(a, b string) int { return cmp.Or(version.Dpkg(a, b), cmp.Compare(a, b)) }

// beside counts the hosts of versions that have no line.
func beside(at api.SpreadPoint, names []string) (n int) {
	for name, hosts := range at.Versions {
		if !slices.Contains(names, name) {
			n += hosts
		}
	}
	return n
}

// versions are those of the first page: of packages that people chose, and of those of
// which there is more than one.
func (o *overviewPage) versions(v *visit) error {
	all, chosen, err := v.spreads(api.SpreadQuery{Limit: 3 * spreadsOfFleet})
	for _, s := range all {
		if s.times > 1 && len(o.Versions) < spreadsOfFleet && (len(s.Lines) > 1 || slices.Contains(chosen, s.Package)) {
			o.Versions = append(o.Versions, s)
		}
	}
	return err
}

// history is how hosts went from version to version of this package.
func (p *packagePage) history(v *visit) error {
	all, chosen, err := v.spreads(api.SpreadQuery{Packages: []string{p.Name}})
	if err != nil || len(all) == 0 {
		return err
	}
	p.Followed, p.MayCount = slices.Contains(chosen, p.Name), v.may(api.VerbAdminister)
	p.Time = &all[0]
	return nil
}

// changePackage has the server count the versions of a package day by day, or no more.
func changePackage(v *visit) (string, error) {
	name, choose := v.PathValue("name"), v.api.CountVersions
	switch v.PostForm.Get("do") {
	case "count":
	case "leave":
		choose = v.api.LeaveVersions
	default:
		return "", muster.Errorf(muster.Invalid, "it is not said what to do")
	}
	return v.link("/packages/" + name), choose(v.ctx(), name)
}

// versionsTable is what is drawn, in numbers, for other programs.
func versionsTable(v *visit, w http.ResponseWriter) error {
	out, err := v.api.Versions(v.ctx(), api.SpreadQuery{Packages: v.URL.Query()["package"]})
	if err != nil {
		return err
	}
	t := v.table(w, "versions", "package", "day", "version", "hosts")
	for _, p := range out.Packages {
		for _, d := range p.Days {
			day := seconds(d.Time).UTC().Format(time.DateOnly)
			for _, name := range slices.SortedFunc(maps.Keys(d.Versions), older) {
				t.row(p.Package, day, name, decimal(d.Versions[name]))
			}
			if d.Others > 0 {
				t.row(p.Package, day, "", decimal(d.Others))
			}
		}
	}
	return t.end(nil)
}
