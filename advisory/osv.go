package advisory

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/advisory/systems"
	"muster/version"
)

// OSV reads documents in the Open Source Vulnerability format, schema 1.0 to
// 1.7: one, several one after the other, or an array of them.
func OSV(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	in := &osvReader{o: o, yield: yield}
	return in.stream(text, o.Name)
}

// Bounds of what one document of OSV says.
const (
	maxOSV        = 16 << 20 // bytes
	maxOSVObjects = 200_000  // each takes much more memory than the two bytes of {}
	maxAffected   = 50_000   // products of one advisory of SUSE: some 12,000
	maxAliases    = 2_000    // vulnerabilities that one update of a kernel repairs: some 800
	maxReferences = 30
	maxText       = 256 // of a name or a version
	maxKnown      = 10_000
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

type osvRange struct {
	Type   string     `json:"type"`
	Events []osvEvent `json:"events"`
}

// An osvEvent has one field that is not empty.
type osvEvent struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
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

// An osvReader is one import: of a file, an archive or a folder.
type osvReader struct {
	o     Options
	yield func(*Advisory) error
	seen  map[string]bool
	known map[string]Platform // what names of ecosystems were asked for
	stop  error               // what yield or Skip returned: it ends the import, not a file alone
}

// stream reads the documents of one file.
func (in *osvReader) stream(r io.Reader, file string) error {
	b := bufio.NewReader(r)
	var dec *json.Decoder
	dec = json.NewDecoder(&tokenBound{r: b, name: file, most: maxOSV, offset: func() int64 { return dec.InputOffset() }})
	array, err := beginsArray(b)
	if err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
	}
	if array {
		if _, err := dec.Token(); err != nil {
			return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
		}
	}
	for array && dec.More() || !array {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) && !array {
			return nil
		}
		if err != nil {
			return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
		}
		if err := in.document(raw, file); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the end of the array
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
	}
	return nil
}

// beginsArray looks at the first byte that is not a space.
func beginsArray(b *bufio.Reader) (bool, error) {
	for {
		c, err := b.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return c == '[', b.UnreadByte()
		}
	}
}

// document reads one document, and yields it where it speaks of a known system.
func (in *osvReader) document(raw []byte, file string) error {
	var doc osvDocument
	var err error
	if bytes.Count(raw, []byte("{")) > maxOSVObjects {
		err = muster.Errorf(muster.Invalid, "more than %d objects", maxOSVObjects)
	} else {
		err = json.Unmarshal(raw, &doc)
	}
	var a *Advisory
	if err == nil {
		a, err = in.advisory(&doc)
	}
	if err == nil && in.seen[a.ID] {
		err = muster.Errorf(muster.Invalid, "a document of this name was read before")
	}
	switch {
	case err != nil:
		in.stop = in.o.skip(cmp.Or(doc.ID, file), err)
	case len(a.Affected) > 0:
		if in.seen == nil {
			in.seen = map[string]bool{}
		}
		in.seen[a.ID] = true
		in.stop = in.yield(a)
	}
	return in.stop
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
		ends[of(&rows[i])] = ends[of(&rows[i])] || !rows[i].endless()
	}
	return slices.DeleteFunc(rows, func(a Affected) bool { return a.endless() && ends[of(&a)] })
}

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

// checkText bounds names and versions.
func checkText(what, s string) error {
	if s == "" || len(s) > maxText || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return muster.Errorf(muster.Invalid, "%s %.40q is empty, longer than %d bytes or not plain", what, s, maxText)
	}
	return nil
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
	for _, v := range doc.Versions {
		if err := checkText("version", v); err != nil {
			return err
		}
		if !f.has(p.Order, v) {
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

// ranges are the intervals that the events of a range make, by the algorithm of
// the schema. Commits (GIT) are none of ours.
func (doc *osvRange) ranges(order version.Order) ([]Range, error) {
	if doc.Type != "ECOSYSTEM" && doc.Type != "SEMVER" {
		return nil, nil
	}
	var points []osvPoint
	limit, unlimited, begins := "", false, false
	for _, e := range doc.Events {
		p, err := e.point()
		if err != nil {
			return nil, err
		}
		switch {
		case p.kind != osvLimit:
			points = append(points, p)
			begins = begins || p.kind == osvIntroduced
		case p.version == "*":
			unlimited = true
		case limit == "" || order(p.version, limit) > 0:
			limit = p.version
		}
	}
	if unlimited { // any limit that is passed is enough
		limit = ""
	}
	slices.SortStableFunc(points, func(a, b osvPoint) int { return a.compare(b, order) })
	return clipped(osvIntervals(points, !begins), limit, order), nil
}

// An osvPoint is an event: where it stands, and what happens there.
type osvPoint struct {
	kind    int
	version string // "" before all others
}

// Kinds of events, in the order in which those of one version are taken.
const (
	osvIntroduced = iota
	osvLast
	osvFixed
	osvLimit
)

func (e osvEvent) point() (p osvPoint, err error) {
	count := 0
	for kind, v := range []string{e.Introduced, e.LastAffected, e.Fixed, e.Limit} {
		if v == "" {
			continue
		}
		count++
		p = osvPoint{kind, v}
		if err := checkText("version", v); err != nil {
			return p, err
		}
	}
	if count != 1 {
		return p, muster.Errorf(muster.Invalid, "an event says %d things, not one", count)
	}
	if p.kind == osvIntroduced && p.version == "0" {
		p.version = ""
	}
	return p, nil
}

func (p osvPoint) compare(q osvPoint, order version.Order) int {
	if p.version == "" || q.version == "" {
		return cmp.Or(cmp.Compare(len(p.version), len(q.version)), cmp.Compare(p.kind, q.kind))
	}
	return cmp.Or(order(p.version, q.version), cmp.Compare(p.kind, q.kind))
}

// osvIntervals goes through sorted events. A range without a beginning begins
// with the first version: FreeBSD publishes such.
func osvIntervals(points []osvPoint, open bool) []Range {
	var all []Range
	var r Range
	for _, p := range points {
		switch {
		case p.kind == osvIntroduced && !open:
			r, open = Range{Introduced: p.version}, true
		case p.kind == osvFixed && open:
			r.Fixed, open = p.version, false
			all = append(all, r)
		case p.kind == osvLast && open:
			r.Last, open = p.version, false
			all = append(all, r)
		}
	}
	if open && len(points) > 0 {
		all = append(all, r)
	}
	return all
}

// clipped are ranges without what is not below a limit; "" is none.
func clipped(all []Range, limit string, order version.Order) []Range {
	if limit == "" {
		return all
	}
	below := all[:0]
	for _, r := range all {
		if r.Introduced != "" && order(r.Introduced, limit) >= 0 {
			continue
		}
		if end := r.Fixed + r.Last; end == "" || order(end, limit) >= 0 {
			r.Fixed, r.Last = limit, ""
		}
		below = append(below, r)
	}
	return below
}
