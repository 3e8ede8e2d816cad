package hosts

import (
	"slices"
	"strings"

	"muster/search"
)

// free looks for a word without a field.
func (q *inquiry) free(found hostSet, t *search.Term) {
	is := finder(t.Whole())
	for _, field := range search.Free {
		q.text(found, field, is)
	}
}

// text adds the hosts that have a value of a field which is so. No value is "".
func (q *inquiry) text(found hostSet, field string, so func(string) bool) {
	switch field {
	case "group":
		q.lists["group"].find(found, func(name string) bool { return !q.found[name] && so(name) })
		return
	case "unit", "directory":
		q.placed(found, field == "unit", so)
		return
	}
	for _, name := range columns[field] {
		q.texts[name].find(found, so)
	}
	for _, name := range values[field] {
		q.lists[name].find(found, so)
	}
}

// matcher says which texts a term about texts means.
func matcher(t *search.Term) func(string) bool {
	if _, _, network := t.Network(); network || t.Field.Kind == search.Version {
		return t.MatchText
	}
	return finder(t.Whole())
}

// finder says which texts a pattern means, and quickly where it is one text, or with a
// star before or behind.
func finder(p search.Pattern) func(text string) bool {
	like := p.Like()
	part := longest(like)
	switch same := !strings.ContainsAny(part, "%_!"); {
	case same && like == part:
		return func(text string) bool { return strings.ToLower(text) == part }
	case same && like == "%"+part+"%":
		return func(text string) bool { return strings.Contains(strings.ToLower(text), part) }
	case same && like == part+"%":
		return func(text string) bool { return strings.HasPrefix(strings.ToLower(text), part) }
	case same && like == "%"+part:
		return func(text string) bool { return strings.HasSuffix(strings.ToLower(text), part) }
	}
	return func(text string) bool { return strings.Contains(strings.ToLower(text), part) && p.Match(text) }
}

// longest is the longest text that whatever LIKE finds has in it.
func longest(like string) (part string) {
	var now []byte
	for i := 0; i <= len(like); i++ {
		switch {
		case i < len(like) && like[i] == '!' && i+1 < len(like):
			i++
			now = append(now, like[i])
		case i < len(like) && like[i] != '%' && like[i] != '_':
			now = append(now, like[i])
		default:
			if len(now) > len(part) {
				part = string(now)
			}
			now = now[:0]
		}
	}
	return part
}

// placed adds the hosts that stand in a unit, or a group of the directory, that is so.
func (q *inquiry) placed(found hostSet, unit bool, so func(name string) bool) {
	path, fqdn := q.texts["h.unit"], q.texts["f.fqdn"]
	if unit {
		path.find(found, func(path string) bool { return slices.ContainsFunc(unitNames(path), so) })
	}
	if q.h.Directory == nil {
		return
	}
	for place := range q.here.all() {
		if unit && path.text(place) != "" {
			continue // what a person said of one host goes before what the directory says
		}
		if slices.ContainsFunc(q.h.places(unit, "", fqdn.text(place)), so) {
			found.add(place)
		}
	}
}

// places are the units of a host, or its groups of the directory.
func (h *Hosts) places(unit bool, path, fqdn string) []string {
	if unit && path != "" {
		return unitNames(path)
	}
	if h.Directory == nil || fqdn == "" {
		return nil
	}
	units, groups, _ := h.Directory.Place(fqdn)
	if unit {
		return units
	}
	return groups
}

// present adds the hosts that have any value of a field.
func (q *inquiry) present(found hostSet, t *search.Term) {
	f := t.Of()
	if f == nil {
		q.muster.find(found, func(s search.Software) bool { return s.Audit == t.Status })
		return
	}
	switch f.Kind {
	case search.Count, search.Size, search.Time:
		q.number(found, f.Name, 0, 1<<63-1)
	case search.Package:
		found.or(q.stock.any)
	case search.Muster:
		q.muster.find(found, func(s search.Software) bool { return s.Version != "" })
	case search.Audit:
		q.muster.find(found, func(s search.Software) bool { return s.Audit != "" })
	default:
		q.text(found, f.Name, func(string) bool { return true })
	}
}
