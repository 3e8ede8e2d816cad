package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launchVariable names the program that this process is to become, watched.
const launchVariable = "MUSTER_TEST_LAUNCH"

// launch puts a filter on this thread, sends its listener over descriptor 3,
// and becomes the program. It returns when there is nothing to launch.
func launch() {
	program := os.Getenv(launchVariable)
	if program == "" {
		return
	}
	os.Unsetenv(launchVariable)
	runtime.LockOSThread()
	err := watchThread()
	if err == nil {
		// A signal would have the kernel ask again about the same call.
		err = unix.Exec(program, append([]string{program}, os.Args[1:]...), append(os.Environ(), "GODEBUG=asyncpreemptoff=1"))
	}
	fmt.Fprintln(os.Stderr, "cannot launch:", err)
	os.Exit(125)
}

func watchThread() error {
	code := filter()
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return unix.Sendmsg(3, []byte{0}, unix.UnixRights(int(fd)), nil, 0)
}

// An argument says where a system call names its file.
type argument struct {
	name string
	fd   int // index of a descriptor: of the file, or of the directory of path
	path int // index of a path; -1 when there is none
}

// watched are the calls that change files, by number.
var watched = map[uintptr]argument{
	unix.SYS_RENAMEAT:        {"rename", 2, 3},
	unix.SYS_RENAMEAT2:       {"rename", 2, 3},
	unix.SYS_LINKAT:          {"link", 2, 3},
	unix.SYS_SYMLINKAT:       {"symlink", 1, 2},
	unix.SYS_UNLINKAT:        {"unlink", 0, 1},
	unix.SYS_MKDIRAT:         {"mkdir", 0, 1},
	unix.SYS_OPENAT:          {"create", 0, 1}, // with O_CREAT only
	unix.SYS_WRITE:           {"write", 0, -1},
	unix.SYS_PWRITE64:        {"write", 0, -1},
	unix.SYS_COPY_FILE_RANGE: {"write", 2, -1},
	unix.SYS_FTRUNCATE:       {"truncate", 0, -1},
	unix.SYS_FALLOCATE:       {"truncate", 0, -1},
	unix.SYS_FSYNC:           {"sync", 0, -1},
	unix.SYS_FDATASYNC:       {"sync", 0, -1},
	unix.SYS_SYNCFS:          {"sync", 0, -1},
	unix.SYS_SYNC_FILE_RANGE: {"writeback", 0, -1},
	unix.SYS_FCHMOD:          {"chmod", 0, -1},
	unix.SYS_FCHMODAT:        {"chmod", 0, 1},
	unix.SYS_FCHOWN:          {"chown", 0, -1},
	unix.SYS_FCHOWNAT:        {"chown", 0, 1},
	unix.SYS_UTIMENSAT:       {"utimes", 0, 1},
}

// filter is a program for the kernel (linux/seccomp.h, linux/bpf_common.h)
// that asks about watched calls and allows all others.
func filter() []unix.SockFilter {
	const nr, third = 0, 16 + 2*8 // offsets in struct seccomp_data
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	code := []unix.SockFilter{load(nr)}
	for number := range watched {
		if number == unix.SYS_OPENAT {
			continue
		}
		code = append(code,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(number)},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	return append(code,
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 3, K: unix.SYS_OPENAT},
		load(third),
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, Jf: 1, K: unix.O_CREAT},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}

// path is the file that a call is about; "" when it cannot be told.
func (n *notification) path() string {
	a := watched[uintptr(n.nr)]
	name := ""
	if a.path >= 0 {
		name = n.text(n.args[a.path])
		if filepath.IsAbs(name) {
			return filepath.Clean(name)
		}
	}
	link := "cwd"
	if fd := int32(n.args[a.fd]); fd != unix.AT_FDCWD {
		link = "fd/" + strconv.Itoa(int(fd))
	}
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", n.pid, link))
	if err != nil {
		return ""
	}
	return filepath.Join(strings.TrimSuffix(dir, " (deleted)"), name)
}

// text reads a string of the program.
func (n *notification) text(at uint64) string {
	buf := make([]byte, unix.PathMax)
	// A page at a time: what follows the string may not be readable.
	for got := 0; got < len(buf); {
		size := min(len(buf)-got, 4096-int((at+uint64(got))%4096))
		local := []unix.Iovec{{Base: &buf[got], Len: uint64(size)}}
		remote := []unix.RemoteIovec{{Base: uintptr(at) + uintptr(got), Len: size}}
		if _, err := unix.ProcessVMReadv(int(n.pid), local, remote, 0); err != nil {
			return ""
		}
		if end := slices.Index(buf[got:got+size], 0); end >= 0 {
			return string(buf[:got+end])
		}
		got += size
	}
	return ""
}
