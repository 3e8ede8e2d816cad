package glpisync

import (
	"net/netip"
	"syscall"

	"muster"
)

// control judges the address that is about to be dialled: whoever owns the name of GLPI
// may give it another address at any time.
func (c *Config) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" {
			return muster.Errorf(muster.Denied, "%s over %s is no address of a web server", address, network)
		}
		a := to.Addr().Unmap()
		if plain && !c.allows(a) {
			return muster.WithHint(muster.Errorf(muster.Denied, "cannot tell %s without TLS", to), "write https://, or name its network in 'glpi.allow'")
		}
		if c.allows(a) {
			return nil
		}
		if err := c.Guard(to.Addr()); err != nil {
			return muster.WithHint(err, "'glpi.allow' of the server's configuration names the network of GLPI")
		}
		return nil
	}
}

func (c *Config) allows(a netip.Addr) bool {
	for _, p := range c.Allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
