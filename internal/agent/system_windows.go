package agent

import (
	"errors"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32             = windows.NewLazySystemDLL("kernel32.dll")
	getTickCount64       = kernel32.NewProc("GetTickCount64")
	getSystemPowerStatus = kernel32.NewProc("GetSystemPowerStatus")
	coCreateInstance     = windows.NewLazySystemDLL("ole32.dll").NewProc("CoCreateInstance")
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

// askingCost is set while the system is asked what a connection costs.
var askingCost atomic.Bool

// onMetered asks the system. A service that does not answer holds nothing up, and is not
// asked again until it does.
func onMetered() bool {
	if !askingCost.CompareAndSwap(false, true) {
		return false
	}
	cost := make(chan uint32, 1)
	go func() {
		defer askingCost.Store(false)
		c, err := connectionCost()
		if err != nil {
			c = 0
		}
		cost <- c
	}()
	select {
	case c := <-cost:
		return costsMoney(c)
	case <-time.After(5 * time.Second):
		return false
	}
}

// A costManager is INetworkCostManager (netlistmgr.h), of which one method is called.
type costManager struct {
	methods *struct {
		queryInterface, addRef, release uintptr
		getCost                         uintptr // (DWORD *cost, NLM_SOCKADDR *destination)
	}
}

var (
	networkListManager  = windows.GUID{Data1: 0xdcb00c01, Data2: 0x570f, Data3: 0x4a9b, Data4: [8]byte{0x8d, 0x69, 0x19, 0x9f, 0xdb, 0xa5, 0x72, 0x3b}}
	networkCostManagers = windows.GUID{Data1: 0xdcb00008, Data2: 0x570f, Data3: 0x4a9b, Data4: [8]byte{0x8d, 0x69, 0x19, 0x9f, 0xdb, 0xa5, 0x72, 0x3b}}
)

// connectionCost is what a connection to anywhere costs: flags of NLM_CONNECTION_COST.
func connectionCost() (cost uint32, err error) {
	runtime.LockOSThread() // COM is begun and ended by thread
	defer runtime.UnlockOSThread()
	const alreadyBegun = syscall.Errno(windows.S_FALSE)
	if err := windows.CoInitializeEx(0, windows.COINIT_MULTITHREADED); err != nil && !errors.Is(err, alreadyBegun) {
		return 0, err
	}
	defer windows.CoUninitialize()
	const anyServer = 0x17 // CLSCTX_ALL
	var m *costManager
	status, _, _ := coCreateInstance.Call(uintptr(unsafe.Pointer(&networkListManager)), 0, anyServer,
		uintptr(unsafe.Pointer(&networkCostManagers)), uintptr(unsafe.Pointer(&m)))
	if status != 0 {
		return 0, syscall.Errno(status)
	}
	defer syscall.SyscallN(m.methods.release, uintptr(unsafe.Pointer(m)))
	if status, _, _ := syscall.SyscallN(m.methods.getCost, uintptr(unsafe.Pointer(m)), uintptr(unsafe.Pointer(&cost)), 0); status != 0 {
		return 0, syscall.Errno(status)
	}
	return cost, nil
}

// stopping: nobody says here why a service is stopped, so an upgrade at shutdown is
// not made.
func stopping() bool { return false }
