package directory

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster"
)

// stands asserts where a host stands.
func stands(t *testing.T, d *Directory, host, units, groups string) {
	t.Helper()
	u, g, ready := d.Place(host)
	if !ready || !slices.Equal(u, strings.Fields(units)) || !slices.Equal(g, strings.Fields(groups)) {
		t.Errorf("%s stands in units %q and groups %q (ready: %v), not in %q and %q", host, u, g, ready, units, groups)
	}
}

// pc is the LDIF of a computer as OpenLDAP has them.
func pc(dn, cn string) string {
	return fmt.Sprintf("dn: %s\nobjectClass: device\ncn: %s\n\n", dn, cn)
}

func team(name string, members ...string) string {
	return fmt.Sprintf("dn: cn=%s,ou=groups,dc=example,dc=org\nobjectClass: groupOfNames\ncn: %s\nmember: %s\n\n",
		name, name, strings.Join(members, "\nmember: "))
}

func inGroups(name string) string { return "cn=" + name + ",ou=groups,dc=example,dc=org" }

const (
	pc1 = "cn=pc1,ou=lab,ou=paris,dc=example,dc=org"
	pc2 = "cn=pc2.example.org,ou=paris,dc=example,dc=org"
	pc3 = "cn=pc3,cn=Computers,dc=example,dc=org"
)

var computers = pc(pc1, "pc1") + pc(pc2, "pc2.example.org") + pc(pc3, "pc3")

// nested are groups in groups, with a circle: b is in a, c in b, a in c. The circle
// is closed last, for slapd's memberOf knows only members that are there.
var nested = team("c", pc2) + team("b", inGroups("c")) + team("a", pc1, inGroups("b")) + team("All_Hosts", inGroups("a")) +
	"dn: " + inGroups("c") + "\nchangetype: modify\nadd: member\nmember: " + inGroups("a") + "\n\n"

func TestOpenLDAP(t *testing.T) {
	w := newWorld(t, computers)
	w.ldap("ldapadd", nested) // not by slapadd: the overlay writes memberOf
	for _, membership := range []string{"member", "memberof"} {
		t.Run(membership, func(t *testing.T) {
			c := w.config("openldap")
			c.Membership = membership
			d := w.open(c)
			stands(t, d, "pc1.example.org", "paris paris.lab", "a all+-hosts b c")
			stands(t, d, "PC1", "paris paris.lab", "a all+-hosts b c")
			stands(t, d, "pc2.example.org.", "paris", "a all+-hosts b c")
			stands(t, d, "pc3.example.org", "", "")
			stands(t, d, "pc1.example.net", "", "")
			stands(t, d, "", "", "")
			if st := d.Status(); st.Computers != 4 || st.Groups != 4 || st.Count != 0 {
				t.Errorf("status %+v", st)
			}
		})
	}
	t.Run("starttls", func(t *testing.T) {
		c := w.config("openldap")
		c.URLs, c.StartTLS = []string{strings.Replace(w.plain, "127.0.0.1", "localhost", 1)}, true
		stands(t, w.open(c), "pc1", "paris paris.lab", "a all+-hosts b c")
	})
	t.Run("no groups", func(t *testing.T) {
		c := w.config("openldap")
		c.Membership = "none"
		stands(t, w.open(c), "pc1", "paris paris.lab", "")
	})
	t.Run("rule", func(t *testing.T) {
		c := w.config("openldap")
		c.Membership = "rule" // slapd would find nobody in any group
		refused(t, c, muster.Invalid, "has no rule 1.2.840.113556.1.4.1941")
	})
}

// TestRule asks with another matching rule, for slapd does not know the one of
// Active Directory: distinguishedNameMatch, by which only direct members match.
func TestRule(t *testing.T) {
	w := newWorld(t, computers)
	w.write("rootdse.ldif", "dn:\nsupportedCapabilities: 1.2.840.113556.1.4.800\n")
	w.reconfigure("sizelimit 500\n", "sizelimit 500\nrootDSE "+w.path("rootdse.ldif")+"\n")
	w.ldap("ldapadd", nested)
	c := w.config("openldap")
	c.Membership, c.chain = "rule", "2.5.13.1"
	d := w.open(c)
	stands(t, d, "pc1", "paris paris.lab", "a")
	stands(t, d, "pc2.example.org", "paris", "c")
	stands(t, d, "pc3", "", "")
}

// What package hosts wants.
var _ interface {
	Place(fqdn string) (units, groups []string, ready bool)
} = (*Directory)(nil)

// refused asserts that a reading fails.
func refused(t *testing.T, c Config, kind muster.ErrorKind, words string) {
	t.Helper()
	d, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	err = d.Refresh(t.Context())
	if muster.KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v (%s), not %s with %q", err, muster.KindOf(err), kind, words)
	}
	if _, _, ready := d.Place("pc1"); ready {
		t.Error("it is ready without having been read")
	}
}

// sid is the security identifier S-1-5-21-1-2-3-RID.
func sid(rid byte) string {
	return base64.StdEncoding.EncodeToString([]byte{1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, rid, 2, 0, 0})
}

func TestActiveDirectory(t *testing.T) {
	machine := func(name, unit string, control int, rid byte) string {
		id := base64.StdEncoding.EncodeToString([]byte{0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, rid})
		return fmt.Sprintf("dn: CN=%s,%sDC=example,DC=org\nobjectClass: computer\ncn: %[1]s\nsAMAccountName: %[1]s$\ndNSHostName: %[1]s.corp.example.org\n"+
			"objectCategory: computer\nuserAccountControl: %[3]d\nobjectSid:: %[4]s\nprimaryGroupID: 515\nobjectGUID:: %[5]s\n\n", name, unit, control, sid(rid), id)
	}
	account := func(name, sam string, rid byte, members string) string {
		return fmt.Sprintf("dn: CN=%s,OU=groups,DC=example,DC=org\nobjectClass: group\nobjectCategory: group\ncn: %[1]s\nsAMAccountName: %s\nobjectSid:: %s\n%s\n",
			name, sam, sid(rid), members)
	}
	ldif := machine("PC1", "OU=lab,OU=paris,", 4096, 50) + machine("OLD", "OU=paris,", 4098, 51)
	w := newWorld(t, ldif)
	w.reconfigure("memberof-group-oc groupOfNames", "memberof-group-oc group")
	w.ldap("ldapadd", account("staff", "GG_Staff", 60, "member: cn=pc1,ou=lab,ou=paris,dc=example,dc=org\n")+
		account("everyone", "Every Körper", 61, "member: cn=staff,ou=groups,dc=example,dc=org\n")+
		account("machines", "Domain Computers", 3, "")) // 515 is 0x203
	d := w.open(w.config("ad"))
	const groups = "domain~computers every~k+f6+rper gg+-staff"
	stands(t, d, "pc1.corp.example.org", "paris paris.lab", groups)
	stands(t, d, "pc1.example.org", "paris paris.lab", groups)
	stands(t, d, "PC1", "paris paris.lab", groups)
	stands(t, d, "00112233-4455-6677-8899-aabbccddee32", "paris paris.lab", groups)
	stands(t, d, "old.corp.example.org", "", "") // disabled
}
