package reference

import (
	"cmp"
	"slices"

	"muster"
	"muster/sitereport"
)

// A Verdict is how a host stands to a wish.
type Verdict int

// Verdicts.
const (
	None Verdict = iota
	Behind
	Equal
	Ahead
	Missing
	Unexpected
	Expired
)

// Verdicts are all of them, in the order in which they are shown.
var Verdicts = [...]Verdict{Behind, Equal, Ahead, Missing, Unexpected, Expired}

var verdictNames = [...]string{"", "behind", "equal", "ahead", "missing", "unexpected", "expired"}

func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return ""
	}
	return verdictNames[v]
}

// ParseVerdict reads the name of a verdict.
func ParseVerdict(s string) (Verdict, error) {
	if i := slices.Index(verdictNames[:], s); i > 0 {
		return Verdict(i), nil
	}
	err := muster.Errorf(muster.Invalid, "%.30q is no verdict", s)
	return None, muster.WithHint(err, "use behind, equal, ahead, missing, unexpected or expired")
}

// A Row is what became of one wish, or an unexpected package.
type Row struct {
	Name, Manager, Arch string   // of the wish; of the package where there is none
	Have                []string // versions that are there, in ascending order
	Counts              string   // the one of them that the verdict is about
	Want                string   // "" where there is no wish
	Verdict             Verdict
	Fits                bool   // the wish is fulfilled, or has expired
	Doubt               string // why the verdict may mislead, for people
	Until               int64
	Note                string
}

// Compare holds the packages of a host against a list at a time. It returns rows in
// the order of their names; none where the list does not speak of the host. What may
// be missing and is, has no row.
func Compare(l *List, h *Host, packages []sitereport.Package, now int64) []Row {
	if !l.For.Covers(h) {
		return nil
	}
	return l.Matcher(now).Compare(h, pointers(packages))
}

func pointers(packages []sitereport.Package) []*sitereport.Package {
	all := make([]*sitereport.Package, len(packages))
	for i := range packages {
		all[i] = &packages[i]
	}
	return all
}

// Compare does the same for a host that the list speaks of.
func (m *Matcher) Compare(h *Host, packages []*sitereport.Package) []Row {
	have := make(map[int][]*sitereport.Package)
	unlisted := make(map[key][]*sitereport.Package)
	for _, p := range packages {
		own, source := m.Find(p)
		if own >= 0 {
			have[own] = append(have[own], p)
		}
		if source >= 0 {
			have[source] = append(have[source], p)
		}
		if own < 0 && source < 0 && m.Complete() {
			unlisted[keyOf(p)] = append(unlisted[keyOf(p)], p)
		}
	}
	var rows []Row
	for i, there := range have {
		rows = append(rows, m.Decide(i, h, there))
	}
	for _, i := range m.required {
		if len(have[i]) == 0 {
			rows = append(rows, m.Decide(i, h, nil))
		}
	}
	for _, there := range unlisted {
		rows = append(rows, m.Unlisted(h, there))
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Manager, b.Manager), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Want, b.Want))
	})
	return rows
}

// Decide judges row i for a host that has these packages, of which [Matcher.Find]
// says that the row speaks of them; none: it is missing, or rightly absent.
//
// Of the versions of one package for one architecture that are there side by side
// the newest counts. Where a row speaks of several packages (of a source package, of
// several architectures or managers), each counts, and the worst decides: one that
// was left behind is behind. Of kernels the one that runs counts, and nothing else
// of the same source does. What must be absent is looked for in all versions.
func (m *Matcher) Decide(i int, h *Host, there []*sitereport.Package) Row {
	w := &m.list.Wanted[i]
	r := Row{Name: w.Name, Manager: w.Manager, Arch: w.Arch, Want: w.Want.String(), Until: w.Until, Note: w.Note, Have: versions(w, h, there)}
	if until := m.list.Until; until != 0 && (r.Until == 0 || until < r.Until) {
		r.Until = until
	}
	switch {
	case m.Expired(i):
		r.Verdict, r.Fits = Expired, true
	case len(there) == 0 && (w.Want.Mode == Absent || m.optional(i)):
		r.Verdict, r.Fits = Equal, true
	case len(there) == 0:
		r.Verdict = Missing
	default:
		m.decide(&r, w, h, there)
	}
	return r
}

func (m *Matcher) decide(r *Row, w *Wanted, h *Host, there []*sitereport.Package) {
	if w.Want.Mode != Absent {
		there, r.Doubt = counting(w, h, there)
	}
	for _, p := range there {
		v, order := versionOf(w, p), h.order(p)
		verdict, fits := w.Want.judge(v, order)
		if r.Verdict != None && badness(verdict, fits) <= badness(r.Verdict, r.Fits) {
			continue
		}
		r.Verdict, r.Fits, r.Counts = verdict, fits, v
	}
	if r.Doubt == "" && withoutEpoch(w, r) {
		r.Doubt = "the wish has no epoch, the package has one"
	}
}

// badness orders verdicts about the parts of one row.
func badness(v Verdict, fits bool) int {
	switch {
	case v == Unexpected:
		return 4
	case v == Behind:
		return 3
	case !fits:
		return 2
	case v == Equal:
		return 1
	}
	return 0
}

// Unlisted is the row of versions of one package that no row of the list speaks of.
func (m *Matcher) Unlisted(h *Host, there []*sitereport.Package) Row {
	p := there[0]
	w := Wanted{Name: p.Name}
	have := versions(&w, h, there)
	return Row{Name: p.Name, Manager: p.Manager, Arch: p.Arch, Have: have, Counts: have[len(have)-1], Verdict: Unexpected}
}

// counting returns the packages that count; see [Matcher.Decide].
func counting(w *Wanted, h *Host, there []*sitereport.Package) (count []*sitereport.Package, doubt string) {
	kernels, running := kernelsOf(h, there)
	switch {
	case len(running) > 0:
		there = running
	case len(kernels) > 0:
		doubt = "the kernel that runs is not among the packages"
	}
	if len(there) == 1 {
		return there, doubt
	}
	newest := make(map[key]int)
	for _, p := range there {
		at, ok := newest[keyOf(p)]
		switch {
		case !ok:
			newest[keyOf(p)] = len(count)
			count = append(count, p)
		case h.order(p)(versionOf(w, p), versionOf(w, count[at])) > 0:
			count[at] = p
		}
	}
	return count, doubt
}

// A key is what versions side by side have in common.
type key struct{ manager, name, arch string }

func keyOf(p *sitereport.Package) key { return key{p.Manager, p.Name, p.Arch} }

// versionOf is the version of p that the row speaks of.
func versionOf(w *Wanted, p *sitereport.Package) string {
	if _, source := w.Source(); source && p.SourceVersion != "" {
		return p.SourceVersion
	}
	return p.Version
}

// versions lists what is there, in ascending order; of several managers by manager.
func versions(w *Wanted, h *Host, there []*sitereport.Package) []string {
	if len(there) == 0 {
		return nil
	}
	sorted := slices.Clone(there)
	slices.SortStableFunc(sorted, func(a, b *sitereport.Package) int {
		if a.Manager != b.Manager {
			return cmp.Compare(a.Manager, b.Manager)
		}
		return h.order(a)(versionOf(w, a), versionOf(w, b))
	})
	all := make([]string, 0, len(sorted))
	for _, p := range sorted {
		if v := versionOf(w, p); !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// withoutEpoch reports whether a version is ahead only because it has an epoch. A
// missing epoch is 0 to every package manager; people often leave it out.
func withoutEpoch(w *Wanted, r *Row) bool {
	if r.Verdict != Ahead || !hasEpoch(r.Counts) {
		return false
	}
	return slices.ContainsFunc(w.Want.Bounds, func(b Bound) bool { return !hasEpoch(b.Version) })
}

func hasEpoch(v string) bool {
	for i, c := range v {
		if c == ':' {
			return i > 0 && v[:i] != "0"
		}
		if c < '0' || c > '9' {
			return false
		}
	}
	return false
}

// Fits reports whether a package of a host is what is wanted, by itself.
func (w *Wanted) Fits(h *Host, p *sitereport.Package) bool {
	_, fits := w.Want.judge(versionOf(w, p), h.order(p))
	return fits
}
