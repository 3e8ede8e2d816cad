package hosts

import (
	"muster/api"
	"muster/inventory"
)

// expand turns a change of the section of muster's own packages into one for each
// package, as for those of other package managers. A change whose values are not
// known stays as it is.
func expand(changes []api.HistoryChange) (all []api.HistoryChange) {
	for _, c := range changes {
		if c.Section == "muster" && (c.Before != nil || c.After != nil) {
			all = append(all, musterChanges(c.Before, c.After)...)
		} else {
			all = append(all, c)
		}
	}
	return all
}

// musterChanges compares two lists of muster's own packages, which are in order
// of name and root.
func musterChanges(before, after []byte) (all []api.HistoryChange) {
	type key struct{ name, root string }
	read := func(text []byte) (list []inventory.Installed, by map[key]inventory.Installed) {
		by = map[key]inventory.Installed{}
		if text == nil || readJSON("packages of muster", text, &list) != nil {
			return nil, by
		}
		for _, p := range list {
			by[key{p.Name, p.Root}] = p
		}
		return list, by
	}
	was, had := read(before)
	now, has := read(after)
	add := func(op string, p inventory.Installed, from, to string) {
		all = append(all, api.HistoryChange{Section: "muster", Op: op, Software: p.Name, Arch: p.Arch, From: from, To: to})
	}
	for _, p := range was {
		if _, ok := has[key{p.Name, p.Root}]; !ok {
			add("removed", p, p.Version, "")
		}
	}
	for _, p := range now {
		old, ok := had[key{p.Name, p.Root}]
		switch {
		case !ok:
			add("installed", p, "", p.Version)
		case old.Version != p.Version:
			add("changed", p, old.Version, p.Version)
		case old.Manifest != p.Manifest:
			add("reinstalled", p, old.Version, p.Version)
		}
	}
	return all
}
