package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncTree syncs the whole file system that dir lies on. Since Linux 5.8
// syncfs reports write errors of that file system; before, errors could be lost, so there each
// file is synced.
func syncTree(dir string) error {
	if !syncfsReports() {
		return syncEach(dir)
	}
	return syncAll(dir)
}

func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		err := unix.Syncfs(int(f.Fd()))
		if err != unix.EINTR {
			return os.NewSyscallError("syncfs", err)
		}
	}
}

func syncfsReports() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	major, minor := 0, 0
	n := 0
	for _, c := range u.Release {
		switch {
		case c == '.' && n == 0:
			n = 1
		case c >= '0' && c <= '9' && n == 0:
			major = major*10 + int(c-'0')
		case c >= '0' && c <= '9' && n == 1:
			minor = minor*10 + int(c-'0')
		default:
			return major > 5 || major == 5 && minor >= 8
		}
	}
	return major > 5 || major == 5 && minor >= 8
}
