package cli

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/sitereport"
)

// look sees whether it is a folder, and its form where nobody said it.
func (f *advisoryFile) look() error {
	in, err := open(f.name, advisoriesHint)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	f.folder = info.IsDir()
	switch {
	case f.form != "":
		return nil
	case f.folder:
		f.form, err = guessFolder(f.name)
	default:
		f.form, err = guessFile(in, f.name)
	}
	return err
}

// guessFolder takes a folder for what its first document is.
func guessFolder(name string) (form string, err error) {
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) != ".json" {
			return err
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		if form, err = guessFile(in, path); err != nil {
			return err
		}
		return fs.SkipAll
	})
	switch {
	case err != nil:
		return "", err
	case form != "osv" && form != "csaf":
		return "", usagef("folder %q has no documents of OSV or CSAF; name its files", name)
	}
	return form, nil
}

// managerOf has the package manager of forms that need not say which system they are for.
// Where they do not, they are taken to be for that of the host.
var managerOf = map[string]string{"updateinfo": "rpm", "oval": "rpm", "secdb": "apk", "support": "dpkg"}

// An advisoryLoader fills an index.
type advisoryLoader struct {
	a       *app
	ctx     context.Context
	builder *advisory.Builder
	kev     *advisory.Catalogue
	scores  *advisory.Scores
	lives   advisory.Lives
	opts    advisory.Options
	host    advisory.Platform
	given   bool // somebody said what lists are for that do not say it
	speaks  bool // something is said of the host's platform
	lists   bool // some of the files are lists of vulnerabilities, whatever the platform
	skipped int
}

func (l *advisoryLoader) load(f advisoryFile) error {
	in, err := open(f.name, advisoriesHint)
	if err != nil {
		return err
	}
	defer in.Close()
	o := l.opts
	o.Name = f.name
	if m := managerOf[f.form]; !l.given && m != l.host.Manager {
		o.Platform = advisory.Platform{} // a list for rpm says nothing of a host with dpkg
	}
	l.skipped = 0
	o.Skip = func(entry string, why error) error {
		if l.skipped++; l.skipped <= 3 {
			l.a.talk("%s: left out %s: %v", f.name, entry, why)
		}
		return l.ctx.Err()
	}
	before := l.a.now()
	if err := l.read(f, in, o); err != nil {
		return err
	}
	if l.skipped > 3 {
		l.a.talk("%s: left out %d entries", f.name, l.skipped)
	}
	if took := l.a.now().Sub(before); took.Seconds() > 5 {
		l.a.talk("read %s in %.0f s", f.name, took.Seconds())
	}
	return l.ctx.Err()
}

func (l *advisoryLoader) read(f advisoryFile, in *os.File, o advisory.Options) (err error) {
	switch {
	case f.form == "kev":
		l.kev, err = advisory.ParseKEV(in, o)
		return err
	case f.form == "epss":
		l.scores, err = advisory.ParseEPSS(in, o)
		return err
	case f.form == "releases":
		return advisory.Releases(in, o, func(v *advisory.Life) error {
			l.lives = append(l.lives, *v)
			return l.ctx.Err()
		})
	case f.form == "support" && !f.folder:
		return advisory.SecuritySupport(in, o, l.addSupport)
	case f.folder && f.form == "csaf":
		return advisory.CSAFFolder(os.DirFS(f.name), o, l.add)
	case f.folder && f.form == "osv":
		return advisory.OSVFolder(os.DirFS(f.name), o, l.add)
	case f.folder:
		return usagef("%q is a folder: only OSV and CSAF come in folders", f.name)
	case f.form == "osv":
		if zip, size, err := isZip(in); err != nil || zip {
			if err != nil {
				return err
			}
			return advisory.OSVZip(in, size, o, l.add)
		}
	}
	return importers[f.form](in, o, l.add)
}

func isZip(in *os.File) (bool, int64, error) {
	info, err := in.Stat()
	if err != nil {
		return false, 0, muster.WithKind(muster.Unavailable, err)
	}
	var head [4]byte
	n, _ := in.ReadAt(head[:], 0) //nolint:errcheck // a file that is too short is none
	return string(head[:n]) == "PK\x03\x04", info.Size(), nil
}

// addSupport takes a package without support, from the day on which that is so. It says
// nothing of vulnerabilities.
func (l *advisoryLoader) addSupport(v *advisory.Advisory) error {
	if v.Published <= l.a.now().Unix() {
		l.builder.Add(v)
	}
	return l.ctx.Err()
}

func (l *advisoryLoader) add(v *advisory.Advisory) error {
	if l.kev != nil {
		l.kev.Mark(v)
	}
	l.scores.Mark(v)
	l.lists = true
	l.speaks = l.speaks || slices.ContainsFunc(v.Affected, func(f advisory.Affected) bool {
		return f.Ecosystem == l.host.Ecosystem && (f.Release == "" || l.host.Release == "" || f.Release == l.host.Release)
	})
	l.builder.Add(v)
	return l.ctx.Err()
}

// matchFact is the JSON form of a match without a server.
type matchFact struct {
	Host     string             `json:"host,omitempty"`
	Site     string             `json:"site,omitempty"`
	Platform string             `json:"platform"`
	Release  api.ReleaseSupport `json:"release"`
	Findings []api.Finding      `json:"findings"`
	Idle     []api.Finding      `json:"idle,omitempty"`
	Counts   api.AdvisoryCounts `json:"counts"`
}

func newMatchFact(r *sitereport.Report, found *advisory.Findings, wanted func(*advisory.Finding) bool, o *matchOptions) *matchFact {
	m := &matchFact{Host: r.Host, Site: cmp.Or(o.site, r.Site), Platform: platformText(found.Platform), Findings: []api.Finding{}}
	worst := map[string]*advisory.Finding{}
	packages := map[string]bool{}
	for i := range found.Open {
		f := &found.Open[i]
		if !wanted(f) {
			continue
		}
		m.Findings = append(m.Findings, wireFinding(f, nil))
		packages[f.Package.Name] = true
		if w := worst[f.Advisory.ID]; w == nil || f.Severity() > w.Severity() {
			worst[f.Advisory.ID] = f
		}
	}
	for _, f := range worst {
		countFinding(&m.Counts, f)
	}
	m.Counts.Packages, m.Counts.Ignored = int64(len(packages)), int64(len(found.Ignored))
	for i := range found.Ignored {
		if f := &found.Ignored[i]; o.Ignored && wanted(&f.Finding) {
			m.Findings = append(m.Findings, wireFinding(&f.Finding, f.Why))
		}
	}
	for i := range found.Idle {
		if f := &found.Idle[i]; o.idle && wanted(f) {
			m.Idle = append(m.Idle, wireFinding(f, nil))
		}
	}
	slices.SortStableFunc(m.Findings, worse)
	if o.Sort == "epss" {
		slices.SortStableFunc(m.Findings, func(x, y api.Finding) int { return cmp.Compare(y.Advisory.EPSS, x.Advisory.EPSS) })
	}
	if o.limit > 0 && len(m.Findings) > o.limit {
		m.Findings = m.Findings[:o.limit]
	}
	return m
}

func platformText(p advisory.Platform) string {
	return strings.TrimSpace(p.Ecosystem + " " + p.Release)
}

func countFinding(c *api.AdvisoryCounts, f *advisory.Finding) {
	*c.Of(f.Severity().String())++
	if f.Advisory.Exploited {
		c.Exploited++
	}
	if f.Fixed != "" {
		c.Fixable++
	}
}

// worse brings the worst findings to the front: exploited, by severity, by package.
func worse(x, y api.Finding) int {
	rank := func(f *api.Finding) int {
		s, err := advisory.ParseSeverity(f.Severity)
		if err != nil {
			s = advisory.Unknown
		}
		if f.Advisory.Exploited {
			return int(s) + 100
		}
		return int(s)
	}
	return cmp.Or(cmp.Compare(rank(&y), rank(&x)), cmp.Compare(x.Package, y.Package), cmp.Compare(x.Advisory.ID, y.Advisory.ID))
}

func wireFinding(f *advisory.Finding, why *advisory.Ignore) api.Finding {
	v := f.Advisory
	out := api.Finding{
		Advisory: api.Advisory{ID: v.ID, Source: v.Source, Aliases: v.Aliases, Summary: v.Summary, Severity: v.Severity.String(), CVSS: v.CVSS, Exploited: v.Exploited, EPSS: v.EPSS, Percentile: v.Percentile,
			Published: v.Published, Modified: v.Modified, References: v.References},
		Package: f.Package.Name, Version: f.Package.Version, Arch: f.Package.Arch, Manager: f.Package.Manager, Origin: f.Package.Source,
		System: platformText(f.Platform), Fixed: f.Fixed, Status: f.Affected.Status, Note: f.Note, Severity: f.Severity().String(),
	}
	if why != nil {
		out.Ignored = &api.AdvisoryIgnore{Advisory: why.ID, Package: why.Package, Platform: why.Platform, Site: why.Site, Reason: why.Reason}
		if !why.Until.IsZero() {
			out.Ignored.Expires = why.Until.Unix()
		}
	}
	return out
}

// matchSheet lists findings, and below them those of kernels that do not run.
func (a *app) matchSheet(m *matchFact, csv bool) *sheet {
	s := a.findingSheet(m.Findings, csv)
	for i := range m.Idle {
		f := &m.Idle[i]
		s.add(f.Package, f.Version, f.Advisory.ID, severityText(f.Severity, f.Advisory.Exploited), epssText(f.Advisory.EPSS), cmp.Or(f.Fixed, "none yet"), strings.TrimSpace(fmt.Sprintf("%s idle: does not run", f.Status)))
	}
	return s
}
