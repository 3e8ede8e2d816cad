package reference

import (
	"math/rand/v2"
	"testing"
)

// TestPatched holds the answer against a plain one: look at every host on every day, from
// the beginning.
func TestPatched(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	fits := func(i *Interval) bool { return i.Version >= "2" }
	for round := range 300 {
		const from, days = int64(1000 * day), 20
		now := from + random.Int64N(25*day)
		var all []Interval
		for host := range int64(4) {
			for _, name := range []string{"a", "b"} {
				for at := from - 3*day + random.Int64N(9*day); at < now && random.IntN(5) > 0; {
					i := Interval{Host: host, Name: name, Version: string(rune('1' + random.IntN(3))), From: at, Until: at + 1 + random.Int64N(8*day), LastSeen: now}
					if host == 3 {
						i.LastSeen = from + 5*day
					}
					if i.Until >= now {
						i.Until = 0
					}
					all = append(all, i)
					if i.Until == 0 {
						break
					}
					at = i.Until + random.Int64N(2)*random.Int64N(3*day)
				}
			}
		}
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got, err := Patched(all, fits, from, days, now)
		if err != nil {
			t.Fatal(err)
		}
		if want := min(days, int((now-from)/day)) + 1; len(got) != want {
			t.Fatalf("round %d: %d days, want %d", round, len(got), want)
		}
		for _, p := range got {
			if want := plainPatching(all, fits, from, p.Day); p != want {
				t.Fatalf("round %d: %+v, want %+v of %+v", round, p, want, all)
			}
		}
	}
}

func plainPatching(all []Interval, fits func(*Interval) bool, from int64, d int) Patching {
	p := Patching{Day: d, Time: from + int64(d)*day}
	for host := range int64(4) {
		var of []*Interval
		first, seen := never, never
		for i := range all {
			if t := &all[i]; t.Host == host && (t.Until == 0 || t.Until > from) {
				of, first, seen = append(of, t), min(first, t.From), t.LastSeen
			}
		}
		if len(of) == 0 {
			continue
		}
		p.Hosts++
		done := false
		for _, t := range of { // a host becomes done when something begins, ends, or at the start
			for _, at := range []int64{from, t.From, t.Until} {
				if at >= from && at <= p.Time && at != 0 {
					there, fit := stateAt(of, fits, at)
					done = done || there && fit
				}
			}
		}
		there, _ := stateAt(of, fits, p.Time)
		switch {
		case done:
			p.Done++
		case !there && p.Time >= first:
			p.Gone++
		case seen < p.Time:
			p.Silent++
		default:
			p.Left++
		}
	}
	return p
}

func TestPatchedRefuses(t *testing.T) {
	for _, c := range [][3]int64{{0, -1, 10}, {0, MaxDays + 1, 10}, {-1, 1, 10}, {11, 1, 10}} {
		if _, err := Patched(nil, nil, c[0], int(c[1]), c[2]); err == nil {
			t.Errorf("%v is taken", c)
		}
	}
}
