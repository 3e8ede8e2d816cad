package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"
	"unsafe"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"muster"
)

// What people are told to do.
const (
	asRoot  = "do it in a console that was run as administrator"
	startIt = "in a console that was run as administrator: muster agent install"
)

func socketOf(dir, state string, area bool) string { return pipeOf(dir, state, area) }

// Listen opens the pipe. It is the first of its name, or none: with somebody else's this
// program would share who connects. Its server takes no connection of another machine
// (PIPE_REJECT_REMOTE_CLIENTS, which go-winio always asks for).
func Listen(name string) (net.Listener, error) {
	own, err := ownAccount()
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	if err := taken(name); err != nil { // Wine would make an instance beside the other's
		return nil, err
	}
	l, err := winio.ListenPipe(name, &winio.PipeConfig{SecurityDescriptor: pipeSecurity(own), InputBufferSize: maxWish, OutputBufferSize: maxWish})
	if err == nil {
		return greet(l), nil
	}
	return nil, cmp.Or(taken(name), muster.Errorf(muster.Unavailable, "cannot listen at %q: %w", name, err))
}

// taken is the error that somebody has a pipe of that name, nil where nobody does.
func taken(name string) error {
	if !Answers(name) {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	c, err := dial(ctx, name)
	switch {
	case err == nil:
		c.Close()
		return muster.Errorf(muster.Busy, "another agent answers at %q", name)
	case errors.Is(err, ErrTaken):
		return muster.WithKind(muster.Denied, err)
	}
	return muster.Errorf(muster.Denied, "%w: %w", ErrTaken, err) // it does not let the agent look whose it is
}

var waitNamedPipe = windows.NewLazySystemDLL("kernel32.dll").NewProc("WaitNamedPipeW")

// Answers reports whether there may be an agent at the pipe of that name. It takes no
// connection of it.
func Answers(name string) bool {
	pipe, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return false
	}
	const atMost = 1 // milliseconds; 0 is what the pipe says
	ok, _, err := waitNamedPipe.Call(uintptr(unsafe.Pointer(pipe)), atMost)
	return ok != 0 || errors.Is(err, windows.ERROR_SEM_TIMEOUT)
}

// maxDialling is how long a pipe may have no free instance.
const maxDialling = 10 * time.Second

// dial connects to the agent, and to nobody else. The agent may see who asks, and do
// nothing in their name.
func dial(ctx context.Context, name string) (net.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, maxDialling)
	defer stop()
	c, err := winio.DialPipeAccessImpLevel(ctx, name, pipeRights, winio.PipeImpLevelIdentification)
	if err != nil {
		return nil, err
	}
	if err := checkServer(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// checkServer holds that a pipe is the agent's, by who owns it: a pipe is its creator's,
// and only an administrator can make another the owner of something. Nothing was said on
// it yet.
func checkServer(c net.Conn) error {
	self, err := ownAccount()
	if err != nil {
		return err
	}
	return checkServerFor(c, self)
}

// checkServerFor is the same for a program that runs as self.
func checkServerFor(c net.Conn, self *account) error {
	pipe, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return fmt.Errorf("%w: nobody can tell who", ErrTaken)
	}
	sd, err := windows.GetSecurityInfo(windows.Handle(pipe.Fd()), windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("%w: nobody can tell who: %w", ErrTaken, err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("%w: nobody can tell who: %w", ErrTaken, err)
	}
	if sid := owner.String(); !trusted(sid, self) {
		name, _ := accountName(sid)
		return fmt.Errorf("%w: %s %s", ErrTaken, sid, name)
	}
	return nil
}
