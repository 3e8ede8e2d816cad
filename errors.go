package muster

import (
	"errors"
	"fmt"
)

// ErrorKind says what a caller can do about an error. Client and server share
// the kinds, and the command line derives its exit code from them.
type ErrorKind string

// The kinds of error.
const (
	Invalid     ErrorKind = "invalid"     // bad input: naming the file, line or field
	NotFound    ErrorKind = "not-found"   // no such thing, or none that the caller may see
	Conflict    ErrorKind = "conflict"    // what is wanted contradicts what is
	Denied      ErrorKind = "denied"      // refused for want of trust or rights
	Busy        ErrorKind = "busy"        // another process holds the lock; later may do
	Stale       ErrorKind = "stale"       // a repository whose head has expired
	Unavailable ErrorKind = "unavailable" // network, disk space: the same call may succeed later
	Internal    ErrorKind = "internal"    // a defect, or an unclassified failure
)

// kindError gives an error a kind, a hint with the next command to type, and says which
// field of what was given it is about.
type kindError struct {
	kind  ErrorKind // "" keeps the kind of err
	hint  string    // "" keeps the hint of err
	field string    // "" keeps the field of err
	err   error
}

func (e *kindError) Error() string { return e.err.Error() }
func (e *kindError) Unwrap() error { return e.err }

// Errorf is [fmt.Errorf] with a kind.
func Errorf(kind ErrorKind, format string, args ...any) error {
	return &kindError{kind: kind, err: fmt.Errorf(format, args...)}
}

// WithKind gives err a kind, unless err is nil.
func WithKind(kind ErrorKind, err error) error {
	if err == nil {
		return nil
	}
	return &kindError{kind: kind, err: err}
}

// WithHint attaches advice to err, a sentence that a person reads below the
// message ("run 'muster update' first"), unless err is nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &kindError{hint: fmt.Sprintf(format, args...), err: err}
}

// WithField says which field of what was given err is about, unless err is nil. In a
// document that is a JSON pointer (RFC 6901), as in "/quota/hosts"; else the name of a
// parameter.
func WithField(err error, field string) error {
	if err == nil {
		return nil
	}
	return &kindError{field: field, err: err}
}

// KindOf returns the outermost kind given to err or to an error it wraps,
// [Internal] where there is none, and "" for nil.
func KindOf(err error) ErrorKind {
	if err == nil {
		return ""
	}
	for e := err; e != nil; {
		var k *kindError
		if !errors.As(e, &k) {
			break
		}
		if k.kind != "" {
			return k.kind
		}
		e = k.err
	}
	return Internal
}

// HintOf returns the outermost hint attached to err or to an error it wraps.
func HintOf(err error) string { return outermost(err, func(k *kindError) string { return k.hint }) }

// FieldOf returns the outermost field that [WithField] gave err or an error it wraps, or "".
func FieldOf(err error) string { return outermost(err, func(k *kindError) string { return k.field }) }

func outermost(err error, of func(*kindError) string) string {
	for e := err; e != nil; {
		var k *kindError
		if !errors.As(e, &k) {
			break
		}
		if text := of(k); text != "" {
			return text
		}
		e = k.err
	}
	return ""
}
