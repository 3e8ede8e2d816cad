package hooks

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"muster"
)

// A Guard decides by its address whether a server may be spoken to. Whoever may add
// a webhook chooses a name, and whoever owns that name chooses the address, also a
// new one for every question: so it is the address that is dialled that counts, when
// it is dialled. It lists the networks that are allowed though they are not public.
type Guard []netip.Prefix

// forbidden are addresses that are not of the internet (IANA's registries of special
// purpose addresses, RFC 6890, and what succeeded them) beside those that package
// netip knows: among them what embeds an address of IPv4.
var forbidden = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

// global is what has been given out of IPv6 (RFC 4291, IANA): the rest is of nobody, or
// of some machine that takes it for its own.
var global = netip.MustParsePrefix("2000::/3")

// translated is where gateways and hosts take the last 32 bits for an address of IPv4
// (RFC 6052, RFC 2765).
var translated = prefixes("64:ff9b::/96", "::ffff:0:0:0/96")

func prefixes(all ...string) (list []netip.Prefix) {
	for _, p := range all {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}

// Check refuses an address that is not public and not allowed.
func (g Guard) Check(a netip.Addr) error {
	if a.Zone() != "" {
		return refused(a)
	}
	a = a.Unmap()
	for _, p := range translated {
		if p.Contains(a) {
			b := a.As16()
			a = netip.AddrFrom4([4]byte(b[12:]))
		}
	}
	if g.allows(a) {
		return nil
	}
	if a.Is6() && !global.Contains(a) || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return refused(a)
	}
	for _, p := range forbidden {
		if p.Contains(a) {
			return refused(a)
		}
	}
	return nil
}

func (g Guard) allows(a netip.Addr) bool {
	for _, p := range g {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func refused(a netip.Addr) error {
	return muster.WithHint(muster.Errorf(muster.Denied, "%s is no public address", a), "'webhooks.allow' of the server's configuration names networks that are allowed")
}

// control is called with the address that is about to be dialled (net.Dialer). Where
// the connection is not encrypted, only networks that are named are good.
func (g Guard) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" {
			return muster.Errorf(muster.Denied, "%s over %s is no address of a web server", address, network)
		}
		if plain && !g.allows(to.Addr().Unmap()) {
			return muster.WithHint(muster.Errorf(muster.Denied, "cannot use %s without TLS", to), "write https://, or name its network in 'webhooks.allow'")
		}
		return g.Check(to.Addr())
	}
}

// client is one that goes nowhere else: no proxy, no redirect, no connection that was
// made before.
func (g Guard) client(timeout time.Duration, resolver *net.Resolver, plain bool) *http.Client {
	dialer := &net.Dialer{Timeout: timeout, Control: g.control(plain), Resolver: resolver}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    timeout,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}
