package server

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddress(t *testing.T) {
	s := &Server{cfg: Config{Listen: ":1", TrustedProxies: mustPrefixes("10.0.0.0/8", "fd00::/8")}}
	for _, test := range []struct{ peer, forwarded, want string }{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "198.51.100.1", "192.0.2.1"}, // anybody can write that
		{"10.0.0.1:5", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:5", "203.0.113.9, 198.51.100.1", "198.51.100.1"}, // the left one is the client's word
		{"10.0.0.1:5", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"10.0.0.1:5", "10.0.0.3,10.0.0.2", "10.0.0.3"},
		{"10.0.0.1:5", "rubbish, 10.0.0.2", "10.0.0.2"},
		{"10.0.0.1:5", "203.0.113.9:4711, 198.51.100.1:4711, 10.0.0.2:80", "198.51.100.1"},
		{"10.0.0.1:5", "[2001:db8::1]:443", "2001:db8::1"},
		{"10.0.0.1:5", "[2001:db8::1]", "2001:db8::1"},
		{"[::ffff:10.0.0.1]:5", "198.51.100.1", "198.51.100.1"},
		{"[fd00::1]:5", "2001:db8::1", "2001:db8::1"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{}}
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := s.clientAddress(r); got != netip.MustParseAddr(test.want) {
			t.Errorf("%s forwarding for %q is %s, want %s", test.peer, test.forwarded, got, test.want)
		}
	}
}

// FuzzForwarded holds that who is not trusted cannot say who they are, and that
// everybody else is somebody whom the fields name.
func FuzzForwarded(f *testing.F) {
	f.Add("192.0.2.1:5", "198.51.100.1, 10.0.0.2")
	f.Add("10.0.0.1:5", "198.51.100.1,, 10.0.0.2")
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		s := &Server{cfg: Config{Listen: ":1", TrustedProxies: mustPrefixes("10.0.0.0/8")}}
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		got, from := s.clientAddress(r), peer(remote)
		if !s.trusted(from) && got != from {
			t.Errorf("%q said %q and is %s", remote, forwarded, got)
		}
		named := got == from
		for part := range strings.SplitSeq(forwarded, ",") {
			a, err := readForwarded(strings.TrimSpace(part))
			named = named || err == nil && a.Unmap() == got
		}
		if !named {
			t.Errorf("%q said %q and is %s", remote, forwarded, got)
		}
	})
}
