package collect

import (
	"testing"
	"testing/fstest"
)

// TestHostname: names are in full by what the host itself says; the network's word counts
// where they need not stay.
func TestHostname(t *testing.T) {
	for _, c := range []struct {
		name, hosts, domain, fixed string
	}{
		{"node1.lab.example.org", "", "lab.example.org", "lab.example.org"},
		{"node1", "127.0.0.1 localhost\n127.0.1.1\tNode1.lab.example.org node1 # here\n", "lab.example.org", "lab.example.org"},
		{"node1", "127.0.0.1 localhost.localdomain localhost\n# 10.0.0.1 node1.old.example.org\n192.0.2.9 node12.lab.example.org\n::1\n", "vpn.example.com", ""},
		{"node1", "", "vpn.example.com", ""},
	} {
		files := fstest.MapFS{"etc/hostname": {Data: []byte(c.name + "\n")}, "etc/resolv.conf": {Data: []byte("search vpn.example.com example.com\n")}}
		if c.hosts != "" {
			files["etc/hosts"] = &fstest.MapFile{Data: []byte(c.hosts)}
		}
		for _, fixed := range []bool{false, true} {
			want := c.domain
			if fixed {
				want = c.fixed
			}
			if name, domain := hostname(&host{files: files, fixed: fixed}); name != "node1" || domain != want {
				t.Errorf("%q, %q, fixed %v: %q of %q, not of %q", c.name, c.hosts, fixed, name, domain, want)
			}
		}
	}
}
