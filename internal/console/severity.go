package console

import (
	"cmp"
	"html/template"
	"net/url"
	"strings"
	"time"

	"muster/api"
	"muster/internal/console/chart"
)

// A level is how bad an advisory is, as a word and a shape.
type level struct {
	badge
	hosts func(*api.HostCounts) int64
}

// levels are from the worst to none at all. The last three of severity look the same: nobody is
// to hurry because of them. Where none was found as no list speaks of a host, that is no level of
// its own to hurry for, and not none.
var levels = []level{
	{badge{"critical", "critical"}, func(c *api.HostCounts) int64 { return c.Critical }},
	{badge{"high", "high"}, func(c *api.HostCounts) int64 { return c.High }},
	{badge{"medium", "medium"}, func(c *api.HostCounts) int64 { return c.Medium }},
	{badge{"low", "low"}, func(c *api.HostCounts) int64 { return c.Low }},
	{badge{"slight", "negligible"}, func(c *api.HostCounts) int64 { return c.Negligible }},
	{badge{"slight", "unknown"}, func(c *api.HostCounts) int64 { return c.Unknown }},
	{badge{"slight", "not covered"}, func(c *api.HostCounts) int64 { return c.Uncovered }},
	{badge{"ok", "none"}, func(c *api.HostCounts) int64 { return c.None }},
}

// severityOf is the badge of a severity.
func severityOf(word string) badge {
	for _, l := range levels {
		if l.Word == word {
			return l.badge
		}
	}
	return badge{"slight", "unknown"}
}

// A tallied badge says how many there are of something, and leads to them.
type tallied struct {
	badge
	N    int64
	Href string
}

// worst are hosts by their worst advisory, those of which none is known left out; to leads to the
// advisories of a severity and above.
func worst(c *api.HostCounts, to func(severity string) string) (all []tallied) {
	for _, l := range levels[:len(levels)-2] {
		if n := l.hosts(c); n > 0 {
			all = append(all, tallied{l.badge, n, to(l.Word)})
		}
	}
	return all
}

// shareOf is the same, as a bar.
func (v *visit) shareOf(c *api.HostCounts, hosts int64) template.HTML {
	var parts []chart.Part
	for _, l := range levels {
		parts = append(parts, chart.Part{Name: v.t(l.Word), Value: float64(l.hosts(c)), Class: l.Class})
	}
	return chart.Share(v.t("Hosts by their worst advisory"), float64(hosts), parts...)
}

// standing is how hosts of a site, or of all of them, stood day by day; nil while there
// are too few days to draw.
func (v *visit) standing(site string) (*spread, error) {
	trend, err := v.api.AdvisoryTrend(v.ctx(), site, v.Now().Add(-spreadFor).Unix())
	if err != nil || len(trend.Points) < 2 {
		return nil, err
	}
	plot := chart.Plot{Title: v.t("Hosts by their worst advisory"), Stacked: true}
	for _, p := range trend.Points {
		plot.Times = append(plot.Times, seconds(p.Day).UTC())
	}
	out, last := &spread{times: len(plot.Times)}, trend.Points[len(trend.Points)-1]
	for _, l := range levels {
		values, any := make([]float64, len(trend.Points)), false
		for i := range trend.Points {
			n := l.hosts(&trend.Points[i].Worst)
			values[i], any = float64(n), any || n > 0
		}
		if !any {
			continue
		}
		plot.Lines = append(plot.Lines, chart.Series{Name: v.t(l.Word), Class: l.Class, Values: values})
		out.Lines = append(out.Lines, spreadLine{Name: v.t(l.Word), Class: l.Class, Hosts: int(l.hosts(&last.Worst))})
	}
	out.Plot = chart.Lines(plot)
	return out, nil
}

// place is the path of something within the console, whatever its names have in them.
func place(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

// safeLink is an address that somebody else wrote, if a browser may follow it.
func safeLink(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// moment is the end of a day that the URL says; 0 is now.
func (v *visit) moment(name string) (int64, error) {
	at, err := day(name, v.query(name), true)
	if at >= v.Now().Unix() {
		at = 0
	}
	return at, err
}

// daysBefore is a day of the past, as a form has it.
func (v *visit) daysBefore(n int) string {
	return v.Now().UTC().Add(-time.Duration(n) * 24 * time.Hour).Format(time.DateOnly)
}

// changedPackage is a package with what was there before and after.
type changedPackage struct {
	Name, Manager, Arch, System string
	Before, After               []api.SitePackage
}

// changed pairs what went with what came.
func changed(d api.SiteDiff) (all []*changedPackage) {
	by := map[[4]string]*changedPackage{}
	of := func(p api.SitePackage) *changedPackage {
		key := [4]string{p.Manager, p.Name, p.Arch, p.System}
		if by[key] == nil {
			by[key] = &changedPackage{Name: p.Name, Manager: p.Manager, Arch: p.Arch, System: p.System}
			all = append(all, by[key])
		}
		return by[key]
	}
	for _, p := range d.Removed {
		c := of(p)
		c.Before = append(c.Before, p)
	}
	for _, p := range d.Added {
		c := of(p)
		c.After = append(c.After, p)
	}
	return all
}

// Op is what happened, as in the history of hosts.
func (c *changedPackage) Op() string {
	switch {
	case len(c.Before) == 0:
		return "installed"
	case len(c.After) == 0:
		return "removed"
	}
	return "changed"
}

func (c *changedPackage) compare(o *changedPackage) int {
	return cmp.Or(cmp.Compare(c.Name, o.Name), cmp.Compare(c.Arch, o.Arch), cmp.Compare(c.System, o.System))
}
