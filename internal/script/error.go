package script

import (
	"fmt"
	"strings"

	"muster"
)

// A FailureKind says how a script came to its end.
type FailureKind string

// The kinds of failure.
const (
	Failed      FailureKind = "failed"  // fail() or an error in the script
	Timeout     FailureKind = "timeout" // the wall time was over
	OutOfMemory FailureKind = "memory"
	Killed      FailureKind = "killed" // the caller cancelled, or someone killed the child
)

// An Error is the end of a script that did not return. Its muster kind is
// Invalid for a script that cannot run at all, NotFound for a hook that the
// file does not define, Unavailable for one that was killed, Internal else.
type Error struct {
	Kind    FailureKind
	Message string // without position: what fail() said
	// Position is the innermost line of the script, "file:line:column", or "".
	Position string
	// Backtrace is the calls that led to it, one a line, outermost first, or "".
	Backtrace string
	File      string
	Hook      string
	err       error
}

func (e *Error) Error() string {
	at := e.Position
	if at == "" {
		at = e.File
	}
	return fmt.Sprintf("%s: %s(): %s", at, e.Hook, e.Message)
}

func (e *Error) Unwrap() error { return e.err }

// maxFrames bounds the lines of a backtrace, so that an endless recursion can
// be read.
const maxFrames = 40

// clipFrames leaves out the middle of a long backtrace.
func clipFrames(backtrace string) string {
	lines := strings.Split(backtrace, "\n")
	if len(lines) <= maxFrames {
		return backtrace
	}
	half := maxFrames / 2
	gap := fmt.Sprintf("  ... %d calls left out ...", len(lines)-2*half)
	lines = append(append(lines[:half:half], gap), lines[len(lines)-half:]...)
	return strings.Join(lines, "\n")
}

// kinds gives an ending reported by the child its muster error kind.
var endKinds = map[string]muster.ErrorKind{
	"no-hook": muster.NotFound,
	"invalid": muster.Invalid,
}
