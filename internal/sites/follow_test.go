package sites

import (
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestLead has two servers follow the same: one leads, and the other when the first is
// silent; who does not lead any more cannot turn the place back.
func TestLead(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		a, b := newWorld(t, first), newWorld(t, second)
		lead := func(w *world, self string, want bool, cursor string) {
			t.Helper()
			at, ok, err := w.Lead(ctx(t), w.now, "fleet", self, time.Minute)
			if check(t, err); ok != want || at.Cursor != cursor {
				t.Fatalf("%s leads: %v, from %q", self, ok, at.Cursor)
			}
		}
		lead(a, "a", true, "")
		lead(b, "b", false, "")
		for range 2 {
			check(t, a.Follow(ctx(t), "fleet", "a", Place{"5", 1}, a.now.Add(time.Minute)))
		}
		lead(a, "a", true, "5")
		b.later(2 * time.Minute)
		lead(b, "b", true, "5")
		check(t, b.Follow(ctx(t), "fleet", "b", Place{"7", 1}, b.now.Add(time.Minute)))
		wantKind(t, a.Follow(ctx(t), "fleet", "a", Place{"6", 1}, a.now), muster.Conflict)
		lead(b, "b", true, "7")
	})
}

// TestAgents has hosts under agents stand beside those of sites, known by their ids.
func TestAgents(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A")
		w.take(w.report("A", "pc1", "bash 1"))
		agent := func(id string, packages ...string) Outcome {
			t.Helper()
			r := w.report("", "pc1", packages...)
			r.Time, r.Nonce = 0, ""
			return must(w.Take(ctx(t), w.now, r, Sender{Form: "agent", Agent: id}))(t)
		}
		first, second := agent("id-1", "bash 1"), agent("id-2", "bash 2")
		if !first.New || !second.New || first.Host == second.Host {
			t.Errorf("two hosts of one name are %+v and %+v", first, second)
		}
		w.later(time.Hour)
		if out := agent("id-1", "bash 1"); out.Changed {
			t.Errorf("the same again: %+v", out)
		}
		h := must(w.Host(ctx(t), first.Host))(t)
		if !h.Fleet || h.Agent != "id-1" || h.Site != "" || h.Reports != 1 {
			t.Errorf("the host is %+v", h)
		}
		check(t, w.ForgetAgent(ctx(t), w.now, "id-1"))
		check(t, w.ForgetAgent(ctx(t), w.now, "nobody"))
		fleet := true
		all := must(w.Hosts(ctx(t), Filter{Fleet: &fleet}, Page{}))(t)
		if len(all) != 1 || all[0].Agent != "id-2" {
			t.Errorf("hosts under agents: %+v", all)
		}
		for _, c := range []struct {
			what string
			f    Filter
			want string
		}{
			{"of site A", Filter{Sites: []string{"A"}}, "A/"},
			{"of no site", Filter{Sites: []string{}}, ""},
			{"of a site that is not there", Filter{Sites: []string{"B"}}, ""},
			{"of site A and under agents", Filter{Sites: []string{"A"}, Under: true}, "A/ /id-2"},
			{"under agents, with no site", Filter{Sites: []string{}, Under: true}, "/id-2"},
			{"of site A and under no agent", Filter{Sites: []string{"A"}, Under: true, Agents: []string{}}, "A/"},
			{"all", Filter{}, "A/ /id-2"},
		} {
			var got []string
			for _, h := range must(w.Hosts(ctx(t), c.f, Page{}))(t) {
				got = append(got, h.Site+"/"+h.Agent)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("hosts %s: %q, not %q", c.what, got, c.want)
			}
		}
		if out := agent("id-1", "bash 3"); out.Host != first.Host || !out.Changed {
			t.Errorf("a host that comes back: %+v", out)
		}
	})
}

// TestPruneFleet has history of hosts under agents end, and hosts that are forgotten go,
// while those of sites stay as long as their sites say.
func TestPruneFleet(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A")
		agent := func(id string, packages ...string) {
			t.Helper()
			r := w.report("", "pc", packages...)
			r.Time, r.Nonce = 0, ""
			must(w.Take(ctx(t), w.now, r, Sender{Form: "agent", Agent: id}))(t)
		}
		for _, version := range []string{"bash 1", "bash 2"} {
			agent("id-1", version)
			agent("id-2", version)
			w.take(w.report("A", "n1", version))
			w.later(24 * time.Hour)
		}
		check(t, w.ForgetAgent(ctx(t), w.now, "id-2"))
		left := func(rows, states int) {
			t.Helper()
			var host, state int
			check(t, d.Read(ctx(t), func(tx *db.Tx) error {
				if err := tx.QueryRow("SELECT COUNT(*) FROM sites_host").Scan(&host); err != nil {
					return err
				}
				return tx.QueryRow("SELECT COUNT(*) FROM sites_state").Scan(&state)
			}))
			if host != rows || state != states {
				t.Errorf("%d hosts and %d states are left, not %d and %d", host, state, rows, states)
			}
		}
		left(3, 6)
		w.later(24 * time.Hour)
		check(t, w.Prune(ctx(t), w.now))
		check(t, w.PruneFleet(ctx(t), w.now, 90*24*time.Hour))
		left(3, 6)
		w.later(60 * 24 * time.Hour)
		check(t, w.PruneFleet(ctx(t), w.now, 30*24*time.Hour))
		check(t, w.Prune(ctx(t), w.now))
		left(2, 3)
		agent("id-1", "bash 2")
		agent("id-2", "bash 1")
		left(3, 4)
	})
}
