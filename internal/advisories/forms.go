package advisories

import (
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"muster"
	"muster/advisory"
)

// A reader reads one file of a form.
type reader func(in *os.File, o advisory.Options, f func(entryOf) error) error

// forms are what sources may be written in.
var forms = map[string]reader{
	"osv":        osv,
	"debian":     streamed(advisory.Debian),
	"dsa":        streamed(advisory.DSA),
	"csaf":       streamed(advisory.CSAF),
	"vuxml":      streamed(advisory.VuXML),
	"pkgsrc":     streamed(advisory.Pkgvuln),
	"updateinfo": streamed(advisory.Updateinfo),
	"secdb":      streamed(advisory.Secdb),
	"arch":       streamed(advisory.Arch),
	"oval":       streamed(advisory.OVAL),
	formSupport:  streamed(advisory.SecuritySupport),
	"kev":        kev,
	formReleases: releases,
	formScores:   scores,
}

// single are the forms of which a document is one advisory: of a folder of those, one
// that cannot be read is left out. Else the folder is not read as a whole.
var single = map[string]bool{"osv": true, "csaf": true}

// Forms are the names of the forms that can be read, sorted.
func Forms() []string { return slices.Sorted(maps.Keys(forms)) }

func importer(form string) (reader, error) {
	if r := forms[form]; r != nil {
		return r, nil
	}
	return nil, muster.WithHint(muster.Errorf(muster.Invalid, "no advisories have the form %.30q", form), "known are %s", strings.Join(Forms(), ", "))
}

func streamed(read advisory.Importer) reader {
	return func(in *os.File, o advisory.Options, f func(entryOf) error) error {
		return read(in, o, yielded(f))
	}
}

// yielded makes entries of advisories.
func yielded(f func(entryOf) error) func(*advisory.Advisory) error {
	return func(a *advisory.Advisory) error { return f(entryOf{advisory: a}) }
}

// osv reads what OSV's exports are, a zip of documents, or one document.
func osv(in *os.File, o advisory.Options, f func(entryOf) error) error {
	var head [4]byte
	n, err := in.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return muster.Errorf(muster.Unavailable, "cannot read %q: %w", o.Name, err)
	}
	if string(head[:n]) != "PK\x03\x04" {
		return advisory.OSV(in, o, yielded(f))
	}
	info, err := in.Stat()
	if err != nil {
		return muster.Errorf(muster.Unavailable, "cannot read %q: %w", o.Name, err)
	}
	return advisory.OSVZip(in, info.Size(), o, yielded(f))
}

// kev reads a catalogue of exploited vulnerabilities: each is an advisory that is about
// no package, and marks those that share its name.
func kev(in *os.File, o advisory.Options, f func(entryOf) error) error {
	c, err := advisory.ParseKEV(in, o)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(c.Entries)) {
		e := c.Entries[id]
		if err := f(entryOf{advisory: &advisory.Advisory{ID: id, Source: "kev", Summary: e.Name, Published: e.Added, Exploited: true}}); err != nil {
			return err
		}
	}
	return nil
}

// releases reads until when releases are supported: each is an advisory about no package.
func releases(in *os.File, o advisory.Options, f func(entryOf) error) error {
	return advisory.Releases(in, o, func(l *advisory.Life) error {
		return f(entryOf{advisory: &advisory.Advisory{ID: l.ID(), Source: formReleases, Summary: l.Name, Life: l}})
	})
}

// scores reads how likely vulnerabilities are to be exploited: all are one entry.
func scores(in *os.File, o advisory.Options, f func(entryOf) error) error {
	s, err := advisory.ParseEPSS(in, o)
	if err != nil {
		return err
	}
	return f(entryOf{scores: s})
}
