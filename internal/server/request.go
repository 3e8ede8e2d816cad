package server

import (
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/internal/hosts"
	"muster/internal/httpsig"
)

// A request is one that a route serves, after what the route's table says of it
// has been seen to.
type request struct {
	*http.Request
	id      string // in the log and in the answer
	address netip.Addr
	message *httpsig.Message // of hosts, newcomers and logins
	caller  *hosts.Caller    // of hosts
	key     crypto.PublicKey // of hosts: what the message was verified by
	began   time.Time        // when that was
	person  *person
	body    []byte // signed, decompressed, bounded
	control *http.ResponseController
	header  http.Header // of the answer
	held    []func()    // gives back what it took
	says    refusal     // nil: as the API refuses
	deed    deed
}

// A deed is what a handler says for the audit log of what was asked for, beside the
// path and the body: what it is called, and the SHA-256 by which it can be found again.
type deed struct{ target, digest string }

// headerRequest bears the id of a request in its answer.
const headerRequest = "Muster-Request"

// An answer is written in place of JSON.
type answer func(w http.ResponseWriter) error

// handle makes the handler of a route.
func (s *Server) handle(rt *route) http.Handler {
	limit := s.limits[rt.class]
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		begun := time.Now()
		r := &request{Request: hr, id: newRequestID(), address: s.clientAddress(hr), control: http.NewResponseController(w), header: w.Header(), says: rt.says}
		w.Header().Set(headerRequest, r.id)
		status, err := s.serveOne(w, r, rt, limit)
		s.metrics.observe(rt, status, time.Since(begun))
		s.logRequest(r, rt, status, err, time.Since(begun))
	})
}

// serveOne answers one request. A panic is an answer too: one request that hits a
// defect must not end the server.
func (s *Server) serveOne(w http.ResponseWriter, r *request, rt *route, limit *limiter) (status int, err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler {
			panic(v)
		}
		err = muster.Errorf(muster.Internal, "panic: %v", v)
		s.log.Error("panic", "request", r.id, "route", rt.name(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		s.metrics.panics.Inc()
		status = s.refuse(w, r, err)
	}()
	if rt.body == 0 && rt.class != "upload" && r.ContentLength != 0 {
		// It would be read, and waited for, without a deadline.
		err := muster.Errorf(muster.Invalid, "%s takes no body", rt.path)
		return s.refuse(w, r, err), err
	}
	defer r.leave()
	if err := s.admit(r, rt, limit); err != nil {
		s.auditRefusal(r, rt, err)
		return s.refuse(w, r, err), err
	}
	s.metrics.received(len(r.body))
	if rt.plain != nil {
		c := &counted{ResponseWriter: w, status: http.StatusOK}
		rt.plain(s, c, r)
		return c.status, nil
	}
	if !rt.slow {
		// Who does not read the answer holds no place.
		r.control.SetWriteDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // not supported in some tests
	}
	out, err := rt.serve(s, r.Context(), r)
	if err != nil {
		if rt.who.unknown() {
			limit.stranger(r, err)
		}
		return s.refuse(w, r, err), err
	}
	err = s.answer(w, r, out)
	if u := (unsent{}); errors.As(err, &u) {
		return s.refuse(w, r, u.error), u.error
	}
	return http.StatusOK, err
}

// answer writes what a handler returned: JSON, compressed where that pays.
func (s *Server) answer(w http.ResponseWriter, r *request, out any) error {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch out := out.(type) {
	case answer:
		return out(w)
	case nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	h.Set("Content-Type", "application/json")
	return write(w, r.Request, data)
}

// write sends data, compressed for who asks for it.
func write(w http.ResponseWriter, r *http.Request, data []byte) error {
	h := w.Header()
	if len(data) < 1400 || !takesGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Length", strconv.Itoa(len(data)))
		_, err := w.Write(data)
		return err
	}
	h.Set("Content-Encoding", "gzip")
	h.Add("Vary", "Accept-Encoding")
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(data); err != nil {
		return err
	}
	return z.Close()
}

// takesGzip reads Accept-Encoding (RFC 9110, 12.5.3): a coding of weight 0 is refused.
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		_, q, _ := strings.Cut(weight, "=")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			n, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			return weight == "" || err == nil && n > 0
		}
	}
	return false
}

func newRequestID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// logRequest writes a line for every request at debug, and for what failed at
// info: what the server could not do is at warn.
func (s *Server) logRequest(r *request, rt *route, status int, err error, took time.Duration) {
	level := slog.LevelDebug
	switch {
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		// The caller went away: nobody was refused.
	case status >= 500:
		level = slog.LevelWarn
	case status >= 400:
		level = slog.LevelInfo
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	who := ""
	if r.message != nil {
		who = r.message.KeyID
	} else if r.person != nil {
		who = r.person.name
	}
	args := []any{"request", r.id, "method", r.Method, "route", rt.path, "status", status, "ms", took.Milliseconds(), "from", r.address, "who", who}
	if err != nil {
		args = append(args, "error", err.Error())
	}
	s.log.Log(r.Context(), level, "request", args...)
}

// counted remembers the status that a handler of net/http gave.
type counted struct {
	http.ResponseWriter
	status int
}

func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
