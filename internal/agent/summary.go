package agent

import (
	"fmt"
	"slices"

	"muster"
	"muster/api"
	"muster/internal/engine"
)

// severity orders statuses, the worst first: the colour of a host is that of its
// worst package.
var severity = []muster.Status{muster.Error, muster.Revoked, muster.Running, muster.NeedInstall, muster.NeedRemove,
	muster.NeedDowngrade, muster.NeedUpgrade, muster.Postponed, muster.Warning, muster.OK}

// Summarize counts packages by status.
func Summarize(all []engine.Status) *api.Summary {
	s := &api.Summary{Status: muster.OK}
	if len(all) > 0 { // as it is when it was read again
		s.Packages = map[muster.Status]int{}
	}
	for _, p := range all {
		s.Packages[p.Status]++
		if p.Status == muster.Error && s.Problem == "" {
			s.Problem = cut(fmt.Sprintf("%s: %s", p.Name, p.Error), 500)
		}
		if worse(p.Status, s.Status) {
			s.Status = p.Status
		}
	}
	return s
}

func worse(a, b muster.Status) bool {
	return slices.Index(severity, a) >= 0 && slices.Index(severity, a) < slices.Index(severity, b)
}

// cut shortens a text at a character.
func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && s[max]&0xc0 == 0x80 {
		max--
	}
	return s[:max]
}
