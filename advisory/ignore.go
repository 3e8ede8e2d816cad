package advisory

import (
	"slices"
	"strings"
	"time"
)

// An Ignore is a decision of people to let a finding be. Every field that is
// not empty has to fit; at least ID or Package is there, and Reason always.
type Ignore struct {
	ID       string // of an advisory, or an alias of it: see [Advisory.IgnoredBy]
	Package  string // source or binary name; one * is any text
	Platform string // "debian" or "debian 12", as systems.csv names them
	Site     string
	Reason   string
	Until    time.Time // the last day it counts, in UTC; zero: always
	Line     int       // where it stands in its file
}

// Ignores is a list of decisions; of several that fit the first counts.
type Ignores []Ignore

// Expired are the entries that do not count any more at now.
func (all Ignores) Expired(now time.Time) Ignores {
	return all.filter(func(e *Ignore) bool { return e.expired(now) })
}

func (all Ignores) valid(now time.Time) Ignores {
	return all.filter(func(e *Ignore) bool { return !e.expired(now) })
}

func (all Ignores) filter(keep func(*Ignore) bool) Ignores {
	var some Ignores
	for i := range all {
		if keep(&all[i]) {
			some = append(some, all[i])
		}
	}
	return some
}

func (e *Ignore) expired(now time.Time) bool {
	return !e.Until.IsZero() && !now.Before(e.Until.AddDate(0, 0, 1))
}

// find is the entry that lets a finding be, or nil; else a note where entries name
// some of the vulnerabilities of its advisory.
func (all Ignores) find(site string, f *Finding) (why *Ignore, note string) {
	var ids []string
	var of []*Ignore
	for i := range all {
		e := &all[i]
		if e.named(f.Advisory) && e.fits(site, f) {
			ids, of = append(ids, e.ID), append(of, e)
		}
	}
	first, left := f.Advisory.IgnoredBy(ids)
	if first >= 0 {
		return of[first], ""
	}
	return nil, PartlyIgnored(left)
}

// Covers says whether an entry by itself is about all of a finding on a host of a
// site, whether it has expired or not.
func (e *Ignore) Covers(site string, f *Finding) bool {
	first, _ := f.Advisory.IgnoredBy([]string{e.ID})
	return first == 0 && e.fits(site, f)
}

// named says whether an entry may be about an advisory.
func (e *Ignore) named(a *Advisory) bool {
	return e.ID == "" || e.ID == a.ID || slices.Contains(a.Aliases, e.ID)
}

// fits says whether an entry fits a finding, whatever the advisory.
func (e *Ignore) fits(site string, f *Finding) bool {
	return (e.Site == "" || e.Site == site) && e.coversPackage(f) && e.coversPlatform(f.Platform)
}

func (e *Ignore) coversPackage(f *Finding) bool {
	if e.Package == "" {
		return true
	}
	g := newStarred(e.Package)
	for _, name := range []string{f.Package.Name, f.Package.Source, f.Affected.Name} {
		if _, ok := g.match(name); ok && name != "" {
			return true
		}
	}
	return false
}

func (e *Ignore) coversPlatform(p Platform) bool {
	ecosystem, release, both := strings.Cut(e.Platform, " ")
	return e.Platform == "" || ecosystem == p.Ecosystem && (!both || release == p.Release)
}
