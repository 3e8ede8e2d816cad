package console

import (
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// A finding is what was found for a few words: pages, hosts, groups and software.
type finding struct {
	Words string
	Parts []found
}

// A found is a list under a title.
type found struct {
	Title   string
	Entries []hit
}

// A hit is one of them.
type hit struct{ Title, Note, Href string }

// perKind is how many of a kind are shown.
const perKind = 8

// find looks everywhere for what somebody types without saying where it is.
func find(v *visit) (any, error) {
	out := finding{Words: strings.TrimSpace(v.query("q"))}
	if len(out.Words) > 200 {
		return nil, muster.Errorf(muster.Invalid, "this is too long to look for")
	}
	for _, look := range []func(*visit, string) (found, error){findPages, findHosts, findGroups, findPackages, findSites, findAdvisories, findSoftware} {
		f, err := look(v, out.Words)
		if err := unlessDenied(err); err != nil {
			return nil, err
		}
		if len(f.Entries) > 0 {
			out.Parts = append(out.Parts, f)
		}
	}
	return out, nil
}

func contains(text, words string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(words))
}

func findPages(v *visit, words string) (found, error) {
	f := found{Title: v.t("Pages")}
	for _, e := range v.navigation() {
		if contains(e.Title, words) {
			f.Entries = append(f.Entries, hit{Title: e.Title, Href: e.Href})
		}
	}
	return f, nil
}

// findHosts takes the words for a search or, where they are none, for a text.
func findHosts(v *visit, words string) (found, error) {
	f := found{Title: v.t("Hosts")}
	if words == "" {
		return f, nil
	}
	page, err := v.api.Hosts(v.ctx(), api.HostQuery{Query: words, Limit: perKind, Count: true})
	if muster.KindOf(err) == muster.Invalid {
		page, err = v.api.Hosts(v.ctx(), api.HostQuery{Query: `"` + strings.Map(unquoted, words) + `"`, Limit: perKind, Count: true})
	}
	if muster.KindOf(err) == muster.Invalid {
		return f, nil
	}
	for _, h := range page.Hosts {
		f.Entries = append(f.Entries, hit{h.Name, h.OSName, v.link("/hosts/" + h.ID)})
	}
	if page.Next != "" {
		f.Entries = append(f.Entries, hit{v.t("all %s", v.words().number(page.Total)), "", v.searchFor(words)})
	}
	return f, err
}

func unquoted(r rune) rune {
	if r == '"' || r == '\\' {
		return -1
	}
	return r
}

func findGroups(v *visit, words string) (found, error) {
	f := found{Title: v.t("Groups")}
	page, err := v.api.Groups(v.ctx())
	for _, g := range page.Groups {
		if words != "" && contains(g.Name, words) {
			f.Entries = append(f.Entries, hit{g.Name, g.Note, v.link("/groups/group/" + g.Name)})
		}
	}
	f.Entries = f.Entries[:min(len(f.Entries), perKind)]
	return f, err
}

// findPackages looks among those of the repository.
func findPackages(v *visit, words string) (found, error) {
	f := found{Title: v.t("Packages")}
	if words == "" {
		return f, nil
	}
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return f, err
	}
	matches := v.matching(words)
	for _, name := range list.Names() {
		if e := list.Find(name)[0]; len(f.Entries) < perKind && matches(e) {
			f.Entries = append(f.Entries, hit{e.Name + " " + e.Version, e.Summary(v.lang), v.link("/packages/" + e.Name)})
		}
	}
	return f, nil
}

func findSites(v *visit, words string) (found, error) {
	f := found{Title: v.t("Sites")}
	page, err := v.api.Sites(v.ctx())
	for _, s := range page.Sites {
		if words != "" && contains(s.Name, words) {
			f.Entries = append(f.Entries, hit{api.Legible(s.Name), api.Legible(s.Note), v.siteAt(s.Name)})
		}
	}
	f.Entries = f.Entries[:min(len(f.Entries), perKind)]
	return f, err
}

// findAdvisories looks among those that concern hosts.
func findAdvisories(v *visit, words string) (found, error) {
	f := found{Title: v.t("Advisories")}
	if len(words) < 3 {
		return f, nil
	}
	page, err := v.api.Advisories(v.ctx(), api.AdvisoryQuery{FindingQuery: api.FindingQuery{Text: words, Limit: perKind}})
	for _, a := range page.Advisories {
		f.Entries = append(f.Entries, hit{api.Legible(a.ID), api.Legible(a.Summary), v.link(place("advisories", a.ID))})
	}
	return f, err
}

func findSoftware(v *visit, words string) (found, error) {
	f := found{Title: v.t("Software")}
	if len(words) < 2 || strings.ContainsAny(words, " :\"") {
		return f, nil
	}
	page, err := v.api.Software(v.ctx(), words+"*", "", perKind*3)
	if muster.KindOf(err) == muster.Invalid {
		return f, nil
	}
	slices.SortStableFunc(page.Software, func(a, b api.Software) int { return b.Hosts - a.Hosts })
	for _, s := range page.Software[:min(len(page.Software), perKind)] {
		q := "package:" + s.Source + "/" + strconv.Quote(s.Name) + "=" + strconv.Quote(s.Version)
		f.Entries = append(f.Entries, hit{s.Name + " " + s.Version, v.words().count(s.Hosts, "%s host", "%s hosts"), v.searchFor(q)})
	}
	return f, err
}
