package hooks

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"muster"
	"muster/api"
	"muster/internal/db/dbtest"
)

// Case 38: addresses that a webhook may not lead to, in all their spellings.
func TestCase38Addresses(t *testing.T) {
	for _, bad := range strings.Fields(`127.0.0.1 127.255.0.9 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.255
		192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
		:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 2002:7f00:1:: 2001::1 2001:db8::1
		fe80::1 fe80::1%eth0 fc00::1 fd12:3456::1 fec0::1 ff02::1 100::1 fd00:ec2::254
		::ffff:0:127.0.0.1 ::ffff:0:10.0.0.1 4000::1 8000::1 e000::1 5f00::1 1::1 100:0:0:1::1 64:ff9b:1::a00:1`) {
		if err := Guard(nil).Check(netip.MustParseAddr(bad)); muster.KindOf(err) != muster.Denied {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, good := range strings.Fields(`1.1.1.1 172.32.0.1 100.128.0.1 9.9.9.9 2606:4700:4700::1111 64:ff9b::101:101 ::ffff:1.1.1.1 ::ffff:0:1.1.1.1 192.0.1.1 2a00:1450::1 3ffe:ffff::1`) {
		if err := Guard(nil).Check(netip.MustParseAddr(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	g := Guard(prefixes("10.1.0.0/16", "fd12::/16"))
	for a, good := range map[string]bool{"10.1.2.3": true, "10.2.0.1": false, "::ffff:10.1.2.3": true, "64:ff9b::a01:203": true, "fd12::1": true, "fd13::1": false} {
		if err := g.Check(netip.MustParseAddr(a)); (err == nil) != good {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// What is no address of the internet in one spelling is none in any other.
func FuzzGuard(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{10, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		a, ok := netip.AddrFromSlice(data)
		if !ok || !a.Unmap().Is4() {
			return
		}
		four := a.Unmap().As4()
		first := Guard(nil).Check(a) == nil
		for _, prefix := range []string{"::ffff:0:0", "64:ff9b::", "::ffff:0:0:0"} {
			p := netip.MustParseAddr(prefix).As16()
			copy(p[12:], four[:])
			if (Guard(nil).Check(netip.AddrFrom16(p)) == nil) != first {
				t.Errorf("%s differs as %s", a, netip.AddrFrom16(p))
			}
		}
		if first && (a.IsPrivate() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast()) {
			t.Errorf("%s is good", a)
		}
	})
}

// Case 38: refused when it is dialled, by whatever name; nothing arrives. A redirect is
// not followed.
func TestCase38RefusedAtDial(t *testing.T) {
	r := newReceiver(t, always(302))
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	check(t, err)
	feed := &list{}
	h := run(t, dbtest.SQLite(t), feed, newClock(), func(c *Config) { c.Allow = nil })
	for _, url := range []string{"http://127.0.0.1:", "https://127.0.0.1:", "https://localhost:", "https://[::1]:", "https://[::ffff:127.0.0.1]:", "https://0.0.0.0:", "https://[::]:"} {
		w := add(t, h, api.WebhookNew{URL: url + port})
		d, err := h.Test(t.Context(), w.ID)
		if err != nil || d.Status != 0 || d.Error == "" {
			t.Errorf("%s: %+v %v", url, d, err)
		}
	}
	if len(r.got) != 0 {
		t.Error("something arrived")
	}
	open := run(t, h.DB, feed, newClock())
	d, err := open.Test(t.Context(), add(t, open, api.WebhookNew{URL: r.URL}).ID)
	if err != nil || d.Status != 302 || d.Error == "" || len(r.got) != 1 {
		t.Errorf("a redirect: %+v %v, %d requests", d, err, len(r.got))
	}
}

// Case 38: a name that leads to a public address when it is looked at, and to this
// machine when it is used: each connection is judged by its own address.
func TestCase38Rebinding(t *testing.T) {
	r := newReceiver(t, always(200))
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	check(t, err)
	var answer atomic.Uint32 // address of IPv4
	server := dnsServer(t, &answer)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server)
	}}
	h := run(t, dbtest.SQLite(t), &list{}, newClock(), func(c *Config) { c.Allow, c.Resolver = Guard(prefixes("127.0.0.1/32")), resolver })
	w := add(t, h, api.WebhookNew{URL: "http://rebind.example.org:" + port})
	answer.Store(0x7f000001)
	if d, err := h.Test(t.Context(), w.ID); err != nil || d.Status != 200 {
		t.Fatalf("the address that is allowed: %+v %v", d, err)
	}
	for _, to := range []uint32{0x7f000002, 0x0a000001, 0xa9fea9fe, 0} {
		answer.Store(to)
		if d, err := h.Test(t.Context(), w.ID); err != nil || d.Status != 0 || !strings.Contains(d.Error, "without TLS") && !strings.Contains(d.Error, "no public address") {
			t.Errorf("rebound to %x: %+v %v", to, d, err)
		}
	}
	if len(r.got) != 1 {
		t.Errorf("%d requests arrived", len(r.got))
	}
}

// dnsServer answers every question for an address of IPv4 with one, for no time.
func dnsServer(t *testing.T, answer *atomic.Uint32) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			end := 12
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			end += 5 // the end of the name, type and class
			out := append([]byte{}, buf[:end]...)
			out[2], out[3] = 0x81, 0x80
			clear(out[6:12])
			if binary.BigEndian.Uint16(buf[end-4:]) == 1 {
				out[7] = 1
				out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				out = binary.BigEndian.AppendUint32(out, answer.Load())
			}
			conn.WriteTo(out, from) //nolint:errcheck // it asks again
		}
	}()
	return conn.LocalAddr().String()
}
