package glpi

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"muster/inventory"
)

// network is a row for every address, and one for an interface without any.
func (c *Content) network(n *inventory.Network) {
	gateways := addresses(n.Gateways)
	c.Hardware.DNS = strings.Join(n.DNS, "/")
	if len(gateways) > 0 {
		c.Hardware.DefaultGateway = gateways[0].String()
	}
	for i := range n.Interfaces {
		f := &n.Interfaces[i]
		if f.Name == "" {
			continue
		}
		base := Network{Description: f.Name, Driver: f.Driver, MAC: f.MAC, MTU: f.MTU, Type: kindOf(f)}
		if f.Speed > 0 {
			base.Speed = strconv.Itoa(f.Speed)
		}
		rows := len(c.Networks)
		for _, text := range f.Addresses {
			if p, err := netip.ParsePrefix(text); err == nil {
				c.Networks = append(c.Networks, base.at(p, gateways))
			}
		}
		if len(c.Networks) == rows {
			c.Networks = append(c.Networks, base)
		}
	}
}

// addresses reads those of gateways, IPv4 first: GLPI shows one.
func addresses(texts []string) (all []netip.Addr) {
	var six []netip.Addr
	for _, t := range texts {
		switch a, err := netip.ParseAddr(t); {
		case err != nil:
		case a.Is4():
			all = append(all, a)
		default:
			six = append(six, a)
		}
	}
	return append(all, six...)
}

// at is the row of an address.
func (n Network) at(p netip.Prefix, gateways []netip.Addr) Network {
	subnet, mask := p.Masked().Addr().String(), net.IP(net.CIDRMask(p.Bits(), p.Addr().BitLen())).String()
	if p.Addr().Is4() {
		n.IPv4, n.IPv4Mask, n.IPv4Subnet = p.Addr().String(), mask, subnet
	} else {
		n.IPv6, n.IPv6Mask, n.IPv6Subnet = p.Addr().String(), mask, subnet
	}
	for _, g := range gateways {
		if p.Contains(g) {
			n.Gateway = g.String()
			break
		}
	}
	return n
}

// kindOf is what an interface is, as far as its name tells.
func kindOf(f *inventory.Interface) string {
	switch {
	case strings.HasPrefix(f.Name, "wl"), strings.HasPrefix(f.Name, "Wi-Fi"):
		return "wifi"
	case strings.HasPrefix(f.Name, "br"):
		return "bridge"
	case strings.HasPrefix(f.Name, "bond"), strings.HasPrefix(f.Name, "lagg"):
		return "aggregate"
	case strings.HasPrefix(f.Name, "ib"):
		return "infiniband"
	case f.MAC != "":
		return "ethernet"
	}
	return ""
}
