package access

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// A Login is who proved to be somebody, and how.
type Login struct {
	Caller
	Way   string // certificate, tls, password, ldap, oidc
	Chain []byte // PEM, of who came by a certificate
	// Vouchers are those who say the name, the one to hold on to first: an authority
	// for a certificate, issuer and subject for OpenID Connect. None: this server.
	Vouchers []string
	// Once names the proof, where it must not come again; zero: it cannot.
	Once    [sha256.Size]byte
	Address netip.Addr
}

// told is what is kept of a login beside the name.
type told struct {
	Groups []string `json:"groups,omitempty"`
	Rights []string `json:"rights,omitempty"`
}

// newSecret is 256 random bits.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:]) //nolint:errcheck // ends the program rather than fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Begin opens a session. Whoever has been disabled gets none.
func (a *Access) Begin(ctx context.Context, l Login) (api.Session, error) {
	now := a.Now()
	out := api.Session{Token: newSecret(), Name: l.Name, Expires: now.Add(a.Last).Unix()}
	if err := checkCaller(&l); err != nil {
		return api.Session{}, err
	}
	sum, once := sha256.Sum256([]byte(out.Token)), l.Once
	if once == ([sha256.Size]byte{}) {
		rand.Read(once[:]) //nolint:errcheck // as above
	}
	data, err := json.Marshal(told{l.Groups, l.Rights})
	if err != nil {
		return api.Session{}, err
	}
	// A login stays as long as its signature could be fresh.
	kept := max(out.Expires, now.Add(2*a.Skew).Unix())
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		if err := a.arrive(tx, &l, data); err != nil {
			return err
		}
		if err := a.settle(tx, &l); err != nil {
			return err
		}
		if err := a.sweep(tx); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM access_session WHERE kept < ?", now.Unix()); err != nil {
			return err
		}
		return tx.Insert("access_session", []string{"sum", "login", "person", "way", "chain", "told", "created", "used", "expires", "kept", "address"},
			[][]any{{sum[:], once[:], l.Name, l.Way, l.Chain, data, now.Unix(), now.Unix(), out.Expires, kept, addressOf(l.Address)}})
	})
	switch muster.KindOf(err) {
	case muster.Conflict:
		return api.Session{}, muster.WithHint(muster.Errorf(muster.Conflict, "this login came before"), "log in again")
	}
	return out, err
}

// addressOf is where somebody is, as the database keeps it.
func addressOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().WithZone("").String()
}

// maxGroups bounds the groups of a person. Active Directory puts 1,015 into a token.
const maxGroups = 1024

// checkCaller refuses names that somebody else could be known by.
func checkCaller(l *Login) error {
	from := map[string]string{"ldap": fromLDAP, "oidc": fromOIDC}[l.Way]
	if !strings.HasPrefix(l.Name, from) || from == "" && (strings.HasPrefix(l.Name, fromLDAP) || strings.HasPrefix(l.Name, fromOIDC)) {
		return muster.Errorf(muster.Denied, "nobody who logs in by %s is called %q here", l.Way, l.Name)
	}
	if len(l.Groups) > maxGroups {
		return muster.Errorf(muster.Invalid, "%q is in %d groups, more than %d", l.Name, len(l.Groups), maxGroups)
	}
	return muster.WithKind(muster.Denied, CheckName(l.Name))
}

// A Visit is who sends a request.
type Visit struct {
	Caller
	Rules   *Rules // as of the request
	Way     string // as of [Login], or token
	Chain   []byte
	Expires int64
	sum     [sha256.Size]byte
	token   int64 // number; 0: a session
	used    int64
}

// tokenPrefix is how tokens of programs begin, so that scanners of leaked secrets
// know them.
const tokenPrefix = "mst_"

// maxSecret bounds what may be a secret.
const maxSecret = 100

// Session finds who has the secret of a session or a token: NotFound for every one
// that is not good, whatever the reason.
func (a *Access) Session(ctx context.Context, secret string) (v *Visit, err error) {
	if len(secret) > maxSecret {
		return nil, muster.Errorf(muster.NotFound, "there is no such session")
	}
	err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		v = &Visit{sum: sha256.Sum256([]byte(secret))}
		if strings.HasPrefix(secret, tokenPrefix) {
			err = a.readToken(tx, v)
		} else {
			err = a.readSession(tx, v)
		}
		if err == nil {
			v.Rules, err = a.fresh(tx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	a.touch(ctx, v)
	return v, nil
}

func (a *Access) readSession(tx *db.Tx, v *Visit) error {
	var data []byte
	var disabled int
	err := tx.QueryRow(`SELECT s.person, s.way, s.chain, s.told, s.used, s.expires, p.disabled FROM access_session s
		JOIN access_person p ON p.name = s.person WHERE s.sum = ?`, v.sum[:]).Scan(&v.Name, &v.Way, &v.Chain, &data, &v.used, &v.Expires, &disabled)
	if err != nil {
		return err
	}
	now := a.Now().Unix()
	if disabled != 0 || v.Expires <= now || v.used+int64(a.Idle.Seconds()) <= now {
		return muster.Errorf(muster.NotFound, "the session is over")
	}
	return v.tell(data)
}

// tell sets what was told at the login.
func (v *Visit) tell(data []byte) error {
	var t told
	if len(data) > 0 {
		if err := json.Unmarshal(data, &t); err != nil {
			return muster.Errorf(muster.Internal, "the groups of %q in the database cannot be read: %w", v.Name, err)
		}
	}
	v.Groups, v.Rights = t.Groups, t.Rights
	return nil
}

// touch notes, at most once a minute, that it was used. A disk that is full ends no
// session, so that a failure is let be.
func (a *Access) touch(ctx context.Context, v *Visit) {
	now := a.Now().Unix()
	if now-v.used < 60 {
		return
	}
	table := "access_session"
	if v.token != 0 {
		table = "access_token"
	}
	a.DB.Write(ctx, func(tx *db.Tx) error { //nolint:errcheck // see above
		_, err := tx.Exec("UPDATE "+table+" SET used = ? WHERE sum = ? AND used < ?", now, v.sum[:], now)
		return err
	})
}

// End ends the session of a visit. A token it leaves.
func (a *Access) End(ctx context.Context, v *Visit) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error { return end(tx, "sum = ?", v.sum[:]) })
}

// end ends sessions, whose logins stay known.
func end(tx *db.Tx, where string, args ...any) error {
	_, err := tx.Exec("UPDATE access_session SET expires = 0 WHERE "+where, args...)
	return err
}

// Sessions lists the sessions that last, of one person or, with "", of all, the oldest
// first.
func (a *Access) Sessions(ctx context.Context, v *Visit, person string, q api.ListQuery) (out api.SessionPage, err error) {
	now := a.Now().Unix()
	created, after, err := sessionCursor(q.Cursor)
	if err != nil {
		return out, err
	}
	limit := int64(math.MaxInt32)
	if q.Limit > 0 {
		limit = int64(q.Limit) + 1
	}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out.Sessions = []api.SessionInfo{}
		rows, err := tx.Query(`SELECT sum, person, way, address, created, used, expires FROM access_session
			WHERE expires > ? AND used > ? AND (person = ? OR ? = '') AND (created > ? OR created = ? AND sum > ?) ORDER BY created, sum LIMIT ?`,
			now, now-int64(a.Idle.Seconds()), person, person, created, created, after, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s api.SessionInfo
			var sum []byte
			if err := rows.Scan(&sum, &s.Person, &s.Way, &s.Address, &s.Created, &s.Used, &s.Expires); err != nil {
				return err
			}
			s.ID, s.Current = sessionID(sum), string(sum) == string(v.sum[:])
			out.Sessions = append(out.Sessions, s)
		}
		return rows.Err()
	})
	if more(q, len(out.Sessions)) {
		out.Sessions = out.Sessions[:q.Limit]
		last := out.Sessions[q.Limit-1]
		out.Next = strconv.FormatInt(last.Created, 10) + "-" + last.ID
	}
	return out, err
}

// sessionCursor reads when the last session of a page was opened, and the last sum that
// has its id.
func sessionCursor(text string) (created int64, sum []byte, err error) {
	if text == "" {
		return -1, []byte{}, nil
	}
	at, id, _ := strings.Cut(text, "-")
	created, err = strconv.ParseInt(at, 10, 64)
	prefix, bad := hex.DecodeString(id)
	if err != nil || bad != nil || len(prefix) != 8 {
		return 0, nil, muster.WithHint(muster.Errorf(muster.Invalid, "%.40q is no cursor of this list", text), "begin at the first page")
	}
	return created, append(prefix, bytes.Repeat([]byte{0xff}, 24)...), nil
}

// sessionID names a session: a part of the hash of its token.
func sessionID(sum []byte) string { return hex.EncodeToString(sum[:min(len(sum), 8)]) }

// EndSession ends a session by its id, of one person or, with "", of anybody.
func (a *Access) EndSession(ctx context.Context, id, person string) error {
	none := muster.WithHint(muster.Errorf(muster.NotFound, "there is no session %q", cut(id, 32)), "run 'muster people sessions'")
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query("SELECT sum FROM access_session WHERE expires > 0 AND (person = ? OR ? = '')", person, person)
		if err != nil {
			return err
		}
		var found []byte
		for rows.Next() {
			var sum []byte
			if err := rows.Scan(&sum); err != nil {
				rows.Close()
				return err
			}
			if sessionID(sum) == id {
				found = sum
			}
		}
		if err := rows.Close(); err != nil {
			return err
		}
		if found == nil {
			return none
		}
		return end(tx, "sum = ?", found)
	})
}

// cut shortens what somebody wrote, for a message.
func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "?") }
