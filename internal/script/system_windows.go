package script

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"go.starlark.net/starlark"
	"golang.org/x/sys/windows"
)

// runsAsAdmin reports whether the process holds elevated rights.
func runsAsAdmin() bool { return windows.GetCurrentProcessToken().IsElevated() }

// systemBits is that of the system, not of this program, which may be for 32 bits.
func systemBits() int {
	if runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" || os.Getenv("ProgramW6432") != "" {
		return 64
	}
	return 32
}

// windowsVersion is the true one: GetVersionEx lies to programs without a manifest.
func windowsVersion(c *invocation) (starlark.Value, error) {
	members := 3
	if err := c.unpack(&members); err != nil {
		return nil, err
	}
	if members < 1 || members > 3 {
		return nil, errors.New("windows_version: members is 1, 2 or 3")
	}
	v := windows.RtlGetVersion()
	return newVersion(fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber), members), nil
}

func programFiles(c *invocation) (starlark.Value, error) {
	bits := 0
	if err := c.unpack(&bits); err != nil {
		return nil, err
	}
	id := windows.FOLDERID_ProgramFiles
	if bits == 32 && systemBits() == 64 {
		id = windows.FOLDERID_ProgramFilesX86
	}
	path, err := windows.KnownFolderPath(id, 0)
	return starlark.String(path), err
}
