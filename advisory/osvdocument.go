package advisory

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/advisory/systems"
	"muster/version"
)

// osvDocument has the fields that are read.
type osvDocument struct {
	ID         string         `json:"id"`
	Published  string         `json:"published"`
	Modified   string         `json:"modified"`
	Withdrawn  string         `json:"withdrawn"`
	Aliases    []string       `json:"aliases"`
	Upstream   []string       `json:"upstream"`
	Related    []string       `json:"related"`
	Summary    string         `json:"summary"`
	Details    string         `json:"details"`
	Severity   []osvSeverity  `json:"severity"`
	Affected   []osvAffected  `json:"affected"`
	References []osvReference `json:"references"`
	Database   osvSpecific    `json:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type osvReference struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type osvAffected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
		URL       string `json:"purl"`
	} `json:"package"`
	Severity  []osvSeverity `json:"severity"`
	Ranges    []osvRange    `json:"ranges"`
	Versions  []string      `json:"versions"`
	Ecosystem osvSpecific   `json:"ecosystem_specific"`
	Database  osvSpecific   `json:"database_specific"`
}

// osvSpecific is what databases and ecosystems add in fields of their own; any
// other form of it says nothing here.
type osvSpecific struct{ urgency, severity string }

func (s *osvSpecific) UnmarshalJSON(data []byte) error {
	var fields struct {
		Urgency  any `json:"urgency"`
		Severity any `json:"severity"`
	}
	if json.Unmarshal(data, &fields) == nil {
		s.urgency, _ = fields.Urgency.(string)
		s.severity, _ = fields.Severity.(string)
	}
	return nil
}

func (in *osvReader) advisory(doc *osvDocument) (*Advisory, error) {
	if err := checkText("id", doc.ID); err != nil {
		return nil, err
	}
	if len(doc.Affected) > maxAffected {
		return nil, muster.Errorf(muster.Invalid, "more than %d affected packages", maxAffected)
	}
	a := &Advisory{ID: doc.ID, Source: "osv", Summary: Summarize(cmp.Or(doc.Summary, doc.Details)), References: doc.links()}
	var err error
	if a.Aliases, err = doc.aliases(); err != nil {
		return nil, err
	}
	for _, t := range []struct {
		to   *int64
		text string
	}{{&a.Published, doc.Published}, {&a.Modified, doc.Modified}, {&a.Withdrawn, doc.Withdrawn}} {
		if *t.to, err = unixTime(t.text); err != nil {
			return nil, err
		}
	}
	a.Severity, a.CVSS = osvRating(doc.Severity)
	if a.Severity == Unknown {
		a.Severity, _ = ParseSeverity(doc.Database.severity)
	}
	for i := range doc.Affected {
		if err := in.affected(a, &doc.Affected[i]); err != nil {
			return nil, err
		}
	}
	a.Affected = withoutOvertaken(a.Affected)
	return a, nil
}

// withoutOvertaken leaves out rows without an end where the same package of the
// same release has another with one: a release has no fix, and what its
// subscribers get has (Ubuntu and Ubuntu Pro). Who has that version has the fix.
func withoutOvertaken(rows []Affected) []Affected {
	type key struct {
		ecosystem, release, name, module string
		binary                           bool
	}
	of := func(a *Affected) key { return key{a.Ecosystem, a.Release, a.Name, a.Module, a.Binary} }
	ends := map[key]bool{}
	for i := range rows {
		ends[of(&rows[i])] = ends[of(&rows[i])] || rows[i].ends()
	}
	return slices.DeleteFunc(rows, func(a Affected) bool { return a.endless() && ends[of(&a)] })
}

// ends says whether there is a version behind what it affects. A list of versions alone
// says nothing of others.
func (a *Affected) ends() bool { return len(a.Ranges) > 0 && !a.endless() }

// endless says whether no version is known that repairs it.
func (a *Affected) endless() bool {
	return slices.ContainsFunc(a.Ranges, func(r Range) bool { return r.Fixed == "" && r.Last == "" })
}

// unixTime reads a time of RFC 3339; "" is 0. A withdrawal at the beginning of
// time is one all the same.
func unixTime(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, muster.Errorf(muster.Invalid, "%q is no time", text)
	}
	return max(t.Unix(), 1), nil
}

// aliases are the other names. An advisory of a distribution lists what it
// repairs as upstream; documents from before schema 1.7 did so as related.
func (doc *osvDocument) aliases() ([]string, error) {
	all := slices.Concat(doc.Aliases, doc.Upstream)
	if len(doc.Upstream) == 0 {
		for _, id := range doc.Related {
			if strings.HasPrefix(id, "CVE-") && !strings.HasPrefix(doc.ID, "CVE-") {
				all = append(all, id)
			}
		}
	}
	if len(all) > maxAliases {
		return nil, muster.Errorf(muster.Invalid, "more than %d aliases", maxAliases)
	}
	for _, id := range all {
		if err := checkText("alias", id); err != nil {
			return nil, err
		}
	}
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(id string) bool { return id == doc.ID })
	return all, nil
}

// links are the addresses of a document, the publisher's own first.
func (doc *osvDocument) links() []string {
	var first, rest []string
	for _, r := range doc.References {
		switch {
		case !isLink(r.URL):
		case r.Type == "ADVISORY":
			first = append(first, r.URL)
		default:
			rest = append(rest, r.URL)
		}
	}
	all := append(first, rest...)
	return all[:min(len(all), maxReferences)]
}

// isLink keeps javascript: and the like out of pages.
func isLink(address string) bool {
	return len(address) <= 2048 && (strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://"))
}

// osvRating takes the newest kind of vector, or else a publisher's word.
func osvRating(all []osvSeverity) (Severity, string) {
	for _, kind := range []string{"CVSS_V4", "CVSS_V3", "CVSS_V2"} {
		for _, s := range all {
			if rated := SeverityOfVector(s.Score); s.Type == kind && rated != Unknown {
				return rated, s.Score
			}
		}
	}
	for _, s := range all {
		if rated, err := ParseSeverity(s.Score); err == nil {
			return rated, ""
		}
	}
	return Unknown, ""
}

// affected appends what a document says of one package on a known system. What
// has neither versions nor comparable ranges affects nothing, by the schema.
func (in *osvReader) affected(a *Advisory, doc *osvAffected) error {
	p := in.platform(doc.Package.Ecosystem)
	if !p.Known {
		return nil
	}
	if err := checkText("package", doc.Package.Name); err != nil {
		return err
	}
	f := Affected{Ecosystem: p.Ecosystem, Release: p.Release, Name: doc.Package.Name, Module: streamOf(doc.Package.URL)}
	for _, r := range doc.Ranges {
		ranges, err := r.ranges(p.Order)
		if err != nil {
			return err
		}
		f.Ranges = append(f.Ranges, ranges...)
	}
	many := len(f.Ranges)*len(doc.Versions) > maxOSVCompared
	for _, v := range doc.Versions {
		if err := checkText("version", v); err != nil {
			return err
		}
		if many || !f.has(p.Order, v) {
			f.Versions = append(f.Versions, v)
		}
	}
	if len(f.Ranges) == 0 && len(f.Versions) == 0 {
		return nil
	}
	doc.rate(&f)
	a.Affected = append(a.Affected, named(p, f)...)
	return nil
}

// streamOf is the stream of a module that the address of a package names:
// rpmmod=nodejs:16:8090020240312140000:d63f516d.
func streamOf(purl string) string {
	_, _, _, qualifiers, ok := cutPurl(purl)
	if module := qualifiers.Get("rpmmod"); ok && strings.Contains(module, ":") && checkText("module", module) == nil {
		return moduleStream(module)
	}
	return ""
}

// platform asks for a name once.
func (in *osvReader) platform(name string) Platform {
	p, asked := in.known[name]
	if !asked {
		p, _ = in.o.platform("osv", name)
		if in.known == nil || len(in.known) == maxKnown {
			in.known = map[string]Platform{}
		}
		in.known[name] = p
	}
	return p
}

// maxOSVCompared bounds comparisons of versions with ranges, for one package. Linux of
// Ubuntu has some 300 versions and 4 ranges.
const maxOSVCompared = 20_000

// has says whether a range has a version: then the list need not.
func (a *Affected) has(order version.Order, v string) bool {
	return slices.ContainsFunc(a.Ranges, func(r Range) bool { return r.has(comparison{order: order}, v) })
}

func (doc *osvAffected) rate(f *Affected) {
	f.Severity, _ = osvRating(doc.Severity)
	for _, s := range []osvSpecific{doc.Ecosystem, doc.Database} {
		if f.Severity == Unknown {
			f.Severity, _ = ParseSeverity(s.severity)
		}
		switch s.urgency {
		case "unimportant":
			f.Status, f.Severity = StatusUnimportant, Negligible
		case "end-of-life":
			f.Status = StatusEndOfLife
		}
	}
}

// named are the rows for a name that is one of a source package, a binary one,
// or either.
func named(p Platform, f Affected) []Affected {
	binary := f
	binary.Binary = true
	switch p.Names {
	case systems.Binary:
		return []Affected{binary}
	case systems.Either:
		return []Affected{f, binary}
	}
	return []Affected{f}
}
