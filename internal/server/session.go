package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/sign"
)

// A person is an administrator who has logged in.
type person struct {
	name  string
	token [sha256.Size]byte
}

// logIn opens a session for whoever has the key of the certificate that the
// signed request holds, if trust.d believes it.
func (s *Server) logIn(ctx context.Context, r *request) (any, error) {
	var in api.Login
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	chain, err := sign.ParseCerts([]byte(in.Certificate))
	if err != nil {
		return nil, err
	}
	if len(chain) > 8 {
		return nil, muster.Errorf(muster.Invalid, "%d certificates are more than 8", len(chain))
	}
	leaf, now := chain[0], s.now()
	if r.message.KeyID != sign.KeyFingerprint(leaf) {
		return nil, muster.Errorf(muster.Denied, "the request is not signed by the key of the certificate in it")
	}
	if err := r.message.Verify(leaf.PublicKey, now, s.cfg.Hosts.Skew.std()); err != nil {
		return nil, err
	}
	if err := s.people.admit(chain, now); err != nil {
		return nil, err
	}
	session, err := s.openSession(ctx, chain, r.message.ID())
	if err == nil {
		s.log.Info("login", "request", r.id, "name", session.Name, "from", r.address, "certificate", sign.Fingerprint(leaf))
	}
	return session, err
}

func (s *Server) openSession(ctx context.Context, chain []*x509.Certificate, login [sha256.Size]byte) (api.Session, error) {
	var secret [32]byte
	rand.Read(secret[:])
	now := s.now()
	out := api.Session{Token: base64.RawURLEncoding.EncodeToString(secret[:]), Name: nameOf(chain[0]), Expires: now.Add(s.cfg.Sessions.Last.std()).Unix()}
	sum := sha256.Sum256([]byte(out.Token))
	name := out.Name
	if len(name) > 180 {
		name = strings.ToValidUTF8(name[:180], "")
	}
	// A login stays as long as its signature could be fresh.
	kept := max(out.Expires, now.Add(2*s.cfg.Hosts.Skew.std()).Unix())
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM server_session WHERE ended < ?", now.Unix()); err != nil {
			return err
		}
		return tx.Insert("server_session", []string{"sum", "login", "name", "chain", "created", "expires", "ended"},
			[][]any{{sum[:], login[:], name, sign.EncodeCerts(chain...), now.Unix(), out.Expires, kept}})
	})
	if muster.KindOf(err) == muster.Conflict {
		return out, muster.WithHint(muster.Errorf(muster.Conflict, "this login came before"), "log in again")
	}
	return out, err
}

// noSession is the same for every token that is not good.
func noSession() error {
	err := muster.WithHint(muster.Errorf(muster.Denied, "there is no such session, or it has ended"), "run 'muster login'")
	return &problem{error: err, status: http.StatusUnauthorized, code: api.NoSession}
}

// who finds the person of a request by its bearer token (RFC 6750). Whether they
// are still believed is asked anew each time.
func (s *Server) who(ctx context.Context, h http.Header) (*person, error) {
	token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	if !ok || len(token) > 100 || len(h.Values("Authorization")) != 1 {
		return nil, noSession()
	}
	p := &person{token: sha256.Sum256([]byte(token))}
	var chainPEM []byte
	var expires int64
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT name, chain, expires FROM server_session WHERE sum = ?", p.token[:]).Scan(&p.name, &chainPEM, &expires)
	})
	if muster.KindOf(err) == muster.NotFound {
		return nil, noSession()
	}
	if err != nil {
		return nil, err
	}
	if expires <= s.now().Unix() {
		return nil, noSession()
	}
	chain, err := sign.ParseCerts(chainPEM)
	if err != nil {
		return nil, err
	}
	return p, s.people.admit(chain, s.now())
}

func (s *Server) logout(ctx context.Context, r *request) (any, error) {
	return nil, s.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE server_session SET expires = 0 WHERE sum = ?", r.person.token[:])
		return err
	})
}
