//go:build unix

package script

import "syscall"

func endTask(pid int, kill bool) {
	signal := syscall.SIGTERM
	if kill {
		signal = syscall.SIGKILL
	}
	_ = syscall.Kill(pid, signal)
}
