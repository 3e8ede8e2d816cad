package references

import (
	"context"

	"muster"
	"muster/advisory/systems"
	"muster/internal/sites"
	"muster/reference"
	"muster/sitereport"
)

// A fleet is what memory has of the hosts.
type fleet struct {
	systems *systems.Table
	words   []word // the dictionary, by number
	edited  int64  // number of the newest change of a host that was read

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
	return fleet{systems: t, words: make([]word, 1), hosts: map[int64]*member{}, states: map[string]*state{}}
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
		changes := make([]*hostChange, len(page))
		newest := int64(0)
		for i := range page {
			c, err := r.readHost(ctx, &page[i])
			if err != nil {
				return err
			}
			changes[i], newest = c, max(newest, c.newest)
		}
		if err := r.readWords(ctx, newest); err != nil {
			return err
		}
		r.mu.Lock()
		for _, c := range changes {
			r.apply(c)
		}
		r.fleet.edited = page[len(page)-1].Edited
		r.mu.Unlock()
		r.dirty = true
	}
}

// A hostChange is what a host is and has now.
type hostChange struct {
	host   sites.Host
	gone   bool
	has    set
	newest int64 // number of a package
}

// readHost reads what a host has, unless memory has the same of another.
func (r *References) readHost(ctx context.Context, h *sites.Host) (*hostChange, error) {
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
	if len(ids) > 0 {
		c.newest = ids[len(ids)-1]
	}
	return c, nil
}

// readWords reads the dictionary up to a number at least.
func (r *References) readWords(ctx context.Context, upTo int64) error {
	for int64(len(r.fleet.words)) <= upTo {
		page, err := r.Source.KnownAfter(ctx, int64(len(r.fleet.words)-1), manyWords)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return muster.Errorf(muster.Internal, "the dictionary of packages ends before %d", upTo)
		}
		r.mu.Lock()
		for i := range page {
			r.fleet.addWord(&page[i])
		}
		for _, v := range r.views {
			v.extend(r.fleet.words)
		}
		r.mu.Unlock()
	}
	return nil
}

// addWord puts a package at its number. Numbers without a package stay empty.
func (f *fleet) addWord(k *sites.Known) {
	for int64(len(f.words)) <= k.ID {
		f.words = append(f.words, word{})
	}
	w := word{pkg: k.Package, kernel: reference.MayRun(&k.Package)}
	if n := k.ID - 1; n > 0 && f.words[n].host != nil && f.words[n].host.System == k.System {
		w.host = f.words[n].host // of one report, nearly always
	} else {
		w.host = &reference.Host{System: k.System, Platform: f.platform(&k.System)}
	}
	f.words[k.ID] = w
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
	return st
}

// leave takes a host out of a state, which ends with the last one.
func (f *fleet) leave(st *state) {
	if st.hosts--; st.hosts > 0 {
		return
	}
	delete(f.states, st.name)
	f.slots[st.number] = nil
	f.free = append(f.free, st.number)
}
