package server

import (
	"cmp"
	"context"
	"time"
)

// mayHear reports whether the answer to a report may say what is published. Whoever
// overhears one that is sealed can send it again, over TLS: it must not open itself to
// them. So it is answered once, by its nonce, where nobody can have changed that; else
// to who is where the host reports from. The database knows which were answered, for all
// servers that have it: those that were kept, and those that were not.
func (s *Server) mayHear(ctx context.Context, m *message, stored, from bool) bool {
	if !usesNonce(m) {
		return from
	}
	if !stored {
		return m.first
	}
	asked, err := s.sites.Asked(ctx, m.report)
	if err != nil {
		s.log.Warn("cannot say whether a report was answered before", "host", m.report.Host, "error", err.Error())
	}
	return err == nil && !asked
}

func usesNonce(m *message) bool {
	return m.report.Nonce != "" && (m.proven != "" || m.whole)
}

// settled is for how long a host has to have reported from one address alone: who sends
// again what they overheard, and has it stored, reports from another in its name.
const settled = 48 * time.Hour

// heardFrom reports whether a letter is from where its host reports from. What came in
// clear says nothing to who heard it that they could not find out.
func (c *collector) heardFrom(ctx context.Context, l letter, m *message) bool {
	if usesNonce(m) || !isSealed(l.body) {
		return !usesNonce(m)
	}
	site := cmp.Or(m.report.Site, m.proven, c.site)
	h, err := c.sites.HostNamed(ctx, site, m.report.Host)
	return err == nil && l.address.IsValid() && h.Moved < c.now().Add(-settled).Unix() && h.Address == l.address.Unmap().WithZone("").String()
}
