package search

import (
	"strings"
	"testing"
	"time"

	"muster/inventory"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func someFacts() Facts {
	d := inventory.New()
	d.System = &inventory.System{Arch: "amd64", Hostname: "PC-Élan", Domain: "example.org", ID: "debian", OS: "linux", Version: "12",
		Name: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-28-amd64"}
	d.Hardware = &inventory.Hardware{CPUs: []inventory.CPU{{Cores: 4, Model: "Some CPU @ 3 GHz"}}, Memory: 8 << 30, Vendor: "Dell Inc.", Serial: "ABC123"}
	d.Network = &inventory.Network{Interfaces: []inventory.Interface{{Name: "eth0", MAC: "02:00:00:aa:bb:cc", Addresses: []string{"10.1.2.3/16", "2001:db8::7/64"}}}}
	d.Users = &inventory.Users{Accounts: []inventory.Account{{Name: "Alice", UID: "1"}}}
	d.Packages = map[string][]inventory.Package{
		"dpkg":    {{Name: "openssl", Version: "3.0.15-1~deb12u1"}, {Name: "vim", Version: "2:9.0.1378-2"}},
		"rpm":     {{Name: "openssl-libs", Version: "1:3.0.7-18.el9"}},
		"windows": {{Name: "Mozilla Firefox (x64 fr)", Version: "130.0.1"}},
		"apk":     {{Name: "musl", Version: "1.2.4-r2"}},
		"freebsd": {{Name: "curl", Version: "8.1_2,1"}},
	}
	d.Muster = []inventory.Installed{{Name: "age", Version: "1.2.1-3", Status: "OK"}, {Name: "old", Version: "1", Status: "OK"}}
	d.Status = []inventory.Status{{Name: "firefox", Status: "NEED-INSTALL"}, {Name: "old", Status: "NEED-UPGRADE"}}
	d.Audits = []inventory.Audit{{Package: "age", Status: "WARNING"}}
	v := &inventory.Volatile{Free: []inventory.Free{{Free: 5 << 30, Target: "/"}, {Free: 0, Target: "/x"}}, Sessions: []inventory.Session{{User: "bob"}}}
	return FactsOf(d, v, Membership{ID: "0000", State: "accepted", Status: "NEED-UPGRADE", Agent: "1.4.2", Units: []string{"paris", "paris.lab", "paris.lab.row2"},
		Groups: []string{"web"}, Directory: []string{"staff"}, Seen: now.Unix() - 3*86400, Enrolled: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).Unix(), From: "192.0.2.1"})
}

// TestMatch holds what queries are so of one host, and what are not.
func TestMatch(t *testing.T) {
	facts := someFacts()
	yes := `
name:pc-élan|NAME:"PC-ÉLAN"|name:pc-?lan|élan|alice|bob|bookworm|abc|192.0.2|10.1.*|"gnu/linux 12"
os:debian|os:linux|os:deb*|os!=windows|osname:debian|osversion:12|osversion<13|osversion>=12|osversion:11..12|osversion:1*
kernel<6.2|kernel:6.1.0|kernel:6.1.*|kernel=6.1.0-28-amd64|fqdn:pc-élan.example.org|domain:example.org
vendor:dell|vendor="dell inc."|serial:abc123|serial:abc*|arch:amd64|cpu:"3 ghz"
memory:8G|memory>=8G|memory<=8G|memory:4G..8G|cores>3|cores!=3|free:0|free<1|-has:disk|-disk>0|-disk<1T
seen>2d|seen<4d|seen>=3d|seen<=3d|seen:2d..4d|seen:4d..2d|seen>2026-11-17|seen:2026-11-18|enrolled:2026-11-01|enrolled<=2026-11-01|enrolled>=2026-11-01|enrolled:2026-10-01..2026-11-01|enrolled>2026-10-31|enrolled<2026-11-02
ip:10.1.2.3|ip:10.1.0.0/16|ip:10.1.2.0/23|ip:2001:db8::/32|ip:2001:DB8:0::7|ip:10.1.2.1..10.1.2.9|from:192.0.2.0/24|mac:02-00-00-AA-BB-CC|mac:02:*
group:web|unit:paris|-unit:lab|unit:paris.lab|unit:paris/lab|unit:paris/lab/row2|unit:paris/*|directory:staff|state:accepted|status:need-upgrade|status:need-*|agent<1.5|agent:1.4.*
user:alice|user:bob|session:bob|-session:alice
package:openssl|package:dpkg/openssl|-package:rpm/openssl|package:openssl<3.0.16|package:openssl>=3.0.15|package:openssl=3.0.15|package:openssl<=3.0.15|-package:openssl>3.0.15|package:openssl<3.0.15-1|package:openssl=3.0.*|package:openssl!=3.0.14|-package:openssl!=3.0.15
package:openssl=3..4|package:vim<9.1|package:vim=9.0*|package:vim>1:9.1|package:openssl-libs<3.0.8|package:openssl-libs=3.0.7|package:openssl-libs<3.0.8-1|-package:openssl-libs<1:3|package:rpm/*|package:*
package:"Mozilla Firefox"*|package:mozilla*<131|package:windows/mozilla*>=130|package:musl=1.2.4|package:musl<1.2.4-r3|package:curl=8.1|package:curl<8.2
muster:age|muster:age=1.2.1|muster:age<1.3|-muster:firefox|muster:firefox:need-install|-muster:firefox<9|muster:old:need-upgrade|muster:*:need-upgrade=1|-muster:old:ok
audit:warning|audit:age:warning|audit:age:*|-audit:error|-audit:old:*|has:audit|has:audit-warning|-has:audit-error
has:serial|-has:product|has:package|has:muster|has:group|has:memory|has:free|-has:reboot|has:session
|-(a1 or b2)|alice or zzz|alice (zzz or bob)|not zzz|"-x" or -"-x"`
	for _, s := range strings.FieldsFunc(yes, func(r rune) bool { return r == '|' || r == '\n' }) {
		expect(t, facts, s, true)
		expect(t, facts, "-("+s+")", false)
	}
	expect(t, facts, "", true)
	expect(t, FactsOf(nil, nil, Membership{}), "-has:name -memory<1T -a os!=linux -seen>1d -package:*", true)
}

func expect(t *testing.T, f Facts, s string, want bool) {
	t.Helper()
	q, err := Parse(s)
	if err != nil {
		t.Errorf("%s: %v", s, err)
		return
	}
	if got := q.Match(f, now); got != want {
		t.Errorf("%s: %v", s, got)
	}
}

// FuzzPattern holds Match against a plain reader.
func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{"a*b", "aXb"}, {"*", ""}, {"?", "é"}, {"**a?", "ba"}, {"*a*b", "aabab"}, {"É", "é"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 30 {
			return
		}
		p := newPattern(plain(pattern))
		if got, want := p.Match(s), slow(p.low, []rune(strings.ToLower(s))); got != want {
			t.Fatalf("%q matches %q: %v, want %v", pattern, s, got, want)
		}
	})
}

func slow(p, s []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == anyText:
		return slow(p[1:], s) || len(s) > 0 && slow(p, s[1:])
	}
	return len(s) > 0 && (p[0] == anyRune || p[0] == s[0]) && slow(p[1:], s[1:])
}

// TestHostilePattern holds that no pattern takes long.
func TestHostilePattern(t *testing.T) {
	p := newPattern(plain(strings.Repeat("*a", maxStars) + "b"))
	if p.Match(strings.Repeat("a", 100_000)) {
		t.Fatal("matches")
	}
}
