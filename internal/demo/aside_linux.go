package demo

import (
	"os/exec"
	"syscall"
)

// aside has a process end with this one, however that ends, and hear no Ctrl-C
// of its terminal: the demonstration ends it.
func aside(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
