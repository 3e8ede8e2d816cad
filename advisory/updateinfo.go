package advisory

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"muster"
)

// maxUpdateRows bounds the packages of a document; SUSE's has some 300,000.
const maxUpdateRows = 1_000_000

// Updateinfo reads updateinfo.xml, the list of updates in a repository of RPM
// packages. Updates of type security are advisories, others are passed over.
// A package is affected below the version of the update, on the architecture
// that it is listed for; sources are left out.
//
// The form does not say which system it is for, unless <release> does in words
// ("Fedora 39"): [Options.Platform] does.
func Updateinfo(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	x := newXMLReader(o.Name, text)
	found := false
	all := updates{byID: map[string]*Advisory{}}
	err = x.each(func(e xml.StartElement) error {
		if e.Name.Local != "updates" {
			return muster.Errorf(muster.Invalid, "%q is no updateinfo: it begins with an element %q", o.Name, e.Name.Local)
		}
		found = true
		return x.each(func(e xml.StartElement) error {
			if e.Name.Local != "update" || attr(e, "type") != "security" {
				return nil
			}
			return o.update(x, &all)
		})
	})
	if err == nil && !found {
		err = muster.Errorf(muster.Invalid, "%q is no updateinfo: it is empty", o.Name)
	}
	if err != nil {
		return err
	}
	return all.give(&o, yield)
}

// updates are those of a document; some list an update once for each part of
// the repository.
type updates struct {
	all  []*Advisory
	byID map[string]*Advisory
	rows int
}

func (u *updates) add(a *Advisory) error {
	if u.rows += len(a.Affected); u.rows > maxUpdateRows {
		return fmt.Errorf("more than %d packages", maxUpdateRows)
	}
	first, ok := u.byID[a.ID]
	if !ok {
		u.byID[a.ID] = a
		u.all = append(u.all, a)
		return nil
	}
	first.Affected = append(first.Affected, a.Affected...)
	first.Aliases = append(first.Aliases, a.Aliases...)
	return nil
}

func (u *updates) give(o *Options, yield func(*Advisory) error) error {
	for _, a := range u.all {
		a.Affected = together(a.Affected)
		if err := o.give(a, yield); err != nil {
			return err
		}
	}
	return nil
}

// An update is one entry of updateinfo while it is read.
type update struct {
	x       *xmlReader
	a       Advisory
	release string
	self    []string   // where the publisher describes it
	rows    []Affected // without platform
	wrong   error
}

func (o *Options) update(x *xmlReader, all *updates) error {
	u := update{x: x, a: Advisory{Source: "updateinfo"}}
	if err := x.each(u.element); err != nil {
		return err
	}
	if u.wrong != nil {
		return o.skip(u.a.ID, u.wrong)
	}
	p, err := o.ofUpdates(u.release)
	if err != nil || !p.Known || len(u.rows) == 0 {
		return err
	}
	for i := range u.rows {
		u.rows[i].Ecosystem, u.rows[i].Release = p.Ecosystem, p.Release
	}
	u.a.Affected, u.a.References = u.rows, append(u.self, u.a.References...)
	if err := all.add(&u.a); err != nil {
		return x.fail(err)
	}
	return nil
}

// ofUpdates is the platform that updates are for.
func (o *Options) ofUpdates(release string) (Platform, error) {
	if o.Platform.Known {
		return o.Platform, nil
	}
	if len(release) < 3 {
		err := muster.Errorf(muster.Invalid, "%q does not say which system its updates are for", o.Name)
		return Platform{}, muster.WithHint(err, "name the system, as rocky 9")
	}
	p, _ := o.called(release)
	return p, nil
}

func (u *update) element(e xml.StartElement) error {
	switch e.Name.Local {
	case "id":
		return u.x.into(&u.a.ID)
	case "title":
		title, err := u.x.text()
		u.a.Summary = Summarize(title)
		return err
	case "release":
		if u.release = attr(e, "name"); u.release != "" {
			return nil
		}
		return u.x.into(&u.release)
	case "severity":
		word, err := u.x.text()
		u.a.Severity = severityOf(word)
		return err
	case "issued":
		u.a.Published = parseTime(attr(e, "date"))
	case "updated":
		u.a.Modified = parseTime(attr(e, "date"))
	case "references":
		return u.x.each(u.reference)
	case "pkglist":
		return u.x.each(func(e xml.StartElement) error {
			if e.Name.Local != "collection" {
				return nil
			}
			return u.collection()
		})
	}
	return nil
}

func (u *update) reference(e xml.StartElement) error {
	if e.Name.Local != "reference" {
		return nil
	}
	id, href := attr(e, "id"), attr(e, "href")
	switch attr(e, "type") {
	case "cve":
		u.a.Aliases = appendBounded(u.a.Aliases, id)
	case "self":
		u.self = appendBounded(u.self, href)
	default:
		if cve := findCVE(id + " " + attr(e, "title")); cve != "" { // Fedora has them in titles of bugs alone
			u.a.Aliases = appendBounded(u.a.Aliases, cve)
		}
		if href != "" {
			u.a.References = appendBounded(u.a.References, href)
		}
	}
	return nil
}

// collection reads packages that belong together; those of a module say so
// before the first.
func (u *update) collection() error {
	module := ""
	return u.x.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "module":
			module = attr(e, "name") + ":" + attr(e, "stream")
		case "package":
			return u.pkg(e, module)
		}
		return nil
	})
}

func (u *update) pkg(e xml.StartElement, module string) error {
	name, arch := attr(e, "name"), attr(e, "arch")
	if arch == "src" || arch == "nosrc" {
		return nil
	}
	if len(u.rows) >= maxRows {
		return u.x.fail(errors.New("too many packages"))
	}
	evr := joinEVR(attr(e, "epoch"), attr(e, "version"), attr(e, "release"))
	if name == "" || attr(e, "version") == "" || attr(e, "release") == "" {
		u.wrong = fmt.Errorf("a package %q has no name, version or release", name)
	}
	u.rows = append(u.rows, Affected{
		Name: name, Binary: true, Arch: arch, Module: module, Ranges: []Range{{Fixed: evr}},
	})
	return nil
}

// joinEVR writes a version of rpm. An epoch 0 that a publisher writes is kept:
// epochs count where both sides have one.
func joinEVR(epoch, version, release string) string {
	v := version
	if release != "" {
		v += "-" + release
	}
	if epoch == "" {
		return v
	}
	return epoch + ":" + v
}
