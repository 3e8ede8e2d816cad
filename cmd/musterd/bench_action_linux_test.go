package main

import (
	"slices"
	"sync"
	"testing"
	"time"

	"muster/action"
	"muster/api"
)

// BenchmarkActions is an action for a fleet that is connected: how long after it was
// posted hosts begin it, and until all of them have answered with a signed result.
//
//	go test ./cmd/musterd -run XXX -bench Actions -benchtime 1x -timeout 1h -v
func BenchmarkActions(b *testing.B) {
	t := newTrial(b, fleetSize, fleetSize, "mixed")
	f := t.fleet
	f.Connected, f.Certified, f.Every, f.Ramp, f.Takes = true, true, 15*time.Minute, 30*time.Second, time.Second
	var begun begun
	f.Begun = begun.add
	t.run(f, func() {
		t.back(f.Hosts)
		p := person(b, t.url(), t.roots())
		tree := must(action.NewTree(hostIDs(b, p)))(b)
		for range fleetTurns {
			t.act(p, tree, &begun)
		}
	})
	b.ReportMetric(0, "ns/op")
}

// begun is when hosts began an action.
type begun struct {
	mu sync.Mutex
	at map[string][]time.Time
}

func (b *begun) add(id string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at == nil {
		b.at = map[string][]time.Time{}
	}
	b.at[id] = append(b.at[id], at)
}

func (b *begun) of(id string) []time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at[id]
}

// hostIDs are those of all hosts, sorted.
func hostIDs(t testing.TB, p *api.PersonClient) (ids []string) {
	for q := (api.HostQuery{Limit: 1000}); ; {
		page := must(p.Hosts(t.Context(), q))(t)
		for _, h := range page.Hosts {
			ids = append(ids, h.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return action.Sort(ids)
		}
	}
}

// act sends one action to all hosts, and waits for what they answer.
func (t *trial) act(p *api.PersonClient, tree *action.Tree, begun *begun) {
	now, cpu := time.Now(), t.cpu()
	a := &action.Action{Type: action.Type, ID: action.NewID(), Server: p.Server.ID, Kind: action.Upgrade, NotBefore: now.Unix() - 60, NotAfter: now.Unix() + 3600,
		Reason: "benchmark", Targets: must(tree.Targets())(t.b)}
	der := must(a.Sign(now, must(administrator())(t.b)))(t.b)
	now = time.Now()
	must(p.SendAction(t.b.Context(), api.ActionPost{Message: der, Hosts: tree.Hosts}))(t.b)
	posted := time.Since(now)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for len(begun.of(a.ID)) < len(tree.Hosts) {
		<-tick.C
	}
	all := begun.of(a.ID)
	slices.SortFunc(all, time.Time.Compare)
	after := func(part float64) float64 { return all[int(part*float64(len(all)-1))].Sub(now).Seconds() }
	began := t.cpu() - cpu
	tick.Reset(time.Second) // what is counted anew each time is work too
	for range tick.C {
		if d := must(p.Action(t.b.Context(), a.ID))(t.b); d.Counts[string(action.Done)] >= len(tree.Hosts) {
			break
		}
	}
	t.b.Logf("action: posted in %.2f s; begun p50 %.2f p90 %.2f p99 %.2f max %.2f s, cpu %s; all results after %.1f s, cpu %s; rss %d MB", posted.Seconds(),
		after(.5), after(.9), after(.99), after(1), began, time.Since(now).Seconds(), t.cpu()-cpu, t.resident()/1e6)
}
