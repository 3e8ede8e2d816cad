package access

import (
	"slices"

	"muster"
)

// A name is that of one person. Several may say names: each authority that is
// believed, for the certificates that it issues, and the provider of OpenID Connect,
// which may give a name that has become free to somebody else. So the server holds on
// to who vouched for a name when it first came, in the column subject: from then on
// nobody else can say it, and a name that was given a password here is said by none.
// Who comes first under a name that rules know already gets what they give it: rules
// for people who have not come yet are for servers that believe one authority.

// anew is the column subject of a name that the next to say it has.
const anew = "*"

// voucher is whom to hold on to.
func (l *Login) voucher() string {
	if len(l.Vouchers) == 0 {
		return ""
	}
	return l.Vouchers[0]
}

// vouched looks whether a name, for which was vouched and which may have a password,
// is that of who logs in. It returns who vouches from now on.
func (l *Login) vouched(was string, password bool) (string, error) {
	switch {
	case len(l.Vouchers) == 0 || slices.Contains(l.Vouchers, was):
		return was, nil // a password of this server, or of the directory
	case was == anew || was == "" && !password:
		return l.voucher(), nil
	}
	return "", muster.WithHint(muster.Errorf(muster.Denied, "%q is the name of somebody whom others vouched for", l.Name),
		"an administrator who knows that it is the same person runs 'muster people anew %s'", l.Name)
}
