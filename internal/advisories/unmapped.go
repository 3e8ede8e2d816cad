package advisories

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"muster/api"
	"muster/internal/sites"
)

// unmapped are systems of hosts whose advisories are not known, as they were when the
// hosts were last gone through. Nothing is guessed about them: people are shown them.
type unmapped struct {
	mu  sync.Mutex
	all []api.UnmappedSystem
	at  int64
}

func (u *unmapped) list() []api.UnmappedSystem {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.all)
}

// lookEach is how often all hosts are gone through for that, in seconds.
const lookEach = 3600

// lookOver goes through all hosts, if it was not done lately.
func (a *Advisories) lookOver(ctx context.Context) error {
	a.unseen.mu.Lock()
	due := a.unseen.at+lookEach <= a.Now().Unix()
	a.unseen.mu.Unlock()
	if !due {
		return nil
	}
	found := map[api.UnmappedSystem]int64{}
	for last := int64(0); ; {
		hosts, err := a.Fleet.HostsAfter(ctx, last, 4*movedHosts)
		if err != nil {
			return err
		}
		if len(hosts) == 0 {
			break
		}
		last = hosts[len(hosts)-1].Edited
		for i := range hosts {
			if s, ok := a.unmappedOf(&hosts[i]); ok {
				found[s]++
			}
		}
	}
	var all []api.UnmappedSystem
	for s, n := range found {
		s.Hosts = n
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b api.UnmappedSystem) int {
		return cmp.Or(cmp.Compare(b.Hosts, a.Hosts), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Name, b.Name))
	})
	a.unseen.mu.Lock()
	defer a.unseen.mu.Unlock()
	a.unseen.all, a.unseen.at = all, a.Now().Unix()
	return nil
}

func (a *Advisories) unmappedOf(h *sites.Host) (s api.UnmappedSystem, ok bool) {
	of := h.RowsSystem() // by which packages are judged
	if h.Gone != 0 || a.Systems.Of(of.ID, of.Version, of.Name).Known {
		return s, false
	}
	s = api.UnmappedSystem{ID: h.System.ID, Version: h.System.Version, Name: h.System.Name}
	return s, true
}
