package agent

import (
	"slices"

	"muster/api"
	"muster/internal/engine"
)

// A known is what the server has acknowledged, so that it is not told again:
// known.json. Losing it costs one report of everything.
type known struct {
	Etag     string       `json:"etag,omitempty"`
	Agent    string       `json:"agent,omitempty"`
	Summary  *api.Summary `json:"summary,omitempty"`
	Set      string       `json:"set,omitempty"` // of inventory.json, which the server has
	Volatile int64        `json:"volatile,omitempty"`
	// Stamps are those of the sections of inventory.json: see collect.Inputs.
	Stamps map[string]string `json:"stamps,omitempty"`
	Change int               `json:"change,omitempty"` // newest change of the root that is in results/
	Wake   int64             `json:"wake,omitempty"`
}

// known reads known.json. A damaged file is one that was lost.
func (h *Home) known() *known {
	k := new(known)
	if h.readJSON("known.json", k) != nil {
		return new(known)
	}
	return k
}

func (h *Home) saveKnown(k *known) error { return h.writeJSON("known.json", k) }

// policy is what the server last told; where that is lost the etag is too.
func (h *Home) policy() *api.Policy {
	p := new(api.Policy)
	if h.readJSON("policy.json", p) != nil {
		return new(api.Policy)
	}
	return p
}

// takePolicy keeps what the server tells, and has the engine ask its mirrors
// first. The caller has begun.
func (h *Home) takePolicy(p *api.Policy, id *Identity, e *engine.Engine) error {
	if err := h.writeJSON("policy.json", p); err != nil {
		return err
	}
	urls := append(slices.Clone(p.Mirrors), id.Repository.URL)
	for i := range e.Root.Config.Repositories {
		r := &e.Root.Config.Repositories[i]
		if r.ID != id.Repository.ID || slices.Equal(r.URLs, urls) {
			continue
		}
		r.URLs, e.Clients[i].Bases = urls, urls
		return e.Root.SaveConfig()
	}
	return nil
}
