package access

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"muster"
	"muster/internal/db"
)

// A Pending is a login by OpenID Connect that has begun, as the server needs it
// to end it.
type Pending struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE (RFC 7636)
	Redirect string `json:"redirect"`
}

const (
	// pendingFor is how long a person has to say who they are to the provider.
	pendingFor = 10 * time.Minute
	// maxPending bounds them: anybody may begin.
	maxPending = 10_000
)

// Start begins a login: the secret stays with who began, so that nobody else ends it.
func (a *Access) Start(ctx context.Context, redirect string) (p Pending, secret string, err error) {
	p = Pending{State: newSecret(), Nonce: newSecret(), Verifier: newSecret(), Redirect: redirect}
	secret = newSecret()
	sum := sha256.Sum256([]byte(secret))
	body, err := json.Marshal(p)
	if err != nil {
		return p, "", err
	}
	now := a.Now()
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM access_begun WHERE expires <= ?", now.Unix()); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM access_begun").Scan(&n); err != nil {
			return err
		}
		if n >= maxPending {
			return muster.Errorf(muster.Busy, "too many logins have begun")
		}
		return tx.Insert("access_begun", []string{"sum", "body", "expires"}, [][]any{{sum[:], body, now.Add(pendingFor).Unix()}})
	})
	return p, secret, err
}

// Finish takes a login that has begun: once.
func (a *Access) Finish(ctx context.Context, secret, state string) (p Pending, err error) {
	none := muster.WithHint(muster.Errorf(muster.Denied, "no such login has begun, or it took too long"), "log in again")
	if len(secret) > maxSecret || len(state) > maxSecret {
		return p, none
	}
	sum := sha256.Sum256([]byte(secret))
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		var body []byte
		err := tx.QueryRow("SELECT body FROM access_begun WHERE sum = ? AND expires > ?", sum[:], a.Now().Unix()).Scan(&body)
		if muster.KindOf(err) == muster.NotFound {
			return none
		}
		if err != nil {
			return err
		}
		p = Pending{}
		if err := json.Unmarshal(body, &p); err != nil {
			return muster.Errorf(muster.Internal, "a login that has begun cannot be read: %w", err)
		}
		_, err = tx.Exec("DELETE FROM access_begun WHERE sum = ?", sum[:])
		return err
	})
	if err == nil && p.State != state {
		return Pending{}, none
	}
	return p, err
}
