package directory

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster"
)

// maxProblems bounds how many problems are kept in words.
const maxProblems = 100

// problems are what a person should mend in the directory.
type problems struct {
	count int
	words []string
}

func (p *problems) add(format string, args ...any) {
	if p.count++; len(p.words) < maxProblems {
		p.words = append(p.words, fmt.Sprintf(format, args...))
	}
}

// A place is where a host stands.
type place struct{ units, groups []string }

// ambiguous stands for the place of a name that several computers have.
const ambiguous = -1

// A snapshot is the directory at one time. Nobody changes it.
type snapshot struct {
	at        time.Time
	computers int
	groups    int
	places    []place
	// full holds names with a domain that entries have, and other names that are
	// whole. short holds what is made of first labels; full goes before.
	full, short map[string]int32
	problems    problems
}

// snapshot works out who is in what.
func (r *reading) snapshot() (*snapshot, error) {
	if len(r.computers) == 0 {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "the directory shows no computer"), "look at bases, at the filter computers, and whether bind-dn may read them")
	}
	r.link()
	r.distinct()
	s := &snapshot{computers: len(r.computers), groups: len(r.groups), places: make([]place, len(r.computers)),
		full: map[string]int32{}, short: map[string]int32{}}
	w := newWalk(r.groups)
	for i := range r.computers {
		m := &r.computers[i]
		s.index(r, int32(i))
		if m.broken {
			continue
		}
		groups, err := w.names(m.up)
		if err != nil {
			return nil, fmt.Errorf("%.200q: %w", m.dn, err)
		}
		s.places[i] = place{units: m.units, groups: groups}
	}
	s.problems = r.problems
	return s, nil
}

// link turns DNs into groups and computers. DNs of what was not read, such as
// persons, are nothing.
func (r *reading) link() {
	for i := range r.groups {
		g := &r.groups[i]
		g.up = append(g.up, r.known(g.above)...)
		for _, k := range g.members {
			if m, ok := r.machine[k]; ok {
				r.computers[m].up = append(r.computers[m].up, int32(i))
			} else if below, ok := r.group[k]; ok {
				r.groups[below].up = append(r.groups[below].up, int32(i))
			}
		}
		g.above, g.members = nil, nil
	}
}

// distinct takes the name from groups that share it: who may make a group
// somewhere else in the tree could put hosts into a profile otherwise.
func (r *reading) distinct() {
	have, shared := map[string]int{}, map[string]bool{}
	for i, g := range r.groups {
		other, ok := have[g.name]
		if !ok || g.name == "" {
			have[g.name] = i
			continue
		}
		r.problems.add("no host is in the group %q: it is both %.200q and %.200q", g.name, r.groups[other].dn, g.dn)
		shared[g.name] = true
	}
	for i := range r.groups {
		if shared[r.groups[i].name] {
			r.groups[i].name = ""
		}
	}
}

// index enters the names of computer i.
func (s *snapshot) index(r *reading, i int32) {
	m := &r.computers[i]
	for _, name := range m.names {
		if strings.Contains(name, ".") || isGUID(name) {
			s.enter(r, s.full, name, i)
			continue
		}
		s.enter(r, s.short, name, i)
		if m.domain != "" {
			s.enter(r, s.short, name+"."+m.domain, i)
		}
	}
}

func isGUID(s string) bool { return len(s) == 36 && strings.Count(s, "-") == 4 }

// enter gives a name to computer i, or, when another one has it, to none.
func (s *snapshot) enter(r *reading, names map[string]int32, name string, i int32) {
	other, ok := names[name]
	if !ok || other == i {
		names[name] = i
		return
	}
	names[name] = ambiguous
	if other != ambiguous {
		r.problems.add("the host %q has no units nor groups: it is both %.200q and %.200q", name, r.computers[other].dn, r.computers[i].dn)
	}
}

// find returns the place of a host, and whether there is one.
func (s *snapshot) find(name string) (place, bool) {
	i, ok := s.full[name]
	if !ok {
		i, ok = s.short[name]
	}
	if !ok || i == ambiguous {
		return place{}, false
	}
	return s.places[i], true
}

// A walk goes up from groups to those that hold them. Groups may hold each other
// in a circle: each is visited once.
type walk struct {
	groups []group
	seen   []int32 // by group, the walk that came by last
	round  int32
	known  map[string][]string // names, by where a walk began: many computers are alike
}

func newWalk(groups []group) *walk {
	return &walk{groups: groups, seen: make([]int32, len(groups)), known: map[string][]string{}}
}

// names are the names of the groups from, and of all that hold them, in order.
func (w *walk) names(from []int32) ([]string, error) {
	slices.Sort(from)
	from = slices.Compact(from)
	var id []byte
	for _, g := range from {
		id = binary.AppendUvarint(id, uint64(g))
	}
	if names, ok := w.known[string(id)]; ok {
		return names, nil
	}
	w.round++
	todo := slices.Clone(from)
	var names []string
	for visited := 0; len(todo) > 0; {
		g := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if w.seen[g] == w.round {
			continue
		}
		if visited++; visited > maxGroups {
			return nil, muster.Errorf(muster.Invalid, "it is in more than %d groups", maxGroups)
		}
		w.seen[g] = w.round
		if name := w.groups[g].name; name != "" {
			names = append(names, name)
		}
		todo = append(todo, w.groups[g].up...)
	}
	slices.Sort(names)
	w.known[string(id)] = slices.Clip(names)
	return w.known[string(id)], nil
}
