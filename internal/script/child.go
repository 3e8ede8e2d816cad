package script

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"go.starlark.net/starlark"
)

// Child must be called first thing in main and in the TestMain of tests that
// run scripts. When this process is a script child it runs the script and
// exits, otherwise Child returns.
func Child() {
	if os.Getenv(childMark) == "" {
		return
	}
	_ = os.Unsetenv(childMark)
	_ = os.Unsetenv("GOTRACEBACK")
	// Programs die with the thread that started them, where the system can do
	// that: it must be one that stays.
	runtime.LockOSThread()
	os.Exit(serve(os.Stdin, os.Stdout))
}

// serve is the life of a child: one request, one ending.
func serve(in io.Reader, out io.Writer) int {
	first, err := receive(in)
	if err != nil || first.Request == nil {
		fmt.Fprintln(os.Stderr, "muster: a script child is started by muster only")
		return 1
	}
	s := newSession(first.Request, &frameWriter{w: out})
	becomeReaper()
	debug.SetMaxStack(256 << 20)
	if err := limitMemory(first.Request.Memory); err != nil {
		fmt.Fprintf(os.Stderr, "muster: cannot limit memory: %v\n", err)
		return 1
	}
	outliveTerm(s.stop)
	go s.listen(in)
	go s.watchMemory()
	s.report(s.run())
	<-s.orphaned // the parent has seen what is left, and lets go
	return 0
}

// listen reads what the parent says until it lets go or dies.
func (s *session) listen(in io.Reader) {
	for {
		m, err := receive(in)
		switch {
		case err != nil:
			close(s.orphaned)
			if !s.reported.Load() { // the parent died: nobody is left to report to
				s.stop("muster itself ended")
				s.killProgram()
				os.Exit(1)
			}
			return
		case m.Stop != "":
			s.stop(m.Stop)
		case m.Reply != nil:
			s.replies <- m.Reply
		}
	}
}

// stop ends the script at its next step and the program that it runs.
func (s *session) stop(why string) {
	s.stopOnce.Do(func() {
		s.thread.Cancel(why)
		close(s.stopped)
	})
}

// run executes the file and calls the hook.
func (s *session) run() (starlark.Value, error) {
	_, prog, err := compile(s.req.File, s.req.Source, s.req.Host)
	if err != nil {
		return nil, &endError{"invalid", err}
	}
	globals, err := prog.Init(s.thread, s.scope())
	if err != nil {
		return nil, err
	}
	hook := globals[s.req.Hook]
	if hook == nil {
		return nil, &endError{"no-hook", fmt.Errorf("no such function in the file")}
	}
	value, err := starlark.Call(s.thread, hook, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := s.declareKeys(globals["uninstallkey"]); err != nil {
		return nil, err
	}
	return value, s.confirmKeys()
}

// confirmKeys checks after install() on Windows that the software is where the
// package says it can be uninstalled from: installers report success too
// easily.
func (s *session) confirmKeys() error {
	keys := s.keys()
	if s.req.Hook != "install" || runtime.GOOS != "windows" || len(keys) == 0 {
		return nil
	}
	all, err := listSoftware()
	if err != nil {
		return err
	}
	for _, key := range keys {
		if withKey(all, key) == nil {
			return fmt.Errorf("install() ended well, but %q is not in the list of software", key)
		}
	}
	return nil
}

// An endError has a kind other than Failed.
type endError struct {
	kind string
	err  error
}

func (e *endError) Error() string { return e.err.Error() }

// report sends the ending.
func (s *session) report(value starlark.Value, err error) {
	end := &ending{Reboot: s.reboot, UninstallKeys: s.keys()}
	if err == nil {
		end.Value, err = encodeResult(value)
	}
	if err == nil {
		end.AuditData, err = encode(s.audit)
	}
	if err != nil {
		end.Value, end.Failure = nil, describe(err)
	}
	s.send(end)
}

// send is called by the interpreter at its end and by the watchdog: the first counts.
func (s *session) send(end *ending) {
	if s.reported.Swap(true) {
		return
	}
	if err := s.to.send(&message{End: end}); err != nil {
		fmt.Fprintf(os.Stderr, "muster: cannot report: %v\n", err)
		os.Exit(1)
	}
}

// encodeResult bounds what a hook returns. A value that cannot be passed on,
// such as a function, is an error: it would be lost silently.
func encodeResult(v starlark.Value) ([]byte, error) {
	x, err := fromStarlark(v, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot return this: %w", err)
	}
	text, err := encode(x)
	if err == nil && len(text) > maxFrame/4 {
		err = fmt.Errorf("cannot return %d bytes, more than %d", len(text), maxFrame/4)
	}
	return text, err
}

// describe turns the end of the interpreter into a failure with the place.
func describe(err error) *failure {
	f := &failure{Kind: string(Failed), Message: err.Error()}
	if other := (*endError)(nil); errors.As(err, &other) {
		f.Kind = other.kind
	}
	var eval *starlark.EvalError
	if errors.As(err, &eval) {
		f.Message = strings.TrimPrefix(eval.Msg, "Starlark computation cancelled: ")
		f.Backtrace = clipFrames(strings.TrimPrefix(eval.CallStack.String(), "Traceback (most recent call last):\n"))
		f.Position = innermost(eval.CallStack)
	}
	if strings.HasPrefix(f.Message, memoryMark) {
		f.Kind = string(OutOfMemory)
	}
	f.Message, f.Backtrace = shorten(f.Message, 64<<10), shorten(f.Backtrace, 64<<10)
	return f
}

// innermost is the last line of the script itself on the stack.
func innermost(stack starlark.CallStack) string {
	for i := len(stack) - 1; i >= 0; i-- {
		if pos := stack[i].Pos; pos.Line > 0 {
			return pos.String()
		}
	}
	return ""
}

// shared is what the goroutines of a child have in common; everything else of a
// session belongs to the interpreter.
type shared struct {
	stopOnce sync.Once
	stopped  chan struct{}
	orphaned chan struct{}
	replies  chan *reply
}

// stepsBetweenChecks is how often the interpreter looks at itself: about a
// thousand times a second.
const (
	stepsBetweenChecks = 10_000
	maxCalls           = 10_000
)

// inspect stops an endless recursion and a heap that grows, while the place
// can still be told.
func (s *session) inspect(t *starlark.Thread) {
	if t.CallStackDepth() > maxCalls {
		t.Cancel(fmt.Sprintf("calls are nested more than %d deep: endless recursion?", maxCalls))
	}
	if s.tooLarge() {
		t.Cancel(s.memoryMessage())
	}
	t.SetMaxExecutionSteps(t.ExecutionSteps() + stepsBetweenChecks)
}
