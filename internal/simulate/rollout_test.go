package simulate

import (
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/rollout"
)

// Hosts of the open ring take the version, a part of them fails, the others hold; and
// who has it goes back when a person says so.
func TestDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		f := &Fleet{Seed: 3, Template: "windows", Takes: time.Second, FailingVersions: map[string]float64{"age=2": .2}, stats: newStats(), due: newAgenda()}
		pilot, all := rollout.NewRing(), rollout.NewRing()
		pilot.Name, pilot.Percent, all.Name, all.Percent = "pilot", 25_00, "all", rollout.Whole
		doc := &rollout.Document{ID: "rollout-age-2", Package: "age", Version: "2", From: "1", State: rollout.Running, Start: time.Now().Add(-time.Hour),
			Rings: []rollout.Ring{pilot, all}}
		gate := &rollout.Gate{Ring: 1, Since: time.Now().Unix() - 60, State: rollout.Running}
		hosts := make([]*host, n)
		for i := range hosts {
			hosts[i] = newTestHost(t, f, i)
			hosts[i].decide(t.Context(), rolled{doc, gate}, time.Now())
		}
		time.Sleep(time.Minute) // of the bubble's clock
		took, failed := 0, 0
		for i, h := range hosts {
			v, _ := h.installed("age")
			in := doc.Place(rollout.Host{ID: h.id}) == 1
			switch {
			case v == "2" && in && len(h.spool) == 1 && h.spool[0].Error == "" && h.spool[0].Steps[0].To == "2":
				took++
			case v == "1" && in && len(h.spool) == 1 && h.spool[0].Steps[0].Status == muster.Error:
				failed++
			case v != "1" || in || len(h.spool) > 0:
				t.Errorf("host %d: in ring %v, has %q, says %+v", i, in, v, h.spool)
			}
		}
		if took < n/8 || took > n/3 || failed == 0 || failed > took {
			t.Errorf("%d took it, on %d it failed, of %d", took, failed, n)
		}
		if len(f.due.visits) != took+failed {
			t.Errorf("%d check in, want %d", len(f.due.visits), took+failed)
		}
		doc.State, doc.Return = rollout.Aborted, true
		for _, h := range hosts {
			h.decide(t.Context(), rolled{doc, gate}, time.Now())
		}
		time.Sleep(time.Minute)
		for i, h := range hosts {
			if v, ok := h.installed("age"); ok && v != "1" {
				t.Errorf("host %d has %q", i, v)
			}
		}
	})
}
