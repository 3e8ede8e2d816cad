package simulate

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"muster"
)

func newTestHost(t *testing.T, f *Fleet, i int) *host {
	t.Helper()
	if f.wire == nil {
		f.wire = &wire{}
	}
	h, err := f.newHost(i)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A seed makes one fleet: ids, keys and documents.
func TestSeed(t *testing.T) {
	one, same, other := &Fleet{Seed: 7, Template: "mixed"}, &Fleet{Seed: 7, Template: "mixed"}, &Fleet{Seed: 8, Template: "mixed"}
	seen := map[string]bool{}
	for i := range 20 {
		a, b, c := newTestHost(t, one, i), newTestHost(t, same, i), newTestHost(t, other, i)
		if a.id != b.id || a.set != b.set || !samePublic(t, a, b) {
			t.Errorf("host %d is another one the second time", i)
		}
		if a.id == c.id || samePublic(t, a, c) || seen[a.id] {
			t.Errorf("host %d is one of another fleet, or another host of this one", i)
		}
		seen[a.id] = true
	}
}

func samePublic(t *testing.T, a, b *host) bool {
	t.Helper()
	x, err := spki(a.key)
	if err != nil {
		t.Fatal(err)
	}
	y, err := spki(b.key)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

// Visits come in their turn: within an interval every host once, at the pace of the
// interval, and each again an interval later, give or take the jitter.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, every = 100, 100 * time.Second
		f := &Fleet{Every: every, Jitter: .1, due: newAgenda()}
		hosts := make([]*host, n)
		for i := range hosts {
			hosts[i] = &host{serial: i}
		}
		began := time.Now()
		f.plan(hosts, began)
		last := make([]time.Time, n)
		for i := range 3 * n {
			v, ok := f.due.next(t.Context())
			if !ok || !time.Now().Equal(v.due) {
				t.Fatalf("visit %d comes at %v and was due at %v", i, time.Now(), v.due)
			}
			if i < n*9/10 && v.host.serial != i {
				t.Fatalf("host %d comes first in place %d", v.host.serial, i)
			}
			if before := last[v.host.serial]; !before.IsZero() {
				if d := v.due.Sub(before); d < every*9/10 || d > every*11/10 {
					t.Errorf("host %d comes again after %v", v.host.serial, d)
				}
			}
			last[v.host.serial] = v.due
			f.again(v, float64(i%10)/10)
		}
		if took := time.Since(began); took < 250*time.Second || took > 350*time.Second {
			t.Errorf("three rounds took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		f.due = newAgenda()
		if _, ok := f.due.next(ctx); ok {
			t.Error("an empty agenda has a visit")
		}
	})
}

// Hosts come within the ramp, one after the other.
func TestRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Fleet{Hosts: 60, Parallel: 8, Ramp: time.Minute}
		began := time.Now()
		at := make([]time.Duration, f.Hosts)
		f.each(t.Context(), func(i int) { at[i] = time.Since(began) })
		for i, d := range at {
			if d.Round(time.Millisecond) != time.Duration(i)*time.Second {
				t.Errorf("host %d comes after %v", i, d)
			}
		}
	})
}

// An outage begins with the first host that lost the server, and is over when the last
// is back and stays so.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h held
		for range 3 {
			h.came()
		}
		after := func(d time.Duration, do func()) {
			time.Sleep(d) // of the bubble's clock
			do()
		}
		h.lost()
		h.lost()
		after(4*time.Second, h.came)
		after(time.Second, h.came) // and all are back: but one is sent away
		after(time.Second, h.lost)
		after(3*time.Second, h.came)
		after(time.Hour, h.lost)
		h.left()
		now, out := h.report()
		if now != 1 || len(out) != 2 || out[0].Hosts != 2 || out[0].Took != 9*time.Second || out[1].Hosts != 1 || out[1].Took != 0 {
			t.Errorf("%d hosts, outages %+v", now, out)
		}
	})
}

// What cannot be simulated is said before anything is sent.
func TestCheck(t *testing.T) {
	for name, f := range map[string]*Fleet{
		"no hosts":         {},
		"a strange part":   {Hosts: 1, Changes: 1.5},
		"a template":       {Hosts: 1, Template: "amiga"},
		"no pace":          {Hosts: 1, Connected: true},
		"a negative part":  {Hosts: 1, Offline: -1},
		"too many of them": {Hosts: 2_000_000},
	} {
		if err := f.check(); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMoved(t *testing.T) {
	for _, c := range []struct {
		version string
		by      int
		want    string
	}{{"1.2-3", 1, "1.2-4"}, {"24.08.00.0", 2, "24.08.00.2"}, {"1:9.0b", -3, "1:9.0b"}, {"4.70", -1, "4.69"}, {"R2024b", 1, "R2025b"}, {"none", 1, "none+"}, {"", -1, ""}} {
		if got := moved(c.version, c.by); got != c.want {
			t.Errorf("moved(%q, %d) is %q, want %q", c.version, c.by, got, c.want)
		}
	}
}
