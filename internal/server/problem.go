package server

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster"
	"muster/api"
)

// A problem is an error with what its answer says besides kind and message.
type problem struct {
	error
	status int      // 0: that of the kind
	code   api.Code // for programs
}

func (p *problem) Unwrap() error { return p.error }

// coded gives err a code, unless err is nil.
func coded(code api.Code, err error) error {
	if err == nil {
		return nil
	}
	return &problem{error: err, code: code}
}

// withStatus gives err a status, unless err is nil.
func withStatus(status int, err error) error {
	if err == nil {
		return nil
	}
	return &problem{error: err, status: status}
}

// statusOf is the status of the answer to err.
func statusOf(err error) int {
	var p *problem
	if errors.As(err, &p) && p.status != 0 {
		return p.status
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return http.StatusInsufficientStorage
	}
	return api.StatusOf(muster.KindOf(err))
}

// fieldsOf is which field of a request err is about, where that is known.
func fieldsOf(err error) []api.FieldError {
	field := muster.FieldOf(err)
	switch {
	case field == "":
		return nil
	case strings.HasPrefix(field, "/"):
		return []api.FieldError{{Detail: err.Error(), Pointer: "#" + field}}
	}
	return []api.FieldError{{Detail: err.Error(), Parameter: field}}
}

// A refusal is the answer to an error, in the form of who asks.
type refusal func(status int, e *api.ErrorBody) (as int, kind string, data []byte)

// refuse answers with err. What is no fault of the caller is not explained to
// strangers: it is in the log under the id of the request.
func (s *Server) refuse(w http.ResponseWriter, r *request, err error) int {
	status := statusOf(err)
	var body api.ErrorBody
	body.Error.Kind, body.Error.Message, body.Error.Hint = muster.KindOf(err), err.Error(), muster.HintOf(err)
	if p := (*problem)(nil); errors.As(err, &p) {
		body.Error.Code = p.code
	}
	body.Error.Errors = fieldsOf(err)
	if status == http.StatusInsufficientStorage {
		body.Error.Kind = muster.Unavailable
	}
	if status == http.StatusInternalServerError || status == http.StatusServiceUnavailable {
		if r.person == nil {
			body.Error.Message, body.Error.Hint, body.Error.Errors = "the server cannot answer now (request "+r.id+")", "", nil
		}
	}
	h := w.Header()
	if r.ContentLength != 0 {
		// What was not read of the body is not waited for: it may never come. A little
		// costs less than a new connection.
		if r.ContentLength < 0 || r.ContentLength > 64<<10 {
			h.Set("Connection", "close")
		}
		r.control.SetReadDeadline(time.Now().Add(time.Second)) //nolint:errcheck // not supported in some tests
	}
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusInsufficientStorage:
		// Spread, so that those who were refused together do not come back together.
		h.Set("Retry-After", strconv.Itoa(5+rand.IntN(25)))
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="muster"`)
	}
	kind := "application/json"
	data, err := json.Marshal(body)
	if r.says != nil {
		status, kind, data = r.says(status, &body)
	} else if err != nil {
		data = []byte(`{"error":{"kind":"internal","message":"the server cannot say what is wrong"}}`)
	}
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	w.Write(data) //nolint:errcheck // the caller has gone
	return status
}
