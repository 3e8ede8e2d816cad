package faults_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A call is one that changes a file below the root, about to be made.
type call struct {
	n    int    // counts from 1, over all threads and processes
	name string // "renameat"
	path string // below the root; of a rename or link, the new name
}

func (c call) String() string { return fmt.Sprintf("call %d, %s %q", c.n, c.name, c.path) }

// is reports whether the call is one of the named.
func (c call) is(names string) bool { return strings.Contains(" "+names+" ", " "+c.name+" ") }

// A verdict says what becomes of a call. The zero value lets it happen.
type verdict struct {
	kill    bool          // everything is killed before the call
	fail    syscall.Errno // the call is not made, and fails
	swallow bool          // the call is not made, and succeeds
}

// A result is how a run of the program ended.
type result struct {
	code   int // -1 when it was killed
	output string
	calls  int
}

// watch runs the program and asks judge before each call that changes a file
// below h.dir. The program waits meanwhile, all threads that come to such a
// call; the others go on.
func (h *host) watch(judge func(call) verdict, args ...string) result {
	h.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		h.Fatal(err)
	}
	ours, theirs := ends[0], os.NewFile(uintptr(ends[1]), "listener")
	defer unix.Close(ours)
	cmd := h.command(args...)
	cmd.Env = append(cmd.Environ(), launchVariable+"="+cmd.Path)
	cmd.Path = "/proc/self/exe"
	cmd.ExtraFiles = []*os.File{theirs}
	// Processes of a namespace die with its first one, actions included.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	theirs.Close()
	listener, err := receive(ours)
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		h.Fatalf("no listener: %v\n%s", err, &out)
	}
	defer unix.Close(listener)
	w := &watcher{listener: listener, below: h.dir + "/", judge: judge, kill: cmd.Process.Kill}
	if err := w.run(); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		h.Fatal(err)
	}
	return finished(cmd.Wait(), out.String(), w.n)
}

// finished turns the end of a process into a result.
func finished(err error, output string, calls int) result {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return result{0, output, calls}
	case errors.As(err, &exit):
		return result{exit.ExitCode(), output, calls}
	}
	return result{-2, err.Error(), calls}
}

// A watcher answers the kernel's questions of one run.
type watcher struct {
	listener int
	below    string
	judge    func(call) verdict
	kill     func() error
	n        int
}

// notification is struct seccomp_notif of linux/seccomp.h.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

const goOn = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE

// run answers until no process with the filter is left.
func (w *watcher) run() error {
	for {
		fds := []unix.PollFd{{Fd: int32(w.listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return err
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			if fds[0].Revents&unix.POLLHUP != 0 {
				return nil
			}
			continue
		}
		var ask notification
		if err := ioctl(w.listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&ask)); err != nil {
			if err == unix.ENOENT || err == unix.EINTR { // it was killed in the meantime
				continue
			}
			return err
		}
		answer := w.answer(&ask)
		if err := w.send(&answer); err != nil {
			return err
		}
	}
}

// send answers; whom it is for may have been killed meanwhile.
func (w *watcher) send(r *response) error {
	for {
		switch err := ioctl(w.listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(r)); err {
		case nil, unix.ENOENT:
			return nil
		case unix.EINTR:
		default:
			return err
		}
	}
}

func (w *watcher) answer(ask *notification) response {
	r := response{id: ask.id, flags: goOn}
	c := call{name: watched[uintptr(ask.nr)].name, path: ask.path()}
	if !strings.HasPrefix(c.path+"/", w.below) {
		return r
	}
	c.path = strings.TrimPrefix(c.path, w.below)
	w.n++
	c.n = w.n
	switch v := w.judge(c); {
	case v.kill:
		w.kill()
		return response{id: ask.id, errno: -int32(unix.EINTR)}
	case v.fail != 0:
		return response{id: ask.id, errno: -int32(v.fail)}
	case v.swallow:
		return response{id: ask.id}
	}
	return r
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// receive takes a file descriptor from a socket.
func receive(socket int) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	timeout := unix.Timeval{Sec: 60}
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return -1, err
	}
	n, err := 0, error(unix.EINTR)
	for err == unix.EINTR { // a call with a timeout is not restarted after a signal
		_, n, _, _, err = unix.Recvmsg(socket, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	}
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("%d messages: %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}
