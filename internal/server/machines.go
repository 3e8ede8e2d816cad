package server

import (
	"context"
	"crypto"
	"net/http"
	"time"

	"muster"
	"muster/api"
	"muster/internal/hosts"
	"muster/inventory"
)

// What hosts ask. Package hosts decides; here it is only seen who asks.

// verifyHost checks that the request is signed by the host that it names.
func (s *Server) verifyHost(r *request) error {
	key, err := s.hosts.Key(r.Context(), r.message.KeyID)
	if muster.KindOf(err) == muster.NotFound {
		return coded(api.UnknownHost, err)
	}
	if err != nil {
		return err
	}
	r.key, r.began = key, s.now()
	return r.message.Verify(key, s.now(), s.cfg.Hosts.Skew.std())
}

// sameKey reports, as an error, that the host got another key while the body came:
// that may take as long as whoever sends it likes.
func (s *Server) sameKey(r *request) error {
	if s.now().Sub(r.began) < time.Second {
		return nil
	}
	key, err := s.hosts.Key(r.Context(), r.message.KeyID)
	if err != nil {
		return err
	}
	if old, ok := r.key.(interface{ Equal(crypto.PublicKey) bool }); !ok || !old.Equal(key) {
		return muster.Errorf(muster.Denied, "host %q has another key now", r.message.KeyID)
	}
	return nil
}

// acceptHost uses up the counter of the request: what follows is done once.
func (s *Server) acceptHost(r *request) (err error) {
	if err := s.sameKey(r); err != nil {
		return hostCode(err)
	}
	r.caller, err = s.hosts.Accept(r.Context(), r.message, r.address)
	return hostCode(err)
}

// hostCode tells agents what to do about a refusal.
func hostCode(err error) error {
	switch muster.KindOf(err) {
	case muster.NotFound:
		return coded(api.UnknownHost, err)
	case muster.Denied:
		return coded(api.NotAccepted, err)
	case muster.Conflict:
		return coded(api.BadCounter, err)
	}
	return err
}

// enrol answers a machine that asks to become a host. Its key is in the body,
// and the request signed by it: nobody enrols the key of another.
func (s *Server) enrol(ctx context.Context, r *request) (any, error) {
	var in api.Enrol
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	key, err := hosts.EnrolKey(&in)
	if err != nil {
		return nil, err
	}
	if err := r.message.Verify(key, s.now(), s.cfg.Hosts.Skew.std()); err != nil {
		return nil, err
	}
	out, err := s.hosts.Enrol(ctx, r.message, r.address, in)
	s.metrics.enrolled(out.State, err)
	return out, err
}

// giveBack answers a host that this server certified and does not know any more.
func (s *Server) giveBack(ctx context.Context, r *request) (any, error) {
	var in api.Return
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	_, key, err := s.hosts.ReturnKey(&in)
	if err != nil {
		return nil, err
	}
	if err := r.message.Verify(key, s.now(), s.cfg.Hosts.Skew.std()); err != nil {
		return nil, err
	}
	return s.hosts.Return(ctx, r.message, r.address, in)
}

func (s *Server) renew(ctx context.Context, r *request) (any, error) {
	var in api.Renew
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	return s.hosts.Renew(ctx, r.caller, in)
}

func (s *Server) checkIn(ctx context.Context, r *request) (any, error) {
	var in api.CheckIn
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	out, err := s.hosts.CheckIn(ctx, r.caller, in)
	if err != nil {
		return nil, err
	}
	s.failedResults(&in)
	if in.Audit != nil {
		c, err := s.ledger.Checkpoint(ctx, *in.Audit)
		if err != nil {
			return nil, err
		}
		out.Audit = &c
	}
	return out, s.relayed(ctx, r, &in, &out)
}

func (s *Server) takeInventory(ctx context.Context, r *request) (any, error) {
	return s.hosts.PutInventory(ctx, r.caller, r.Header.Get("Content-Type"), r.body)
}

// document is the inventory of a host.
func document(doc *inventory.Document, r *request) (any, error) {
	data, err := doc.Marshal()
	if err != nil {
		return nil, err
	}
	return answer(func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", api.TypeDocument)
		return write(w, r.Request, data)
	}), nil
}
