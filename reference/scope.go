package reference

import (
	"slices"
	"strings"

	"muster"
	"muster/advisory/systems"
	"muster/sitereport"
)

// A Scope is the hosts that a list speaks of: those that are in every part of it. A
// part without words is all. In words "*" stands for any text.
type Scope struct {
	Tags    []string
	Systems []string // "debian:12", "rocky:9" (9 and 9.4), "debian" (any release)
	Sites   []string
}

// A Host is what a scope and a comparison need to know of a host beside its packages.
type Host struct {
	Site, Tag string
	System    sitereport.System
	Platform  systems.Platform // what package systems makes of System; zero: unknown
}

// Covers reports whether h is in the scope.
func (s *Scope) Covers(h *Host) bool {
	return inPart(s.Tags, h.Tag) && inPart(s.Sites, h.Site) && s.coversSystem(h)
}

func inPart(words []string, text string) bool {
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return glob(w, text) })
}

// coversSystem looks at what os-release says and at what package systems makes of it.
func (s *Scope) coversSystem(h *Host) bool {
	if len(s.Systems) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Systems, func(w string) bool {
		id, release, _ := strings.Cut(w, ":")
		return isSystem(id, release, h.System.ID, h.System.Version) ||
			h.Platform.Known && isSystem(id, release, h.Platform.Ecosystem, h.Platform.Release)
	})
}

// isSystem reports whether release is that of the host, or begins it: 9 is 9.4 too.
func isSystem(id, release, hostID, hostRelease string) bool {
	if hostID == "" || !glob(id, hostID) {
		return false
	}
	return release == "" || glob(release, hostRelease) || glob(release+".*", hostRelease)
}

// glob matches text with a pattern in which "*" is any text. It takes the first place
// that each part fits, which finds a match if there is one.
func glob(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	parts := strings.Split(rest, "*")
	for _, p := range parts[:len(parts)-1] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

// check sorts the words.
func (s *Scope) check() error {
	for what, words := range map[string]*[]string{"tag": &s.Tags, "system": &s.Systems, "site": &s.Sites} {
		if len(*words) > MaxScope {
			return muster.Errorf(muster.Invalid, "more than %d words for the %s", MaxScope, what)
		}
		for _, w := range *words {
			if err := checkWord(what, w); err != nil {
				return err
			}
		}
		slices.Sort(*words)
		*words = slices.Compact(*words)
	}
	return nil
}
