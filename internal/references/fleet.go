package references

import (
	"context"
	"maps"
	"slices"

	"muster"
	"muster/advisory/systems"
	"muster/internal/sites"
	"muster/reference"
	"muster/sitereport"
)

// A fleet is what memory has of the hosts.
type fleet struct {
	systems *systems.Table
	words   shelf[*word]    // packages that states have, by their numbers in the dictionary
	idle    []int64         // some of them, which maybe no state has any more
	system  *reference.Host // of the word that came last
	edited  int64           // number of the newest change of a host that was read

	hosts  map[int64]*member
	states map[string]*state // by [sites.Host.State]
	slots  []*state          // by number; nil: free
	free   []int             // numbers of slots
}

// A word is a package of the dictionary, on the system where it is.
type word struct {
	pkg    sitereport.Package
	host   *reference.Host // its system alone
	kernel bool            // which kernel runs matters
	states int             // that have it
}

// A member is a host.
type member struct {
	id              int64
	name, site, tag string
	agent           string
	changed         int64
	state           *state
}

// A state is what one host or many are and have: all that verdicts depend on.
type state struct {
	name     string
	system   sitereport.System
	platform systems.Platform
	has      set
	number   int // of its slot
	hosts    int // that are in it
}

func newFleet(t *systems.Table) fleet {
	return fleet{systems: t, hosts: map[int64]*member{}, states: map[string]*state{}}
}

// Pages of what is read at a time.
const (
	manyWords = 10_000
	manyHosts = 1000
)

// followHosts takes in hosts that changed, and packages that were seen first.
func (r *References) followHosts(ctx context.Context) error {
	for {
		page, err := r.Source.HostsAfter(ctx, r.fleet.edited, manyHosts)
		if err != nil || len(page) == 0 {
			return err
		}
		changes, err := r.readHosts(ctx, page)
		if err != nil {
			return err
		}
		r.mu.Lock()
		for _, c := range changes {
			r.apply(c)
		}
		r.dropIdle()
		r.fleet.edited = page[len(page)-1].Edited
		r.mu.Unlock()
		r.dirty = true
	}
}

// readHosts reads what hosts have, and packages that memory does not know.
func (r *References) readHosts(ctx context.Context, page []sites.Host) (changes []*hostChange, err error) {
	missing := map[int64]bool{}
	for i := range page {
		c, err := r.readHost(ctx, &page[i], missing)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	if err := r.readWords(ctx, slices.Sorted(maps.Keys(missing))); err != nil {
		return nil, err
	}
	// A package goes from the dictionary after all that had it: such a host has changed
	// since, and comes again.
	return slices.DeleteFunc(changes, func(c *hostChange) bool { return !r.fleet.knows(c.has) }), nil
}

// knows reports whether all packages of a set are in memory.
func (f *fleet) knows(s set) bool {
	all := true
	s.each(func(first, n int64) {
		for id := first; all && id < first+n; id++ {
			all = f.words.at(id) != nil
		}
	})
	return all
}

// A hostChange is what a host is and has now.
type hostChange struct {
	host sites.Host
	gone bool
	has  set
}

// readHost reads what a host has, unless memory has the same of another. It notes
// packages that memory does not know.
func (r *References) readHost(ctx context.Context, h *sites.Host, missing map[int64]bool) (*hostChange, error) {
	c := &hostChange{host: *h, gone: h.Gone != 0}
	if c.gone {
		return c, nil
	}
	if st := r.fleet.states[h.State()]; st != nil {
		c.has = st.has // kept: its last host may leave it before this one comes
		return c, nil
	}
	ids, now, err := r.Source.HostRows(ctx, h.ID)
	if muster.KindOf(err) == muster.NotFound {
		c.gone = true
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	c.host, c.has = now, newSet(ids)
	for _, id := range ids {
		if r.fleet.words.at(id) == nil {
			missing[id] = true
		}
	}
	return c, nil
}

// readWords reads packages that memory does not know.
func (r *References) readWords(ctx context.Context, ids []int64) error {
	for part := range slices.Chunk(ids, manyWords) {
		page, err := r.Source.KnownNumbered(ctx, part)
		if err != nil {
			return err
		}
		r.mu.Lock()
		for i := range page {
			r.fleet.addWord(&page[i])
			for _, v := range r.views {
				v.extend(page[i].ID, *r.fleet.words.at(page[i].ID))
			}
		}
		r.mu.Unlock()
	}
	return nil
}

// addWord puts a package at its number. No state has it yet.
func (f *fleet) addWord(k *sites.Known) {
	if f.system == nil || f.system.System != k.System { // most are of one report
		f.system = &reference.Host{System: k.System, Platform: f.platform(&k.System)}
	}
	*f.words.put(k.ID) = &word{pkg: k.Package, host: f.system, kernel: reference.MayRun(&k.Package)}
	f.idle = append(f.idle, k.ID)
}

// word is a package that a state has.
func (f *fleet) word(id int64) *word { return *f.words.at(id) }

// hold counts a state among those that have its packages.
func (f *fleet) hold(st *state) {
	st.has.each(func(first, n int64) {
		for id := first; id < first+n; id++ {
			f.word(id).states++
		}
	})
}

// letGo undoes hold.
func (f *fleet) letGo(st *state) {
	st.has.each(func(first, n int64) {
		for id := first; id < first+n; id++ {
			w := f.word(id)
			if w.states--; w.states == 0 {
				f.idle = append(f.idle, id)
			}
		}
	})
}

// dropIdle forgets packages that no state has any more, when all changes are in: the last
// host may leave a state before another comes. The caller has the lock.
func (r *References) dropIdle() {
	for _, id := range r.fleet.idle {
		if w := r.fleet.words.at(id); w == nil || (*w).states > 0 {
			continue
		}
		r.fleet.words.drop(id)
		for _, v := range r.views {
			v.drop(id)
		}
	}
	r.fleet.idle = nil
}

func (f *fleet) platform(s *sitereport.System) systems.Platform {
	return f.systems.Of(s.ID, s.Version, s.Name)
}

// apply takes in one host. The caller has the lock.
func (r *References) apply(c *hostChange) {
	f, h := &r.fleet, &c.host
	m := f.hosts[h.ID]
	if c.gone {
		if m != nil {
			f.leave(m.state)
			delete(f.hosts, h.ID)
		}
		return
	}
	st := f.states[h.State()]
	if st == nil {
		st = f.newState(h, c.has)
		for _, v := range r.views {
			v.add(f, st)
		}
	}
	st.hosts++
	if m == nil {
		m = &member{id: h.ID}
		f.hosts[h.ID] = m
	} else {
		f.leave(m.state)
	}
	m.name, m.site, m.tag, m.agent, m.state = h.Name, h.Site, h.Tag, h.Agent, st
}

func (f *fleet) newState(h *sites.Host, has set) *state {
	st := &state{name: h.State(), system: h.System, platform: f.platform(&h.System), has: has}
	if n := len(f.free) - 1; n >= 0 {
		st.number, f.free = f.free[n], f.free[:n]
		f.slots[st.number] = st
	} else {
		st.number = len(f.slots)
		f.slots = append(f.slots, st)
	}
	f.states[st.name] = st
	f.hold(st)
	return st
}

// leave takes a host out of a state, which ends with the last one.
func (f *fleet) leave(st *state) {
	if st.hosts--; st.hosts > 0 {
		return
	}
	f.letGo(st)
	delete(f.states, st.name)
	f.slots[st.number] = nil
	f.free = append(f.free, st.number)
}
