package references

import (
	"context"

	"muster"
	"muster/api"
	"muster/internal/sites"
	"muster/reference"
)

// A Wish asks how fast a version came to hosts.
type Wish struct {
	Name          string // of a package, or "source:openssl"
	Manager, Arch string // "" any
	Want          string // ">= 3.0.17-1~deb12u3"
	Systems       []string
	Sites         []string
	From          int64 // since when the version is there to be had
	Days          int   // 0: 30
	Sight         Sight
}

// maxIntervals bounds what one question reads.
const maxIntervals = 5_000_000

// Patched answers which share of hosts had a wanted version within so many days of its
// publication. Of kernels it counts the package, not which one ran.
func (r *References) Patched(ctx context.Context, w Wish) (out api.ReferencePatching, err error) {
	l, err := w.list()
	if err != nil {
		return out, err
	}
	if w.Days == 0 {
		w.Days = 30
	}
	now := r.Now().Unix()
	hosts, err := r.eachHost(ctx, l, &w.Sight)
	if err != nil {
		return out, err
	}
	intervals, fits, err := r.intervals(ctx, l, hosts, w.From, now)
	if err != nil {
		return out, err
	}
	days, err := reference.Patched(intervals, func(i *reference.Interval) bool { return fits[i.Version+"\x00"+i.Manager] }, w.From, w.Days, now)
	out = api.ReferencePatching{Name: w.Name, Want: l.Wanted[0].Want.String(), From: w.From, Days: make([]api.ReferencePatchingDay, len(days))}
	for i, d := range days {
		out.Days[i] = api.ReferencePatchingDay(d)
	}
	return out, err
}

// list makes a list of the one row that is asked about.
func (w *Wish) list() (*reference.List, error) {
	want, err := reference.ParseWant(w.Want)
	if err == nil && (want.Mode != reference.There || len(want.Bounds) == 0) {
		err = muster.Errorf(muster.Invalid, "wish %q names no version", w.Want)
	}
	if err != nil {
		return nil, muster.WithField(err, "want")
	}
	l := &reference.List{For: reference.Scope{Systems: w.Systems, Sites: w.Sites}, Wanted: []reference.Wanted{{Name: w.Name, Manager: w.Manager, Arch: w.Arch, Want: want}}}
	return l, l.Check()
}

// eachHost reads the hosts that are asked about, also those that are forgotten.
func (r *References) eachHost(ctx context.Context, l *reference.List, sight *Sight) (map[int64]*sites.Host, error) {
	found := make(map[int64]*sites.Host)
	for after := int64(0); ; {
		page, err := r.Source.Hosts(ctx, sites.Filter{Gone: true}, sites.Page{After: after, Limit: 5000})
		if err != nil || len(page) == 0 {
			return found, err
		}
		for i := range page {
			h := &page[i]
			about := &reference.Host{Site: h.Site, Tag: h.Tag, System: h.System, Platform: r.fleet.platform(&h.System)}
			if sight.sees(h.Site, h.Agent) && l.For.Covers(about) {
				found[h.ID] = h
			}
		}
		after = page[len(page)-1].ID
	}
}

// intervals reads the history of the package, and says which versions fit.
func (r *References) intervals(ctx context.Context, l *reference.List, hosts map[int64]*sites.Host, from, to int64) (all []reference.Interval, fits map[string]bool, err error) {
	w := &l.Wanted[0]
	m := l.Matcher(to)
	name, source := w.Source()
	fits = map[string]bool{}
	err = r.Source.Versions(ctx, name, from, 0, func(i sites.Interval) error {
		h := hosts[i.Host]
		if h == nil {
			return nil
		}
		p := &i.Known.Package
		if own, of := m.Find(p); own < 0 && of < 0 {
			return nil
		}
		if len(all) == maxIntervals {
			return muster.Errorf(muster.Invalid, "the history of %q is too long for one answer", w.Name)
		}
		version := p.Version
		if source && p.SourceVersion != "" {
			version = p.SourceVersion
		}
		fits[version+"\x00"+p.Manager] = w.Fits(&reference.Host{System: i.Known.System, Platform: r.fleet.platform(&i.Known.System)}, p)
		all = append(all, reference.Interval{Host: i.Host, Manager: p.Manager, Name: p.Name, Arch: p.Arch, Version: version, From: i.From, Until: i.Until, LastSeen: h.Last})
		return nil
	})
	return all, fits, err
}
