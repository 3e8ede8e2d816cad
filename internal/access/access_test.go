package access

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// What is taken away is gone with the next request, on the other server too.
func TestTwoServers(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, d1, d2 *db.DB) {
		c := &clock{now: start}
		one, two := open(t, d1, c), open(t, d2, c)
		s := bob(t, one)
		if may(t, two, s.Token, api.VerbView) {
			t.Error("without a rule")
		}
		r := must(one.AddRule(t.Context(), "alice", Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbEdit, api.VerbView}}))(t)
		if !may(t, two, s.Token, api.VerbView) || !may(t, one, s.Token, api.VerbEdit) {
			t.Error("the rule is not seen")
		}
		token := must(two.CreateToken(t.Context(), must(two.Session(t.Context(), s.Token))(t), api.APITokenNew{Verbs: []api.Verb{api.VerbView, api.VerbPublish}, Password: good}, home))(t)
		if !may(t, one, token.Secret, api.VerbView) || may(t, one, token.Secret, api.VerbEdit) || may(t, one, token.Secret, api.VerbPublish) {
			t.Error("the token may not what it says, or more")
		}
		check(t, two.RemoveRule(t.Context(), r.ID))
		if may(t, one, s.Token, api.VerbView) || may(t, one, token.Secret, api.VerbView) {
			t.Error("the rule is still seen")
		}
		check(t, one.RevokeToken(t.Context(), token.ID, ""))
		_, err := two.Session(t.Context(), token.Secret)
		wantKind(t, "revoked token", err, muster.NotFound)
		yes := true
		must(one.EditPerson(t.Context(), "bob", api.PersonEdit{Disabled: &yes}))(t)
		_, err = two.Session(t.Context(), s.Token)
		wantKind(t, "session of the disabled", err, muster.NotFound)
	})
}

// Sessions end when they are over, unused, ended, or their password is another one.
func TestSessionsEnd(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{now: start}
		a := open(t, d, c)
		bob(t, a)
		over := func(what string, end func(v *Visit, s api.Session)) {
			t.Helper()
			s := login(t, a, "bob")
			v := must(a.Session(t.Context(), s.Token))(t)
			end(v, s)
			_, err := a.Session(t.Context(), s.Token)
			wantKind(t, what, err, muster.NotFound)
		}
		over("unused", func(*Visit, api.Session) { c.pass(2 * time.Hour) })
		over("over", func(_ *Visit, s api.Session) {
			for range 11 {
				c.pass(65 * time.Minute)
				must(a.Session(t.Context(), s.Token))(t)
			}
			c.pass(5 * time.Minute)
		})
		over("ended", func(v *Visit, _ api.Session) { check(t, a.End(t.Context(), v)) })
		over("ended by id", func(v *Visit, _ api.Session) {
			page := must(a.Sessions(t.Context(), v, "bob", api.ListQuery{}))(t)
			i := slices.IndexFunc(page.Sessions, func(s api.SessionInfo) bool { return s.Current })
			wantKind(t, "by another", a.EndSession(t.Context(), page.Sessions[i].ID, "carol"), muster.NotFound)
			check(t, a.EndSession(t.Context(), page.Sessions[i].ID, "bob"))
		})
		over("new password", func(v *Visit, _ api.Session) {
			other := must(a.Session(t.Context(), login(t, a, "bob").Token))(t)
			must(a.ChangePassword(t.Context(), other, api.PasswordChange{Old: good, New: good + "!"}, home))(t)
			must(a.ChangePassword(t.Context(), other, api.PasswordChange{Old: good + "!", New: good}, home))(t)
		})
		over("removed", func(*Visit, api.Session) { check(t, a.RemovePerson(t.Context(), "bob")) })
	})
}

// Rules and tokens count no more from the second on in which they expire.
func TestExpiry(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{now: start}
		a := open(t, d, c)
		s := bob(t, a)
		at := start.Add(time.Minute).Unix()
		must(a.AddRule(t.Context(), "alice", Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbView}, Expires: at}))(t)
		token := must(a.CreateToken(t.Context(), must(a.Session(t.Context(), s.Token))(t), api.APITokenNew{Verbs: []api.Verb{api.VerbView}, Expires: at, Password: good}, home))(t)
		c.pass(time.Minute - time.Second)
		if !may(t, a, s.Token, api.VerbView) || !may(t, a, token.Secret, api.VerbView) {
			t.Error("a second before")
		}
		c.pass(time.Second)
		if may(t, a, s.Token, api.VerbView) {
			t.Error("the rule has expired")
		}
		_, err := a.Session(t.Context(), token.Secret)
		wantKind(t, "expired token", err, muster.NotFound)
		_, err = a.AddRule(t.Context(), "alice", Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbView}, Expires: at})
		wantKind(t, "rule that has expired", err, muster.Invalid)
	})
}

// There is always somebody who administers; a database without anybody gets its
// first administrator once.
func TestAdministrators(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		a := open(t, d, &clock{now: start})
		for _, r := range must(a.Rules(t.Context()))(t).List() {
			if !slices.Contains(r.Verbs, api.VerbAdminister) {
				check(t, a.RemoveRule(t.Context(), r.ID))
			}
		}
		wantKind(t, "the last", a.RemoveRule(t.Context(), 3), muster.Conflict)
		first := func(name string) []string {
			return must(a.First(t.Context(), Login{Caller: Caller{Name: name}, Way: "certificate", Vouchers: []string{"key 1"}}))(t)
		}
		if got := append(first("alice"), first("mallory")...); !slices.Equal(got, []string{"alice"}) {
			t.Errorf("the first: %v", got)
		}
		_, err := a.Begin(t.Context(), Login{Caller: Caller{Name: "alice"}, Way: "certificate", Vouchers: []string{"key 2"}})
		wantKind(t, "somebody else who comes before the first administrator", err, muster.Denied)
		check(t, a.RemoveRule(t.Context(), 3))
		rules := must(a.Rules(t.Context()))(t)
		if got := rules.Whose(api.VerbAdminister, start); !slices.Equal(got, []string{"person:alice"}) {
			t.Errorf("administrators: %v", got)
		}
		must(a.Begin(t.Context(), Login{Caller: Caller{Name: "alice"}, Way: "certificate", Vouchers: []string{"key 1"}, Address: home}))(t)
		yes := true
		_, err = a.EditPerson(t.Context(), "alice", api.PersonEdit{Disabled: &yes})
		wantKind(t, "disable the last", err, muster.Conflict)
		wantKind(t, "remove the last", a.RemovePerson(t.Context(), "alice"), muster.Conflict)
		must(a.AddRule(t.Context(), "", Rule{Who: "token:7", Verbs: []api.Verb{api.VerbAdminister}}))(t)
		must(a.AddRule(t.Context(), "", Rule{Who: "person:eve", Verbs: []api.Verb{api.VerbAdminister}, Expires: start.Add(time.Hour).Unix()}))(t)
		wantKind(t, "only for a time", a.RemovePerson(t.Context(), "alice"), muster.Conflict)
		check(t, a.Administrator(t.Context(), "carol", good))
		check(t, a.RemovePerson(t.Context(), "alice"))
		if s := login(t, a, "carol"); !may(t, a, s.Token, api.VerbAdminister) {
			t.Error("carol administers")
		}
	})
}

// A proof comes once, and a name is that of one.
func TestLogins(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		a := open(t, d, &clock{now: start})
		l := Login{Caller: Caller{Name: "alice", Rights: []string{"code"}}, Way: "certificate", Once: sha256.Sum256([]byte("once")), Address: home}
		must(a.Begin(t.Context(), l))(t)
		_, err := a.Begin(t.Context(), l)
		wantKind(t, "again", err, muster.Conflict)
		for name, way := range map[string]string{"ldap:bob": "certificate", "oidc:bob": "password", "bob": "ldap", "oidc:eve": "ldap"} {
			_, err := a.Begin(t.Context(), Login{Caller: Caller{Name: name}, Way: way})
			wantKind(t, name+" by "+way, err, muster.Denied)
		}
		o := Login{Caller: Caller{Name: "oidc:bob"}, Way: "oidc", Vouchers: []string{"https://id.example.org 1"}}
		must(a.Begin(t.Context(), o))(t)
		must(a.Begin(t.Context(), o))(t)
		o.Vouchers = []string{"https://id.example.org 2"}
		_, err = a.Begin(t.Context(), o)
		wantKind(t, "the name of another", err, muster.Denied)
	})
}

// What a directory told counts for tokens as long as its people come.
func TestToldIsForgotten(t *testing.T) {
	c := &clock{now: start}
	a := open(t, dbtest.SQLite(t), c)
	must(a.AddRule(t.Context(), "", Rule{Who: "group:ldap:lab", Verbs: []api.Verb{api.VerbView}}))(t)
	l := Login{Caller: Caller{Name: "ldap:bob", Groups: []string{"ldap:lab"}}, Way: "ldap"}
	s := must(a.Begin(t.Context(), l))(t)
	token := must(a.CreateToken(t.Context(), must(a.Session(t.Context(), s.Token))(t), api.APITokenNew{Verbs: []api.Verb{api.VerbView}}, home))(t)
	c.pass(29 * 24 * time.Hour)
	if !may(t, a, token.Secret, api.VerbView) {
		t.Error("after 29 days")
	}
	c.pass(24 * time.Hour)
	if may(t, a, token.Secret, api.VerbView) {
		t.Error("after 30 days")
	}
	l.Groups = nil
	must(a.Begin(t.Context(), l))(t)
	if may(t, a, token.Secret, api.VerbView) {
		t.Error("in no group any more")
	}
}

// What goes on in somebody's name ends with what they may, and when they are disabled,
// removed, or long away.
func TestStill(t *testing.T) {
	c := &clock{now: start}
	a := open(t, dbtest.SQLite(t), c)
	must(a.AddRule(t.Context(), "", Rule{Who: "person:root", Verbs: api.Verbs()}))(t)
	must(a.AddRule(t.Context(), "", Rule{Who: "group:ldap:admins", Verbs: []api.Verb{api.VerbAdminister}}))(t)
	must(a.Begin(t.Context(), Login{Caller: Caller{Name: "ldap:bob", Groups: []string{"ldap:admins"}}, Way: "ldap"}))(t)
	still := func(name string, want bool) {
		t.Helper()
		if got := must(a.Still(t.Context(), name, api.VerbAdminister))(t); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	still("ldap:bob", true)
	still("nobody", false)
	c.pass(30 * 24 * time.Hour)
	still("ldap:bob", false)
	must(a.Begin(t.Context(), Login{Caller: Caller{Name: "ldap:bob", Groups: []string{"ldap:admins"}}, Way: "ldap"}))(t)
	still("ldap:bob", true)
	disabled := true
	must(a.EditPerson(t.Context(), "ldap:bob", api.PersonEdit{Disabled: &disabled}))(t)
	still("ldap:bob", false)
}

// Guessing is bounded by name and place, also for names that nobody has, and
// guesses from elsewhere do not lock the owner out.
func TestGuesses(t *testing.T) {
	c := &clock{now: start}
	a := open(t, dbtest.SQLite(t), c)
	bob(t, a)
	for _, name := range []string{"bob", "nobody"} {
		for i := range nearBurst + 1 {
			_, err := a.Password(t.Context(), name, fmt.Sprint("wrong", i), home)
			want := muster.Denied
			if i == nearBurst {
				want = muster.Busy
			}
			wantKind(t, fmt.Sprint(name, i), err, want)
		}
		_, err := a.Password(t.Context(), name, good, home)
		wantKind(t, "the right one, too late", err, muster.Busy)
	}
	must(a.Password(t.Context(), "bob", good, netip.MustParseAddr("198.51.100.7")))(t)
}

// Hashes are those of the parameters that are documented, and anything else is refused.
func TestHash(t *testing.T) {
	a := open(t, dbtest.SQLite(t), &clock{now: start})
	h := must(a.newHash(t.Context(), "bob", good))(t)
	if !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") || len(h) > maxHash {
		t.Errorf("hash %q", h)
	}
	for password, want := range map[string]bool{good: true, good + " ": false, "": false} {
		if ok := must(a.checkPassword(t.Context(), h, password))(t); ok != want {
			t.Errorf("%q: %v", password, ok)
		}
	}
	for _, bad := range []string{"", "x", h + "=", strings.Replace(h, "t=2", "t=0", 1), strings.Replace(h, "t=2", "t=02", 1), strings.Replace(h, "p=1", "p=0", 1),
		strings.Replace(h, "m=19456", "m=4000000", 1), strings.Replace(h, "argon2id", "argon2i", 1), strings.Replace(h, "v=19", "v=16", 1)} {
		if _, err := parseHash(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", 400), "aaaaaaaaaaaaaaaaaaaa", "robert.robertson"} {
		_, err := a.newHash(t.Context(), "Robert.Robertson", bad)
		wantKind(t, bad, err, muster.Invalid)
	}
}

// Logins by OpenID Connect end once, by who began them, in time.
func TestPending(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{now: start}
		a := open(t, d, c)
		begin := func() (Pending, string) {
			p, secret, err := a.Start(t.Context(), "http://127.0.0.1:1/")
			check(t, err)
			return p, secret
		}
		p, secret := begin()
		_, err := a.Finish(t.Context(), "other", p.State)
		wantKind(t, "other secret", err, muster.Denied)
		if got := must(a.Finish(t.Context(), secret, p.State))(t); got != p {
			t.Errorf("%+v", got)
		}
		_, err = a.Finish(t.Context(), secret, p.State)
		wantKind(t, "again", err, muster.Denied)
		_, secret = begin()
		_, err = a.Finish(t.Context(), secret, p.State)
		wantKind(t, "state of another", err, muster.Denied)
		p, secret = begin()
		c.pass(pendingFor)
		_, err = a.Finish(t.Context(), secret, p.State)
		wantKind(t, "late", err, muster.Denied)
	})
}
