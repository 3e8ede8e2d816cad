package access

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// Strangers who guess from everywhere do not lock a person out where they have been.
func TestLockOut(t *testing.T) {
	c := &clock{now: start}
	a := open(t, dbtest.SQLite(t), c)
	bob(t, a)
	guess := func(i int) error {
		_, err := a.Try(t.Context(), "bob", netip.MustParseAddr(fmt.Sprintf("10.%d.%d.1", i/250, i%250)))
		return err
	}
	for i := range farBurst {
		check(t, guess(i))
	}
	wantKind(t, "one guess more", guess(farBurst), muster.Busy)
	login(t, a, "bob")
	for i := range nearBurst {
		_, err := a.Password(t.Context(), "bob", fmt.Sprint("wrong", i), home)
		wantKind(t, "a guess from home", err, muster.Denied)
	}
	_, err := a.Password(t.Context(), "bob", good, home)
	wantKind(t, "too many from home", err, muster.Busy)
	c.pass(homeLasts)
	for i := range farBurst {
		guess(100 + i) //nolint:errcheck // until there are too many
	}
	_, err = a.Password(t.Context(), "bob", good, home)
	wantKind(t, "long after", err, muster.Busy)
}

// All spellings that a directory takes for one name have one count, and no name is
// asked for that has blanks around it.
func TestSpellings(t *testing.T) {
	a := open(t, dbtest.SQLite(t), &clock{now: start})
	for _, name := range []string{"bob ", " bob", "", "b\nb", "bob\u200b"} {
		_, err := a.Try(t.Context(), name, home)
		wantKind(t, name, err, muster.Denied)
	}
	for i, name := range []string{"Bob Ray", "bob ray", "BOB  ray", "b\u00f6b ray", "bo\ufe00b ray"} {
		_, err := a.Try(t.Context(), name, home)
		check(t, err)
		if i == nearBurst-1 {
			_, err = a.Try(t.Context(), "bob ray", home)
			wantKind(t, "the same once more", err, muster.Busy)
		}
	}
}

// Who has many homes keeps the newest.
func TestHomes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{now: start}
		a := open(t, d, c)
		for i := range maxHomes + 4 {
			c.pass(time.Minute)
			must(a.Begin(t.Context(), Login{Caller: Caller{Name: "ldap:Bob"}, Way: "ldap", Address: netip.AddrFrom4([4]byte{10, 0, byte(i), 1})}))(t)
		}
		var n int
		check(t, d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow("SELECT count(*) FROM access_home WHERE name = 'bob' AND near <> '10.0.3.0/24'").Scan(&n)
		}))
		if n != maxHomes {
			t.Errorf("%d homes", n)
		}
	})
}
