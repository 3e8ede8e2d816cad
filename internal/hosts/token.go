package hosts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/db"
)

// A welcome is why a machine may become a host, and where it then belongs.
type welcome struct {
	Groups []string `json:"groups,omitempty"`
	Unit   string   `json:"unit,omitempty"`
	From   []string `json:"from,omitempty"` // addresses in CIDR notation
	token  int64
}

// badToken is the one answer to every token that does not let in, so that who
// guesses or stole one does not learn which it is.
func badToken() error {
	return muster.WithHint(muster.Errorf(muster.Denied, "the token does not let this machine in"),
		"ask an administrator for a new one: 'muster tokens create'")
}

// welcome finds why the applicant may come in, and uses it up; nil without reason.
// What it writes comes last: a refused applicant costs no write.
func (a *applicant) welcome(tx *db.Tx) (*welcome, string, error) {
	w, err := a.approval(tx, func(p *approval) bool { return p.fits(&a.host) })
	if err != nil || w != nil {
		return w, "approved", err
	}
	if a.secret == "" {
		return nil, "", nil
	}
	w, err = a.token(tx)
	return w, "enrolled", err
}

// token takes one use of the applicant's token.
func (a *applicant) token(tx *db.Tx) (*welcome, error) {
	sum := sha256.Sum256([]byte(a.secret))
	var num, uses, expires int64
	var wanted []byte
	err := tx.QueryRow("SELECT num, uses, expires, wanted FROM hosts_token WHERE sum = ?", sum[:]).Scan(&num, &uses, &expires, &wanted)
	if muster.KindOf(err) == muster.NotFound {
		return nil, badToken()
	}
	if err != nil {
		return nil, err
	}
	w := &welcome{token: num}
	if err := readJSON("a token", wanted, w); err != nil {
		return nil, err
	}
	if uses == 0 || expires > 0 && a.host.at >= expires || !within(w.From, a.address) {
		return nil, badToken()
	}
	if uses < 0 {
		return w, nil
	}
	// No other write runs between the SELECT and here.
	_, err = tx.Exec("UPDATE hosts_token SET uses = uses - 1 WHERE num = ? AND uses > 0", num)
	return w, err
}

// within reports whether address is in one of the networks; none is all.
func within(networks []string, address netip.Addr) bool {
	return len(networks) == 0 || slices.ContainsFunc(networks, func(n string) bool {
		p, err := netip.ParsePrefix(n)
		return err == nil && p.Contains(address)
	})
}

// CreateToken makes a token for the person named by. Its secret is in the answer
// and nowhere else.
func (h *Hosts) CreateToken(ctx context.Context, by string, t api.TokenRequest) (api.Token, error) {
	w := welcome{From: slices.Clone(t.From)}
	var err error
	if w.Unit, err = checkUnit(t.Unit); err != nil {
		return api.Token{}, muster.WithField(err, "/unit")
	}
	if w.Groups, err = checkGroups(t.Groups); err != nil {
		return api.Token{}, muster.WithField(err, "/groups")
	}
	for i, n := range w.From {
		if w.From[i], err = network(n); err != nil {
			return api.Token{}, muster.WithField(err, "/from/"+strconv.Itoa(i))
		}
	}
	if t.Uses == 0 || t.Uses < -1 || t.Uses > 1_000_000 {
		return api.Token{}, muster.WithField(muster.Errorf(muster.Invalid, "a token with %d uses: give 1 to 1,000,000, or -1 for any number", t.Uses), "/uses")
	}
	wanted, err := json.Marshal(w)
	if err != nil {
		return api.Token{}, err
	}
	secret := newSecret()
	sum := sha256.Sum256([]byte(secret))
	out := api.Token{Secret: secret, Note: cut(t.Note, 190), Uses: t.Uses, Expires: t.Expires, Groups: w.Groups, Unit: w.Unit, From: w.From,
		Created: h.Now().Unix(), By: cut(by, 190)}
	err = h.DB.Write(ctx, func(tx *db.Tx) error {
		num, err := tx.Next("hosts_number", "token", 1)
		if err != nil {
			return err
		}
		out.ID = strconv.FormatInt(num, 10)
		return tx.Insert("hosts_token", []string{"num", "sum", "note", "uses", "expires", "wanted", "created", "creator"},
			[][]any{{num, sum[:], out.Note, t.Uses, t.Expires, wanted, out.Created, out.By}})
	})
	return out, err
}

// newSecret is 256 random bits.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:]) //nolint:errcheck // ends the program rather than fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// network reads a network, or one address.
func network(text string) (string, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()).String(), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return "", muster.WithHint(muster.Errorf(muster.Invalid, "%q is no network", text), "write it as 192.0.2.0/24")
	}
	return p.Masked().String(), nil
}

// Tokens lists the tokens, without their secrets, which nobody knows.
func (h *Hosts) Tokens(ctx context.Context) (out api.TokenPage, err error) {
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		out.Tokens = []api.Token{}
		return tx.Each("SELECT num, note, uses, expires, wanted, created, creator FROM hosts_token ORDER BY num", nil, func(scan db.Scan) error {
			var t api.Token
			var wanted []byte
			if err := scan(&t.ID, &t.Note, &t.Uses, &t.Expires, &wanted, &t.Created, &t.By); err != nil {
				return err
			}
			var w welcome
			err := readJSON("a token", wanted, &w)
			t.Groups, t.Unit, t.From = w.Groups, w.Unit, w.From
			out.Tokens = append(out.Tokens, t)
			return err
		})
	})
	return out, err
}

// RevokeToken ends a token. Hosts that came by it stay.
func (h *Hosts) RevokeToken(ctx context.Context, id string) error {
	num, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return muster.Errorf(muster.Invalid, "%q is no id of a token", id)
	}
	return h.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := tx.Exec("DELETE FROM hosts_token WHERE num = ?", num)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return muster.WithHint(muster.Errorf(muster.NotFound, "there is no token %s", id), "run 'muster tokens list'")
	})
}

// checkUnit refuses a unit that no package could be named for. It is names of
// packages, the outermost first, with slashes.
func checkUnit(unit string) (string, error) {
	unit = strings.Trim(unit, "/")
	if unit == "" {
		return "", nil
	}
	if len(unit) > 500 {
		return "", muster.Errorf(muster.Invalid, "unit %q is longer than 500", cut(unit, 64))
	}
	for _, name := range strings.Split(unit, "/") {
		if err := control.CheckName(name); err != nil {
			return "", muster.Errorf(muster.Invalid, "unit %q: %w", unit, err)
		}
		if strings.Contains(name, ".") {
			return "", muster.Errorf(muster.Invalid, "unit %q: a dot in %q would look like two levels in the names of packages", unit, name)
		}
	}
	return unit, nil
}

// maxGroups bounds the groups that one host is put into at once.
const maxGroups = 256

// checkGroups refuses names that no package of kind group can have.
func checkGroups(names []string) ([]string, error) {
	if len(names) > maxGroups {
		return nil, muster.Errorf(muster.Invalid, "%d groups are more than %d", len(names), maxGroups)
	}
	for _, name := range names {
		if err := control.CheckName(name); err != nil {
			return nil, muster.Errorf(muster.Invalid, "group %q: %w", cut(name, 64), err)
		}
	}
	all := slices.Sorted(slices.Values(names))
	return slices.Compact(all), nil
}
