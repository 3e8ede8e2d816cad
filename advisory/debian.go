package advisory

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"muster"
)

// Debian reads the whole list of Debian's security tracker (tracker/data/json):
// source package, vulnerability, release. Advisories come at the end, sorted by
// ID, as one vulnerability stands under every package that it is in.
//
// A release that was never affected (fixed version 0) makes no row. One without
// a fixed version is affected up to the version that unstable has, if any, which
// counts for hosts with packages of newer releases. A release that does not have
// a package at all gets the rows of unstable, or the newest that has it, under
// [StatusNotInRelease]: for hosts that have it from another release.
func Debian(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	in := &debianReader{o: o, found: map[string]*Advisory{}, suites: map[string]Platform{}, texts: map[string]string{}, releases: map[string]int{}, has: map[string]uint64{}}
	in.dec = json.NewDecoder(&tokenBound{r: text, name: o.Name, most: maxJSONToken, offset: func() int64 { return in.dec.InputOffset() }})
	if err = in.read(); err == nil {
		err = in.fillReleases()
	}
	if err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", o.Name, err)
	}
	for _, id := range slices.Sorted(maps.Keys(in.found)) {
		if err := yield(in.found[id]); err != nil {
			return err
		}
	}
	return nil
}

// debianTracker is where vulnerabilities are described.
const debianTracker = "https://security-tracker.debian.org/tracker/"

// Bounds of what is kept of a list; the real one has some 300,000 rows of 4,000 sources
// in 8 releases.
const (
	maxDebianRows    = 2_000_000
	maxDebianSources = 500_000
)

// debianIssue is a vulnerability of a source package.
type debianIssue struct {
	Description string                   `json:"description"`
	Releases    map[string]debianRelease `json:"releases"`
}

type debianRelease struct {
	Status  string  `json:"status"` // open, resolved, undetermined
	Fixed   string  `json:"fixed_version"`
	Urgency string  `json:"urgency"`
	NoDSA   *string `json:"nodsa"`
	// Repositories are the versions that the suites of the release have.
	Repositories map[string]string `json:"repositories"`
}

type debianReader struct {
	o      Options
	dec    *json.Decoder
	found  map[string]*Advisory
	suites map[string]Platform
	texts  map[string]string // one copy of each name and version
	rows   int

	releases map[string]int    // bits of releases
	has      map[string]uint64 // by source: the releases that have it
}

func (in *debianReader) read() error {
	err := in.object(func(source string) error {
		if err := checkText("package", source); err != nil {
			return err
		}
		if source = in.text(source); len(in.has) > maxDebianSources {
			return muster.Errorf(muster.Invalid, "more than %d source packages", maxDebianSources)
		}
		return in.object(func(id string) error { return in.issue(source, id) })
	})
	if err != nil {
		return err
	}
	if _, err := in.dec.Token(); err != io.EOF {
		return muster.Errorf(muster.Invalid, "more follows the list")
	}
	return nil
}

// object calls f for every key of an object; f takes the value.
func (in *debianReader) object(f func(key string) error) error {
	t, err := in.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return muster.Errorf(muster.Invalid, "%v stands for an object, at byte %d", t, in.dec.InputOffset())
	}
	for in.dec.More() {
		key, err := in.dec.Token()
		if err != nil {
			return err
		}
		if err := f(key.(string)); err != nil { // keys of objects are strings
			return err
		}
	}
	_, err = in.dec.Token()
	return err
}

func (in *debianReader) issue(source, id string) error {
	var doc debianIssue
	err := in.dec.Decode(&doc)
	var other *json.UnmarshalTypeError // a value of another type: the decoder stands behind it
	if err != nil && !errors.As(err, &other) {
		return err
	}
	if err == nil {
		err = checkText("id", id)
	}
	var rows []Affected
	if err == nil {
		rows, err = in.affected(source, doc.Releases)
	}
	if err != nil {
		return in.o.skip(source+" "+id, err)
	}
	if len(rows) == 0 {
		return nil
	}
	in.add(id, doc.Description, rows)
	return in.count(len(rows))
}

func (in *debianReader) count(rows int) error {
	if in.rows += rows; in.rows > maxDebianRows {
		return muster.Errorf(muster.Invalid, "more than %d rows", maxDebianRows)
	}
	return nil
}

func (in *debianReader) add(id, description string, rows []Affected) {
	a := in.found[id]
	if a == nil {
		a = &Advisory{ID: id, Source: "debian", Summary: Summarize(description), References: []string{debianTracker + id}}
		in.found[id] = a
	}
	a.Affected = append(a.Affected, rows...)
	for _, r := range rows {
		a.Severity = max(a.Severity, r.Severity)
	}
}

// suite maps a code name once.
func (in *debianReader) suite(name string) (Platform, bool) {
	p, ok := in.suites[name]
	if !ok {
		p, _ = in.o.platform("suite", name)
		if len(in.suites) < 1000 {
			in.suites[name] = p
		}
	}
	return p, p.Known
}

func (in *debianReader) text(s string) string {
	if t, ok := in.texts[s]; ok {
		return t
	}
	in.texts[s] = s
	return s
}
