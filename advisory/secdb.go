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

// maxFixes bounds the fixes that one version of a package of secdb names.
const maxFixes = 10_000

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
	s := secdb{o: &o, j: newJSONReader(o.Name, text), byID: map[string]int{}}
	if err := s.read(); err != nil {
		return err
	}
	p, err := s.platform()
	if err != nil || !p.Known {
		return err
	}
	for i := range s.all {
		a := &s.all[i]
		for k := range a.Affected {
			a.Affected[k].Ecosystem, a.Affected[k].Release = p.Ecosystem, p.Release
		}
		a.Affected = together(a.Affected)
		if err := o.give(a, yield); err != nil {
			return err
		}
	}
	return nil
}

// A secdb is a list while it is read.
type secdb struct {
	o       *Options
	j       *jsonReader
	release string // distroversion
	prefix  string // apkurl or urlprefix, which name the system
	listed  bool   // there are packages
	all     []Advisory
	byID    map[string]int
}

func (s *secdb) read() error {
	err := s.j.object(func(key string) error {
		switch key {
		case "distroversion":
			return s.j.into(&s.release)
		case "urlprefix":
			return s.j.into(&s.prefix)
		case "packages":
			s.listed = true
			return s.j.array(s.entry)
		}
		return s.j.skip()
	})
	if err == nil {
		err = s.j.end()
	}
	if err == nil && !s.listed {
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
				list, err := s.j.texts(maxFixes)
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
		return s.o.skip(fmt.Sprintf("package before byte %d", s.j.d.InputOffset()), errors.New("it has no name"))
	}
	delete(fixes, "0")
	for _, version := range slices.Sorted(maps.Keys(fixes)) {
		for _, fix := range fixes[version] {
			s.add(name, version, fix)
		}
	}
	return nil
}

// add notes a fix: "CVE-2019-5747 (+ regression fix)", "XSA-213 CVE-2017-8903".
func (s *secdb) add(name, version, fix string) {
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
	i, ok := s.byID[ids[0]]
	if !ok {
		i = len(s.all)
		s.byID[ids[0]] = i
		s.all = append(s.all, Advisory{ID: ids[0], Source: "secdb"})
		if strings.HasPrefix(ids[0], "CVE-") {
			s.all[i].References = []string{"https://security.alpinelinux.org/vuln/" + ids[0]}
		}
	}
	a := &s.all[i]
	for _, alias := range ids[1:] {
		a.Aliases = appendBounded(a.Aliases, alias)
	}
	if len(a.Affected) < maxRows {
		a.Affected = append(a.Affected, Affected{Name: name, Ranges: []Range{{Fixed: version}}})
	}
}
