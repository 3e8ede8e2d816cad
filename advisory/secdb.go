package advisory

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"muster"
)

// Bounds on secdb: the fixes that one version of a package names, and all of
// them, of which Alpine's lists have some 15,000.
const (
	maxFixes = 10_000
	maxSecdb = 1_000_000
)

// Secdb reads a list of Alpine (secdb.alpinelinux.org): one repository of one
// release, or of a system that has no releases (Wolfi). A fix is an advisory for
// all packages that have it: CVE-2024-1 below 1.2-r1 of this one and 3-r0 of
// that. Names are those of source packages (origins). Version 0 says that a
// package was never affected.
func Secdb(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	s := secdb{o: &o, j: newJSONReader(o.Name, text), also: map[string][]string{}}
	if err := s.read(); err != nil {
		return err
	}
	p, err := s.platform()
	if err != nil || !p.Known {
		return err
	}
	slices.SortStableFunc(s.fixes, func(a, b secdbFix) int { return strings.Compare(a.id, b.id) })
	for len(s.fixes) > 0 {
		n := 1
		for n < len(s.fixes) && s.fixes[n].id == s.fixes[0].id {
			n++
		}
		if err := o.give(s.advisory(p, s.fixes[:n]), yield); err != nil {
			return err
		}
		s.fixes = s.fixes[n:]
	}
	return nil
}

// A secdb is a list while it is read.
type secdb struct {
	o       *Options
	j       *jsonReader
	release string // distroversion
	prefix  string // apkurl or urlprefix, which name the system
	found   bool   // there are packages
	listed  int    // fixes, whether or not they name something
	texts   []string
	fixes   []secdbFix
	also    map[string][]string // other names of an ID
}

// A secdbFix says that a version of a package fixed something. Name and version
// are places in texts: a list has very many.
type secdbFix struct {
	id            string
	name, version int32
}

// advisory is what all fixes of one ID say.
func (s *secdb) advisory(p Platform, fixes []secdbFix) *Advisory {
	a := &Advisory{ID: fixes[0].id, Source: "secdb", Aliases: s.also[fixes[0].id]}
	if strings.HasPrefix(a.ID, "CVE-") {
		a.References = []string{"https://security.alpinelinux.org/vuln/" + a.ID}
	}
	for _, f := range fixes[:min(len(fixes), maxRows)] {
		a.Affected = append(a.Affected, Affected{
			Ecosystem: p.Ecosystem, Release: p.Release, Name: s.texts[f.name], Ranges: []Range{{Fixed: s.texts[f.version]}},
		})
	}
	a.Affected = together(a.Affected)
	return a
}

func (s *secdb) read() error {
	err := s.j.object(func(key string) error {
		switch key {
		case "distroversion":
			return s.j.into(&s.release)
		case "urlprefix":
			return s.j.into(&s.prefix)
		case "packages":
			s.found = true
			return s.j.array(s.entry)
		}
		return s.j.skip()
	})
	if err == nil {
		err = s.j.end()
	}
	if err == nil && !s.found {
		err = muster.Errorf(muster.Invalid, "%q is no secdb: it has no packages", s.o.Name)
	}
	return err
}

// platform is the system that the list is for.
func (s *secdb) platform() (Platform, error) {
	if s.o.Platform.Known {
		return s.o.Platform, nil
	}
	switch {
	case s.release != "":
		p, _ := s.o.platform("osv", "Alpine:"+s.release)
		return p, nil
	case strings.Contains(s.prefix, "wolfi"):
		p, _ := s.o.platform("osv", "Wolfi")
		return p, nil
	case strings.Contains(s.prefix, "chainguard"):
		p, _ := s.o.platform("osv", "Chainguard")
		return p, nil
	}
	err := muster.Errorf(muster.Invalid, "%q does not say which system it is for", s.o.Name)
	return Platform{}, muster.WithHint(err, "name the system, as alpine 3.20")
}

func (s *secdb) entry() error {
	return s.j.object(func(key string) error {
		if key != "pkg" {
			return s.j.skip()
		}
		return s.pkg()
	})
}

// pkg reads a package and what each of its versions fixed; the name may come
// after.
func (s *secdb) pkg() error {
	name := ""
	fixes := map[string][]string{}
	err := s.j.object(func(key string) error {
		switch key {
		case "name":
			return s.j.into(&name)
		case "secfixes":
			return s.j.object(func(version string) error {
				if len(fixes) == maxFixes {
					return s.j.fail(fmt.Errorf("more than %d versions of a package", maxFixes))
				}
				list, err := s.j.texts(maxFixes)
				if s.listed += len(list); s.listed > maxSecdb && err == nil {
					err = s.j.fail(fmt.Errorf("more than %d fixes", maxSecdb))
				}
				fixes[version] = append(fixes[version], list...)
				return err
			})
		}
		return s.j.skip()
	})
	if err != nil {
		return err
	}
	if name == "" {
		return s.o.skip(fmt.Sprintf("package before byte %d", s.j.at), errors.New("it has no name"))
	}
	delete(fixes, "0")
	number := s.text(name)
	for _, version := range slices.Sorted(maps.Keys(fixes)) {
		fixed := s.text(version)
		for _, fix := range fixes[version] {
			s.add(number, fixed, fix)
		}
	}
	return nil
}

// text keeps a text and returns its place.
func (s *secdb) text(text string) int32 {
	s.texts = append(s.texts, text)
	return int32(len(s.texts) - 1)
}

// add notes a fix: "CVE-2019-5747 (+ regression fix)", "XSA-213 CVE-2017-8903".
func (s *secdb) add(name, version int32, fix string) {
	if isID(fix) { // nearly all
		s.fixes = append(s.fixes, secdbFix{fix, name, version})
		return
	}
	var ids []string
	for _, word := range strings.Fields(fix) {
		if isID(word) {
			ids = append(ids, word)
		}
	}
	if len(ids) == 0 {
		return
	}
	if i := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, "CVE-") }); i > 0 {
		ids[0], ids[i] = ids[i], ids[0]
	}
	for _, alias := range ids[1:] {
		s.also[ids[0]] = appendBounded(s.also[ids[0]], alias)
	}
	s.fixes = append(s.fixes, secdbFix{ids[0], name, version})
}
