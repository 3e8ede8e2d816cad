package hosts

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/sign"
)

// certify issues the certificate of an accepted host.
func (a *applicant) certify(tx *db.Tx, r *record) (err error) {
	if r.state != api.Accepted || a.refused != nil {
		return nil
	}
	// Who asks again gets the one there is: that costs no write.
	if a.cert, err = r.certificate(tx); err != nil || a.cert != nil && a.cert.NotAfter.Sub(a.h.Now()) > validity/3 && bytes.Equal(a.cert.RawSubjectPublicKeyInfo, r.spki) {
		return err
	}
	a.cert, err = a.h.issue(tx, r, a.key)
	return err
}

// issue certifies a key of a host and keeps the certificate.
func (h *Hosts) issue(tx *db.Tx, r *record, key *ecdsa.PublicKey) (*x509.Certificate, error) {
	now := h.Now()
	to := now.Add(validity)
	if end := h.Authority.Leaf().NotAfter; to.After(end) {
		to = end
	}
	from := now.Add(-time.Hour) // for hosts whose clocks are behind
	if begin := h.Authority.Leaf().NotBefore; from.Before(begin) {
		from = begin
	}
	cert, err := sign.Issue(h.Authority, sign.Request{Name: r.id, Public: key, From: from, To: to})
	if err != nil {
		return nil, fmt.Errorf("cannot certify host %q: %w", r.id, err)
	}
	r.expires = cert.NotAfter.Unix()
	if _, err := tx.Exec("UPDATE hosts_host SET cert = ?, expires = ? WHERE num = ?", cert.Raw, r.expires, r.num); err != nil {
		return nil, err
	}
	return cert, touch(tx, r.num)
}
