package console

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/index"
	"muster/internal/console/chart"
	"muster/internal/steer"
	"muster/pkgfile"
)

// A packagePage is all about one package, in tabs.
type packagePage struct {
	*index.Entry // the version that is looked at
	About        string
	Tabs         []entry
	Tab          string
	Versions     []versionRow
	Chosen       int // number of it
	Hosts        int // that have any version
	All          int // hosts
	Spread       template.HTML
	Time         *spread // how it came to be so; nil: nobody is told
	Followed     bool    // somebody chose it to be counted
	MayCount     bool    // whoever looks may choose so
	Signed       []signedBy
	File         *steer.File // nil: it cannot be read
	Unread       *problem
	Published    []api.AuditEntry

	By     []assignedBy // who says that it should be there, or must not
	Rest   bool         // there may be more of them
	Graph  template.HTML
	Needs  []needed
	Needed []needed

	Files []pkgfile.File
	Count int
	More  int
	Bytes int64
}

// A versionRow is one version on some platforms.
type versionRow struct {
	*index.Entry
	Href  string
	Here  bool
	Hosts int
	Share template.HTML
}

// signedBy is who signed, and when they say they did.
type signedBy struct {
	Name string
	Time int64
}

// assignedBy is a package that says whether this one should be there.
type assignedBy struct {
	steer.Assigner
	Href    string
	What    string // host pc-1, group lab
	Forbids bool
}

var packageTabs = []struct {
	name, title string
	load        func(*packagePage, *visit, *steer.List) error
}{
	{"hosts", "Versions and hosts", (*packagePage).hosts},
	{"relations", "What it needs", (*packagePage).relations},
	{"files", "Files", (*packagePage).files},
	{"stanza", "Everything it says", nil},
}

func packageShow(v *visit) (any, error) {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, err
	}
	name := v.PathValue("name")
	all := list.Find(name)
	if all == nil {
		if all, err = list.Of(v.ctx(), name); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "the repository has no package %.130q", name), "%s", v.t("it may have been taken out"))
	}
	v.title = name
	p := &packagePage{}
	p.choose(v, all)
	p.About = p.Summary(v.lang)
	p.open(v, list)
	tab := packageTabs[0]
	for _, t := range packageTabs {
		if t.name == v.query("tab") {
			tab = t
		}
	}
	p.Tab = tab.name
	for _, t := range packageTabs {
		p.Tabs = append(p.Tabs, entry{Title: v.t(t.title), Href: v.link("/packages/"+name, "tab", t.name, "file", v.query("file")), Here: t.name == tab.name})
	}
	if tab.load == nil {
		return p, nil
	}
	return p, tab.load(p, v, list)
}

// choose takes the file that the URL names, or the newest.
func (p *packagePage) choose(v *visit, all []*index.Entry) {
	p.Entry = all[0]
	for i, e := range all {
		if short(e.SHA256) == v.query("file") {
			p.Entry, p.Chosen = e, i
		}
	}
	for i, e := range all {
		p.Versions = append(p.Versions, versionRow{Entry: e, Here: i == p.Chosen, Href: v.link("/packages/"+e.Name, "tab", v.query("tab"), "file", short(e.SHA256))})
	}
}

// open reads what the file itself says. Where it cannot be read the page says so, and
// shows the rest.
func (p *packagePage) open(v *visit, list *steer.List) {
	file, err := list.Open(v.ctx(), p.Entry)
	if err != nil {
		p.Unread = problemOf(err)
		for _, f := range p.Signers {
			p.Signed = append(p.Signed, signedBy{Name: short(f)})
		}
		return
	}
	p.File = file
	for _, s := range file.Signatures {
		p.Signed = append(p.Signed, signedBy{s.Signer.Subject.CommonName, s.Time.Unix()})
	}
	if !v.mayAll(api.VerbAdminister) {
		return // to ask for the log anyway stands in it, as a refusal
	}
	page, err := v.api.Audit(v.ctx(), api.AuditQuery{Target: p.Name + " " + p.Version, Limit: 20})
	if err != nil {
		return // the rest can be seen
	}
	for _, e := range page.Entries {
		if e.Outcome == api.AuditDone && e.Verb == string(api.VerbPublish) {
			p.Published = append(p.Published, e)
		}
	}
}

// maxVersions bounds how many versions hosts are counted of.
const maxVersions = 40

// hosts counts who has which version, and lists who says that hosts should.
func (p *packagePage) hosts(v *visit, list *steer.List) error {
	any := "muster:" + p.Name
	searches := []string{"", any}
	for _, row := range p.Versions[:min(len(p.Versions), maxVersions)] {
		searches = append(searches, any+"="+row.Version)
	}
	counts, err := v.counts(searches)
	if err != nil {
		return err
	}
	p.All, p.Hosts = counts[""], counts[any]
	p.spread(v, counts)
	if err := p.history(v); err != nil {
		return err
	}
	return p.assigners(v, list)
}

// spread shows how the hosts are spread over the versions. Packages of several
// platforms have one version.
func (p *packagePage) spread(v *visit, counts map[string]int) {
	var parts []chart.Part
	known := 0
	for i := range p.Versions {
		row := &p.Versions[i]
		n := counts["muster:"+p.Name+"="+row.Version]
		if i > 0 && row.Version == p.Versions[i-1].Version {
			row.Hosts, row.Share = p.Versions[i-1].Hosts, p.Versions[i-1].Share
			continue
		}
		row.Hosts, known = n, known+n
		part := chart.Part{Name: row.Version, Value: float64(n), Href: v.searchFor("muster:" + p.Name + "=" + row.Version), Text: v.words().number(n)}
		if n > 0 {
			parts = append(parts, part)
		}
		row.Share = chart.Share(row.Version, float64(p.All), part)
	}
	if other := p.Hosts - known; other > 0 {
		parts = append(parts, chart.Part{Name: v.t("versions that are not here any more"), Value: float64(other), Class: "off", Text: v.words().number(other)})
	}
	p.Spread = chart.Share(v.t("Hosts by version"), float64(p.Hosts), parts...)
}

// patience is how long a page waits for packages of hosts and units that nobody has read
// before.
const patience = 250 * time.Millisecond

// assigners are whose packages say that this one should be there, or must not.
func (p *packagePage) assigners(v *visit, list *steer.List) error {
	binned, all, err := list.Binned(v.ctx(), patience)
	if err != nil {
		return err
	}
	p.Rest = !all
	var ids []string
	for _, a := range slices.Concat(list.Assigners(), binned) {
		if a.Assigns(p.Name) || a.Forbids(p.Name) {
			p.By = append(p.By, assignedBy{Assigner: a, Href: v.link("/packages/" + a.Name), What: a.Name, Forbids: !a.Assigns(p.Name)})
			if a.Kind == muster.Host {
				ids = append(ids, a.Name)
			}
		}
	}
	return p.nameAssigners(v, ids)
}

// maxAssigners bounds how many of them a page shows.
const maxAssigners = 200

func (p *packagePage) nameAssigners(v *visit, ids []string) error {
	if len(p.By) > maxAssigners {
		p.By, p.Rest = p.By[:maxAssigners], true
	}
	found, err := v.named(ids[:min(len(ids), maxAssigners)])
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, h := range found {
		names[h.ID] = h.Name
	}
	p.By = slices.DeleteFunc(p.By, func(a assignedBy) bool { return a.Kind == muster.Host && names[a.Name] == "" }) // gone, or not theirs to see
	for i := range p.By {
		switch a := &p.By[i]; a.Kind {
		case muster.Host:
			a.What, a.Href = names[a.Name], v.link("/hosts/"+a.Name)
		case muster.Unit:
			a.What, a.Href = strings.ReplaceAll(a.Name, ".", "/"), v.link("/groups/unit/"+a.Name)
		case muster.Group, muster.Profile:
			a.Href = v.link("/groups/" + string(a.Kind) + "/" + a.Name)
		}
	}
	return nil
}

// maxFiles bounds what a page lists.
const maxFiles = 300

// files are those of the package that the filter lets through.
func (p *packagePage) files(v *visit, _ *steer.List) error {
	if p.File == nil {
		return nil
	}
	filter := strings.ToLower(strings.TrimSpace(v.query("filter")))
	for _, f := range p.File.Files {
		if f.Type != pkgfile.Directory {
			p.Count, p.Bytes = p.Count+1, p.Bytes+f.Size
		}
		if strings.Contains(strings.ToLower(f.Path), filter) {
			p.Files = append(p.Files, f)
		}
	}
	if len(p.Files) > maxFiles {
		p.More, p.Files = len(p.Files)-maxFiles, p.Files[:maxFiles]
	}
	return nil
}

// packageTable is who has which version, for other programs.
func packageTable(v *visit, w http.ResponseWriter) error {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return err
	}
	name, p := v.PathValue("name"), &packagePage{}
	all := list.Find(name)
	if len(all) == 0 {
		return muster.Errorf(muster.NotFound, "the repository has no package %.130q", name)
	}
	p.choose(v, all)
	if err := p.hosts(v, list); err != nil {
		return err
	}
	t := v.table(w, name, "package", "version", "os", "architecture", "hosts", "file")
	for _, r := range p.Versions {
		t.row(r.Name, r.Version, strings.Join(r.OS, " "), strings.Join(r.Architecture, " "), strconv.Itoa(r.Hosts), r.Filename)
	}
	return t.end(nil)
}
