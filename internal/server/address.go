package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// clientAddress is who asks. X-Forwarded-For is believed from the right, as
// far as those who wrote it are trusted: what stands left of the first that
// is not, anybody could have written.
func (s *Server) clientAddress(r *http.Request) netip.Addr {
	at, unix := peer(r.RemoteAddr), s.cfg.unixSocket() != ""
	if !unix && !s.trusted(at) {
		return at
	}
	var all []string
	for _, line := range r.Header.Values("X-Forwarded-For") {
		all = append(all, strings.Split(line, ",")...)
	}
	for i := len(all) - 1; i >= 0; i-- {
		a, err := readForwarded(strings.TrimSpace(all[i]))
		if err != nil {
			break
		}
		if at = a.Unmap(); !s.trusted(at) {
			break
		}
	}
	return at
}

// readForwarded reads an address as proxies write it: some add the port, and write IPv6
// in brackets.
func readForwarded(text string) (netip.Addr, error) {
	if p, err := netip.ParseAddrPort(text); err == nil {
		return p.Addr(), nil
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text, _ = strings.CutSuffix(inner, "]")
	}
	return netip.ParseAddr(text)
}

func peer(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

func (s *Server) trusted(a netip.Addr) bool { return contains(s.cfg.TrustedProxies, a) }

func contains(networks []netip.Prefix, a netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
