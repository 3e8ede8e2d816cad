//go:build !windows

package agent

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// apart gives a program a group of its own, so that all it starts can be ended.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killAll(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// BecomeProgram has the program take the place of this one: same process, same
// service. It returns only when that cannot be.
func BecomeProgram(_ context.Context, program string, args []string) error {
	return syscall.Exec(program, append([]string{program}, args...), os.Environ())
}

// HandBack has the launcher choose again: base is the program that the machine
// came with, args those of its launcher.
func HandBack(base string, args []string) error {
	return BecomeProgram(context.Background(), base, args)
}
