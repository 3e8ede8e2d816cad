package hosts

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/db"
	"muster/internal/httpsig"
	"muster/sign"
)

// ReturnKey is the key of the host whose certificate a request to return holds,
// and its id: the request has to be signed by it. It refuses certificates that
// this server's authority did not issue.
func (h *Hosts) ReturnKey(r *api.Return) (id string, key crypto.PublicKey, err error) {
	cert, key, err := h.certified(r.Certificate)
	if err != nil {
		return "", nil, err
	}
	return cert.Subject.CommonName, key, nil
}

// certified reads the certificate of a host.
func (h *Hosts) certified(pem string) (*x509.Certificate, *ecdsa.PublicKey, error) {
	certs, err := sign.ParseCerts([]byte(pem))
	if err != nil {
		return nil, nil, muster.WithKind(muster.Denied, err)
	}
	cert := certs[0]
	roots := x509.NewCertPool()
	roots.AddCert(h.Authority.Chain[len(h.Authority.Chain)-1])
	between := x509.NewCertPool()
	for _, c := range h.Authority.Chain[:len(h.Authority.Chain)-1] {
		between.AddCert(c)
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: h.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return nil, nil, muster.WithHint(muster.Errorf(muster.Denied, "the certificate is not one of this server's hosts: %w", err), "run 'muster join' again")
	}
	key, err := readPublic(cert.RawSubjectPublicKeyInfo)
	if err != nil || checkID(cert.Subject.CommonName) != nil || cert.IsCA {
		return nil, nil, muster.Errorf(muster.Denied, "the certificate is not that of a host")
	}
	return cert, key, nil
}

// Return takes a host back that this server does not know any more, because it
// lost its database: the certificate is the proof. m is its request, verified by
// [Hosts.ReturnKey]. What the host says of its memberships is believed, for want of
// anybody who knows better: docs/decisions/lost-server.md. A host that is known
// is told so, and nothing of what it says is taken.
func (h *Hosts) Return(ctx context.Context, m *httpsig.Message, address netip.Addr, in api.Return) (api.Enrolled, error) {
	cert, _, err := h.certified(in.Certificate)
	if err != nil {
		return api.Enrolled{}, err
	}
	id := cert.Subject.CommonName
	if m.ID() == [32]byte{} || m.KeyID != id {
		return api.Enrolled{}, muster.Errorf(muster.Denied, "the request to return is not signed by host %q", id)
	}
	if err := h.gate.room(h.Now()); err != nil {
		return api.Enrolled{}, err
	}
	b := h.returner(m, address, cert, &in)
	var r *record
	err = h.write(ctx, func(tx *db.Tx) error {
		var err error
		r, err = b.admit(tx)
		return err
	})
	if err != nil {
		return api.Enrolled{}, err
	}
	out := h.enrolled(r, nil)
	if r.state == api.Accepted {
		out.Certificate = in.Certificate
	}
	return out, nil
}

// A returner is a host that comes back.
type returner struct {
	h       *Hosts
	host    newHost
	cert    *x509.Certificate
	groups  []string
	counter uint64
}

func (h *Hosts) returner(m *httpsig.Message, address netip.Addr, cert *x509.Certificate, in *api.Return) *returner {
	b := &returner{h: h, cert: cert, counter: m.Counter, host: newHost{
		id: cert.Subject.CommonName, state: api.Accepted, spki: cert.RawSubjectPublicKeyInfo, facts: clean(in.Facts),
		at: h.Now().Unix(), signed: m.Created.Unix(), from: address.Unmap().WithZone("").String()}}
	if h.ReturnsWait {
		b.host.state = api.Pending
	}
	// What no person could have given is left out, not refused: the rest is worth having.
	if n := len(in.Memberships.Units); n > 0 {
		b.host.unit, _ = checkUnit(strings.ReplaceAll(in.Memberships.Units[n-1], ".", "/"))
	}
	for _, g := range in.Memberships.Groups[:min(len(in.Memberships.Groups), maxGroups)] {
		if control.CheckName(g) == nil {
			b.groups = append(b.groups, g)
		}
	}
	slices.Sort(b.groups)
	b.groups = slices.Compact(b.groups)
	// Who has to wait begins to wait now: those who wait too long are forgotten.
	if in.Enrolled > 0 && in.Enrolled < b.host.at && b.host.state != api.Pending {
		b.host.enrolled = in.Enrolled
	}
	return b
}

func (b *returner) admit(tx *db.Tx) (*record, error) {
	r, err := readRecord(tx, "id", b.host.id)
	if err == nil {
		return r, b.known(tx, r)
	}
	if muster.KindOf(err) != muster.NotFound {
		return nil, err
	}
	if err := b.forgotten(tx); err != nil {
		return nil, err
	}
	if b.host.state == api.Pending {
		if err := b.h.roomForPending(tx); err != nil {
			return nil, err
		}
	}
	if r, err = b.host.insert(tx); err != nil {
		return nil, err
	}
	if _, err := tx.Exec("UPDATE hosts_seen SET counter = ?, acted = ? WHERE host = ?", int64(b.counter), int64(b.counter), r.num); err != nil {
		return nil, err
	}
	r.expires = b.cert.NotAfter.Unix()
	if _, err := tx.Exec("UPDATE hosts_host SET cert = ?, expires = ? WHERE num = ?", b.cert.Raw, r.expires, r.num); err != nil {
		return nil, err
	}
	if err := addMember(tx, r.num, b.groups...); err != nil {
		return nil, err
	}
	return r, addEvent(tx, event{at: b.host.at, host: r.num, id: r.id, what: "returned", note: "from " + b.host.from})
}

// forgotten reports, as an error, that a person removed the host: its certificate
// is no proof any more.
func (b *returner) forgotten(tx *db.Tx) error {
	until, err := forgottenUntil(tx, b.host.id)
	if err != nil || until <= b.host.at {
		return err
	}
	return muster.WithHint(muster.Errorf(muster.Denied, "host %q was removed from this server", b.host.id), "run 'muster join' with a token")
}

// known answers a host that is known. It may have a newer certificate than this
// server knows of, which is then one with an older backup: this authority issued
// it to the owner of the key before, or by a person's approval.
func (b *returner) known(tx *db.Tx, r *record) error {
	if string(r.spki) == string(b.host.spki) {
		return nil
	}
	was, err := r.certificate(tx)
	if err != nil {
		return err
	}
	if was == nil { // somebody without a certificate waits under this id
		// Whom a person removed or refused is not let in by waiting under its own id.
		if err := b.forgotten(tx); err != nil {
			return err
		}
		if r.state != api.Pending {
			return muster.Errorf(muster.Denied, "host %q is %s", r.id, r.state)
		}
		if err := r.become(tx, b.host.state); err != nil {
			return err
		}
	} else if !b.cert.NotBefore.After(was.NotBefore) {
		return muster.Errorf(muster.Denied, "host %q has another key now", r.id)
	}
	r.spki, r.expires = b.host.spki, b.cert.NotAfter.Unix()
	_, err = tx.Exec("UPDATE hosts_host SET spki = ?, cert = ?, expires = ? WHERE num = ?", r.spki, b.cert.Raw, r.expires, r.num)
	if err != nil {
		return err
	}
	if err := touch(tx, r.num); err != nil {
		return err
	}
	return addEvent(tx, event{at: b.host.at, host: r.num, id: r.id, what: "returned", note: "with a newer certificate, from " + b.host.from})
}

// Renew gives the caller a new certificate, for a new key where in names one, of
// which whoever asks has to prove to have it.
func (h *Hosts) Renew(ctx context.Context, c *Caller, in api.Renew) (api.Enrolled, error) {
	var spki []byte
	if in.Key != "" {
		key, err := h.proven(c.id, in)
		if err != nil {
			return api.Enrolled{}, err
		}
		spki = key
	}
	var r *record
	var cert *x509.Certificate
	err := h.write(ctx, func(tx *db.Tx) error {
		var err error
		if r, err = readRecord(tx, "num", c.num); err != nil {
			return err
		}
		if r.state != api.Accepted {
			return muster.Errorf(muster.Conflict, "host %q gets no certificate until a person says which machine it is", c.id)
		}
		if err := c.act(tx); err != nil {
			return err
		}
		if spki != nil {
			r.spki = spki
			if _, err := tx.Exec("UPDATE hosts_host SET spki = ? WHERE num = ?", spki, r.num); err != nil {
				return err
			}
		}
		key, err := readPublic(r.spki)
		if err != nil {
			return err
		}
		if cert, err = h.issue(tx, r, key); err != nil {
			return err
		}
		return addEvent(tx, event{at: c.at.Unix(), host: r.num, id: r.id, what: "renewed", note: "by itself, key " + fingerprint(r.spki)})
	})
	if err != nil {
		return api.Enrolled{}, err
	}
	return h.enrolled(r, cert), nil
}

// proven returns the new key, which signed for itself.
func (h *Hosts) proven(id string, in api.Renew) ([]byte, error) {
	spki, key, err := readKey(in.Key)
	if err != nil {
		return nil, err
	}
	proof, err := base64.StdEncoding.Strict().DecodeString(cut(in.Proof, 256))
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read the proof of the new key: %w", err)
	}
	sum := crypto.SHA256.New()
	sum.Write(api.RenewProof(h.Server, id, in.Key))
	if !ecdsa.VerifyASN1(key, sum.Sum(nil), proof) {
		return nil, muster.Errorf(muster.Denied, "the new key of host %q did not sign for itself", id)
	}
	return spki, nil
}
