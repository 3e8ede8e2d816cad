package script

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// A process is a script child seen by its parent.
type process struct {
	cmd    *exec.Cmd
	to     *frameWriter
	stdin  io.Closer
	from   io.Reader
	output *output
	crash  *output       // what the Go runtime of the child said last
	copied chan struct{} // closed when the child's stderr is read to its end
	stderr *os.File
	mayDie chan struct{} // closed when the child's remains may be reaped
	dead   chan struct{} // closed when they are
	guard  guard         // what the system needs to bound and kill the child
	large  atomic.Bool   // the child was killed for its memory
}

// startChild starts this binary again as a script child.
func startChild(r *Request, dir string) (*process, error) {
	self, err := ownBinary()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Args = []string{"muster-script"}
	cmd.Env = append(r.environment(dir), childMark+"=1", "GOTRACEBACK=none")
	if cmd.Dir = r.BaseDir; cmd.Dir == "" {
		cmd.Dir = filepath.Join(dir, "work")
	}
	setApart(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd.Stderr = theirs
	p := &process{
		cmd: cmd, to: &frameWriter{w: stdin}, stdin: stdin, from: stdout, stderr: stderr,
		output: newOutput(r.Limits.Output, r.Log), crash: newOutput(8<<10, nil),
		copied: make(chan struct{}), mayDie: make(chan struct{}), dead: make(chan struct{}),
	}
	if err := p.start(r.Limits.Memory); err != nil {
		stderr.Close()
		return nil, err
	}
	go func() {
		defer close(p.copied)
		_, _ = io.Copy(p.crash, stderr)
	}()
	if !kernelBoundsMemory {
		go p.watchSize(hardLimit(r.Limits.Memory))
	}
	return p, nil
}

// start starts and later reaps the child on one locked thread: the signal that
// kills the child when its parent dies is bound to the thread that forked.
// The child is reaped only when sweep has done its work, so that its process
// number, and its group's, cannot become another's in between.
func (p *process) start(memory int64) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		if err == nil {
			// The child waits for its request, so nothing escapes before this.
			if err = p.guard.hold(p.cmd.Process, memory); err != nil {
				_ = p.cmd.Process.Kill()
				_ = p.cmd.Wait()
			}
		}
		started <- err
		if err != nil {
			return
		}
		<-p.mayDie
		_ = p.cmd.Wait()
		close(p.dead)
	}()
	return <-started
}

// sizePause is how often watchSize looks: each look starts a program.
const sizePause = 250 * time.Millisecond

// watchSize kills the child when its resident memory exceeds limit. The child
// cannot do that by itself: a huge allocation keeps its own watchdog from
// running until all is filled.
func (p *process) watchSize(limit int64) {
	tick := time.NewTicker(sizePause)
	defer tick.Stop()
	for {
		select {
		case <-p.dead:
			return
		case <-tick.C:
			if size, err := residentSize(p.cmd.Process.Pid); err == nil && size > limit {
				p.large.Store(true)
				p.sweep()
				return
			}
		}
	}
}

// askToStop tells the child, and the program it runs, to end. It does not
// wait: the pipe to a child that no longer reads may be full.
func (p *process) askToStop(why string) {
	go func() { _ = p.to.send(&message{Stop: why}) }()
}

// sweep kills the child and every process that descends from it.
func (p *process) sweep() { p.guard.kill(p.cmd.Process) }

// reap lets the child go, and kills it if it does not.
func (p *process) reap(grace time.Duration) *os.ProcessState {
	_ = p.stdin.Close()
	late := time.AfterFunc(grace, func() { _ = p.cmd.Process.Kill() })
	close(p.mayDie)
	<-p.dead
	late.Stop()
	p.guard.release()
	// Whoever still holds stderr open does not get to hold up the caller.
	late = time.AfterFunc(grace, func() { _ = p.stderr.Close() })
	<-p.copied
	if late.Stop() {
		_ = p.stderr.Close()
	}
	return p.cmd.ProcessState
}

// ownBinary is the path to start this program again. On Linux it works even
// when an update has replaced the file since.
func ownBinary() (string, error) {
	const self = "/proc/self/exe"
	if runtime.GOOS == "linux" {
		if _, err := os.Stat(self); err == nil {
			return self, nil
		}
	}
	return os.Executable()
}

func isClosedPipe(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, syscall.EPIPE)
}
