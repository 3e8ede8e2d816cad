package agent

import (
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32             = windows.NewLazySystemDLL("kernel32.dll")
	getTickCount64       = kernel32.NewProc("GetTickCount64")
	getSystemPowerStatus = kernel32.NewProc("GetSystemPowerStatus")
)

// uptime is the time since the machine started, with that in which it slept.
func uptime() time.Duration {
	ms, _, _ := getTickCount64.Call()
	return time.Duration(ms) * time.Millisecond
}

// onBattery asks the system. The first byte of SYSTEM_POWER_STATUS is 0 without
// mains, 1 with it, 255 when unknown.
func onBattery() bool {
	var status [12]byte
	ok, _, _ := getSystemPowerStatus.Call(uintptr(unsafe.Pointer(&status[0])))
	return ok != 0 && status[0] == 0
}

// onMetered: what a connection costs is told through COM alone, which is not asked.
func onMetered() bool { return false }

// stopping: nobody says here why a service is stopped, so an upgrade at shutdown is
// not made.
func stopping() bool { return false }
