package script

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// kernelBoundsMemory: see limitMemory.
const kernelBoundsMemory = true

// setApart gives the child a session of its own, and its death with its parent.
func setApart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// setApartProgram gives a program a group of its own, so that it can be killed
// with what it started while the script goes on.
func setApartProgram(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// becomeReaper makes orphans among the child's descendants its children, so
// that a daemon that forked twice and took a session of its own is still found.
func becomeReaper() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// killDescendants kills what descends from pid and started since, but not pid itself. It looks
// again until nothing is left, for processes that fork meanwhile; each round
// costs a walk through /proc.
func killDescendants(pid int, since uint64) {
	for range 50 {
		found := descendants(pid, since)
		if len(found) == 0 {
			return
		}
		for _, d := range found {
			_ = syscall.Kill(d, syscall.SIGKILL)
		}
	}
}

// descendants lists the living descendants of pid that started at or after
// since, in clock ticks after boot.
func descendants(pid int, since uint64) []int {
	children := map[int][]stat{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		if s, ok := readStat(file); ok && !s.zombie {
			children[s.parent] = append(children[s.parent], s)
		}
	}
	var found []int
	for queue := children[pid]; len(queue) > 0; queue = queue[1:] {
		if queue[0].start >= since {
			found = append(found, queue[0].pid)
		}
		queue = append(queue, children[queue[0].pid]...)
	}
	return found
}

// A stat is what matters here of proc(5) stat.
type stat struct {
	pid, parent int
	start       uint64
	zombie      bool
}

// readStat reads a stat file. The name in parentheses may hold any character,
// spaces and parentheses too.
func readStat(file string) (s stat, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return s, false
	}
	id, _, _ := bytes.Cut(text, []byte(" "))
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return s, false
	}
	var errs [3]error
	s.pid, errs[0] = strconv.Atoi(string(id))
	s.parent, errs[1] = strconv.Atoi(fields[1])
	s.start, errs[2] = strconv.ParseUint(fields[19], 10, 64)
	s.zombie = fields[0] == "Z" || fields[0] == "X"
	return s, errors.Join(errs[:]...) == nil
}

// startOf is when process pid started, for killOffspring.
func startOf(pid int) uint64 {
	s, _ := readStat("/proc/" + strconv.Itoa(pid) + "/stat")
	return s.start
}

// limitMemory bounds the writable memory of this process. RLIMIT_DATA counts
// private writable mappings (since Linux 4.7); RLIMIT_AS would count the 4 GiB
// of addresses that Starlark reserves. Only the soft limit falls: programs get
// the old one back.
func limitMemory(bytes int64) error {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_DATA, &old); err != nil {
		return err
	}
	limit := uint64(hardLimit(bytes))
	programLimit = old
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: min(limit, old.Cur), Max: old.Max})
}

var programLimit syscall.Rlimit

// startProgram starts cmd with the memory limit that the caller of the script
// had. The interpreter does not run meanwhile: it waits for the program.
func startProgram(cmd *exec.Cmd) error {
	var own syscall.Rlimit
	if programLimit.Max == 0 || syscall.Getrlimit(syscall.RLIMIT_DATA, &own) != nil {
		return cmd.Start()
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &programLimit); err != nil {
		return err
	}
	err := cmd.Start()
	if limited := syscall.Setrlimit(syscall.RLIMIT_DATA, &own); limited != nil && err == nil {
		return limited
	}
	return err
}
