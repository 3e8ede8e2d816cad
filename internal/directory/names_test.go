package directory

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"muster"
)

// TestNames holds the table of the package's documentation.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"Domain Computers": "domain~computers", "GG_Paris": "gg+-paris", "Comptabilité": "comptabilit+e9+",
		"Comptabilite\u0301": "comptabilit+e9+", "été": "0+++e9+t+e9+", "éè": "0+++e9-e8+", "_x": "0+++-x", "a.b": "a.b",
		"  two   spaces ": "two~spaces", "C++": "c+2b-2b+", "~x": "0+++7e+x", "": "", " ": "", "a\xff": "",
		strings.Repeat("a", 128): strings.Repeat("a", 128),
		strings.Repeat("a", 129): fmt.Sprintf("%s+%.16x", strings.Repeat("a", 95), sha256.Sum256([]byte(strings.Repeat("a", 129)))),
	} {
		if got := groupName(name); got != want {
			t.Errorf("%q is %q, not %q", name, got, want)
		}
	}
	if got := unitName([]string{"R&D", "v1.2", "-x"}); got != "r+26+d.v1+2e+2.-x" {
		t.Errorf("the path is %q", got)
	}
}

// TestSpecialDNs: slapd spells DNs in its way, people in theirs.
func TestSpecialDNs(t *testing.T) {
	const west = `ou=R&D\, West\+1,dc=example,dc=org`
	const deep = `ou=\20Übung  日本,` + west
	unit := func(dn, ou string) string {
		return "dn: " + dn + "\nobjectClass: organizationalUnit\nou: " + ou + "\n\n"
	}
	ldif := computers + unit(west, "R&D, West+1") + unit(deep, "Übung 日本") + pc(`cn=a\=b+serialNumber=7,`+deep, "a=b\nserialNumber: 7") +
		pc("cn=x,cn=nested,"+"ou=lab,ou=paris,dc=example,dc=org", "x")
	ldif = strings.Replace(ldif, "dn: cn=x,cn=nested,", "dn: cn=nested,ou=lab,ou=paris,dc=example,dc=org\nobjectClass: device\ncn: nested\n\ndn: cn=x,cn=nested,", 1)
	w := newWorld(t, ldif)
	w.ldap("ldapadd", team("special", `SERIALNUMBER=7+CN=A\3Db,OU=\C3\BCbung \E6\97\A5\E6\9C\AC , OU=r&d\2C west\2b1,DC=Example,DC=ORG`))
	d := w.open(w.config("openldap"))
	stands(t, d, "a=b.example.org", "r+26+d+2c+~west+2b+1 r+26+d+2c+~west+2b+1.+fc+bung~+65e5-672c+", "special")
	stands(t, d, "x", "paris paris.lab", "")
}

// TestAmbiguous: a name of several is that of none, and somebody is told.
func TestAmbiguous(t *testing.T) {
	same := "dn: cn=a,ou=paris,dc=example,dc=org\nobjectClass: groupOfNames\ncn: a\nmember: " + pc2 + "\n\n"
	w := newWorld(t, computers+pc("cn=pc1,ou=paris,dc=example,dc=org", "pc1")+pc("cn=pc3.example.org,ou=lab,ou=paris,dc=example,dc=org", "pc3.example.org")+
		team("a", pc1, pc2)+team("b", pc1, inGroups("a"))+same)
	d := w.open(w.config("openldap"))
	stands(t, d, "pc1.example.org", "", "")
	stands(t, d, "pc1", "", "")
	stands(t, d, "pc2.example.org", "paris", "b")          // a is two groups
	stands(t, d, "pc3.example.org", "paris paris.lab", "") // the full name goes before
	stands(t, d, "pc3", "", "")
	st := d.Status()
	if all := strings.Join(st.Problems, "\n"); st.Count != 3 || !strings.Contains(all, `the host "pc1" has no units`) ||
		!strings.Contains(all, `the host "pc1.example.org" has no units`) || !strings.Contains(all, `no host is in the group "a"`) {
		t.Errorf("%d problems:\n%s", st.Count, all)
	}
}

// TestOverlap: an entry below two bases is one.
func TestOverlap(t *testing.T) {
	w := newWorld(t, computers+team("a", pc1))
	c := w.config("openldap")
	c.Bases = []string{"dc=example,dc=org", "OU=Paris, DC=example,DC=org"}
	d := w.open(c)
	stands(t, d, "pc1", "paris paris.lab", "a")
	if st := d.Status(); st.Computers != 4 || st.Groups != 1 || st.Count != 0 {
		t.Errorf("status %+v", st)
	}
}

// TestTenThousand reads 10,000 computers in 100 units and 500 groups, each in the
// next.
func TestTenThousand(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "dn: ou=u%02d,ou=paris,dc=example,dc=org\nobjectClass: organizationalUnit\nou: u%02[1]d\n\n", i)
	}
	dn := func(i int) string { return fmt.Sprintf("cn=pc%05d,ou=u%02d,ou=paris,dc=example,dc=org", i, i%100) }
	for i := range 10_000 {
		b.WriteString(pc(dn(i), fmt.Sprintf("pc%05d", i)))
	}
	for i := range 500 {
		members := []string{inGroups(fmt.Sprintf("g%03d", (i+1)%500))} // a circle
		for j := range 20 {
			members = append(members, dn(i*20+j))
		}
		b.WriteString(team(fmt.Sprintf("g%03d", i), members...))
	}
	w := newWorld(t, b.String())
	began := time.Now()
	d := w.open(w.config("openldap"))
	t.Logf("read in %v", time.Since(began))
	for _, i := range []int{0, 4711, 9999} {
		units, groups, _ := d.Place(fmt.Sprintf("pc%05d.example.org", i))
		if len(units) != 2 || units[1] != fmt.Sprintf("paris.u%02d", i%100) || len(groups) != 500 {
			t.Errorf("pc%05d stands in %q and %d groups", i, units, len(groups))
		}
	}
}

// TestTooManyGroups: half of a host's groups would take from it what the others bring.
func TestTooManyGroups(t *testing.T) {
	r := &reading{computers: []computer{{dn: "cn=x", up: []int32{0}}}}
	for i := range maxGroups + 1 {
		r.groups = append(r.groups, group{name: fmt.Sprintf("g%d", i), up: []int32{int32(i+1) % (maxGroups + 1)}})
	}
	if _, err := r.snapshot(); muster.KindOf(err) != muster.Invalid {
		t.Errorf("%d groups: %v", maxGroups+1, err)
	}
}

// TestRanges: some of the members are not all.
func TestRanges(t *testing.T) {
	for _, attributes := range [][]string{{"member;range=0-1499", "member"}, {"member", "Member;Range=0-1499"}} {
		e := &ldap.Entry{DN: "cn=x"}
		for _, a := range attributes {
			e.Attributes = append(e.Attributes, &ldap.EntryAttribute{Name: a})
		}
		if _, err := values(e, "member"); muster.KindOf(err) != muster.Invalid || muster.HintOf(err) == "" {
			t.Errorf("%q: %v", attributes, err)
		}
	}
}

func TestConfig(t *testing.T) {
	good := func() Config {
		return Config{Preset: "ad", URLs: []string{"ldaps://dc1.example.org"}, Bases: []string{"DC=example,DC=org"}}
	}
	if _, err := Open(good()); err != nil {
		t.Fatal(err)
	}
	for words, change := range map[string]func(*Config){
		`preset: "novell"`:       func(c *Config) { c.Preset = "novell" },
		"there is no server":     func(c *Config) { c.URLs = nil },
		"without TLS":            func(c *Config) { c.URLs = []string{"ldap://dc1.example.org"} },
		"has TLS already":        func(c *Config) { c.StartTLS = true },
		"neither ldap:// nor":    func(c *Config) { c.URLs = []string{"https://dc1.example.org"} },
		"not of the form":        func(c *Config) { c.URLs = []string{"ldaps://user:secret@dc1.example.org"} },
		"below which DN":         func(c *Config) { c.Bases = nil },
		"is no DN":               func(c *Config) { c.GroupBases = []string{"groups"} },
		"is no filter":           func(c *Config) { c.Groups = "(cn=" },
		"membership":             func(c *Config) { c.Membership = "all" },
		"need each other":        func(c *Config) { c.BindDN = "cn=reader" },
		"less than a second":     func(c *Config) { c.Every = time.Millisecond },
		"every, timeout and max": func(c *Config) { c.MaxEntries = -1 },
	} {
		c := good()
		change(&c)
		if _, err := Open(c); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, not %q", err, words)
		}
	}
}
