package hosts

import (
	"fmt"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestTrend has servers of one database count the hosts, also one that begins anew: a
// row an hour, for a week, and one a day, for a year.
func TestTrend(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWorld(t, first)
		sameTime := func(c *Config) { c.Now = w.time }
		servers := []*world{w, newWorld(t, second, sameTime)}
		one, two := joined(w, 1), joined(w, 2)
		keep := func(hours, days int) api.Trend {
			t.Helper()
			for _, s := range append(servers, newWorld(t, first, sameTime)) {
				for range 2 {
					if err := s.keepTrend(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			out, err := servers[1].Trend(t.Context(), 0)
			if err != nil || len(out.Hours) != hours || len(out.Days) != days {
				t.Fatalf("%d hours, %d days, want %d and %d; %v", len(out.Hours), len(out.Days), hours, days, err)
			}
			return out
		}
		keep(1, 1)
		status := func(m *machine, s muster.Status) {
			t.Helper()
			if _, err := m.checkIn(w, api.CheckIn{Summary: &api.Summary{Status: s}}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 30 { // from 9 o'clock on to the next day
			w.pass(time.Hour)
			status(one, muster.Error)
			if i == 0 {
				status(two, muster.NeedUpgrade)
			}
			if err := w.FlushPresence(t.Context()); err != nil {
				t.Fatal(err)
			}
			keep(2+i, 1+(9+i+1)/24)
		}
		out := keep(31, 2)
		if p := out.Hours[1]; fmt.Sprintf("%+v", p) != fmt.Sprintf("{Time:%d Hosts:2 Online:2 Errors:1 Change:1 Status:map[ERROR:1 NEED-UPGRADE:1]}", start.Add(time.Hour).Unix()) {
			t.Errorf("the second hour: %+v", p)
		}
		if p := out.Hours[30]; p.Online != 1 || fmt.Sprint(p) != fmt.Sprint(out.Days[1]) {
			t.Errorf("the last hour: %+v, and its day: %+v", p, out.Days[1])
		}
		if p := out.Hours[0]; p.Errors != 0 || len(p.Status) != 0 {
			t.Errorf("the first hour, before anybody said: %+v", p)
		}
		w.pass(keepHours - 20*time.Hour)
		keep(22, 3)
		w.pass(keepDays - 5*24*time.Hour)
		keep(1, 2) // of the days, the newest two
		recent, err := w.Trend(t.Context(), w.time().Add(-48*time.Hour).Unix())
		if err != nil || len(recent.Days) != 1 {
			t.Errorf("since two days ago: %+v, %v", recent, err)
		}
	})
}
