package advisories

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// A Source is where advisories come from: a file or folder, or an address.
type Source struct {
	Name string // "debian"
	Form string // one of [Forms]
	Path string // file, or folder of files
	URL  string // or https://...
	// Ecosystem and Release are of what is affected where the form does not say it.
	Ecosystem, Release string
	Every              time.Duration // how often to look: a file 5 minutes, an address 6 hours
	// Shrink lets the content become less than half of what it was.
	Shrink bool
}

// place is what people read of it.
func (s *Source) place() string {
	if s.Path != "" {
		return s.Path
	}
	return s.URL
}

func (s *Source) every() time.Duration {
	switch {
	case s.Every > 0:
		return s.Every
	case s.Path != "":
		return 5 * time.Minute
	}
	return 6 * time.Hour
}

// sourceName bounds names: they stand in addresses and file names.
func checkName(name string) error {
	if name == "" || len(name) > 60 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || name[0] == '.' || name[0] == '-' {
		return muster.WithHint(muster.Errorf(muster.Invalid, "%.70q is no name of a source of advisories", name), "use lower case letters, digits, dots and hyphens")
	}
	return nil
}

func checkSources(all []Source) error {
	seen := map[string]bool{}
	for i := range all {
		s := &all[i]
		if err := s.Check(); err != nil {
			return err
		}
		if seen[s.Name] {
			return muster.Errorf(muster.Invalid, "there are two sources of advisories %q", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

// Check refuses a source that cannot be read.
func (s *Source) Check() error {
	if err := checkName(s.Name); err != nil {
		return err
	}
	if _, err := importer(s.Form); err != nil {
		return err
	}
	if (s.Path == "") == (s.URL == "") || len(s.place()) > 2000 {
		return muster.Errorf(muster.Invalid, "source %q of advisories needs a path or an address, and not both", s.Name)
	}
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			return muster.Errorf(muster.Invalid, "%.100q of source %q is no address of the form https://HOST/PATH, without a password", s.URL, s.Name)
		}
	}
	if s.Every != 0 && (s.Every < time.Minute || s.Every > 30*24*time.Hour) {
		return muster.Errorf(muster.Invalid, "source %q of advisories: every %s is not between 1m and 30d", s.Name, s.Every)
	}
	return nil
}

// A sourceRow is one of advisories_source.
type sourceRow struct {
	num                 int64
	name, form, place   string
	generation, matched int64
	upto                string
	sum                 []byte
	etag, modified      string
	entries, skipped    int64
	bytes               int64
	tried, succeeded    int64
	changed, failing    int64
	tries, due          int64
	error, unmapped     string
	edition             string
	leaving             bool
}

const sourceColumns = `SELECT num, name, form, place, generation, matched, upto, sum, etag, modified, entries, skipped, bytes, tried, succeeded, changed, failing, tries, due, error, unmapped, edition, leaving FROM advisories_source `

func scanSource(scan db.Scan) (s sourceRow, err error) {
	err = scan(&s.num, &s.name, &s.form, &s.place, &s.generation, &s.matched, &s.upto, &s.sum, &s.etag, &s.modified, &s.entries, &s.skipped, &s.bytes,
		&s.tried, &s.succeeded, &s.changed, &s.failing, &s.tries, &s.due, &s.error, &s.unmapped, &s.edition, &s.leaving)
	return s, err
}

func sourceNamed(tx *db.Tx, name string) (sourceRow, error) {
	s, err := scanSource(tx.QueryRow(sourceColumns+"WHERE name = ?", name).Scan)
	if muster.KindOf(err) == muster.NotFound {
		err = muster.WithHint(muster.Errorf(muster.NotFound, "there is no source %q of advisories", name), "run 'muster advisories sources'")
	}
	return s, err
}

func (a *Advisories) source(ctx context.Context, name string) (s sourceRow, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		s, err = sourceNamed(tx, name)
		return err
	})
	return s, err
}

func (a *Advisories) sourceRows(ctx context.Context) (all []sourceRow, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		return tx.Each(sourceColumns+"ORDER BY name", nil, func(scan db.Scan) error {
			s, err := scanSource(scan)
			all = append(all, s)
			return err
		})
	})
	return all, err
}

// adoptSources makes rows for the sources of the configuration. One of another place or
// meaning is looked at anew, whatever it said of its content before.
func (a *Advisories) adoptSources(ctx context.Context) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		for i := range a.Sources {
			s := &a.Sources[i]
			if err := makeSource(tx, s.Name, s.Form, s.place()); err != nil {
				return err
			}
			_, err := tx.Exec("UPDATE advisories_source SET form = ?, place = ?, etag = '', modified = '', due = 0, leaving = 0 WHERE name = ? AND (form <> ? OR place <> ? OR etag <> '' AND etag NOT LIKE ?)",
				s.Form, s.place(), s.Name, s.Form, s.place(), a.meaning(s)+"%")
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// makeSource makes the row of a source where there is none.
func makeSource(tx *db.Tx, name, form, place string) error {
	_, err := sourceNamed(tx, name)
	if muster.KindOf(err) != muster.NotFound {
		return err
	}
	num, err := tx.Next("advisories_number", "source", 1)
	if err != nil {
		return err
	}
	return tx.Insert("advisories_source", []string{"num", "name", "form", "place", "generation", "matched", "upto", "sum", "etag", "modified", "entries", "skipped", "bytes",
		"tried", "succeeded", "changed", "failing", "tries", "due", "error", "unmapped"},
		[][]any{{num, name, form, place, 0, 0, "", []byte{}, "", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, "", ""}})
}

// ListSources says where advisories come from, and how that goes.
func (a *Advisories) ListSources(ctx context.Context) (out api.AdvisorySourcePage, err error) {
	rows, err := a.sourceRows(ctx)
	out.Sources = []api.AdvisorySource{}
	for i := range rows {
		r := &rows[i]
		s := api.AdvisorySource{Name: r.name, Form: r.form, Place: r.place, Entries: r.entries, Skipped: r.skipped, Bytes: r.bytes,
			Tried: r.tried, Succeeded: r.succeeded, Changed: r.changed, Failing: r.failing, Error: r.error, Edition: r.edition, Leaving: r.leaving, Matching: r.matched < r.generation}
		if r.unmapped != "" {
			s.Unmapped = strings.Split(r.unmapped, "\n")
		}
		if n := slices.IndexFunc(a.Sources, func(c Source) bool { return c.Name == r.name }); n >= 0 {
			s.Configured, s.Every, s.Due = true, int64(a.Sources[n].every().Seconds()), r.due
		}
		out.Sources = append(out.Sources, s)
	}
	out.Unmapped = a.unseen.list()
	return out, err
}
