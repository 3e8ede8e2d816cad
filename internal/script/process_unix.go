//go:build unix

package script

import (
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// A guard has nothing to keep on Unix.
type guard struct{}

func (guard) hold(*os.Process, int64) error { return nil }

func (guard) release() {}

// kill stops the child first, so that it starts nothing more, then kills its
// descendants while it is still there to be their parent, then itself.
func (guard) kill(child *os.Process) {
	_ = child.Signal(syscall.SIGSTOP)
	killDescendants(child.Pid, 0)
	_ = syscall.Kill(-child.Pid, syscall.SIGKILL)
	_ = child.Kill()
}

// outliveTerm lets the child report where it was when someone ends its session
// with a TERM.
func outliveTerm(stop func(why string)) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	go func() {
		for s := range c {
			stop(s.String())
		}
	}()
}

// A programGuard bounds a program that a script runs.
type programGuard struct {
	pid   int
	start uint64
}

func (g *programGuard) hold(p *os.Process) error {
	g.pid, g.start = p.Pid, startOf(p.Pid)
	return nil
}

func (g *programGuard) release() {}

// terminate asks the program and its group to end.
func (g *programGuard) terminate() { _ = syscall.Kill(-g.pid, syscall.SIGTERM) }

// kill ends the program, its group, and what left the group. What has lost its
// parent meanwhile is now a child of this process, and younger than the program.
func (g *programGuard) kill() {
	_ = syscall.Kill(-g.pid, syscall.SIGKILL)
	killDescendants(os.Getpid(), g.start)
}

func shellCommand(line string) *exec.Cmd { return exec.Command("/bin/sh", "-c", line) }

// lineCommand splits line as a shell does, without one.
func lineCommand(line string) (*exec.Cmd, error) {
	words, err := splitLine(line)
	if err != nil {
		return nil, err
	}
	return exec.Command(words[0], words[1:]...), nil
}

// localProgram is name: a program in the working folder is called as ./name.
func localProgram(name string) string { return name }

// residentSize asks ps, whose columns POSIX defines, for the memory in use.
func residentSize(pid int) (int64, error) {
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return kib << 10, err
}
