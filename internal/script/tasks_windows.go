package script

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// listTasks takes a snapshot of all processes.
func listTasks() ([]running, error) {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(snapshot)
	var all []running
	e := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &e); err == nil; err = windows.Process32Next(snapshot, &e) {
		all = append(all, running{int(e.ProcessID), int(e.ParentProcessID), []string{windows.UTF16ToString(e.ExeFile[:])}})
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return nil, err
	}
	return all, nil
}

// endTask has only one way: a program without a window has no other.
func endTask(pid int, _ bool) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
