package reference

import (
	"cmp"
	"slices"

	"muster"
)

// An Interval is a time during which a host had a version of a package.
type Interval struct {
	Host     int64
	Manager  string
	Name     string // of the binary package
	Arch     string
	Version  string // that which is asked about: of the source package where the question is about one
	From     int64  // Unix seconds
	Until    int64  // 0: it still has it
	LastSeen int64  // when the host last said anything; 0: now
}

// A Patching is how many hosts had a wanted version, a number of days after it was
// there to be had.
type Patching struct {
	Day  int // from 0, the moment itself
	Time int64
	// Hosts are those that had the package then, or at any time since; they are the
	// same for every day. Of them, by this day: Done had the version, Gone had removed
	// the package, Silent have said nothing since before the end of this day, and Left
	// said that they have neither done.
	Hosts, Done, Gone, Silent, Left int
}

// MaxDays bounds a question about patching: ten years.
const MaxDays = 3660

// Patched answers which share of hosts was patched within so many days of a time from:
// one row for each day from 0 on, up to days or now. fits reports whether a version is
// the one that is wanted. Intervals may come in any order.
//
// A host is done at the first moment at which of each of its packages, for each
// architecture, a version that fits is there; what is older may lie beside it, as
// kernels do. That it went back later does not count against it here.
func Patched(intervals []Interval, fits func(*Interval) bool, from int64, days int, now int64) ([]Patching, error) {
	if days < 0 || days > MaxDays || from < 0 || from > now {
		return nil, muster.Errorf(muster.Invalid, "%d days from %d on are out of range", days, from)
	}
	sorted := make([]*Interval, 0, len(intervals))
	for i := range intervals {
		if t := &intervals[i]; t.Until == 0 || t.Until > from {
			sorted = append(sorted, t)
		}
	}
	slices.SortFunc(sorted, func(a, b *Interval) int { return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.From, b.From)) })
	var hosts []fate
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Host == sorted[0].Host {
			n++
		}
		hosts = append(hosts, fateOf(sorted[:n], fits, from))
		sorted = sorted[n:]
	}
	return tally(hosts, from, days, now), nil
}

const never = int64(1) << 62

// A fate is what became of one host: when it was done, when it did not have the package,
// and when it was last seen.
type fate struct {
	done, seen int64
	away       [][2]int64 // from, until
}

func (f *fate) gone(at int64) bool {
	return slices.ContainsFunc(f.away, func(a [2]int64) bool { return a[0] <= at && at < a[1] })
}

// fateOf goes through the moments at which something changed, up to that at which the
// host is done.
func fateOf(of []*Interval, fits func(*Interval) bool, from int64) fate {
	f := fate{done: never, seen: never}
	moments := []int64{from}
	first := never
	for _, t := range of {
		first = min(first, t.From)
		if t.LastSeen != 0 {
			f.seen = min(f.seen, t.LastSeen)
		}
		for _, at := range []int64{t.From, t.Until} {
			if at > from {
				moments = append(moments, at)
			}
		}
	}
	slices.Sort(moments)
	for _, at := range slices.Compact(moments) {
		if n := len(f.away) - 1; n >= 0 && f.away[n][1] == never {
			f.away[n][1] = at
		}
		switch there, done := stateAt(of, fits, at); {
		case done && there:
			f.done = at
			return f
		case !there && at >= first:
			f.away = append(f.away, [2]int64{at, never})
		}
	}
	return f
}

// stateAt reports whether a host had the package at a time, and every one of them in a
// version that fits.
func stateAt(of []*Interval, fits func(*Interval) bool, at int64) (there, done bool) {
	packages := map[key]bool{}
	for _, t := range of {
		if t.From <= at && (t.Until == 0 || at < t.Until) {
			k := key{t.Manager, t.Name, t.Arch}
			packages[k] = packages[k] || fits(t)
		}
	}
	done = true
	for _, fit := range packages {
		done = done && fit
	}
	return len(packages) > 0, done
}

// tally counts the hosts at the end of each day.
func tally(hosts []fate, from int64, days int, now int64) (all []Patching) {
	for d := range days + 1 {
		p := Patching{Day: d, Time: from + int64(d)*day, Hosts: len(hosts)}
		if p.Time > now {
			break
		}
		for i := range hosts {
			switch f := &hosts[i]; {
			case f.done <= p.Time:
				p.Done++
			case f.gone(p.Time):
				p.Gone++
			case f.seen < p.Time:
				p.Silent++
			default:
				p.Left++
			}
		}
		all = append(all, p)
	}
	return all
}
