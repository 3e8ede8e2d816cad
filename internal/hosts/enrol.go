package hosts

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/httpsig"
	"muster/sign"
)

// validity of a host's certificate. It is renewed in the last third.
const validity = 365 * 24 * time.Hour

// askAgain is when a host that waits for approval asks again.
const askAgain = 10 * time.Minute

// EnrolKey is the key in a request to enrol, by which it has to be signed.
func EnrolKey(e *api.Enrol) (*ecdsa.PublicKey, error) {
	_, key, err := readKey(e.Key)
	return key, err
}

// readKey reads SubjectPublicKeyInfo in base64. The key must be of P-256.
func readKey(text string) (spki []byte, key *ecdsa.PublicKey, err error) {
	if len(text) > 256 {
		return nil, nil, muster.Errorf(muster.Invalid, "the key has %d bytes", len(text))
	}
	if spki, err = base64.StdEncoding.Strict().DecodeString(text); err != nil {
		return nil, nil, muster.Errorf(muster.Invalid, "cannot read the key: %w", err)
	}
	key, err = readPublic(spki)
	return spki, key, err
}

// Enrol answers a machine at address that asks to become a host. m is its request,
// verified by [EnrolKey]. The answer is a certificate for who has a good token
// or was approved before, [api.Pending] for who has neither; a token that is not good is
// Denied, for whatever reason. Asking again is harmless, and takes no further use of a token.
func (h *Hosts) Enrol(ctx context.Context, m *httpsig.Message, address netip.Addr, e api.Enrol) (api.Enrolled, error) {
	leave, err := h.gate.enter(address, h.Now())
	if err != nil {
		return api.Enrolled{}, err
	}
	a, err := h.applicant(m, address, e)
	if err != nil {
		return api.Enrolled{}, err
	}
	var r *record
	err = h.write(ctx, func(tx *db.Tx) error {
		var err error
		a.cert, a.refused, a.admitted, a.doubt = nil, nil, false, ""
		if r, err = a.decide(tx); err != nil {
			return err
		}
		return a.certify(tx, r)
	})
	h.tell(ctx, err, a.host.id, a.doubt)
	if err == nil {
		err = a.refused
	}
	if err != nil {
		return api.Enrolled{}, err
	}
	if a.admitted {
		leave()
	}
	return h.enrolled(r, a.cert), nil
}

// An applicant is a machine that asks to be a host.
type applicant struct {
	h        *Hosts
	host     newHost
	key      *ecdsa.PublicKey
	secret   string
	address  netip.Addr
	cert     *x509.Certificate
	refused  error  // though something was written
	admitted bool   // only now
	doubt    string // an alarm that was raised
}

func (h *Hosts) applicant(m *httpsig.Message, address netip.Addr, e api.Enrol) (*applicant, error) {
	if err := checkID(e.ID); err != nil {
		return nil, err
	}
	spki, key, err := readKey(e.Key)
	if err != nil {
		return nil, err
	}
	if m.ID() == [32]byte{} || m.KeyID != fingerprint(spki) {
		return nil, muster.Errorf(muster.Denied, "the request to enrol is not signed by the key that it names")
	}
	unit, err := checkUnit(e.Unit)
	if err != nil {
		return nil, err
	}
	address = address.Unmap().WithZone("")
	return &applicant{h: h, key: key, secret: e.Token, address: address, host: newHost{
		id: e.ID, spki: spki, unit: unit, facts: clean(e.Facts),
		at: h.Now().Unix(), signed: m.Created.Unix(), from: address.String()}}, nil
}

// decide finds or makes the host, in the state that it gets.
func (a *applicant) decide(tx *db.Tx) (*record, error) {
	r, err := readRecord(tx, "id", a.host.id)
	switch {
	case muster.KindOf(err) == muster.NotFound:
		return a.admit(tx)
	case err != nil:
		return nil, err
	case string(r.spki) != string(a.host.spki):
		return a.rekey(tx, r)
	case r.state != api.Pending:
		return r, nil
	}
	return a.approve(tx, r)
}

// admit makes a host of a machine that is not known.
func (a *applicant) admit(tx *db.Tx) (*record, error) {
	w, what, err := a.welcome(tx)
	if err != nil {
		return nil, err
	}
	n := a.host
	if n.state = api.Accepted; w == nil {
		n.state, what = api.Pending, "asked"
		if err := a.h.roomForPending(tx); err != nil {
			return nil, err
		}
	} else if n.token = w.token; w.Unit != "" {
		n.unit = w.Unit
	}
	r, err := n.insert(tx)
	if err != nil {
		return nil, err
	}
	a.admitted = w != nil
	if w != nil {
		if err := addMember(tx, r.num, w.Groups...); err != nil {
			return nil, err
		}
	}
	if err := a.remember(tx, r); err != nil {
		return nil, err
	}
	return r, addEvent(tx, event{at: n.at, host: r.num, id: r.id, what: what, note: "from " + n.from})
}

// remember minds that a person removed a host of this id. Who lets in the new one
// is told; with a token or an approval it is let in, and may come back again.
func (a *applicant) remember(tx *db.Tx, r *record) error {
	until, err := forgottenUntil(tx, r.id)
	if err != nil || until <= a.host.at {
		return err
	}
	if a.admitted {
		return welcomeBack(tx, a.host.at, r.id)
	}
	_, err = tx.Exec("UPDATE hosts_host SET alarm = ? WHERE num = ?", "a host with this id was removed before", r.num)
	return err
}

// approve lets in a host that waits, where it has a token now, or was approved.
func (a *applicant) approve(tx *db.Tx, r *record) (*record, error) {
	w, what, err := a.welcome(tx)
	if err != nil || w == nil {
		return r, err
	}
	if w.Unit != "" {
		if _, err := tx.Exec("UPDATE hosts_host SET unit = ? WHERE num = ?", w.Unit, r.num); err != nil {
			return nil, err
		}
	}
	if err := addMember(tx, r.num, w.Groups...); err != nil {
		return nil, err
	}
	if err := r.become(tx, api.Accepted); err != nil {
		return nil, err
	}
	a.admitted = true
	if err := welcomeBack(tx, a.host.at, r.id); err != nil {
		return nil, err
	}
	return r, addEvent(tx, event{at: a.host.at, host: r.num, id: r.id, what: what, note: "from " + a.host.from})
}

// rekey refuses a machine that takes the id of a host but has another key, unless
// a person has approved this very key for it. A token is not enough: whoever
// has one could become any host.
func (a *applicant) rekey(tx *db.Tx, r *record) (*record, error) {
	fp := fingerprint(a.host.spki)
	w, err := a.approval(tx, func(p *approval) bool { return p.ID == r.id && p.Key == fp })
	if err != nil {
		return nil, err
	}
	if w == nil {
		a.refused = muster.WithHint(muster.Errorf(muster.Conflict, "host %q has another key", r.id),
			"run 'muster host approve %s --key %s', or join with a new id", r.id, fp)
		return r, a.alarm(tx, r, "a machine at "+a.host.from+" with another key wanted to be this host: "+fp)
	}
	if _, err := tx.Exec("UPDATE hosts_host SET spki = ?, alarm = '' WHERE num = ?", a.host.spki, r.num); err != nil {
		return nil, err
	}
	r.spki = a.host.spki
	if err := r.become(tx, api.Accepted); err != nil {
		return nil, err
	}
	if err := touch(tx, r.num); err != nil {
		return nil, err
	}
	return r, addEvent(tx, event{at: a.host.at, host: r.num, id: r.id, what: "renewed", note: "with the approved key " + fp})
}

// alarm shows a person what happened, once: who asks again and again does not write.
func (a *applicant) alarm(tx *db.Tx, r *record, text string) error {
	var was string
	if err := tx.QueryRow("SELECT alarm FROM hosts_host WHERE num = ?", r.num).Scan(&was); err != nil || was != "" {
		return err
	}
	if _, err := tx.Exec("UPDATE hosts_host SET alarm = ? WHERE num = ?", cut(text, 500), r.num); err != nil {
		return err
	}
	a.doubt = text
	return addEvent(tx, event{at: a.host.at, host: r.num, id: r.id, what: "impostor", failed: true, note: text})
}

// enrolled is the answer to a host.
func (h *Hosts) enrolled(r *record, cert *x509.Certificate) api.Enrolled {
	out := api.Enrolled{State: r.state}
	if cert != nil {
		out.Certificate = string(sign.EncodeCerts(append([]*x509.Certificate{cert}, h.Authority.Chain...)...))
	}
	if r.state == api.Pending {
		out.Next = int(askAgain / time.Second)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.byID[r.id]; e != nil {
		out.Counter = e.seq.Last + 1
	}
	return out
}

// roomForPending refuses when too many wait already: people could not tell
// theirs from those of a flood.
func (h *Hosts) roomForPending(tx *db.Tx) error {
	var n int
	err := tx.QueryRow("SELECT hosts FROM hosts_total WHERE kind = 'state' AND name = ?", string(api.Pending)).Scan(&n)
	if err != nil && muster.KindOf(err) != muster.NotFound {
		return err
	}
	if n >= h.MaxPending {
		return muster.WithHint(muster.Errorf(muster.Busy, "%d hosts wait for approval, and no more may", n), "enrol with a token")
	}
	return nil
}
