package server

import (
	"crypto/tls"
	"sync"
	"testing"
	"time"

	"muster/api"
	"muster/internal/simulate"
)

// fleet is one of hosts that do not exist, with a token for all of them.
func (w *world) fleet(hosts int, during time.Duration) *simulate.Fleet {
	w.t.Helper()
	token := must(w.person().CreateToken(w.t.Context(), api.TokenRequest{Uses: -1}))(w.t)
	return &simulate.Fleet{URL: w.url, TLS: &tls.Config{RootCAs: w.roots}, Token: token.Secret, Hosts: hosts, For: during, Parallel: 16, Changes: .2, Template: "windows", Seed: 1}
}

// A kept is what a server has acknowledged: results by host.
type kept struct {
	mu      sync.Mutex
	results map[string]string // id of a result: host
}

func (k *kept) add(host, result string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.results == nil {
		k.results = map[string]string{}
	}
	k.results[result] = host
}

// missing lists the results that were acknowledged and are not there.
func (k *kept) missing(t testing.TB, p *api.PersonClient) (missing []string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	there := map[string]string{}
	for since := int64(0); ; {
		page := must(p.Events(t.Context(), api.EventQuery{Since: max(since, 1), Limit: 1000}))(t)
		if len(page.Events) == 0 {
			break
		}
		for _, e := range page.Events {
			if e.Result != nil {
				there[e.Result.ID] = e.Host
			}
			since = max(since, e.Number)
		}
	}
	for result, host := range k.results {
		if there[result] != host {
			missing = append(missing, result)
		}
	}
	return missing
}

// Simulated hosts enrol, check in and bring changes, and the server has all of it.
func TestSimulate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.fleet(20, 2*time.Second)
	k := &kept{}
	f.Kept = k.add
	r := must(f.Run(t.Context()))(t)
	checkins, deltas := r.Working.Of("checkin"), r.Working.Of("delta")
	if r.Hosts != 20 || checkins.Count < 20 || checkins.Errors > 0 || deltas.Count == 0 || deltas.Errors > 0 || r.Working.Of("whole").Count > 0 {
		t.Errorf("%+v", r)
	}
	if m := k.missing(t, w.person()); len(m) > 0 || len(k.results) == 0 {
		t.Errorf("%d of %d results that were acknowledged are missing", len(m), len(k.results))
	}
}
