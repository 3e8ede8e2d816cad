package access

import (
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// A new password ends the other sessions, and says which tokens are left.
func TestPasswordAndTokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		a := open(t, d, &clock{now: start})
		other := bob(t, a)
		s := login(t, a, "bob")
		v := must(a.Session(t.Context(), s.Token))(t)
		in := api.APITokenNew{Verbs: []api.Verb{api.VerbView}}
		_, err := a.CreateToken(t.Context(), v, in, home)
		wantKind(t, "a token without the password", err, muster.Denied)
		in.Password = good + "?"
		_, err = a.CreateToken(t.Context(), v, in, home)
		wantKind(t, "a token by a wrong password", err, muster.Denied)
		in.Password = good
		token := must(a.CreateToken(t.Context(), v, in, home))(t)
		left := must(a.ChangePassword(t.Context(), v, api.PasswordChange{Old: good, New: good + "!"}, home))(t)
		if len(left.Tokens) != 1 || left.Tokens[0].ID != token.ID {
			t.Errorf("left: %+v", left)
		}
		must(a.Session(t.Context(), s.Token))(t)
		_, err = a.Session(t.Context(), other.Token)
		wantKind(t, "the other session", err, muster.NotFound)
		left = must(a.ChangePassword(t.Context(), v, api.PasswordChange{Old: good + "!", New: good, RevokeTokens: true}, home))(t)
		_, err = a.Session(t.Context(), token.Secret)
		if wantKind(t, "the revoked token", err, muster.NotFound); len(left.Tokens) != 0 {
			t.Errorf("left: %+v", left)
		}
	})
}

// Tokens that have expired leave nothing.
func TestSweep(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{now: start}
		a := open(t, d, c)
		v := must(a.Session(t.Context(), bob(t, a).Token))(t)
		before := len(must(a.Rules(t.Context()))(t).List())
		make := func() {
			must(a.CreateToken(t.Context(), v, api.APITokenNew{Verbs: []api.Verb{api.VerbView}, Expires: c.time().Add(time.Hour).Unix(), Password: good}, home))(t)
		}
		for range 3 {
			make()
		}
		c.pass(time.Hour)
		make()
		if n := len(must(a.Tokens(t.Context(), "bob"))(t).Tokens); n != 1 {
			t.Errorf("%d tokens", n)
		}
		if n := len(must(a.Rules(t.Context()))(t).List()) - before; n != 1 {
			t.Errorf("%d rules of tokens", n)
		}
	})
}
