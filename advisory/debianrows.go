package advisory

import (
	"maps"
	"slices"

	"muster"
	"muster/version"
)

// affected are the rows of one package, in the order of the names of releases.
func (in *debianReader) affected(source string, releases map[string]debianRelease) ([]Affected, error) {
	unstable := ""
	if sid := releases["sid"]; sid.Status == "resolved" && sid.Fixed != "0" {
		unstable = sid.Fixed
	}
	rows := make([]Affected, 0, len(releases))
	for _, suite := range slices.Sorted(maps.Keys(releases)) {
		p, ok := in.suite(suite)
		if !ok {
			continue
		}
		doc := releases[suite]
		in.note(source, p.Release)
		row := Affected{Ecosystem: p.Ecosystem, Release: p.Release, Name: source}
		keep, err := in.judgement(&row, doc, unstable)
		if err != nil {
			return nil, err
		}
		keep, err = in.backported(&row, keep, releases, p.Release, unstable)
		if err != nil {
			return nil, err
		}
		if keep {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// note keeps which releases have a package: never affected is being there, too.
func (in *debianReader) note(source, release string) {
	bit, ok := in.releases[release]
	if !ok {
		bit = len(in.releases) // of 64: the table of systems has some 20
		in.releases[release] = bit
	}
	in.has[source] |= 1 << bit
}

func (in *debianReader) hasIn(source, release string) bool {
	bit, ok := in.releases[release]
	return ok && in.has[source]&(1<<bit) != 0
}

// fillReleases adds what is said of packages in releases that do not have them.
func (in *debianReader) fillReleases() error {
	var releases []string // the newest first: sid sorts behind numbers
	for _, p := range in.suites {
		if p.Known && p.Ecosystem == "debian" {
			releases = append(releases, p.Release)
		}
	}
	slices.SortFunc(releases, func(a, b string) int { return version.Dpkg(b, a) })
	for _, a := range in.found {
		if err := ended(in.o.Context); err != nil {
			return err
		}
		for rows := a.Affected; len(rows) > 0; {
			n := 1 // those of a source stand together
			for n < len(rows) && rows[n].Name == rows[0].Name {
				n++
			}
			more := in.missing(rows[:n], rows[0].Name, releases)
			if err := in.count(len(more)); err != nil {
				return err
			}
			a.Affected, rows = append(a.Affected, more...), rows[n:]
		}
	}
	return nil
}

// missing are the rows of a package for releases that do not have it: that of
// the newest release that has it.
func (in *debianReader) missing(rows []Affected, source string, releases []string) (more []Affected) {
	newest := slices.IndexFunc(releases, func(r string) bool { return in.hasIn(source, r) })
	if newest < 0 {
		return nil
	}
	i := slices.IndexFunc(rows, func(r Affected) bool { return r.Name == source && r.Release == releases[newest] })
	if i < 0 || rows[i].Status == StatusUnimportant {
		return nil
	}
	for _, release := range releases {
		if !in.hasIn(source, release) {
			row := rows[i]
			row.Release, row.FixElsewhere = release, len(row.Ranges) > 0
			if row.Status != StatusEndOfLife && row.Status != StatusInvestigating {
				row.Status = StatusNotInRelease
			}
			more = append(more, row)
		}
	}
	return more
}

// judgement fills in what the tracker says of one release; keep is false where
// it is not affected.
func (in *debianReader) judgement(row *Affected, doc debianRelease, unstable string) (keep bool, err error) {
	fixed := doc.Fixed
	switch doc.Status {
	case "resolved":
		if fixed == "0" || fixed == "" {
			return false, nil
		}
	case "open", "undetermined":
		fixed, row.FixElsewhere = unstable, unstable != ""
	default:
		return false, muster.Errorf(muster.Invalid, "status %.40q is none that is known", doc.Status)
	}
	if fixed != "" {
		if err := checkText("version", fixed); err != nil {
			return false, err
		}
		row.Ranges = []Range{{Fixed: in.text(fixed)}}
	}
	row.Severity, row.Status = debianUrgency(doc.Urgency)
	switch {
	case row.Status != "" || doc.Status == "resolved":
	case doc.Status == "undetermined":
		row.Status = StatusInvestigating
	case doc.NoDSA != nil:
		row.Status = StatusNoDSA
	}
	return true, nil
}

// debianUrgency reads the tracker's word; a star says that it was guessed from
// elsewhere.
func debianUrgency(word string) (Severity, string) {
	switch word {
	case "unimportant":
		return Negligible, StatusUnimportant
	case "end-of-life":
		return Unknown, StatusEndOfLife
	case "low", "low*", "low**":
		return Low, ""
	case "medium", "medium*", "medium**":
		return Medium, ""
	case "high", "high*", "high**":
		return High, ""
	}
	return Unknown, "" // not yet assigned
}
