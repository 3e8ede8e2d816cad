package access

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// How long a token lasts where nothing is said, and at most.
const (
	tokenLasts = 90 * 24 * time.Hour
	tokenMost  = 366 * 24 * time.Hour
)

// maxTokens bounds the tokens of one person.
const maxTokens = 100

// CreateToken makes a token for a program of the visitor. What it may do is a rule,
// and never more than its owner may at the moment of a request. A token makes none:
// who finds one could go on for ever.
func (a *Access) CreateToken(ctx context.Context, v *Visit, in api.APITokenNew, from netip.Addr) (out api.APIToken, err error) {
	if v.token != 0 {
		return out, muster.WithHint(muster.Errorf(muster.Denied, "a token makes no tokens"), "log in as a person: 'muster login'")
	}
	if err := a.confirm(ctx, v, in.Password, from); err != nil {
		return out, err
	}
	now := a.Now()
	rule, err := checkRule(Rule{Who: "token:0", Verbs: in.Verbs, Hosts: in.Hosts, Note: in.Note})
	if err != nil {
		return out, err
	}
	if in.Expires == 0 {
		in.Expires = now.Add(tokenLasts).Unix()
	}
	if in.Expires <= now.Unix() || in.Expires > now.Add(tokenMost).Unix() {
		return out, muster.WithField(muster.Errorf(muster.Invalid, "a token lasts some time, and at most a year"), "/expires")
	}
	out = api.APIToken{Secret: tokenPrefix + newSecret(), Person: v.Name, Verbs: rule.Verbs, Hosts: rule.Hosts, Note: rule.Note, Created: now.Unix(), Expires: in.Expires}
	rule.Created, rule.By = out.Created, v.Name
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		if err := a.sweep(tx); err != nil {
			return err
		}
		if err := tokenRoom(tx, v.Name); err != nil {
			return err
		}
		return insertToken(tx, v, &out, rule)
	})
	return out, err
}

// tokenRoom refuses one token of a person too many, or one rule.
func tokenRoom(tx *db.Tx, person string) error {
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM access_token WHERE person = ?", person).Scan(&n); err != nil {
		return err
	}
	if n >= maxTokens {
		return muster.WithHint(muster.Errorf(muster.Conflict, "%q has %d tokens, and may have no more", person, n), "run 'muster apitokens revoke'")
	}
	return room(tx)
}

// insertToken gives a token its number, and writes it with its rule.
func insertToken(tx *db.Tx, v *Visit, t *api.APIToken, rule Rule) error {
	num, err := next(tx)
	if err != nil {
		return err
	}
	t.ID = strconv.FormatInt(num, 10)
	rule.ID, rule.Who = num, "token:"+t.ID
	if err := insertRule(tx, rule); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(t.Secret))
	return tx.Insert("access_token", []string{"num", "sum", "person", "chain", "note", "created", "expires", "used"},
		[][]any{{num, sum[:], t.Person, v.Chain, t.Note, t.Created, t.Expires, 0}})
}

// confirm asks whoever logged in by a password for it once more: a token outlives the
// session, so that who found one open must not go on with a token.
func (a *Access) confirm(ctx context.Context, v *Visit, password string, from netip.Addr) error {
	if v.Way != "password" {
		return nil
	}
	if password == "" {
		return muster.Errorf(muster.Denied, "who logged in by a password makes a token with it: there is no password in the request")
	}
	_, err := a.Password(ctx, v.Name, password, from)
	return err
}

// readToken finds the owner of a token, with what was told of them at their newest
// login, unless that is long ago: whom a directory has forgotten does not come.
func (a *Access) readToken(tx *db.Tx, v *Visit) error {
	var data []byte
	var disabled int
	var seen int64
	err := tx.QueryRow(`SELECT t.num, t.person, t.chain, t.expires, t.used, p.told, p.seen, p.disabled FROM access_token t
		JOIN access_person p ON p.name = t.person WHERE t.sum = ?`, v.sum[:]).Scan(&v.token, &v.Name, &v.Chain, &v.Expires, &v.used, &data, &seen, &disabled)
	if err != nil {
		return err
	}
	now := a.Now()
	if disabled != 0 || v.Expires <= now.Unix() {
		return muster.Errorf(muster.NotFound, "the token is over")
	}
	v.Way, v.Token = "token", strconv.FormatInt(v.token, 10)
	if err := v.tell(data); err != nil {
		return err
	}
	if seen+int64(a.Told.Seconds()) <= now.Unix() {
		v.Groups = nil
	}
	if len(v.Chain) == 0 {
		v.Rights = nil // of a certificate that nobody could look at again
	}
	return nil
}

// Tokens lists tokens of one person or, with "", of all.
func (a *Access) Tokens(ctx context.Context, person string) (out api.APITokenPage, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		rules, err := a.fresh(tx)
		if err != nil {
			return err
		}
		out.Tokens = []api.APIToken{}
		rows, err := tx.Query("SELECT num, person, note, created, expires, used FROM access_token WHERE person = ? OR ? = '' ORDER BY num", person, person)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var t api.APIToken
			if err := rows.Scan(&t.ID, &t.Person, &t.Note, &t.Created, &t.Expires, &t.Used); err != nil {
				return err
			}
			for _, r := range rules.list {
				if strconv.FormatInt(r.ID, 10) == t.ID {
					t.Verbs, t.Hosts = r.Verbs, r.Hosts
				}
			}
			out.Tokens = append(out.Tokens, t)
		}
		return rows.Err()
	})
	return out, err
}

// RevokeToken ends a token of one person or, with "", of anybody.
func (a *Access) RevokeToken(ctx context.Context, id, person string) error {
	none := muster.WithHint(muster.Errorf(muster.NotFound, "there is no token %q", cut(id, 32)), "run 'muster apitokens list'")
	num, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return none
	}
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := tx.Exec("DELETE FROM access_token WHERE num = ? AND (person = ? OR ? = '')", num, person, person)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				err = none
			}
			return err
		}
		return removeTokenRules(tx, strconv.FormatInt(num, 10))
	})
}

// removeTokens ends all tokens of a person.
func removeTokens(tx *db.Tx, person string) error { return dropTokens(tx, "person = ?", person) }

// sweep forgets tokens that have expired, with their rules: each holds a place of those
// that are held against every request.
func (a *Access) sweep(tx *db.Tx) error { return dropTokens(tx, "expires <= ?", a.Now().Unix()) }

func dropTokens(tx *db.Tx, where string, args ...any) error {
	rows, err := tx.Query("SELECT num FROM access_token WHERE "+where, args...)
	if err != nil {
		return err
	}
	var ids []string
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			rows.Close()
			return err
		}
		ids = append(ids, strconv.FormatInt(n, 10))
	}
	if err := rows.Close(); err != nil || len(ids) == 0 {
		return err
	}
	if _, err := tx.Exec("DELETE FROM access_token WHERE "+where, args...); err != nil {
		return err
	}
	return removeTokenRules(tx, ids...)
}

func removeTokenRules(tx *db.Tx, ids ...string) error {
	for _, id := range ids {
		if _, err := tx.Exec("DELETE FROM access_rule WHERE who = ?", "token:"+id); err != nil {
			return err
		}
	}
	return changed(tx)
}

// IsToken reports whether a secret is one of a token, by how it begins.
func IsToken(secret string) bool { return strings.HasPrefix(secret, tokenPrefix) }
