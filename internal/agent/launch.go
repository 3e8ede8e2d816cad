package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"muster"
)

// What a version on trial writes to its standard output, a line each.
const (
	wellLine = "well"
	busyLine = "busy" // another program has the root: nothing can be said yet
)

// SayWell says so to the launcher that tries this version.
func SayWell(out io.Writer) { fmt.Fprintln(out, wellLine) }

// SayBusy says to it that this version waits for another program.
func SayBusy(out io.Writer) { fmt.Fprintln(out, busyLine) }

// ErrUndecided is that a trial ended before anything was found out about the version.
var ErrUndecided = errors.New("nothing was found out")

// TryProgram starts a version of the agent with args and waits until it says that
// it is well. Then, or when the time is over, it is ended. Where ctx ends first, or
// the version had to wait for another program, the error is [ErrUndecided].
func TryProgram(ctx context.Context, program string, args []string, patience time.Duration) error {
	t, err := startTrial(program, args)
	if err != nil {
		return fmt.Errorf("it cannot be started: %w", err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-t.well:
		t.end()
		return nil
	case <-t.ended:
		return t.verdict()
	case <-ctx.Done():
		t.end()
		return fmt.Errorf("%w: %w", ErrUndecided, ctx.Err())
	case <-late.C:
	}
	killAll(t.cmd)
	<-t.ended
	if t.said(t.busy) {
		return fmt.Errorf("%w within %s: another program has the root", ErrUndecided, patience)
	}
	return muster.Errorf(muster.Invalid, "it did not tell within %s that it is well", patience)
}

// A trial is a version that was started to see whether it is well.
type trial struct {
	cmd        *exec.Cmd
	well, busy chan struct{} // closed when it says so
	ended      chan struct{} // closed when it is over, and all that it said was heard
	err        error         // of its end
}

func startTrial(program string, args []string) (*trial, error) {
	t := &trial{cmd: exec.Command(program, args...), well: make(chan struct{}), busy: make(chan struct{}), ended: make(chan struct{})}
	in, out := io.Pipe()
	t.cmd.Stdout, t.cmd.Stderr = out, os.Stderr
	t.cmd.WaitDelay = time.Second // for what it started, and holds its output open
	apart(t.cmd)
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		t.hear(in)
	}()
	go func() {
		t.err = t.cmd.Wait()
		killAll(t.cmd) // what it started and left behind
		out.Close()
		<-heard
		close(t.ended)
	}()
	return t, nil
}

// hear notes what the version says.
func (t *trial) hear(in io.Reader) {
	well, busy := sync.OnceFunc(func() { close(t.well) }), sync.OnceFunc(func() { close(t.busy) })
	eachLine(in, 4<<10, func(line []byte) {
		switch string(bytes.TrimSpace(line)) {
		case wellLine:
			well()
		case busyLine:
			busy()
		}
	})
}

func (t *trial) said(word chan struct{}) bool {
	select {
	case <-word:
		return true
	default:
		return false
	}
}

// verdict is that over a version that has ended by itself.
func (t *trial) verdict() error {
	switch {
	case t.said(t.well):
		return nil
	case t.err != nil:
		return fmt.Errorf("it ended: %w", t.err)
	}
	return muster.Errorf(muster.Invalid, "it ended without a word")
}

// end asks the version to end, and does not ask a second time.
func (t *trial) end() {
	interrupt(t.cmd.Process)
	select {
	case <-t.ended:
	case <-time.After(30 * time.Second):
		killAll(t.cmd)
		<-t.ended
	}
}
