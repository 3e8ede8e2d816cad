package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/httpsig"
)

const (
	// wakeFor is how long a host waits for news before it is told that there are
	// none. Clients give up after 15 minutes.
	wakeFor = 10 * time.Minute
	// wakePulse is below the minute after which nginx and its like give up on a server
	// that says nothing: a blank before the JSON.
	wakePulse = 45 * time.Second
)

// wake answers when somebody wants the host to look for news, or when there are
// actions for it: it takes some where it says which it has.
func (s *Server) wake(_ context.Context, r *request) (any, error) {
	q := r.URL.Query()
	since, err := strconv.ParseInt(q.Get("since"), 10, 64)
	if err != nil {
		return nil, muster.WithField(muster.Errorf(muster.Invalid, "since: %q is no number", q.Get("since")), "since")
	}
	takes := q.Has("have")
	if takes {
		s.relay.Has(r.caller.ID(), strings.Split(q.Get("have"), ","))
	}
	release, err := s.hosts.Hold(r.caller)
	if err != nil {
		return nil, err
	}
	r.held = append(r.held, release)
	// Of what was signed nothing is asked any more, and ten thousand hosts wait.
	r.message = &httpsig.Message{KeyID: r.message.KeyID}
	clear(r.Header)
	return answer(func(w http.ResponseWriter) error { return s.wait(w, r, since, takes) }), nil
}

func (s *Server) wait(w http.ResponseWriter, r *request, since int64, takes bool) error {
	s.metrics.waiting.Inc()
	defer s.metrics.waiting.Dec()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Accel-Buffering", "no") // nginx passes blanks on
	control := http.NewResponseController(w)
	for began := time.Now(); ; {
		number := s.listen(r, since, takes)
		over := r.Context().Err() != nil || s.draining.Err() != nil || time.Since(began) >= wakeFor
		orders, err := s.orders(r, takes)
		if err != nil {
			return err
		}
		if err := control.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
			return err
		}
		if over || number != since || len(orders) > 0 {
			return json.NewEncoder(w).Encode(api.Wake{Number: number, Orders: orders, Spread: s.spread(orders)})
		}
		if _, err := w.Write([]byte(" ")); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
		// Over HTTP/2 a deadline that passes ends the stream, also where nothing is
		// being written.
		if err := control.SetWriteDeadline(time.Time{}); err != nil {
			return err
		}
	}
}

// listen returns when there is something for the host, at the next pulse, or when the
// server stops, with the number of the newest wish.
func (s *Server) listen(r *request, since int64, takes bool) int64 {
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	defer context.AfterFunc(s.draining, stop)()
	defer time.AfterFunc(s.pulse, stop).Stop()
	defer s.attend(r, takes, stop)()
	return s.hosts.Wait(ctx, r.caller, since)
}
