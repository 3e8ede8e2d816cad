package access

import (
	"testing"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// A name is that of whom the first vouched for, until an administrator says that
// somebody may have it anew, and one with a password is nobody's by a certificate.
func TestVouchers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		a := open(t, d, &clock{now: start})
		come := func(name string, vouchers ...string) error {
			_, err := a.Begin(t.Context(), Login{Caller: Caller{Name: name}, Way: "certificate", Vouchers: vouchers})
			return err
		}
		check(t, come("alice", "key a", "key own"))
		check(t, come("alice", "key other", "key a"))
		wantKind(t, "by another authority", come("alice", "key b"), muster.Denied)
		must(a.EditPerson(t.Context(), "alice", api.PersonEdit{Anew: true}))(t)
		check(t, come("alice", "key b"))
		wantKind(t, "by the one before", come("alice", "key a"), muster.Denied)
		check(t, a.Administrator(t.Context(), "alice", ""))
		check(t, come("alice", "key a"))

		bob(t, a)
		wantKind(t, "a name with a password", come("bob", "key a"), muster.Denied)
		login(t, a, "bob")
		must(a.EditPerson(t.Context(), "bob", api.PersonEdit{Anew: true}))(t)
		login(t, a, "bob")
		check(t, come("bob", "key a"))
		login(t, a, "bob")
		wantKind(t, "bob by another authority", come("bob", "key b"), muster.Denied)
	})
}
