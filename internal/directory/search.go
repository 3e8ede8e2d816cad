package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"muster"
)

// pageSize is how many entries a page has: Active Directory gives 1,000 at most.
const pageSize = 500

// A search is one connection, with what may still be read from it.
type search struct {
	conn *ldap.Conn
	left int // entries
}

// each calls f for every entry below base that matches, page by page (RFC 2696).
// It returns nil only when the server said that this was the end: a reading that
// was cut short would take groups from hosts. Referrals are not followed, for they
// would send the password to whom the server names.
func (s *search) each(ctx context.Context, base, filter string, attributes []string, f func(*ldap.Entry) error) error {
	paging := ldap.NewControlPaging(pageSize)
	for {
		request := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
			filter, attributes, []ldap.Control{paging})
		cookie, err := s.page(ctx, request, f)
		if err != nil {
			return fmt.Errorf("cannot search %q for %s: %w", base, filter, explain(ctx, err))
		}
		if len(cookie) == 0 {
			return nil
		}
		paging.SetCookie(cookie)
	}
}

// page reads one page. The cookie of the next is empty at the end.
func (s *search) page(ctx context.Context, request *ldap.SearchRequest, f func(*ldap.Entry) error) ([]byte, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var end *ldap.ControlPaging
	for r := s.conn.SearchAsync(ctx, request, 16); ; {
		if !r.Next() {
			if err := r.Err(); err != nil {
				return nil, err
			}
			break
		}
		if c, ok := ldap.FindControl(r.Controls(), ldap.ControlTypePaging).(*ldap.ControlPaging); ok && r.Entry() == nil {
			end = c
		}
		if e := r.Entry(); e != nil {
			if s.left--; s.left < 0 {
				return nil, muster.WithHint(muster.Errorf(muster.Invalid, "there are more entries than allowed"), "set max-entries, or narrow bases and filters")
			}
			if err := f(e); err != nil {
				return nil, err
			}
		}
	}
	// A connection that closes, or a context that ends, ends the entries without an
	// error. Only the control, which comes with the result, proves the end.
	if end == nil {
		return nil, muster.Errorf(muster.Unavailable, "it ended early, or the server gives no pages (RFC 2696)")
	}
	return end.Cookie, nil
}

// explain gives the errors of a server a kind, and advice.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded), ldap.IsErrorWithCode(err, ldap.LDAPResultAdminLimitExceeded):
		return muster.WithHint(muster.WithKind(muster.Unavailable, err), "let bind-dn read everything: 'limits' in slapd, MaxPageSize and MaxResultSetSize in Active Directory")
	case ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights):
		return muster.WithHint(muster.WithKind(muster.Denied, err), "let bind-dn read there")
	case ldap.IsErrorWithCode(err, ldap.LDAPResultReferral):
		return muster.WithHint(muster.WithKind(muster.Invalid, err), "referrals are not followed: ask the server that holds this base")
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return muster.WithHint(muster.WithKind(muster.NotFound, err), "look at bases, and whether bind-dn may read there")
	case muster.KindOf(err) == muster.Internal:
		return muster.WithKind(muster.Unavailable, err)
	}
	return err
}

// capable reports whether the server says it is an Active Directory, which knows
// the matching rule of Config.Membership "rule". Others take it for undefined: no
// host would be in any group.
func (s *search) capable() error {
	const activeDirectory = "1.2.840.113556.1.4.800"
	result, err := s.conn.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"supportedCapabilities"}, nil))
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	for _, e := range result.Entries {
		if slices.Contains(e.GetAttributeValues("supportedCapabilities"), activeDirectory) {
			return nil
		}
	}
	return muster.WithHint(muster.Errorf(muster.Invalid, "membership: this server has no rule %s", inChain), "write memberof or member")
}

// values are those of an attribute. Active Directory gives 1,500 of an attribute
// and wants to be asked for more; to take these for all would be wrong.
func values(e *ldap.Entry, name string) (found [][]byte, err error) {
	for _, a := range e.Attributes {
		base, option, _ := strings.Cut(a.Name, ";")
		if !strings.EqualFold(base, name) {
			continue
		}
		if strings.HasPrefix(strings.ToLower(option), "range=") {
			return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%.200q has too many values of %s for one answer", e.DN, name), "write membership: memberof")
		}
		if option == "" {
			found = a.ByteValues
		}
	}
	return found, nil
}

// first is the first value of an attribute, "" for none.
func first(e *ldap.Entry, name string) (string, error) {
	all, err := values(e, name)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return string(all[0]), nil
}
