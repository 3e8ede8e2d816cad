package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-ldap/ldap/v3"

	"muster"
)

// A Person is somebody whose password the directory has taken.
type Person struct {
	Name   string   // their attribute name, lower case
	DN     string   // of their entry
	Groups []string // their attribute group-name, lower case, sorted
}

// What nobody's name or password is longer than, in bytes.
const (
	maxPersonName = 180
	maxPassword   = 256
	maxPersonIn   = 1024 // groups
)

// wrong is the one answer to names and passwords that do not let in.
func wrong() error {
	return muster.Errorf(muster.Denied, "the name or the password is wrong")
}

// Authenticate asks the directory whether a password is somebody's, by binding as
// them (RFC 4513 5.1.3), and which groups they are in. Denied tells neither whether
// there is such a person. Servers are asked in order until one answers.
func (c Config) Authenticate(ctx context.Context, name, password string) (p Person, err error) {
	if err := c.complete(); err != nil {
		return p, muster.WithKind(muster.Invalid, err)
	}
	// A bind without a password is let in as nobody (RFC 4513 5.1.2).
	if password == "" || len(password) > maxPassword || name == "" || len(name) > maxPersonName || strings.ContainsFunc(name, unicode.IsControl) {
		return p, wrong()
	}
	ctx, stop := context.WithTimeout(ctx, min(c.Timeout, 30*time.Second))
	defer stop()
	var errs []error
	for _, s := range c.URLs {
		if p, err = c.authenticate(ctx, s, name, password); err == nil || muster.KindOf(err) != muster.Unavailable {
			return p, err
		}
		errs = append(errs, fmt.Errorf("%s: %w", s, err))
	}
	return p, muster.WithKind(muster.Unavailable, errors.Join(errs...))
}

func (c *Config) authenticate(ctx context.Context, server, name, password string) (Person, error) {
	reader, err := c.connect(ctx, server)
	if err != nil {
		if muster.KindOf(err) == muster.Denied { // the reader's password, not the person's
			err = muster.WithKind(muster.Internal, err)
		}
		return Person{}, err
	}
	defer reader.Close()
	s := &search{conn: reader, left: 4 * maxPersonIn}
	p, err := c.person(ctx, s, name)
	if err != nil {
		return Person{}, err
	}
	dn := p.DN
	if dn == "" {
		// Whoever is not there takes as long: somebody is asked for who cannot be.
		dn = "cn=nobody," + c.peopleBases()[0]
	}
	if err := c.bind(ctx, server, dn, password); err != nil {
		return Person{}, err
	}
	if p.DN == "" {
		return Person{}, wrong()
	}
	p.Groups, err = c.groupsOf(ctx, s, p.DN)
	return p, err
}

// bind binds as somebody, on a connection of its own.
func (c *Config) bind(ctx context.Context, server, dn, password string) error {
	other := *c
	other.BindDN = ""
	conn, err := other.connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = conn.Bind(dn, password)
	for _, code := range []uint16{ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax,
		ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultConstraintViolation} {
		if ldap.IsErrorWithCode(err, code) {
			return wrong()
		}
	}
	return muster.WithKind(muster.Unavailable, err)
}

func (c *Config) peopleBases() []string {
	if len(c.People.Bases) > 0 {
		return c.People.Bases
	}
	return c.Bases
}

// person finds the entry of a name. A name that two have is that of nobody.
func (c *Config) person(ctx context.Context, s *search, name string) (p Person, err error) {
	filter := strings.ReplaceAll(c.People.Filter, "{name}", ldap.EscapeFilter(name))
	found := 0
	for _, base := range c.peopleBases() {
		err := s.each(ctx, base, filter, []string{c.People.Name}, func(e *ldap.Entry) error {
			found++
			p.DN = e.DN
			own, err := first(e, c.People.Name)
			p.Name = strings.ToLower(strings.TrimSpace(own))
			return err
		})
		if err != nil {
			return p, err
		}
	}
	if found != 1 || p.Name == "" {
		return Person{}, nil
	}
	return p, nil
}

// groupsOf are the names of the groups that have the entry as a member. Groups
// within groups do not count, unless the filter asks for them.
func (c *Config) groupsOf(ctx context.Context, s *search, dn string) ([]string, error) {
	var groups []string
	filter := strings.ReplaceAll(c.People.Groups, "{dn}", ldap.EscapeFilter(dn))
	for _, base := range c.GroupBases {
		err := s.each(ctx, base, filter, []string{c.GroupName}, func(e *ldap.Entry) error {
			name, err := first(e, c.GroupName)
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				groups = append(groups, name)
			}
			if len(groups) > maxPersonIn {
				return muster.Errorf(muster.Invalid, "%q is in more than %d groups", dn, maxPersonIn)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}
