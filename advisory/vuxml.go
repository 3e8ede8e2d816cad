package advisory

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"muster"
)

// Bounds of VuXML: the names and the ranges of one package, and what an entry becomes,
// where each name has all ranges. The largest has some 1,000.
const (
	maxNames       = 10_000
	maxVuXMLRanges = 100_000
)

// VuXML reads FreeBSD's list of vulnerable ports (vuxml.org): the whole of it,
// or one of the files of a year, which are fragments without a root. The
// document type is not looked at, and no other file is read for an entity.
//
// Names may be patterns. Entries that are cancelled say nothing, and neither
// do packages without a range, as in pkg-audit(8). Systems (FreeBSD itself) are
// reported as unknown: their versions are no versions of packages.
func VuXML(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	x := newXMLReader(o.Name, text)
	found, seen := false, map[string]bool{}
	visit := func(e xml.StartElement) error {
		if e.Name.Local != "vuln" {
			return notVuXML(o.Name, e.Name.Local)
		}
		found = true
		return o.vuln(x, e, seen, yield)
	}
	err = x.each(func(e xml.StartElement) error {
		if e.Name.Local == "vuxml" {
			found = true
			return x.each(visit)
		}
		return visit(e)
	})
	if err == nil && !found {
		err = notVuXML(o.Name, "")
	}
	return err
}

func notVuXML(name, element string) error {
	err := muster.Errorf(muster.Invalid, "%q is no VuXML: it has an element %q", name, element)
	return muster.WithHint(err, "give vuln.xml, as https://vuxml.freebsd.org/freebsd/vuln.xml.xz has it, or a file of vuln/ of the ports tree")
}

// vuln reads one entry.
func (o *Options) vuln(x *xmlReader, e xml.StartElement, seen map[string]bool, yield func(*Advisory) error) error {
	v := vuxmlEntry{x: x, o: o}
	v.a.ID = attr(e, "vid")
	v.a.Source = "vuxml"
	if err := x.each(v.element); err != nil {
		return err
	}
	if v.wrong == nil {
		v.wrong = newID(seen, v.a.ID)
	}
	switch {
	case v.cancelled:
		return nil
	case v.wrong != nil:
		return o.skip(v.a.ID, v.wrong)
	case len(v.a.Affected) == 0:
		return nil
	}
	v.a.References = append([]string{"https://vuxml.freebsd.org/freebsd/" + v.a.ID + ".html"}, v.a.References...)
	v.a.Affected = together(v.a.Affected)
	return o.give(&v.a, yield)
}

// A vuxmlEntry is one entry while it is read.
type vuxmlEntry struct {
	x         *xmlReader
	o         *Options
	a         Advisory
	ranges    int // of all rows
	cancelled bool
	wrong     error // why the entry is left out
}

func (v *vuxmlEntry) element(e xml.StartElement) error {
	switch e.Name.Local {
	case "topic":
		topic, err := v.x.text()
		v.a.Summary = Summarize(topic)
		return err
	case "affects":
		return v.x.each(v.affects)
	case "references":
		return v.x.each(v.reference)
	case "dates":
		return v.x.each(v.date)
	case "cancelled":
		v.cancelled = true
	}
	return nil
}

func (v *vuxmlEntry) affects(e xml.StartElement) error {
	switch e.Name.Local {
	case "package":
		return v.pkg()
	case "system":
		return v.x.each(func(e xml.StartElement) error {
			if e.Name.Local != "name" {
				return nil
			}
			name, err := v.x.text()
			if err == nil && v.o.Unknown != nil {
				v.o.Unknown("vuxml", name)
			}
			return err
		})
	}
	return nil
}

// pkg reads names that share ranges.
func (v *vuxmlEntry) pkg() error {
	var names []string
	var ranges []Range
	err := v.x.each(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "name":
			var name string
			err = v.x.into(&name)
			names = append(names, name)
		case "range":
			var r Range
			r, err = v.bounds()
			ranges = append(ranges, r)
		}
		if len(names) > maxNames || len(ranges) > maxNames {
			return v.x.fail(errors.New("too many names or ranges"))
		}
		return err
	})
	if err != nil || len(ranges) == 0 {
		return err
	}
	if v.ranges += len(names) * len(ranges); v.ranges > maxVuXMLRanges {
		return v.x.fail(errors.New("too many packages"))
	}
	if err := v.o.measure.makes(len(names) * len(ranges)); err != nil {
		return v.x.fail(err)
	}
	for _, name := range names {
		if name == "" {
			v.wrong = errors.New("a package has an empty name")
		}
		v.a.Affected = append(v.a.Affected, Affected{
			Ecosystem: "freebsd", Name: name, Binary: true, Glob: IsGlob(name), Ranges: append([]Range(nil), ranges...),
		})
	}
	return nil
}

// bounds reads a range: a lower bound, an upper one, both, or one version. None
// at all is every version.
func (v *vuxmlEntry) bounds() (r Range, err error) {
	err = v.x.each(func(e xml.StartElement) error {
		version, err := v.x.text()
		if err != nil {
			return err
		}
		lower, upper := r.Introduced != "" || r.After != "", r.Fixed != "" || r.Last != ""
		switch op := e.Name.Local; {
		case version == "":
			v.wrong = fmt.Errorf("a bound %q has no version", op)
		case op == "gt" && !lower:
			r.After = version
		case op == "ge" && !lower:
			r.Introduced = version
		case op == "lt" && !upper:
			r.Fixed = version
		case op == "le" && !upper:
			r.Last = version
		case op == "eq" && !lower && !upper:
			r.Introduced, r.Last = version, version
		default:
			v.wrong = fmt.Errorf("a range has a bound %q that does not go with the one before", op)
		}
		return nil
	})
	return r, err
}

func (v *vuxmlEntry) reference(e xml.StartElement) error {
	text, err := v.x.text()
	if err != nil || text == "" {
		return err
	}
	switch e.Name.Local {
	case "cvename":
		v.a.Aliases = appendBounded(v.a.Aliases, text)
	case "freebsdsa":
		v.a.Aliases = appendBounded(v.a.Aliases, "FreeBSD-"+text)
	case "url", "mlist":
		v.a.References = appendBounded(v.a.References, text)
	}
	return nil
}

func (v *vuxmlEntry) date(e xml.StartElement) error {
	text, err := v.x.text()
	if err != nil {
		return err
	}
	switch e.Name.Local {
	case "entry":
		v.a.Published = parseTime(text)
	case "modified":
		v.a.Modified = parseTime(text)
	}
	return nil
}
