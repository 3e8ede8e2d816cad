package repo

import (
	"maps"
	"slices"

	"muster"
	"muster/index"
	"muster/rollout"
)

// SetGates changes how far rollouts have come, and publishes a head that says so.
// Gates of rollouts that are not listed are left out; where nothing changes no
// head is signed.
func (p *Publisher) SetGates(edit func(gates map[string]rollout.Gate)) (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		edit(c.gates)
		c.gates = listedGates(c.gates, c.index)
		if maps.Equal(c.gates, c.head.Gates) {
			return nil, &Report{Serial: c.head.Serial}, nil
		}
		next, err := p.prepare(c, c.index)
		return next, &Report{}, err
	})
}

// listedGates are those of rollouts that x lists.
func listedGates(gates map[string]rollout.Gate, x *index.Index) map[string]rollout.Gate {
	listed := map[string]rollout.Gate{}
	for id, g := range gates {
		if slices.ContainsFunc(x.Find(id), func(e *index.Entry) bool { return e.Kind == muster.Rollout }) {
			listed[id] = g
		}
	}
	return listed
}
