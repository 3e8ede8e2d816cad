package engine

import (
	"slices"
	"time"

	"muster/control"
	"muster/internal/plan"
)

// Impact says what a person at the machine would notice of the plan: the programs
// that its packages, those that come and those that leave, want closed for a
// change, and when the first of them has to be there, zero where none has to.
func (p *Plan) Impact(e *Engine) (processes []string, forced time.Time) {
	note := func(c *control.Control) {
		for _, name := range c.ImpactedProcesses {
			if !slices.Contains(processes, name) {
				processes = append(processes, name)
			}
		}
	}
	for _, s := range p.Steps {
		if s.Op == plan.Keep {
			continue
		}
		if rec, err := e.Root.Record(s.Name()); err == nil && s.From != nil {
			note(&rec.Control)
		}
		if s.To == nil {
			continue
		}
		c := p.cands[s.To.Index].Entry.Control
		note(c)
		// Checked when the control was read.
		if at, err := time.Parse(time.RFC3339, c.ForcedInstallOn); err == nil && (forced.IsZero() || at.Before(forced)) {
			forced = at
		}
	}
	return processes, forced
}
