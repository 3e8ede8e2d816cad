package script

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster"
)

var errWall = errors.New("wall time is over")

// Run runs one hook in a child process and waits for its end. The error is an
// [*Error] once the child has started.
//
// At the wall time, or when ctx is done, the script and the program that it
// runs are asked to end; after the grace they are killed with every process
// they left. A daemon started by a hook that returned in time lives on.
func Run(ctx context.Context, r Request) (*Result, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	r = r.withDefaults()
	dir, err := scratch()
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, fmt.Errorf("cannot run %s: %w", &r, err))
	}
	defer removeTree(dir)
	ctx, cancel := context.WithTimeoutCause(ctx, r.Limits.Wall, errWall)
	defer cancel()
	start := time.Now()
	p, err := startChild(&r, dir)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, fmt.Errorf("cannot run %s: %w", &r, err))
	}
	end, err := p.finish(ctx, &r)
	result := &Result{Duration: time.Since(start)}
	result.Output, result.Truncated = p.output.bytes()
	return result, r.conclude(result, end, err)
}

// scratch makes the private folder of a run.
func scratch() (string, error) {
	dir, err := os.MkdirTemp("", "muster-script-")
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"tmp", "home", "work"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			removeTree(dir)
			return "", err
		}
	}
	return dir, nil
}

// removeTree removes dir, even if the script left folders without write
// permission in it, as Go's module cache is.
func removeTree(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}

// finish talks with the child until it reports its end, dies, or has to be
// stopped, and leaves no process behind that should not be.
func (p *process) finish(ctx context.Context, r *Request) (*ending, error) {
	type outcome struct {
		end *ending
		err error
	}
	talked := make(chan outcome, 1)
	go func() {
		end, err := p.converse(ctx, r)
		talked <- outcome{end, err}
	}()
	var got outcome
	select {
	case got = <-talked:
	case <-ctx.Done():
		p.askToStop(context.Cause(ctx).Error())
		select {
		case got = <-talked:
			p.sweep()
		case <-time.After(r.Limits.Grace):
			p.sweep()
			got = <-talked
		}
	}
	state := p.reap(r.Limits.Grace)
	if cause := context.Cause(ctx); cause != nil {
		return got.end, cause
	}
	if got.err != nil {
		return nil, p.diagnose(state, got.err)
	}
	return got.end, nil
}

// converse sends the request and answers calls until the child's last message.
func (p *process) converse(ctx context.Context, r *Request) (*ending, error) {
	if err := p.to.send(&message{Request: r.wire()}); err != nil {
		return nil, err
	}
	for {
		m, err := receive(p.from)
		if err != nil {
			return nil, err
		}
		switch {
		case m.Log != nil:
			_, _ = p.output.Write(m.Log)
		case m.End != nil:
			return m.End, nil
		case m.Call != nil:
			if err := p.to.send(&message{Reply: r.answer(ctx, m.Call)}); err != nil {
				return nil, err
			}
		}
	}
}

func (r *Request) wire() *wireRequest {
	return &wireRequest{
		File: r.File, Source: r.Source, Hook: r.Hook,
		Control: r.Control, OldVersion: r.OldVersion, Params: r.Params,
		Root: r.Root, BaseDir: r.BaseDir, PersistentDir: r.PersistentDir,
		Platform: r.Platform, Force: r.Force, Attempt: r.Attempt, Area: r.Area,
		Host:   slices.Sorted(maps.Keys(r.Host)),
		Memory: r.Limits.Memory, Output: r.Limits.Output, Language: callerLanguage(),
	}
}

// answer calls a host function.
func (r *Request) answer(ctx context.Context, c *call) *reply {
	value, err := r.callHost(ctx, c)
	if err != nil {
		return &reply{Error: err.Error()}
	}
	text, err := encode(value)
	if err == nil && len(text) > maxFrame/2 {
		err = fmt.Errorf("answer of %d bytes is larger than %d", len(text), maxFrame/2)
	}
	if err != nil {
		return &reply{Error: fmt.Sprintf("%s: %v", c.Name, err)}
	}
	return &reply{Value: text}
}

func (r *Request) callHost(ctx context.Context, c *call) (any, error) {
	fn := r.Host[c.Name]
	if fn == nil {
		return nil, fmt.Errorf("%q is no host function", c.Name)
	}
	args, err := decode(c.Args)
	if err != nil {
		return nil, err
	}
	kwargs, err := decode(c.Kwargs)
	if err != nil {
		return nil, err
	}
	list, _ := args.([]any)
	named, _ := kwargs.(map[string]any)
	return fn(ctx, list, named)
}

// signsOfMemory are how a Go program says that it got no more memory: its own
// runtime does not check every mapping, and a defect would begin with "panic:".
var signsOfMemory = []string{
	"out of memory", "cannot allocate memory", "stack exceeds", "cannot map pages",
	"failed to create new OS thread", "pthread_create failed", "SIGSEGV",
}

// diagnose says why a child went without its last message.
func (p *process) diagnose(state *os.ProcessState, err error) error {
	if p.large.Load() {
		return &Error{Kind: OutOfMemory, Message: "the script needed too much memory"}
	}
	crash, _ := p.crash.bytes()
	first, _, _ := strings.Cut(string(crash), "\n")
	for _, sign := range signsOfMemory {
		if strings.Contains(first, sign) {
			return &Error{Kind: OutOfMemory, Message: "the script needed too much memory"}
		}
	}
	if first != "" {
		return &Error{Kind: Failed, Message: "the interpreter broke down: " + first, Backtrace: string(crash)}
	}
	if !errors.Is(err, io.EOF) && !isClosedPipe(err) {
		return &Error{Kind: Killed, Message: fmt.Sprintf("the script's process broke off: %v (%s)", err, state)}
	}
	return &Error{Kind: Killed, Message: "the script's process was ended from outside: " + state.String()}
}

// conclude fills result from the child's last message and makes the error.
func (r *Request) conclude(result *Result, end *ending, err error) error {
	if end != nil {
		if bad := end.fill(result); bad != nil {
			return r.complete(&Error{Kind: Failed, Message: bad.Error()})
		}
	}
	var known *Error
	switch {
	case errors.As(err, &known):
		return r.complete(known)
	case errors.Is(err, errWall):
		msg := fmt.Sprintf("not finished after %s", r.Limits.Wall)
		return r.complete(end.located(&Error{Kind: Timeout, Message: msg}))
	case err != nil:
		return r.complete(end.located(&Error{Kind: Killed, Message: err.Error(), err: err}))
	case end.Failure != nil:
		return r.complete(end.failed())
	}
	return nil
}

func (r *Request) complete(e *Error) error {
	e.File, e.Hook = r.File, r.Hook
	if e.err == nil && e.Kind == Killed {
		e.err = muster.Errorf(muster.Unavailable, "%s", e.Message)
	}
	return e
}

func (e *ending) fill(result *Result) (err error) {
	result.ExitReboot, result.UninstallKeys = e.Reboot, e.UninstallKeys
	if result.Value, err = decode(e.Value); err != nil {
		return fmt.Errorf("cannot read what the script returned: %w", err)
	}
	data, err := decode(e.AuditData)
	if err != nil {
		return fmt.Errorf("cannot read the audit data: %w", err)
	}
	result.AuditData, _ = data.(map[string]any)
	return nil
}

// located adds to err where the script was when it was stopped.
func (e *ending) located(err *Error) *Error {
	if e != nil && e.Failure != nil {
		err.Position, err.Backtrace = e.Failure.Position, e.Failure.Backtrace
	}
	return err
}

func (e *ending) failed() *Error {
	f := e.Failure
	err := &Error{Kind: FailureKind(f.Kind), Message: f.Message, Position: f.Position, Backtrace: f.Backtrace}
	if kind := endKinds[f.Kind]; kind != "" {
		err.Kind, err.err = Failed, muster.Errorf(kind, "%s", f.Message)
	}
	return err
}
