package directory

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"muster"
)

// people are those of a directory that log in.
const people = `
dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: uid=Bob,ou=people,dc=example,dc=org
objectClass: account
objectClass: simpleSecurityObject
uid: Bob
userPassword: bob's password

dn: uid=twin,ou=people,dc=example,dc=org
objectClass: account
objectClass: simpleSecurityObject
uid: twin
userPassword: twin's password

dn: uid=twin,ou=paris,dc=example,dc=org
objectClass: account
objectClass: simpleSecurityObject
uid: twin
userPassword: twin's password

dn: cn=Lab Admins,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: Lab Admins
member: uid=Bob,ou=people,dc=example,dc=org

dn: cn=others,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: others
member: uid=twin,ou=people,dc=example,dc=org
`

func (w *world) asking() Config {
	c := w.config("openldap")
	c.People = People{Filter: "(uid={name})"}
	return c
}

// Who knows the password is let in, under the name and with the groups of the entry;
// everybody else hears the same.
func TestAuthenticate(t *testing.T) {
	w := newWorld(t, people)
	c := w.asking()
	for _, name := range []string{"Bob", "bob"} {
		p, err := c.Authenticate(t.Context(), name, "bob's password")
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != "bob" || !slices.Equal(p.Groups, []string{"lab admins"}) || p.DN != "uid=Bob,ou=people,dc=example,dc=org" {
			t.Errorf("%+v", p)
		}
	}
	for name, password := range map[string]string{
		"bob": "wrong", "nobody": "bob's password", "twin": "twin's password", "": "x", "*": "bob's password", "b*": "bob's password",
		"bob)(uid=*": "bob's password", "bob\x00": "bob's password", strings.Repeat("x", 1000): "x",
	} {
		if _, err := c.Authenticate(t.Context(), name, password); muster.KindOf(err) != muster.Denied || err.Error() != wrong().Error() {
			t.Errorf("%q with %q: %v", name, password, err)
		}
	}
	if _, err := c.Authenticate(t.Context(), "bob", ""); muster.KindOf(err) != muster.Denied {
		t.Errorf("without a password: %v", err)
	}
	w.ldap("ldapmodify", "dn: uid=Bob,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: userPassword\nuserPassword: another\n")
	if _, err := c.Authenticate(t.Context(), "bob", "bob's password"); muster.KindOf(err) != muster.Denied {
		t.Errorf("the old password: %v", err)
	}
	w.kill()
	if _, err := c.Authenticate(t.Context(), "bob", "another"); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("no directory: %v", err)
	}
}

// A reader who is not let in is a fault of the server, and not of who logs in.
func TestAuthenticateReader(t *testing.T) {
	w := newWorld(t, people)
	w.write("secret", "changed since\n")
	c := w.asking()
	if _, err := c.Authenticate(t.Context(), "bob", "bob's password"); err == nil || muster.KindOf(err) == muster.Denied || errors.Is(err, wrong()) {
		t.Errorf("%v", err)
	}
}

// A server that is down is passed over.
func TestAuthenticateNext(t *testing.T) {
	w := newWorld(t, people)
	c := w.asking()
	c.URLs = []string{"ldaps://localhost:" + port(t), w.tls}
	if _, err := c.Authenticate(t.Context(), "bob", "bob's password"); err != nil {
		t.Error(err)
	}
}

func TestPeopleConfig(t *testing.T) {
	for _, bad := range []People{{Filter: "(uid=bob)"}, {Filter: "(uid={name}"}, {Filter: "(uid={name})", Groups: "(member=x)"}, {Filter: "(uid={name})", Bases: []string{"x"}}} {
		if err := bad.complete("openldap"); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
