package directory

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"muster"
)

// Config says which directory is read, and how. What is left empty comes from
// the preset.
type Config struct {
	// preset is what the directory is: ad for Active Directory and Samba, openldap
	// for others.
	Preset string `yaml:"preset"`
	// urls are servers, asked in order until one can be read: ldaps://dc1.example.org, or ldap:// with
	// starttls. None: no directory is read. Without TLS only a loopback address is asked.
	URLs []string `yaml:"urls"`
	// starttls begins TLS on connections to ldap:// addresses.
	StartTLS bool `yaml:"starttls"`
	// ca is a PEM file with the authorities of the servers' certificates. Empty: those
	// of the system.
	CA string `yaml:"ca"`
	// bind-dn is who reads: a DN, or for Active Directory also reader@example.org.
	// Empty: anonymous. It needs no right but to read.
	BindDN string `yaml:"bind-dn"`
	// password-file holds its password, and is read at every connection.
	PasswordFile string `yaml:"password-file"`
	// bases are the DNs below which computers are.
	Bases []string `yaml:"bases"`
	// group-bases are the DNs below which groups are. Empty: as bases. A group within
	// a group counts only when both are below them.
	GroupBases []string `yaml:"group-bases"`
	// computers is the filter for computers.
	Computers string `yaml:"computers"`
	// groups is the filter for groups.
	Groups string `yaml:"groups"`
	// names are the attributes of a computer by which a host may be known: a value with
	// a dot is a full name; another one, without a "$" at its end, the first label of one.
	Names []string `yaml:"names"`
	// group-name is the attribute after which profiles are named.
	GroupName string `yaml:"group-name"`
	// membership is where it stands who is in a group: memberof (of computers and
	// groups), member (and uniqueMember, of groups), rule (Active Directory is asked for
	// every group who is in it at any depth; slow), or none.
	Membership string `yaml:"membership"`
	// every is how often the directory is read.
	Every time.Duration `yaml:"every"`
	// timeout is how long one reading may take; then the next server is asked.
	Timeout time.Duration `yaml:"timeout"`
	// max-entries bounds how many computers and groups are read.
	MaxEntries int `yaml:"max-entries"`

	// people may log in with the password of their entry.
	People People `yaml:"people"`

	// chain is the matching rule of membership "rule".
	chain string
}

// People says who may log in with the password of their entry in the directory.
type People struct {
	// filter finds the entry of who logs in; {name} stands for what they type. Empty:
	// nobody logs in so. For Active Directory as (sAMAccountName={name}), others (uid={name}).
	Filter string `yaml:"filter"`
	// name is the attribute that names them, ldap:NAME. Empty: as the preset has it.
	Name string `yaml:"name"`
	// bases are the DNs below which they are. Empty: as those of computers.
	Bases []string `yaml:"bases"`
	// groups finds their groups below group-bases, ldap:GROUP; {dn} stands for their DN.
	// Empty: those of which they are a member themselves.
	Groups string `yaml:"groups"`
}

// complete fills in what the preset says, and reports the first value that cannot be.
func (p *People) complete(preset string) error {
	if p.Filter == "" {
		return nil
	}
	if p.Name == "" {
		p.Name = map[string]string{"ad": "sAMAccountName", "openldap": "uid"}[preset]
	}
	if p.Groups == "" {
		p.Groups = map[string]string{"ad": "(&(objectCategory=group)(member={dn}))", "openldap": "(|(member={dn})(uniqueMember={dn}))"}[preset]
	}
	if !strings.Contains(p.Filter, "{name}") || !strings.Contains(p.Groups, "{dn}") {
		return fmt.Errorf("people: the filter needs {name} and groups {dn}")
	}
	for _, f := range []string{p.Filter, p.Groups} {
		if _, err := ldap.CompileFilter(strings.NewReplacer("{name}", "x", "{dn}", "cn=x").Replace(f)); err != nil {
			return fmt.Errorf("people: %q is no filter: %w", f, err)
		}
	}
	for _, base := range p.Bases {
		if _, err := parseDN(base); err != nil {
			return fmt.Errorf("people: bases: %w", err)
		}
	}
	return nil
}

// presets are what a directory of a kind looks like.
var presets = map[string]Config{
	"ad": {
		// Disabled accounts are left out: often what a machine left behind.
		Computers: "(&(objectCategory=computer)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
		Groups:    "(objectCategory=group)",
		Names:     []string{"dNSHostName", "sAMAccountName", "objectGUID"},
		GroupName: "sAMAccountName", Membership: "memberof",
	},
	"openldap": {
		Computers: "(|(objectClass=device)(objectClass=ipHost))",
		Groups:    "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
		Names:     []string{"cn", "associatedDomain", "entryUUID"},
		GroupName: "cn", Membership: "member",
	},
}

// complete fills in what the preset says, and reports the first value that cannot be.
func (c *Config) complete() error {
	p, ok := presets[c.Preset]
	if !ok {
		return fmt.Errorf("preset: %q is neither ad nor openldap", c.Preset)
	}
	for _, f := range []struct{ have, preset *string }{
		{&c.Computers, &p.Computers}, {&c.Groups, &p.Groups}, {&c.GroupName, &p.GroupName}, {&c.Membership, &p.Membership},
	} {
		if *f.have == "" {
			*f.have = *f.preset
		}
	}
	if len(c.Names) == 0 {
		c.Names = p.Names
	}
	if len(c.GroupBases) == 0 {
		c.GroupBases = c.Bases
	}
	if c.chain == "" {
		c.chain = inChain
	}
	if c.Every == 0 {
		c.Every = 15 * time.Minute
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Minute
	}
	if c.MaxEntries == 0 {
		c.MaxEntries = 200_000
	}
	if err := c.People.complete(c.Preset); err != nil {
		return err
	}
	return c.check()
}

func (c *Config) check() error {
	if c.Every < time.Second || c.Timeout < time.Second || c.MaxEntries < 1 {
		return fmt.Errorf("every, timeout and max-entries: nothing can be read in less than a second")
	}
	if !slices.Contains([]string{"memberof", "member", "rule", "none"}, c.Membership) {
		return fmt.Errorf("membership: %q is neither memberof, member, rule nor none", c.Membership)
	}
	if len(c.Bases) == 0 {
		return fmt.Errorf("bases: below which DN are the computers?")
	}
	for _, base := range slices.Concat(c.Bases, c.GroupBases) {
		if _, err := parseDN(base); err != nil {
			return fmt.Errorf("bases: %w", err)
		}
	}
	for name, filter := range map[string]string{"computers": c.Computers, "groups": c.Groups} {
		if _, err := ldap.CompileFilter(filter); err != nil {
			return fmt.Errorf("%s: %q is no filter: %w", name, filter, err)
		}
	}
	if (c.BindDN == "") != (c.PasswordFile == "") {
		return fmt.Errorf("bind-dn and password-file need each other")
	}
	return c.checkURLs()
}

// checkURLs refuses what the network could read or forge: memberships decide
// what is installed.
func (c *Config) checkURLs() error {
	if len(c.URLs) == 0 {
		return fmt.Errorf("urls: there is no server")
	}
	for _, s := range c.URLs {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
			return fmt.Errorf("urls: %q is not of the form ldaps://HOST:PORT", s)
		}
		switch {
		case u.Scheme == "ldaps" && !c.StartTLS:
		case u.Scheme == "ldaps":
			return muster.WithHint(fmt.Errorf("urls: %q has TLS already", s), "leave out starttls, or write ldap://")
		case u.Scheme != "ldap":
			return fmt.Errorf("urls: %q is neither ldap:// nor ldaps://", s)
		case !c.StartTLS && !loopback(u.Hostname()):
			return muster.WithHint(fmt.Errorf("urls: %q without TLS can be read and changed by the network", s), "write ldaps://, or starttls: true")
		}
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// address is host and port of a URL that check found good.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
