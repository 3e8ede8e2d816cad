package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"muster"
)

// An ErrorBody is the body of every answer that is not a success.
type ErrorBody struct {
	Error struct {
		Kind    muster.ErrorKind `json:"kind"`
		Message string           `json:"message"`
		Hint    string           `json:"hint,omitempty"`
		Code    Code             `json:"code,omitempty"`
		Errors  []FieldError     `json:"errors,omitempty"` // which fields of the request it is about, where the server knows
	} `json:"error"`
}

// A FieldError is what is wrong with one field of a request, as in the example of RFC
// 9457, section 3.
type FieldError struct {
	Detail    string `json:"detail"`
	Pointer   string `json:"pointer,omitempty"`   // into the body, as a fragment (RFC 6901, section 6): "#/quota/hosts"
	Parameter string `json:"parameter,omitempty"` // name of one of the query or the path
}

// field is the first of them as [muster.FieldOf] tells it. It is of a server, or of
// anything between it and us.
func (b *ErrorBody) field() string {
	for _, f := range b.Error.Errors {
		field := f.Parameter
		if pointer, ok := strings.CutPrefix(f.Pointer, "#/"); ok {
			field = "/" + pointer
		}
		if field != "" && len(field) <= 200 {
			return clean(field)
		}
	}
	return ""
}

// A Code tells programs what the kind of an error does not.
type Code string

// The codes.
const (
	UnknownHost Code = "unknown-host" // the server does not know the host: [RouteReturn]
	NotAccepted Code = "not-accepted" // pending or refused: [RouteEnrol] says which
	BadCounter  Code = "bad-counter"  // replayed, or two machines use the key
	NoSession   Code = "no-session"   // log in again
	NoBase      Code = "no-base"      // send the whole inventory
)

// StatusOf is the HTTP status that an error of kind k has.
func StatusOf(k muster.ErrorKind) int {
	switch k {
	case muster.Invalid:
		return http.StatusBadRequest
	case muster.NotFound:
		return http.StatusNotFound
	case muster.Conflict, muster.Stale:
		return http.StatusConflict
	case muster.Denied:
		return http.StatusForbidden
	case muster.Busy:
		return http.StatusTooManyRequests
	case muster.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// kindOf is the kind for a status, where the body says none: a proxy answered.
func kindOf(status int) muster.ErrorKind {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusMethodNotAllowed:
		return muster.Invalid
	case http.StatusUnauthorized, http.StatusForbidden:
		return muster.Denied
	case http.StatusNotFound, http.StatusGone:
		return muster.NotFound
	case http.StatusConflict:
		return muster.Conflict
	case http.StatusTooManyRequests:
		return muster.Busy
	}
	return muster.Unavailable
}

// kinds are those that a server may give an error.
var kinds = []muster.ErrorKind{muster.Invalid, muster.NotFound, muster.Conflict, muster.Denied,
	muster.Busy, muster.Stale, muster.Unavailable, muster.Internal}

// A StatusError is an answer that is not a success.
type StatusError struct {
	Status  int
	Code    Code
	Message string
	After   int // seconds to wait before the next request; 0: not said
}

func (e *StatusError) Error() string { return e.Message }

// failure reads an answer that is not a success. Its text is of a server, or of
// anything between it and us: it is bounded, and quoted when it is no JSON.
func failure(status int, after int, body []byte) error {
	var b ErrorBody
	se := &StatusError{Status: status, After: after}
	if json.Unmarshal(body, &b) != nil || b.Error.Message == "" {
		se.Message = fmt.Sprintf("the server answered %d %s", status, http.StatusText(status))
		return muster.WithKind(kindOf(status), se)
	}
	se.Code, se.Message = b.Error.Code, clean(b.Error.Message)
	kind := b.Error.Kind
	if !slices.Contains(kinds, kind) {
		kind = kindOf(status)
	}
	err := muster.WithKind(kind, error(se))
	if field := b.field(); field != "" {
		err = muster.WithField(err, field)
	}
	if b.Error.Hint != "" {
		err = muster.WithHint(err, "%s", clean(b.Error.Hint))
	}
	return err
}

// clean makes a text of a server fit for a terminal.
func clean(s string) string {
	if len(s) > 2000 {
		s = s[:2000]
	}
	out := []rune{}
	for _, r := range s {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}

// CodeOf is the code of an answer that err is or wraps, or "".
func CodeOf(err error) Code {
	if se := (*StatusError)(nil); errors.As(err, &se) {
		return se.Code
	}
	return ""
}
