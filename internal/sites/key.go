package sites

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"muster"
	"muster/internal/db"
	"muster/sitereport"
)

// A Key proves that a report is of a site: a secret that its hosts share, or a
// certificate.
type Key struct {
	ID      string // by which reports name it; of a certificate its SHA-256, in hexadecimal
	Note    string
	Created int64
	Creator string
	Expires int64             // 0: never, or with the certificate
	Cert    *x509.Certificate // nil: a secret
}

// AddKey makes a secret for a site and returns the line for the file that its hosts
// have, ID:SECRET. The secret is not kept: its SHA-256 is, which verifies.
func (s *Sites) AddKey(ctx context.Context, now time.Time, site string, k Key) (line string, added Key, err error) {
	if k.ID == "" {
		k.ID = strings.ToLower(rand.Text()[:12])
	}
	if err := checkKeyID(k.ID); err != nil {
		return "", k, err
	}
	var random [32]byte
	rand.Read(random[:])
	secret := sitereport.Key{ID: k.ID, Secret: base64.RawURLEncoding.EncodeToString(random[:])}
	added, err = s.AddSecret(ctx, now, site, k, secret)
	return strings.TrimSpace(string(secret.Marshal())), added, err
}

// AddSecret takes a secret that a site has already, as from another collector.
func (s *Sites) AddSecret(ctx context.Context, now time.Time, site string, k Key, secret sitereport.Key) (Key, error) {
	if err := secret.Check(); err != nil {
		return k, err
	}
	k.ID, k.Cert = secret.ID, nil
	return s.addKey(ctx, now, site, k, secret.Hash())
}

// checkKeyID holds the id of a key to docs/formats/report.md.
func checkKeyID(id string) error {
	if id == "" || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		return muster.Errorf(muster.Invalid, "%q is no id of a key: 1 to 64 characters a-z 0-9 . _ -", cut(id, 70))
	}
	return nil
}

// AddCert has a certificate, and those that it issues, sign reports of a site.
func (s *Sites) AddCert(ctx context.Context, now time.Time, site string, k Key) (Key, error) {
	full := sha256.Sum256(k.Cert.Raw)
	k.ID = hex.EncodeToString(full[:])
	return s.addKey(ctx, now, site, k, full[:])
}

// maxKeys bounds the keys of a site.
const maxKeys = 100

func (s *Sites) addKey(ctx context.Context, now time.Time, site string, k Key, name []byte) (Key, error) {
	k.Created = now.Unix()
	cert := []byte{}
	if k.Cert != nil {
		cert = k.Cert.Raw
	}
	err := s.DB.Write(ctx, func(tx *db.Tx) error {
		one, err := readSite(tx, site)
		if err != nil {
			return err
		}
		var n, same int64
		if err := tx.QueryRow("SELECT COUNT(*) FROM sites_key WHERE site = ?", one.ID).Scan(&n); err != nil {
			return err
		}
		if err := tx.QueryRow("SELECT COUNT(*) FROM sites_key WHERE id = ?", k.ID).Scan(&same); err != nil {
			return err
		}
		if same > 0 {
			return muster.Errorf(muster.Conflict, "a site has the key %q already", k.ID)
		}
		if n >= maxKeys {
			return muster.WithHint(muster.Errorf(muster.Conflict, "site %q has %d keys", site, n), "revoke some")
		}
		num, err := tx.Next("sites_number", "key", 1)
		if err != nil {
			return err
		}
		return tx.Insert("sites_key", []string{"num", "id", "site", "sum", "cert", "note", "created", "creator", "expires"},
			[][]any{{num, k.ID, one.ID, name, cert, cut(k.Note, 190), k.Created, cut(k.Creator, 190), k.Expires}})
	})
	return k, err
}

const keyColumns = "SELECT k.id, k.cert, k.note, k.created, k.creator, k.expires, k.sum, s.name FROM sites_key k JOIN sites_site s ON s.num = k.site WHERE "

func keyFrom(scan db.Scan) (k Key, name []byte, site string, err error) {
	var cert []byte
	if err = scan(&k.ID, &cert, &k.Note, &k.Created, &k.Creator, &k.Expires, &name, &site); err != nil || len(cert) == 0 {
		return k, name, site, err
	}
	if k.Cert, err = x509.ParseCertificate(cert); err != nil {
		err = muster.Errorf(muster.Internal, "the database holds a damaged certificate: %w", err)
	}
	return k, name, site, err
}

// Keys lists the keys of a site.
func (s *Sites) Keys(ctx context.Context, site string) (all []Key, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		one, err := readSite(tx, site)
		if err != nil {
			return err
		}
		return tx.Each(keyColumns+"k.site = ? ORDER BY k.num", []any{one.ID}, func(scan db.Scan) error {
			k, _, _, err := keyFrom(scan)
			all = append(all, k)
			return err
		})
	})
	return all, err
}

// RevokeKey ends a key at once.
func (s *Sites) RevokeKey(ctx context.Context, site, id string) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		one, err := readSite(tx, site)
		if err != nil {
			return err
		}
		r, err := tx.Exec("DELETE FROM sites_key WHERE site = ? AND id = ?", one.ID, id)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return noKey(err, id)
		}
		return nil
	})
}

func noKey(err error, id string) error {
	if err != nil && !none(err) {
		return err
	}
	return muster.Errorf(muster.NotFound, "there is no key %q", cut(id, 64))
}

// Secret returns the site that a secret is for, and its SHA-256, by which its proofs
// are verified; NotFound where it is not there or has expired.
func (s *Sites) Secret(ctx context.Context, now time.Time, id string) (site string, key []byte, err error) {
	if err := checkKeyID(id); err != nil {
		return "", nil, noKey(nil, id)
	}
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		var k Key
		k, key, site, err = keyFrom(tx.QueryRow(keyColumns+"k.id = ?", id).Scan)
		if err != nil || k.Cert != nil || k.expired(now) {
			return noKey(err, id)
		}
		return nil
	})
	return site, key, err
}

// Certs are the certificates that sign reports of a site.
func (s *Sites) Certs(ctx context.Context, now time.Time, site string) (certs []*x509.Certificate, err error) {
	all, err := s.Keys(ctx, site)
	if none(err) {
		return nil, nil
	}
	for _, k := range all {
		if k.Cert != nil && !k.expired(now) {
			certs = append(certs, k.Cert)
		}
	}
	return certs, err
}

// SiteOf returns the site that a certificate itself is for; "" for none.
func (s *Sites) SiteOf(ctx context.Context, cert *x509.Certificate) (site string, err error) {
	full := sha256.Sum256(cert.Raw)
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		_, _, site, err = keyFrom(tx.QueryRow(keyColumns+"k.id = ?", hex.EncodeToString(full[:])).Scan)
		return err
	})
	if none(err) {
		return "", nil
	}
	return site, err
}

func (k *Key) expired(now time.Time) bool { return k.Expires != 0 && now.Unix() >= k.Expires }
