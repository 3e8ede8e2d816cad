package console

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/index"
	"muster/internal/console/chart"
	"muster/internal/steer"
)

// perPackages is how many packages a page has: for each, hosts are counted.
const perPackages = 50

// A packagesPage lists what the repository has.
type packagesPage struct {
	Query  string
	Kind   string
	Kinds  []choice // with how many there are
	Rows   []packageRow
	Total  int
	First  string
	Next   string
	CSV    string
	JSON   string
	Absent bool // there is no repository yet
	Setup  string
}

// A packageRow is a package with its newest version.
type packageRow struct {
	*index.Entry
	Others  int // versions beside the newest
	Hosts   int
	Share   template.HTML
	Signers string
	Systems string
}

// A packageKind is what the list may be narrowed to.
type packageKind struct {
	name, title string
	kinds       []muster.Kind // nil: all
}

func (k *packageKind) has(e *index.Entry) bool {
	return k.kinds == nil || slices.Contains(k.kinds, e.Kind)
}

// packageKinds are in the words of people.
var packageKinds = []packageKind{
	{"", "Software", []muster.Kind{muster.Base}},
	{"assign", "Groups and profiles", []muster.Kind{muster.Group, muster.Profile}},
	{"settings", "Settings", []muster.Kind{muster.Config, muster.SelfService, muster.WSUS}},
	{"rollout", "Rollouts", []muster.Kind{muster.Rollout}},
	{"all", "All", nil},
}

func packages(v *visit) (any, error) {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, err
	}
	out := &packagesPage{Query: strings.TrimSpace(v.query("q")), Kind: v.query("kind"), Absent: list.Head == nil, Setup: command("repo", "init", v.outside())}
	out.CSV, out.JSON = v.link("/packages.csv", "q", out.Query, "kind", out.Kind), v.link("/packages.json", "q", out.Query, "kind", out.Kind)
	found := v.foundPackages(list)
	for _, k := range packageKinds {
		out.Kinds = append(out.Kinds, choice{Name: v.link("/packages", "kind", k.name, "q", out.Query), What: v.t(k.title) + " " + v.words().number(len(ofKind(found, &k))), Chosen: k.name == out.Kind})
	}
	names := ofKind(found, v.packageKind())
	out.Total = len(names)
	at := slices.IndexFunc(names, func(name string) bool { return name > v.query("after") })
	if at < 0 {
		return out, nil
	}
	if at > 0 {
		out.First = v.link("/packages", "q", out.Query, "kind", out.Kind)
	}
	if names = names[at:]; len(names) > perPackages {
		names = names[:perPackages]
		out.Next = v.link("/packages", "q", out.Query, "kind", out.Kind, "after", names[perPackages-1])
	}
	v.learnSigners(list, names)
	for _, name := range names {
		out.Rows = append(out.Rows, v.packageRow(list.Find(name)))
	}
	return out, v.countHosts(out.Rows)
}

// maxUnknown is how many packages a list opens to find out who their signers are.
const maxUnknown = 8

// learnSigners opens a package of each signer of whom only the fingerprint is known.
// One that cannot be read leaves that as it is.
func (v *visit) learnSigners(list *steer.List, names []string) {
	opened := 0
	for _, name := range names {
		e := list.Find(name)[0]
		unknown := func(f string) bool { return v.shelf.SignerName(f) == "" }
		if opened < maxUnknown && slices.ContainsFunc(e.Signers, unknown) {
			opened++
			list.Open(v.ctx(), e) //nolint:errcheck // its page says why
		}
	}
}

// matching is a filter of packages by a part of what people know them by.
func (v *visit) matching(query string) func(*index.Entry) bool {
	words := strings.Fields(strings.ToLower(query))
	return func(e *index.Entry) bool {
		text := strings.ToLower(e.Name + "\n" + e.Title + "\n" + e.Description + "\n" + strings.Join(e.Keywords, " "))
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	}
}

// foundPackages are the newest of each name that the URL's words find.
func (v *visit) foundPackages(list *steer.List) (all []*index.Entry) {
	matches := v.matching(v.query("q"))
	for _, name := range list.Names() {
		if e := list.Find(name)[0]; matches(e) {
			all = append(all, e)
		}
	}
	return all
}

// packageKind is the one that the URL asks for.
func (v *visit) packageKind() *packageKind {
	i := slices.IndexFunc(packageKinds, func(k packageKind) bool { return k.name == v.query("kind") })
	return &packageKinds[max(i, 0)]
}

// ofKind are the names of packages of a kind.
func ofKind(all []*index.Entry, k *packageKind) (names []string) {
	for _, e := range all {
		if k.has(e) {
			names = append(names, e.Name)
		}
	}
	return names
}

func (v *visit) packageRow(versions []*index.Entry) packageRow {
	row := packageRow{Entry: versions[0], Signers: v.signerNames(versions[0])}
	var systems []string
	seen := []string{row.Version}
	for _, e := range versions {
		if !slices.Contains(seen, e.Version) {
			seen = append(seen, e.Version)
		}
		for _, os := range e.OS {
			if !slices.Contains(systems, os) {
				systems = append(systems, os)
			}
		}
	}
	row.Others, row.Systems = len(seen)-1, strings.Join(systems, ", ")
	return row
}

// signerNames says who signed, as far as the names are known.
func (v *visit) signerNames(e *index.Entry) string {
	var names []string
	for _, f := range e.Signers {
		name := v.shelf.SignerName(f)
		if name == "" {
			name = short(f)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// countHosts counts who has the packages in any version.
func (v *visit) countHosts(rows []packageRow) error {
	searches := []string{""}
	for _, r := range rows {
		searches = append(searches, "muster:"+r.Name)
	}
	counts, err := v.counts(searches)
	for i := range rows {
		row := &rows[i]
		row.Hosts = counts["muster:"+row.Name]
		row.Share = chart.Share(v.t("Hosts that have it"), float64(counts[""]), chart.Part{Name: row.Name, Value: float64(row.Hosts), Class: "ok", Text: v.words().number(row.Hosts)})
	}
	return err
}

// packagesTable is the list as a whole, for other programs.
func packagesTable(v *visit, w http.ResponseWriter) error {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return err
	}
	t := v.table(w, "packages", "package", "version", "kind", "title", "os", "architecture", "size", "signers", "file")
	for _, name := range ofKind(v.foundPackages(list), v.packageKind()) {
		for _, e := range list.Find(name) {
			t.row(e.Name, e.Version, string(e.Kind), e.Title, strings.Join(e.OS, " "), strings.Join(e.Architecture, " "),
				strconv.FormatInt(e.Size, 10), strings.Join(e.Signers, " "), e.Filename)
		}
	}
	return t.end(nil)
}
