//go:build unix && !linux

package script

import (
	"os/exec"
	"syscall"
)

// kernelBoundsMemory: see limitMemory.
const kernelBoundsMemory = false

// setApart gives the child a session of its own.
func setApart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// setApartProgram gives a program a group of its own, so that it can be killed
// with what it started while the script goes on.
func setApartProgram(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Not handled here: descendants that left the group, and a limit on memory by
// the kernel (RLIMIT_DATA does not count mapped memory; RLIMIT_AS counts the
// 4 GiB of addresses that Starlark reserves). Memory is bounded by the watchdog
// in the child, and by the parent, which polls.

func becomeReaper() {}

func killDescendants(int, uint64) {}

func startOf(int) uint64 { return 0 }

func limitMemory(int64) error { return nil }

func startProgram(cmd *exec.Cmd) error { return cmd.Start() }
